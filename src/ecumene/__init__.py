"""Ecumene: an open, self-hosted server that speaks the Google Earth Engine REST API."""

__version__ = "0.1.0"
