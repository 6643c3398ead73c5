"""What writes CUDA kernels: functions from Programs and geometry to readable source.

`maps` has what all of them share, and kernels over arrays of one size; `wide` the same by runs of
elements; `folds` and `axes` reductions; `scans`; `products` and `tiles` matrix products; `moves`
gathers and scatters; `radix` sorting; `fills` random draws.
"""
