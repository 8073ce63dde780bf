"""Ingestion: manifests of images and tables become assets of the server's own, or assets over files where they lie."""
