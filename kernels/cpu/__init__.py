"""The CPU target. `kernels.cuda` has the same modules with the same functions."""

from . import contraction, elementwise, indexing, memory, random, reduction

__all__ = ["contraction", "elementwise", "indexing", "memory", "random", "reduction"]
