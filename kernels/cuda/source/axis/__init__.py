"""CUDA kernels along one axis of a contiguous array (outer, n, inner).

In come what `source.axis` describes as plain data, and extents. Out come sources of kernels, and
how an array is cut so that enough threads have something to do (`segments`).
"""
