"""Several tensors to one, and elements in another order."""
