"""Training steps as native functions: what was recorded, fused loops, the source for a target."""
