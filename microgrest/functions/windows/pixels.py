"""Windows as columns and back, and channels as pixels and back."""

from __future__ import annotations

from typing import Any

from ...ops.products import windows as rows
from ...ops.products.windows import Windows
from ...tensor import Tensor
from .arguments import Ints, each, registered, tensor


def unfold(
    input: Tensor, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1
) -> Tensor:
    """The windows of an image (N, C, H, W) as columns (N, C * kernel, windows).

    As those of a convolution; without a batch (C, H, W) gives (C * kernel, windows). RuntimeError
    where there is no window.
    """
    tensor("unfold", "input", input)
    if input.ndim not in (3, 4) or 0 in input._shape[-3:]:
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {list(input._shape)}"
        )
    given = _numbers("unfold", kernel_size, dilation, padding, stride)
    extents = input._shape[-2], input._shape[-1]
    windows = _windows(extents, *given)
    if min(windows.counts) < 1:
        raise RuntimeError(
            f"Given input with spatial size {extents}, {_told(*given)}, calculated shape of the "
            f"array of sliding blocks as {windows.counts}, but its components must be at least one."
        )
    images = input if input.ndim == 4 else input.unsqueeze(0)
    columns: Tensor = rows.unfold_windows(images, windows=windows)
    return columns if input.ndim == 4 else columns.squeeze(0)


def fold(
    input: Tensor,
    output_size: Ints,
    kernel_size: Ints,
    dilation: Ints = 1,
    padding: Ints = 0,
    stride: Ints = 1,
) -> Tensor:
    """The adjoint of unfold: columns (N, C * kernel, windows) added up in an image (N, C, H, W).

    (H, W) is the `output_size`. RuntimeError for other columns than unfold would give.
    """
    tensor("fold", "input", input)
    if input.ndim not in (2, 3) or 0 in input._shape[-2:]:
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and "
            f"non-zero dimensions for input, but got: {list(input._shape)}"
        )
    extents = _pair("fold", "output_size", output_size)
    given = _numbers("fold", kernel_size, dilation, padding, stride)
    windows = _windows(extents, *given)
    taps, (high, wide) = windows.kernel[0] * windows.kernel[1], windows.counts
    columns, found = input._shape[-2:]
    if columns % taps:
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
            f"but got input.size(1)={columns} and kernel_size={windows.kernel}."
        )
    if min(high, wide) < 1 or found != high * wide:
        raise RuntimeError(
            f"Given output_size={extents}, {_told(*given)}, expected size of input's dimension 2 "
            f"to match the calculated number of sliding blocks {high} * {wide} = {high * wide}, "
            f"but got input.size(2)={found}."
        )
    batch = (input if input.ndim == 3 else input.unsqueeze(0)).to(registered(input.dtype))
    images: Tensor = rows.fold_windows(batch, windows=windows)
    return (images if input.ndim == 3 else images.squeeze(0)).to(input.dtype)


Pair = tuple[int, ...]


def _pair(name: str, what: str, value: Any) -> Pair:
    if not isinstance(value, int) and hasattr(value, "__len__") and len(value) not in (1, 2):
        raise RuntimeError(f"It is expected {what} equals to 2, but got size {len(value)}")
    return each(name, what, value, 2)


def _numbers(
    name: str, kernel_size: Ints, dilation: Ints, padding: Ints, stride: Ints
) -> tuple[Pair, Pair, Pair, Pair]:
    """Kernel, dilation, padding and stride of both extents; RuntimeError for what cannot be."""
    kernel, spread, step = (
        _pair(name, "kernel_size", kernel_size),
        _pair(name, "dilation", dilation),
        _pair(name, "stride", stride),
    )
    pad = _pair(name, "padding", padding)
    for what, value in (("kernel size", kernel), ("dilation", spread), ("stride", step)):
        if min(value) < 1:
            raise RuntimeError(f"{what} should be greater than zero, but got {value}")
    if min(pad) < 0:
        raise RuntimeError(f"padding should be non-negative, but got {pad}")
    return kernel, spread, pad, step


def _windows(extents: Pair, kernel: Pair, spread: Pair, pad: Pair, step: Pair) -> Windows:
    count = [
        (e + 2 * p - d * (k - 1) - 1) // s + 1
        for e, k, d, p, s in zip(extents, kernel, spread, pad, step, strict=True)
    ]
    return Windows(extents, kernel, tuple(count), step, pad, spread)


def _told(kernel: Pair, spread: Pair, pad: Pair, step: Pair) -> str:
    return f"kernel_size={kernel}, dilation={spread}, padding={pad}, stride={step}"


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """(..., C r^2, H, W) as (..., C, H r, W r): channels become blocks of r times r pixels."""
    r = _factor("pixel_shuffle", "upscale_factor", input, upscale_factor)
    *lead, channels, high, wide = input._shape
    if channels % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, but input.size(-3)={channels} is not divisible by {r * r}"
        )
    n = len(lead)
    parts = input.reshape(*lead, channels // (r * r), r, r, high, wide)
    turned = parts.permute(*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return turned.clone().reshape(*lead, channels // (r * r), high * r, wide * r)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """(..., C, H r, W r) as (..., C r^2, H, W): the inverse of pixel_shuffle."""
    r = _factor("pixel_unshuffle", "downscale_factor", input, downscale_factor)
    *lead, channels, high, wide = input._shape
    for what, place, extent in (("height", -2, high), ("width", -1, wide)):
        if extent % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {what} to be divisible by downscale_factor, but "
                f"input.size({place})={extent} is not divisible by {r}"
            )
    n = len(lead)
    parts = input.reshape(*lead, channels, high // r, r, wide // r, r)
    turned = parts.permute(*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return turned.clone().reshape(*lead, channels * r * r, high // r, wide // r)


def _factor(name: str, what: str, input: Any, factor: Any) -> int:
    (r,) = each(name, what, factor, 1)
    if tensor(name, "input", input).ndim < 3:
        raise RuntimeError(
            f"{name} expects input to have at least 3 dimensions, but got input with "
            f"{input.ndim} dimension(s)"
        )
    if r < 1:
        raise RuntimeError(f"{name} expects a positive {what}, but got {r}")
    return r


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """(N, C, ...) with the channels of each of the `groups` in turn."""
    if tensor("channel_shuffle", "input", input).ndim < 3:
        raise RuntimeError(
            f"channel_shuffle expects input with > 2 dims, but got input with sizes "
            f"{list(input._shape)}"
        )
    channels = input._shape[1]
    if groups < 1:
        raise RuntimeError(
            f"Number of groups to divide channels in must be positive. Value of groups:{groups}"
        )
    if channels % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {channels} channels and "
            f"{groups} groups."
        )
    parts = input.reshape(input._shape[0], groups, channels // groups, *input._shape[2:])
    return parts.transpose(1, 2).clone().reshape(*input._shape)
