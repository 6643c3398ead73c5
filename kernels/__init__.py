"""Everything that knows Numba: programs, code generation, the kernel cache, kernels per device."""
