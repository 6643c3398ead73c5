"""Pooling: the largest or the mean element of each window, and back to where it was.

An image is (N, C, *extents), or (C, *extents) without a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import inf, prod
from typing import Any

import numpy as np

from ... import recording
from ...creation import as_tensor, zeros
from ...dispatch.families.windows import peaks
from ...ops.places.indexing import put
from ...ops.products import windows as rows
from ...ops.products.bands import Bands
from ...ops.products.windows import Windows
from ...tensor import Tensor
from ...types.dtypes import bool_, int64
from ..joining.stacking import cat
from ..pointwise.arithmetic import div
from .arguments import Ints, each, listed, registered, tensor

Sizes = int | None | Sequence[int | None]


def max_pool(
    name: str,
    n: int,
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None,
    padding: Ints,
    dilation: Ints,
    ceil_mode: bool,
) -> tuple[Tensor, Tensor]:
    """The largest element of each window, the first of equal ones, and its place in the image.

    NaN is largest. Padding counts for nothing.
    """
    tensor(name, "input", input)
    kernel, step, pad = _window(name, n, kernel_size, stride, padding)
    spread = each(name, "dilation", dilation, n)
    _check_input(name, n, input)
    if input.dtype is bool_:
        raise NotImplementedError(f'"{name}" is not implemented for {input.dtype.name!r} tensors')
    if min(spread) < 1:
        raise RuntimeError(f"{name}: dilation should be greater than zero, but got {list(spread)}")
    extents = input._shape[-n:]
    count = _counts(input, n, kernel, step, pad, spread, ceil_mode)
    windows = Windows(extents, kernel, count, step, pad, spread)
    _check_met(name, windows)
    return _searched(n, input, windows)


def adaptive_max_pool(
    name: str, n: int, input: Tensor, output_size: Sizes
) -> tuple[Tensor, Tensor]:
    """As `max_pool`, of as many windows as `output_size` says, spread evenly over the image."""
    count = _output_size(name, n, input, output_size)
    _check_input(f"{name}()", n, input)
    check_floating(name, input)
    one = (1,) * n
    windows = Windows(input._shape[-n:], one, count, one, (0,) * n, one)
    return _searched(n, input, windows, adaptive=True)


def _searched(
    n: int, input: Tensor, windows: Windows, adaptive: bool = False
) -> tuple[Tensor, Tensor]:
    """`peaks`, on a batch, in the type to compute in."""
    d = input.dtype
    images = input.to(registered(d))
    images = images if input.ndim == n + 2 else images.unsqueeze(0)
    values, indices = peaks(images, windows, adaptive)
    if input.ndim != n + 2:
        values, indices = values.squeeze(0), indices.squeeze(0)
    return values.to(d), indices


def avg_pool(
    name: str,
    n: int,
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None,
    padding: Ints,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window. Padding are zeros that count, or, unless `count_include_pad`, that
    do not; where there is a `divisor_override`, the sum is divided by it."""
    tensor(name, "input", input)
    kernel, step, pad = _window(name, n, kernel_size, stride, padding)
    _check_input(name, n, input)
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    if input.dtype is not int64:
        check_floating(name, input)
    extents = input._shape[-n:]
    if n == 3 and any(k > e for k, e in zip(kernel, extents, strict=True)):
        raise RuntimeError(
            f"input image of extents {list(extents)} smaller than kernel size {list(kernel)}"
        )
    count = _counts(input, n, kernel, step, pad, (1,) * n, ceil_mode)
    mean = "sum" if divisor_override else "all" if count_include_pad else "inside"
    axes = list(zip(extents, kernel, step, pad, count, [mean] * n, strict=True))
    if input.dtype is int64:
        return _of_integers(input, [_windows(*axis) for axis in axes], divisor_override)
    y = mixed(input, [_means(*axis) for axis in axes])
    return y / divisor_override if divisor_override else y


def _of_integers(input: Tensor, axes: Sequence[Any], divisor_override: int | None) -> Tensor:
    """Sums of windows by differences of running sums, divided towards 0."""
    y, divisors = input, np.ones((), np.int64)
    for k, (low, high, divisor) in enumerate(axes):
        dim = input.ndim - len(axes) + k
        before = zeros((*y._shape[:dim], 1, *y._shape[dim + 1 :]), dtype=int64, device=y.device)
        running = cat([before, y.cumsum(dim)], dim)
        ends = (running.index_select(dim, as_tensor(at, device=y.device)) for at in (high, low))
        y, divisors = next(ends) - next(ends), divisors[..., None] * np.maximum(divisor, 1)
    given = divisor_override or as_tensor(divisors, device=y.device)
    return div(y, given, rounding_mode="trunc")


def adaptive_avg_pool(name: str, n: int, input: Tensor, output_size: Sizes) -> Tensor:
    """The means of as many windows as `output_size` says, spread evenly over the image."""
    count = _output_size(name, n, input, output_size)
    _check_input(f"{name}()", n, input)
    check_floating(name, input)
    return mixed(input, [_shares(e, c) for e, c in zip(input._shape[-n:], count, strict=True)])


