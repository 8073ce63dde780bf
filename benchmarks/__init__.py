"""Ecumene beside the open peers, on one machine, in one paired run (``make bench``)."""
