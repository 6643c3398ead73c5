"""Windows of images on tensors: columns of them, convolutions, their largest, weighted sums."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from ... import recording
from ...kernels.kinds.windows.bands import BAND
from ...kernels.kinds.windows.convolve import CONVOLVE, CORRELATE, SPREAD, Convolution
from ...kernels.kinds.windows.peaks import PEAKS, Peaks
from ...kernels.kinds.windows.windows import FOLD, UNFOLD
from ...ops.products import windows as rows
from ...ops.products.bands import Bands
from ...ops.products.windows import Windows
from ...ops.row import Row
from ...tensor import Tensor
from ...tensor.arrays import from_array
from ...tensor.storage import Kind, kind_of
from ...types.dtypes import int64
from ..structured import family, record
from ..writes.memory import flat


@family("unfold_windows")
def unfold(row: Row, x: Tensor, *, windows: Windows) -> Tensor:
    """Columns (N, C * taps, windows) of images."""
    images, channels = x._shape[:2]
    shape = images, channels * math.prod(windows.kernel), math.prod(windows.counts)
    y = Tensor._empty(shape, x._kind)
    kind, operands = x._kind, (flat(x), y._flat)
    kind.kernels.kinds.run(UNFOLD, kind.array_type, operands, windows.numbers)
    return y


@family("fold_windows")
def fold(row: Row, columns: Tensor, *, windows: Windows) -> Tensor:
    """The images (N, C, *extents) that columns add up to."""
    channels = columns._shape[1] // math.prod(windows.kernel)
    x = Tensor._empty((columns._shape[0], channels, *windows.extents), columns._kind)
    kind, operands = x._kind, (flat(columns), x._flat)
    kind.kernels.kinds.run(FOLD, kind.array_type, operands, windows.numbers)
    return x


@family("convolution")
def convolve(row: Row, x: Tensor, weight: Tensor, *bias: Tensor, windows: Windows) -> Tensor:
    """(N, O, *counts) of images (N, C, *extents) and a weight (O, C / groups, *kernel)."""
    y = Tensor._empty((x._shape[0], weight._shape[0], *windows.counts), x._kind)
    _run(CONVOLVE, (x, weight, *bias), y, x, weight, windows)
    return y


@family("spread_out")
def spread_out(row: Row, y: Tensor, weight: Tensor, *bias: Tensor, windows: Windows) -> Tensor:
    """(N, C, *extents) of images (N, O, *counts) and a weight (O, C / groups, *kernel)."""
    channels = weight._shape[1] * windows.groups
    x = Tensor._empty((y._shape[0], channels, *windows.extents), y._kind)
    _run(SPREAD, (y, weight, *bias), x, x, weight, windows)
    return x


@family("correlation")
def correlate(row: Row, x: Tensor, y: Tensor, *, windows: Windows) -> Tensor:
    """The weight (O, C / groups, *kernel) of images and the gradients of their convolution."""
    shape = y._shape[1], x._shape[1] // windows.groups, *windows.kernel
    weight = Tensor._empty(shape, x._kind)
    _run(CORRELATE, (x, y), weight, x, weight, windows)
    return weight


def _run(
    kernel: Any,
    given: tuple[Tensor, ...],
    result: Tensor,
    x: Tensor,
    weight: Tensor,
    windows: Windows,
) -> None:
    """Run a kind of convolutions, of images `x` and a `weight` of which one may be the result."""
    groups = windows.groups
    counts = x._shape[0], groups, x._shape[1] // groups, weight._shape[0] // groups
    operands = [*map(flat, given), result._flat]
    params = Convolution(x._kind.array_type, len(given) == 3)
    x._kind.kernels.kinds.run(kernel, params, operands, windows.numbers + counts)


def peaks(x: Tensor, windows: Windows, adaptive: bool = False) -> tuple[Tensor, Tensor]:
    """The largest element of each window, and its place among the elements of its image."""
    values = Tensor._empty((*x._shape[:2], *windows.counts), x._kind)
    indices = Tensor._empty(values._shape, kind_of(int64, x._kind.device))
    kind, operands = x._kind, (flat(x), values._flat, indices._flat)
    params = Peaks(kind.array_type, adaptive)
    kind.kernels.kinds.run(PEAKS, params, operands, windows.numbers)
    record(rows.peaks, (x, indices), {"windows": windows}, values)
    return values, indices


@family("band")
def mix(row: Row, x: Tensor, *, dim: int, bands: Bands) -> Tensor:
    """The product with a banded matrix along `dim`."""
    shape = x._shape
    y = Tensor._empty((*shape[:dim], bands.rows, *shape[dim + 1 :]), x._kind)
    operands = flat(x), *_tables(bands, x._kind), y._flat
    sizes = shape[dim], bands.rows, math.prod(shape[dim + 1 :]), bands.weights.shape[1]
    x._kind.kernels.kinds.run(BAND, x._kind.array_type, operands, sizes)
    return y


@lru_cache(maxsize=256)
def _tables(bands: Bands, kind: Kind) -> tuple[Any, ...]:
    """The numbers of `bands` on the device, as flat arrays; no step makes them."""
    places = kind_of(int64, kind.device)
    numbers = (bands.low, places), (bands.count, places), (bands.weights, kind)
    return recording.aside(lambda: tuple([from_array(*pair)._flat for pair in numbers]))
