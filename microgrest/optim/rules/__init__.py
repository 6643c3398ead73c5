"""The rules by which optimizers change parameters, each once, as an expression over tensors."""
