"""Classifiers and clusterers behind one protocol."""
