"""Draws from the stream of random numbers."""
