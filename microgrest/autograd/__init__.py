"""Automatic differentiation: the graph and engine over opaque values, then `grad` over tensors."""
