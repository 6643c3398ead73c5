"""Rows that move elements: by geometry, and by positions."""
