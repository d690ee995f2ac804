"""Vectors and previews on disk."""
