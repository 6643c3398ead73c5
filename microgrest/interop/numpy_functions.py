"""NumPy's functions of tensors by NumPy's meaning, each in a few words of our own functions.

Names that both libraries have do not always mean the same: `np.repeat` repeats elements, `np.std`
divides by n, `np.max(x, 0)` has no indices. So each stands here, and what does not is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..creation import as_tensor, empty_like, full_like, ones_like, zeros_like
from ..functions.joining import rearranging, stacking, triangles
from ..functions.matrices import products
from ..functions.pointwise import arithmetic
from ..functions.reductions import comparing, folds, scans, statistics
from ..functions.views import shapes
from ..tensor import Tensor

Function = Callable[..., Any]


def _along(function: Function) -> Function:
    """A reduction over all elements, or over `axis`."""

    def reduced(x: Tensor, axis: Any = None, *, keepdims: bool = False) -> Tensor:
        result: Tensor = function(x, axis, keepdims) if axis is not None else function(x)
        if axis is None and keepdims:
            result = shapes.reshape(result, (1,) * x.ndim)
        return result

    return reduced


def _scan(function: Function) -> Function:
    """A scan along `axis`, or over all elements in order."""

    def scanned(x: Tensor, axis: int | None = None) -> Any:
        return function(shapes.ravel(x), 0) if axis is None else function(x, axis)

    return scanned


def _spread(function: Function) -> Function:
    """A variance or standard deviation, whose divisor is n - ddof."""

    def spread(x: Tensor, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
        return function(x, axis, correction=ddof, keepdim=keepdims)

    return spread


def _joined(function: Function) -> Function:
    """A function of a sequence of tensors and arrays."""

    def joined(arrays: Sequence[Any], axis: int | None = 0) -> Any:
        tensors = [as_tensor(a) for a in arrays]
        if axis is None:
            return function([shapes.ravel(t) for t in tensors], 0)
        return function(tensors, axis)

    return joined


def _where(condition: Any, x: Any, y: Any) -> Any:
    return arithmetic.where(as_tensor(condition), *map(_operand, (x, y)))


def _operand(x: Any) -> Any:
    return as_tensor(x) if isinstance(x, np.ndarray) else x


def _round(x: Tensor, decimals: int = 0) -> Any:
    return arithmetic.round(x, decimals=decimals)


def _dot(a: Any, b: Any) -> Any:
    a, b = as_tensor(a), as_tensor(b)
    if not {a.ndim, b.ndim} <= {1, 2}:
        raise TypeError("of more dimensions than two it is no product of matrices; use tensordot()")
    return products.matmul(a, b)


def _transpose(x: Tensor, axes: Any = None) -> Tensor:
    return shapes.permute(x, tuple(range(x.ndim))[::-1] if axes is None else axes)


def _expand_dims(x: Tensor, axis: int) -> Tensor:
    return shapes.unsqueeze(x, axis)


def _flip(x: Tensor, axis: Any = None) -> Any:
    every = range(x.ndim) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
    return rearranging.flip(x, tuple(every))


def _repeat(x: Tensor, repeats: Any, axis: int | None = None) -> Any:
    return rearranging.repeat_interleave(x, repeats, axis)


def _sort(x: Tensor, axis: int = -1) -> Any:
    return x.sort(axis).values


def _size(x: Tensor, axis: int | None = None) -> int:
    return x.numel() if axis is None else x._shape[axis]


def _norm(x: Tensor) -> Any:
    return statistics.norm(x)


NUMPY: dict[str, Function] = {
    "sum": _along(folds.sum),
    "mean": _along(folds.mean),
    "max": _along(folds.amax),
    "amax": _along(folds.amax),
    "min": _along(folds.amin),
    "amin": _along(folds.amin),
    "all": _along(folds.all),
    "any": _along(folds.any),
    "argmax": _along(folds.argmax),
    "argmin": _along(folds.argmin),
    "prod": _along(folds.prod),
    "nansum": _along(statistics.nansum),
    "nanmean": _along(statistics.nanmean),
    "std": _spread(statistics.std),
    "var": _spread(statistics.var),
    "cumsum": _scan(scans.cumsum),
    "cumprod": _scan(scans.cumprod),
    "sort": _sort,
    "concatenate": _joined(stacking.cat),
    "stack": _joined(stacking.stack),
    "where": _where,
    "clip": arithmetic.clamp,
    "round": _round,
    "around": _round,
    "nan_to_num": lambda x, *, nan=0.0: arithmetic.nan_to_num(x, nan),
    "reshape": shapes.reshape,
    "ravel": shapes.ravel,
    "squeeze": lambda x, axis=None: shapes.squeeze(x, axis),
    "transpose": _transpose,
    "expand_dims": _expand_dims,
    "swapaxes": shapes.transpose,
    "moveaxis": shapes.movedim,
    "broadcast_to": shapes.broadcast_to,
    "flip": _flip,
    "repeat": _repeat,
    "tile": rearranging.tile,
    "diagonal": shapes.diagonal,
    "trace": triangles.trace,
    "tril": triangles.tril,
    "triu": triangles.triu,
    "dot": _dot,
    "inner": products.inner,
    "outer": products.outer,
    "kron": products.kron,
    "tensordot": products.tensordot,
    "allclose": comparing.allclose,
    "isclose": comparing.isclose,
    "zeros_like": zeros_like,
    "ones_like": ones_like,
    "empty_like": empty_like,
    "full_like": full_like,
    "copy": arithmetic.clone,
    "ndim": lambda x: x.ndim,
    "shape": lambda x: x.shape,
    "size": _size,
}
BY_FUNCTION: dict[Any, Function] = {getattr(np, name): found for name, found in NUMPY.items()}
BY_FUNCTION[np.linalg.norm] = _norm
