"""Nonlinear least squares as native code: in `algorithm/` how, and here a module for each model."""
