"""The tensor: memory seen through a geometry, bare; rooms above attach its methods (`methods`).

In come memory and NumPy's arrays, out go views, NumPy's arrays and Python's numbers.
"""

from __future__ import annotations

from .tensor import (
    LEGACY as LEGACY,
    Size as Size,
    Tensor as Tensor,
    contiguous_strides as contiguous_strides,
    make as make,
    row_major as row_major,
    seen as seen,
    wrap as wrap,
)