def mixed(input: Tensor, bands: Sequence[Bands]) -> Tensor:
    """The products with a banded matrix along each of the last dimensions, from the last on."""
    d = input.dtype
    y = input.to(registered(d))
    for k, matrix in enumerate(reversed(bands)):
        y = rows.band(y, dim=input.ndim - 1 - k, bands=matrix)
    return y.to(d)


@lru_cache(maxsize=1024)
def _means(extent: int, kernel: int, step: int, pad: int, count: int, mean: str) -> Bands:
    """Windows of one axis: their sum, or their mean over all that they have or that lies inside."""
    low, high, divisor = _windows(extent, kernel, step, pad, count, mean)
    return Bands(extent, low, high - low, _level(high - low, divisor))


def _windows(extent: int, kernel: int, step: int, pad: int, count: int, mean: str) -> Any:
    """Where they begin and end inside the image, and what their sums are divided by."""
    begin = np.arange(count) * step - pad
    end = np.minimum(begin + kernel, extent + pad)
    low = np.maximum(begin, 0)
    high = np.maximum(np.minimum(end, extent), low)
    return low, high, {"sum": np.ones(count, int), "all": end - begin, "inside": high - low}[mean]


@lru_cache(maxsize=1024)
def _shares(extent: int, count: int) -> Bands:
    """The means of `count` windows over an axis."""
    o = np.arange(count)
    low, high = o * extent // max(count, 1), -(-(o + 1) * extent // max(count, 1))
    return Bands(extent, low, high - low, _level(high - low, high - low))


def _level(n: Any, divisor: Any) -> Any:
    """Rows of n[i] times 1 / divisor[i]."""
    width = np.arange(max(n.max(initial=0), 1))
    return np.where(width < n[:, None], 1 / np.maximum(divisor, 1)[:, None], 0)


def lp_pool(
    name: str,
    n: int,
    input: Tensor,
    norm_type: float,
    kernel_size: Ints,
    stride: Ints | None,
    ceil_mode: bool,
) -> Tensor:
    """The root of the sum of the powers `norm_type` of each window."""
    kernel = each(name, "kernel_size", kernel_size, n)
    if norm_type in (inf, -inf):
        sign = 1 if norm_type > 0 else -1
        found = max_pool(name, n, sign * input.abs(), kernel, stride, 0, 1, ceil_mode)[0]
        return sign * found
    means = avg_pool(name, n, input.pow(norm_type), kernel, stride, 0, ceil_mode, True)
    return (means.sign() * means.abs().relu() * prod(kernel)).pow(1.0 / norm_type)


def max_unpool(
    name: str,
    n: int,
    input: Tensor,
    indices: Tensor,
    kernel_size: Ints,
    stride: Ints | None,
    padding: Ints,
    output_size: Sequence[int] | None,
) -> Tensor:
    """Zeros, with the elements of `input` at `indices`, places in images of the size that gave
    them, or of `output_size`. IndexError or RuntimeError for places outside of these."""
    tensor(name, "input", input), tensor(name, "indices", indices)
    if indices.dtype is not int64:
        raise RuntimeError(f"elements in indices should be type int64 but got: {indices.dtype!r}")
    kernel, step, pad = (
        each(name, "kernel_size", kernel_size, n),
        each(name, "stride", kernel_size if stride is None else stride, n),
        each(name, "padding", padding, n),
    )
    if input._shape != indices._shape:
        raise RuntimeError(
            f"{name}: expected shape of indices to be that of the input ({list(input._shape)}), "
            f"but got {list(indices._shape)}"
        )
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(
            f"{name}: expected an input of {n + 1} or {n + 2} dimensions, but got one of size "
            f"{list(input._shape)}"
        )
    extents = _unpooled(input._shape[-n:], kernel, step, pad, output_size)
    size = prod(extents)
    outside = (indices < 0) | (indices >= size)
    _check_places(indices, outside, extents)
    lead = input._shape[:-n]
    whole = zeros((prod(lead), size), dtype=input.dtype, device=input.device)
    starts = whole.new_ones(prod(lead), dtype=int64).cumsum(0).unsqueeze(1) * size - size
    # A compiled step refuses the places below 0 when it runs.
    places = (indices.reshape(prod(lead), -1) + starts).masked_fill(
        outside.reshape(prod(lead), -1), -1
    )
    found: Tensor = put(whole, input.reshape(-1), places.reshape(-1), accumulate=False)
    return found.reshape(*lead, *extents)


def _unpooled(
    extents: tuple[int, ...], kernel: Any, step: Any, pad: Any, output_size: Any
) -> tuple[int, ...]:
    """The extents that pooling came from: `output_size` where it can be."""
    default = [
        (e - 1) * s + k - 2 * p for e, k, s, p in zip(extents, kernel, step, pad, strict=True)
    ]
    if output_size is None:
        return tuple(default)
    wanted = tuple(output_size)
    n = len(default)
    wanted = wanted[2:] if len(wanted) == n + 2 else wanted
    if len(wanted) != n:
        raise ValueError(
            f"output_size should be a sequence containing {n} or {n + 2} elements, but it has a "
            f"length of '{len(wanted)}'"
        )
    for d in range(n):
        low, high = default[d] - step[d], default[d] + step[d]
        if not low < wanted[d] < high:
            raise ValueError(
                f'invalid output_size "{wanted}" (dim {d} must be between {low} and {high})'
            )
    return wanted


