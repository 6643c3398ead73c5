"""Matrix products on the CPU: the BLAS that NumPy carries."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..matrices import Matrix

Array = np.ndarray[Any, Any]
_HALF_BITS = np.dtype(np.uint16)


def matmul(a: Matrix, b: Matrix, out: Matrix) -> None:
    """out[..., i, j] = sum over k of a[..., i, k] * b[..., k, j]; of float16 in float32."""
    x, y, z = _view(a), _view(b), _view(out)
    if z.dtype != _HALF_BITS:
        np.matmul(x, y, out=z)
    else:
        product = np.matmul(_wide(x), _wide(y))
        z[...] = product.astype(np.float16).view(np.uint16)


def _wide(bits: Array) -> Array:
    return bits.view(np.float16).astype(np.float32)


def _view(x: Matrix) -> Array:
    """`x` as NumPy sees it."""
    array: Array
    array, offset, shape, strides = x
    if strides is None:
        return array.reshape(shape)
    size = array.itemsize
    return np.ndarray(shape, array.dtype, array, offset * size, _steps(strides, size))


@lru_cache(maxsize=4096)
def _steps(strides: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Strides in bytes."""
    return tuple([s * itemsize for s in strides])
