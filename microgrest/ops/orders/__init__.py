"""Rows by which elements are put in order, picked by it, or meet."""
