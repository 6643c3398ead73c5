"""Kinds of linear algebra, on stacks of row-major matrices."""
