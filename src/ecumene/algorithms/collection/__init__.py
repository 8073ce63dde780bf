"""Algorithms of collections."""
