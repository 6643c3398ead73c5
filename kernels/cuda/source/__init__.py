"""What writes CUDA kernels: functions from Programs and geometry to readable source.

`maps` has what all of them share, and kernels over arrays of one size; `wide` the same by runs of
elements; `folds` reductions; `axis` what goes along one axis; `matrices` matrix products; `moves`
gathers and scatters; `radix` sorting; `fills` random draws.
"""
