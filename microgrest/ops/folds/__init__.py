"""Rows that fold along dimensions, or walk along them."""
