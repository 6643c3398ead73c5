"""Libraries of the host and of a GPU that do what kernels would, where they are installed."""
