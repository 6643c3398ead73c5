"""Kernels along one axis of a contiguous array (outer, n, inner), for the CPU.

In come Programs, Scans and Lines, as plain data. Out comes the source of a kernel that folds the
axis (`reductions`), folds it up to every element (`scans`), or does both in turns (`lines`).
"""
