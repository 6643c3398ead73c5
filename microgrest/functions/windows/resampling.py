"""Images in another size, and read at places of a grid.

Each axis is resampled by a banded matrix: of a row for each new place, the weights of its
neighbours. Places are computed in the arithmetic that PyTorch computes them in, so that those on an
edge fall on the same side of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import floor
from typing import Any

import numpy as np

from ...ops.products.bands import Bands
from ...tensor import Tensor
from ...types.dtypes import float64, uint8
from .arguments import Ints, listed, tensor
from .pooling import adaptive_avg_pool, mixed

Number = float | int
Array = np.ndarray[Any, Any]
NEAREST = "nearest", "nearest-exact"
SMOOTH = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5}
FILTERED = "bilinear", "bicubic"


def interpolate(
    input: Tensor,
    size: Ints | None = None,
    scale_factor: Number | Sequence[Number] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """An image (N, C, *extents) in another `size`, or in one that is `scale_factor` larger.

    `mode` is "nearest", "nearest-exact" or "area" for one to three extents, "linear" for one,
    "bilinear" and "bicubic" for two, "trilinear" for three. Corners are the centers of the corner
    elements where `align_corners`, else their outer edges. With a `scale_factor` that is the
    distance of places, unless `recompute_scale_factor` takes it from the sizes. `antialias` widens
    the filters of "bilinear" and "bicubic" where an image becomes smaller.
    """
    tensor("interpolate", "input", input)
    _check_corners(mode, align_corners)
    extents = input._shape[2:]
    sizes, factors = _sizes(extents, size, scale_factor)
    if recompute_scale_factor:
        if size is not None:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        factors = (None,) * len(extents)
    _check_mode(input, mode, antialias)
    if mode == "area":
        return adaptive_avg_pool(f"adaptive_avg_pool{len(extents)}d", len(extents), input, sizes)
    if min(*extents, *sizes) < 1 or 0 in input._shape[1:]:
        raise RuntimeError(
            "Input and output sizes should be greater than 0, but got input "
            f"{list(extents)} output {list(sizes)}"
        )
    if not (input.dtype.is_floating_point or (mode in NEAREST and input.dtype is uint8)):
        raise NotImplementedError(f'"{mode}" is not implemented for {input.dtype.name!r} tensors')
    wide, corners = input.dtype is float64, bool(align_corners)
    return mixed(
        input,
        [
            _bands(extent, n, factor, mode, corners, wide, antialias)
            for extent, n, factor in zip(extents, sizes, factors, strict=True)
        ],
    )


def upsample(
    input: Tensor,
    size: Ints | None = None,
    scale_factor: Number | Sequence[Number] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """`interpolate`, by its older name."""
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(
    input: Tensor, size: Ints | None = None, scale_factor: Number | Sequence[Number] | None = None
) -> Tensor:
    """`interpolate` with mode="nearest"."""
    return interpolate(input, size, scale_factor)


def upsample_bilinear(
    input: Tensor, size: Ints | None = None, scale_factor: Number | Sequence[Number] | None = None
) -> Tensor:
    """`interpolate` with mode="bilinear" and align_corners=True."""
    return interpolate(input, size, scale_factor, "bilinear", True)


def _check_corners(mode: str, align_corners: bool | None) -> None:
    """ValueError for corners in a mode that has none."""
    if align_corners is not None and mode not in SMOOTH:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear "
            "| bicubic | trilinear"
        )


def _check_mode(input: Tensor, mode: str, antialias: bool) -> None:
    """ValueError and NotImplementedError for what does not go together."""
    if antialias and not (mode in FILTERED and input.ndim == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D "
            "tensor as input"
        )
    if input.ndim not in (3, 4, 5) or mode not in (*NEAREST, *SMOOTH, "area"):
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.ndim}D) for the "
            "modes: nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact "
            f"(got {mode})"
        )
    if mode in SMOOTH and input.ndim != SMOOTH[mode]:
        raise NotImplementedError(
            f"Got {input.ndim}D input, but {mode} mode needs {SMOOTH[mode]}D input"
        )


def _sizes(
    extents: tuple[int, ...], size: Any, scale_factor: Any
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """The new size, and the factors where these were given."""
    n = len(extents)
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    given = size if scale_factor is None else scale_factor
    several = isinstance(given, Sequence)
    if several and len(given) != n:
        what = "output size" if scale_factor is None else "scale_factor"
        raise ValueError(
            "Input and output must have the same number of spatial dimensions, but got input with "
            f"spatial dimensions of {list(extents)} and {what} of {given}."
        )
    each = tuple(given) if several else (given,) * n
    if scale_factor is None:
        return listed("interpolate", "size", each), (None,) * n
    found = tuple([floor(e * float(f)) for e, f in zip(extents, each, strict=True)])
    return found, tuple(map(float, each))


# The matrix of an axis


@lru_cache(maxsize=1024)
def _bands(
    extent: int, n: int, factor: float | None, mode: str, corners: bool, wide: bool, antialias: bool
) -> Bands:
    """`n` places along an axis, `factor` times as close as its elements, or as the sizes say.

    Places are float64 where the elements are (`wide`), else float32.
    """
    real = np.float64 if wide and mode not in NEAREST else np.float32
    if antialias:
        return _filtered(extent, n, _step(extent, n, factor, corners, real), mode, corners)
    if mode in NEAREST:
        step = _step(extent, n, factor, False, real)
        half: Any = real(0.5 if mode == "nearest-exact" else 0)
        o: Array = np.arange(n, dtype=real)
        low = np.minimum(np.floor((o + half) * step), extent - 1)
        return Bands(extent, low, np.ones(n), np.ones((n, 1)))
    place = _places(extent, n, factor, corners, real)
    if mode == "bicubic":
        return _cubic(extent, place)
    place = np.maximum(place, real(0))
    low = np.minimum(np.floor(place), extent - 1)
    part = np.clip(place - low, real(0), real(1))
    return _clamped(extent, low, np.stack([real(1) - part, part], 1))


def _step(extent: int, n: int, factor: float | None, corners: bool, real: Any) -> Any:
    """The distance of two places, in elements."""
    if corners:
        return real(extent - 1) / real(n - 1) if n > 1 else real(0)
    return real(1 / factor) if factor is not None and factor > 0 else real(extent) / real(n)


def _places(extent: int, n: int, factor: float | None, corners: bool, real: Any) -> Array:
    step: Any = _step(extent, n, factor, corners, real)
    o: Array = np.arange(n, dtype=real)
    place: Array = step * o if corners else step * (o + real(0.5)) - real(0.5)
    return place


def _cubic(extent: int, place: Array) -> Bands:
    """Four neighbours, by Keys' kernel with a = -0.75."""
    low = np.floor(place)
    part = place - low
    distances = np.stack([part + 1, part, 1 - part, 2 - part], 1)
    return _clamped(extent, low - 1, _keys(distances, -0.75))


