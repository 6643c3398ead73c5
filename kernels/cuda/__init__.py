"""The CUDA target: the modules of `kernels.cpu`, with the same functions."""
