"""What tensors are of, and what their arguments are: element types, devices, whole numbers."""
