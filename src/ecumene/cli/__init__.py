"""The `ecumene` command."""
