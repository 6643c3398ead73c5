"""Rows of sums of products: matrices, windows, bands."""
