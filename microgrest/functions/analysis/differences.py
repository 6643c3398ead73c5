"""Differences, derivatives and integrals of what is sampled along a dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...tensor import Tensor
from ...tensor.methods import method
from ...types.dtypes import bool_, uint8
from ...types.integers import listed, whole
from ..joining.stacking import cat
from ..reductions.folds import Dims, sum
from ..reductions.scans import cumsum
from ..views.shapes import narrow, reshape, select


def _ends(x: Tensor, d: int, after: int = 1) -> tuple[Tensor, Tensor]:
    """All but the last `after` elements along d, and all but the first."""
    n = max(x._shape[d] - after, 0)
    return narrow(x, d, 0, n), narrow(x, d, x._shape[d] - n, n)


@method
def diff(
    input: Tensor,
    n: int = 1,
    dim: int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:
    """The n-th differences along `dim`, of what is between `prepend` and `append`.

    With n = 0 that is the input alone.
    """
    if not input._shape:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    d = input._dim(dim)
    if whole(n, "n") < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    for added in (prepend, append):
        _check_beside(input, d, added)
    if not n:
        return input.clone()
    parts = [t for t in (prepend, input, append) if t is not None]
    x = cat(parts, d) if len(parts) > 1 else input
    for _ in range(min(n, x._shape[d])):
        before, after = _ends(x, d)
        x = after.logical_xor(before) if x.dtype is bool_ else after - before
    return x


def _check_beside(x: Tensor, d: int, added: Tensor | None) -> None:
    if added is None:
        return
    if added.ndim != x.ndim:
        raise RuntimeError("diff expects prepend or append to be the same dimension as input")
    for k, (n, m) in enumerate(zip(x._shape, added._shape, strict=True)):
        if k != d and n != m:
            raise RuntimeError(
                "diff expects the shape of tensor to prepend or append to match that of input "
                f"except along the differencing dimension; input.size({k}) = {n}, but got "
                f"tensor.size({k}) = {m}"
            )


def gradient(
    input: Tensor, *, spacing: Any = None, dim: Dims = None, edge_order: int = 1
) -> tuple[Tensor, ...]:
    """The derivative along each of `dim`, all by default, by central differences (Fornberg, 1988).

    `spacing` is the distance of the samples, one for each dimension, or their coordinates. At both
    ends the difference is one-sided, exact for polynomials of degree `edge_order`, 1 or 2.
    """
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    if input.dtype is uint8:
        raise RuntimeError("torch.gradient does not support uint8 input.")
    dims = [input._dim(d) for d in (range(input.ndim) if dim is None else listed(dim))]
    if len(set(dims)) != len(dims):
        raise RuntimeError(f"dim {dims} appears multiple times in the list of dims")
    steps = _spacings(spacing, dims, one=dim is not None and isinstance(dim, int))
    for d in dims:
        if input._shape[d] < edge_order + 1:
            raise RuntimeError(
                "torch.gradient expected each dimension size to be at least edge_order+1, "
                f"dimension {d} of {list(input._shape)} is not"
            )
    return tuple(_slopes(input, d, h, edge_order) for d, h in zip(dims, steps, strict=True))


def _spacings(spacing: Any, dims: Sequence[int], *, one: bool) -> list[Any]:
    """A spacing for each dimension: a number, or coordinates."""
    if isinstance(spacing, Tensor) and not spacing._shape:
        spacing = spacing.item()
    if isinstance(spacing, Tensor):
        raise TypeError("gradient(): spacing must be a number, or a list of numbers or Tensors")
    if spacing is None or isinstance(spacing, (int, float)):
        return [1 if spacing is None else spacing] * len(dims)
    if len(spacing) != len(dims):
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar, or a list of length "
            f"{len(dims)}, one for each dimension, but got a list of length {len(spacing)}"
        )
    return list(spacing)


def _slopes(x: Tensor, d: int, step: Any, edge_order: int) -> Tensor:
    """Derivatives along d."""
    n = x._shape[d]
    if isinstance(step, Tensor):
        return _between(x, d, _distances(x, d, step), edge_order)
    before, after = _ends(x, d, 2)
    inner = (after - before) / (2 * step)
    f = [narrow(x, d, k, 1) for k in (0, 1, n - 2, n - 1)]
    if edge_order == 1:
        return cat([(f[1] - f[0]) / step, inner, (f[3] - f[2]) / step], d)
    lower = (-1.5 * f[0] + 2 * f[1] - 0.5 * narrow(x, d, 2, 1)) / step
    upper = (0.5 * narrow(x, d, n - 3, 1) - 2 * f[2] + 1.5 * f[3]) / step
    return cat([lower, inner, upper], d)


def _distances(x: Tensor, d: int, points: Tensor) -> Tensor:
    """Those of coordinates, along dimension d of `x`."""
    if points._shape != (x._shape[d],):
        raise RuntimeError(
            f"torch.gradient expected {x._shape[d]} coordinates along dimension {d}, got a tensor "
            f"of shape {list(points._shape)}"
        )
    return reshape(diff(points), tuple(-1 if k == d else 1 for k in range(x.ndim)))


def _between(x: Tensor, d: int, steps: Tensor, edge_order: int) -> Tensor:
    """Derivatives along d of samples at distances `steps`: slopes on both sides, weighed."""
    before, after = _ends(x, d)
    slopes = (after - before) / steps
    (left, right), (h, k) = _ends(slopes, d), _ends(steps, d)
    inner = (left * k + right * h) / (h + k)
    n = steps._shape[d]
    low, high = narrow(slopes, d, 0, 1), narrow(slopes, d, n - 1, 1)
    if edge_order == 2:  # the derivatives of parabolas at their ends
        low = 2 * low - narrow(inner, d, 0, 1)
        high = 2 * high - narrow(inner, d, n - 2, 1)
    return cat([low, inner, high], d)


def _samples(name: str, y: Tensor, x: Any, dx: Any, dim: int) -> tuple[int, Any]:
    """`dim` from the front, and the distances of samples, a number or a tensor that broadcasts."""
    if not y._shape:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    d = y._dim(dim)
    if y.dtype is bool_:
        raise RuntimeError(f"{name}: received a bool input for `y`, but bool is not supported")
    if x is None:
        return d, 1 if dx is None else dx
    if dx is not None:
        raise TypeError(f"{name}() takes x, or dx, not both")
    if x.dtype is bool_:
        raise RuntimeError(f"{name}: received a bool input for `x`, but bool is not supported")
    if x.ndim == 1:
        x = reshape(x, tuple(-1 if k == d else 1 for k in range(y.ndim)))
    elif x.ndim < y.ndim:
        x = reshape(x, ((1,) * (y.ndim - x.ndim) + tuple(x._shape)))
    if x.ndim != y.ndim or x._shape[d] != y._shape[d]:
        raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
    before, after = _ends(x, d)
    return d, after - before


def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The integral of `y` along `dim` by trapezia, of samples at `x`, or at distances `dx`."""
    d, steps = _samples("trapezoid", y, x, dx, dim)
    if not y._shape[d]:
        return sum(y, d, dtype=y.dtype)
    if isinstance(steps, Tensor):
        before, after = _ends(y, d)
        return sum(steps * (before + after), d) / 2.0
    area: Tensor = (sum(y, d) - (select(y, d, 0) + select(y, d, -1)) * 0.5) * steps
    return area


trapz = trapezoid


def cumulative_trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1
) -> Tensor:
    """The integrals of `y` from the first sample to each of the others, as `trapezoid` has them."""
    d, steps = _samples("cumulative_trapezoid", y, x, dx, dim)
    before, after = _ends(y, d)
    if isinstance(steps, Tensor):
        return cumsum(steps * (before + after), d) / 2.0
    areas: Tensor = cumsum(before + after, d) * (steps / 2)
    return areas
