"""Matrix products on the CPU: the BLAS that NumPy carries."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def matmul(a: Array, b: Array, out: Array) -> None:
    """out[..., i, j] = sum over k of a[..., i, k] * b[..., k, j]; of float16 in float32."""
    if out.dtype == np.float16:
        out[...] = np.matmul(a.astype(np.float32), b.astype(np.float32))
    else:
        np.matmul(a, b, out=out)