def _keys(x: Array, a: float) -> Array:
    """The cubic convolution kernel (Keys 1981) at distances x."""
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * a - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _clamped(extent: int, low: Array, weights: Array) -> Bands:
    """Rows of neighbours from `low` on, of which those beyond an end are the element there."""
    rows, width = weights.shape
    columns = np.clip(low[:, None].astype(np.int64) + np.arange(width), 0, extent - 1)
    first, count = columns[:, 0], columns[:, -1] - columns[:, 0] + 1
    found = np.zeros((rows, width))
    np.add.at(found, (np.arange(rows)[:, None], columns - first[:, None]), weights)
    return Bands(extent, first, count, found)


def _filtered(extent: int, n: int, step: Any, mode: str, corners: bool) -> Bands:
    """Neighbours as far as a filter reaches, which is as wide as the places are apart."""
    shape: Callable[[Array], Array] = (
        (lambda x: np.maximum(1 - x, 0)) if mode == "bilinear" else (lambda x: _keys(x, -0.5))
    )
    width = max(float(step), 1.0)
    reach = (1 if mode == "bilinear" else 2) * width
    center = float(step) * (np.arange(n) + 0.5)
    low = np.maximum((center - reach + 0.5).astype(np.int64), 0)
    count = np.minimum((center + reach + 0.5).astype(np.int64), extent) - low
    term = np.arange(count.max())
    distance = np.abs(term + (low - center)[:, None] + 0.5) / width
    weights = np.where(term < count[:, None], shape(distance), 0)
    return Bands(extent, low, count, weights / weights.sum(1, keepdims=True))