def _check_places(indices: Tensor, outside: Tensor, extents: tuple[int, ...]) -> None:
    """RuntimeError where some are outside; in a step that is recorded, for those of that call."""
    if indices.numel() and recording.aside(lambda: outside.any().item()):
        bad = recording.aside(lambda: indices.masked_select(outside).tolist()[0])
        volume = "x".join(map(str, extents))
        raise RuntimeError(
            f"Found an invalid max index: {bad} (output volumes are of size {volume})"
        )


# What is refused


def _check_input(name: str, n: int, input: Any) -> None:
    """RuntimeError unless there are channels and extents with elements."""
    tensor(name, "input", input)
    shape = input._shape
    if input.ndim not in (n + 1, n + 2) or 0 in shape[-n - 1 :]:
        raise RuntimeError(
            f"{name}: Expected {n + 1}D or {n + 2}D (batch mode) tensor with optional 0 dim batch "
            f"size for input, but got: {list(shape)}"
        )


def check_floating(name: str, input: Any) -> None:
    """NotImplementedError for integers and bools."""
    tensor(name, "input", input)
    if not input.dtype.is_floating_point:
        raise NotImplementedError(f'"{name}" is not implemented for {input.dtype.name!r} tensors')


def _window(
    name: str, n: int, kernel_size: Any, stride: Any, padding: Any
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Kernel, step, which is by default the kernel, and padding."""
    kernel = each(name, "kernel_size", kernel_size, n)
    default = stride is None or (not isinstance(stride, int) and not len(stride))
    step = kernel if default else each(name, "stride", stride, n)
    pad = each(name, "padding", padding, n)
    if min(step) == 0:
        raise RuntimeError("stride should not be zero")
    if min(*step, *kernel) < 1:
        raise RuntimeError(
            f"{name}: kernel size and stride should be greater than zero, but got "
            f"{list(kernel)} and {list(step)}"
        )
    return kernel, step, pad


def _counts(
    input: Tensor, n: int, kernel: Any, step: Any, pad: Any, spread: Any, ceil_mode: bool
) -> tuple[int, ...]:
    """How many windows there are along each axis."""
    found = []
    for extent, k, s, p, d in zip(input._shape[-n:], kernel, step, pad, spread, strict=True):
        reach = d * (k - 1) + 1
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p}")
        if p > reach // 2:
            raise RuntimeError(
                "pad should be at most half of effective kernel size, but got "
                f"pad={p}, kernel_size={k} and dilation={d}"
            )
        count = (extent + 2 * p - reach + (s - 1 if ceil_mode else 0)) // s + 1
        if ceil_mode and (count - 1) * s >= extent + p:
            count -= 1  # the last window would lie in the padding
        found.append(count)
    if min(found) < 1:
        size, channels = input._shape[-n - 1 :], input._shape[-n - 1]
        raise RuntimeError(
            f"Given input size: ({'x'.join(map(str, size))}). Calculated output size: "
            f"({'x'.join(map(str, (channels, *found)))}). Output size is too small"
        )
    return tuple(found)


def _check_met(name: str, windows: Windows) -> None:
    """RuntimeError for a window all of whose elements are padding."""
    for extent, _, _, step, pad, spread in zip(*windows[:6], strict=True):
        for begin in range(-pad, 0, step):
            if begin + -(begin // spread) * spread >= extent:
                raise RuntimeError(
                    f"{name}: a window has no element in an image of extents "
                    f"{list(windows.extents)}, kernel {list(windows.kernel)}, padding "
                    f"{list(windows.pad)}, dilation {list(windows.spread)}"
                )


def _output_size(name: str, n: int, input: Tensor, output_size: Any) -> tuple[int, ...]:
    """How many windows are wanted along each axis; None: as many as there are elements."""
    tensor(name, "input", input)
    several = isinstance(output_size, Sequence)
    given = tuple(output_size) if several else (output_size,) * n
    if several and n > 1 and input.ndim <= len(given):
        raise ValueError(f"Input dimension should be at least {len(given) + 1}")
    if len(given) != n:
        raise RuntimeError(f"{name}: output_size must be {n}")
    extents = input._shape[-n:]
    if len(extents) < n:
        _check_input(f"{name}()", n, input)
    found = listed(
        name,
        "output_size",
        [e if g is None and n > 1 else g for e, g in zip(extents, given, strict=True)],
    )
    if min(found) < 0:
        raise RuntimeError(
            f"{name}: elements of output_size must be greater than or equal to 0 but received "
            f"{{{', '.join(map(str, found))}}}"
        )
    return found
