"""Nonlinear least squares as native code: the algorithm, losses, and a module for each model."""
