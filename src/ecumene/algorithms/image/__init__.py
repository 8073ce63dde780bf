"""Algorithms of images."""
