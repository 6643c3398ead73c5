"""Rows of scalar functions, element by element."""
