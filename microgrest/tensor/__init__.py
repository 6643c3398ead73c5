"""The tensor: memory seen through a geometry, bare; rooms above attach its methods (`methods`).

In come memory and NumPy's arrays, out go views, NumPy's arrays and Python's numbers.
"""

from __future__ import annotations

from .shape import (
    Size as Size,
    contiguous_strides as contiguous_strides,
    row_major as row_major,
)
from .tensor import (
    LEGACY as LEGACY,
    Tensor as Tensor,
    make as make,
    seen as seen,
    wrap as wrap,
)
