"""Convolutions, and transposed ones, of images of one to three extents.

An image is (N, C, *extents), or (C, *extents) without a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...ops.products import windows as rows
from ...ops.products.windows import Windows
from ...tensor import Tensor
from ...types.dtypes import bool_
from .arguments import Ints, by, listed, numbered, registered, tensor


def _conv(n: int) -> Callable[..., Tensor]:
    def conv(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Ints = 1,
        padding: Ints | str = 0,
        dilation: Ints = 1,
        groups: int = 1,
    ) -> Tensor:
        """Every window of `input` (N, C, *extents) times `weight` (O, C / groups, *kernel).

        Windows are `stride` apart, in an image with `padding` zeros around, and have their elements
        `dilation` apart: (extent + 2 padding - dilation (kernel - 1) - 1) // stride + 1 of them
        along each axis. "same" padding gives as many as there are elements, "valid" is none. Each
        of the `groups` of channels meets its own part of the outputs. `bias` (O,) is added.
        RuntimeError for shapes and types that do not fit.
        """
        return _convolved(f"conv{n}d", n, input, weight, bias, stride, padding, dilation, groups)

    return numbered(conv, n)


def _conv_transpose(n: int) -> Callable[..., Tensor]:
    def conv_transpose(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Ints = 1,
        padding: Ints = 0,
        output_padding: Ints = 0,
        groups: int = 1,
        dilation: Ints = 1,
    ) -> Tensor:
        """The adjoint of a convolution: each element of `input` (N, C, *extents) times `weight`
        (C, O / groups, *kernel), added up where its window lies in the result.

        The result has (extent - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1
        elements along each axis. `bias` (O,) is added. RuntimeError for shapes and types that do
        not fit.
        """
        given = input, weight, bias, stride, padding, output_padding, groups, dilation
        return _transposed(f"conv_transpose{n}d", n, *given)

    return numbered(conv_transpose, n)


conv1d, conv2d, conv3d = map(_conv, (1, 2, 3))
conv_transpose1d, conv_transpose2d, conv_transpose3d = map(_conv_transpose, (1, 2, 3))


def _convolved(
    name: str,
    n: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Tensor:
    _check_ranks(name, n, input, weight, bias)
    step, spread = _each("stride", stride, n), _each("dilation", dilation, n)
    _check_groups(groups, step, spread)
    kernel = weight._shape[2:]
    extents = input._shape[-n:]
    if isinstance(padding, str):
        before, after = _around(padding, kernel, step, spread)
    else:
        before = after = _padding(padding, n)
    _check_channels(input, weight, bias, n, groups, transposed=False)
    padded = [size + p + q for size, p, q in zip(extents, before, after, strict=True)]
    reach = [d * (k - 1) + 1 for d, k in zip(spread, kernel, strict=True)]
    if any(k > size for k, size in zip(reach, padded, strict=True)):
        raise RuntimeError(
            f"Calculated padded input size per channel: ({by(padded)}). Kernel size: "
            f"({by(reach)}). Kernel size can't be greater than actual input size"
        )
    count = [(size - k) // s + 1 for size, k, s in zip(padded, reach, step, strict=True)]
    windows = Windows(extents, kernel, tuple(count), step, before, spread, groups)
    return _applied(rows.convolution, n, input, weight, bias, windows)


def _transposed(
    name: str,
    n: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Tensor:
    listed(name, "padding", padding)
    _check_ranks(name, n, input, weight, bias)
    step, spread = _each("stride", stride, n), _each("dilation", dilation, n)
    _check_groups(groups, step, spread)
    pad, more = _padding(padding, n), _each("output_padding", output_padding, n)
    _check_more(more, step, spread)
    _check_channels(input, weight, bias, n, groups, transposed=True)
    count, kernel = input._shape[-n:], weight._shape[2:]
    extents = tuple(
        [
            (c - 1) * s - 2 * p + d * (k - 1) + q + 1
            for c, s, p, d, k, q in zip(count, step, pad, spread, kernel, more, strict=True)
        ]
    )
    if min(extents) < 1:
        raise RuntimeError(
            f"Given input size per channel: ({by(count)}). Calculated output size per channel: "
            f"({by(extents)}). Output size is too small"
        )
    windows = Windows(extents, kernel, count, step, pad, spread, groups)
    return _applied(rows.spread_out, n, input, weight, bias, windows)


def _applied(
    row: Any, n: int, input: Tensor, weight: Tensor, bias: Tensor | None, windows: Windows
) -> Tensor:
    """The row, on a batch, in the type to compute in."""
    d = input.dtype
    given = [t.to(registered(d)) for t in (input, weight, bias) if t is not None]
    if input.ndim == n + 1:
        given[0] = given[0].unsqueeze(0)
    found: Tensor = row(*given, windows=windows)
    return (found if input.ndim == n + 2 else found.squeeze(0)).to(d)


# What is refused


def _each(what: str, value: Any, n: int) -> tuple[int, ...]:
    found = listed(f"conv{n}d", what, value)
    if len(found) not in (1, n):
        raise RuntimeError(
            f"expected {what} to be a single integer value or a list of {n} values to match the "
            f"convolution dimensions, but got {what}={list(found)}"
        )
    return found * n if len(found) == 1 else found


def _padding(value: Any, n: int) -> tuple[int, ...]:
    found = _each("padding", value, n)
    if min(found) < 0:
        raise RuntimeError("negative padding is not supported")
    return found


def _around(
    padding: str, kernel: tuple[int, ...], step: tuple[int, ...], spread: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What a named padding adds in front and behind."""
    if padding not in ("same", "valid"):
        raise RuntimeError(f"Invalid padding string: '{padding}'")
    if padding == "valid":
        return (0,) * len(kernel), (0,) * len(kernel)
    if any(s != 1 for s in step):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    total = [d * (k - 1) for d, k in zip(spread, kernel, strict=True)]
    return tuple([t // 2 for t in total]), tuple([t - t // 2 for t in total])


def _check_ranks(name: str, n: int, input: Any, weight: Any, bias: Any) -> None:
    tensor(name, "input", input), tensor(name, "weight", weight)
    if bias is not None:
        tensor(name, "bias", bias)
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(
            f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got input "
            f"of size: {list(input._shape)}"
        )
    if weight.ndim != n + 2:
        raise RuntimeError(
            f"{name}: expected a weight of {n + 2} dimensions, but got one of size "
            f"{list(weight._shape)}"
        )


def _check_groups(groups: int, step: tuple[int, ...], spread: tuple[int, ...]) -> None:
    if groups < 1:
        raise RuntimeError("non-positive groups is not supported")
    for what, value in (("stride", step), ("dilation", spread)):
        if min(value) < 1:
            raise RuntimeError(f"non-positive {what} is not supported")


def _check_more(more: tuple[int, ...], step: tuple[int, ...], spread: tuple[int, ...]) -> None:
    """RuntimeError unless what is added behind is less than the next window."""
    if min(more) < 0:
        raise RuntimeError("negative output_padding is not supported")
    if any(p >= max(s, d) for p, s, d in zip(more, step, spread, strict=True)):
        raise RuntimeError(
            "output padding must be smaller than either stride or dilation, but got "
            f"output_padding: {list(more)} stride: {list(step)} dilation: {list(spread)}"
        )


def _check_channels(
    input: Tensor, weight: Tensor, bias: Tensor | None, n: int, groups: int, *, transposed: bool
) -> None:
    """RuntimeError for channels and types that do not fit each other."""
    shape, size = list(weight._shape), list(input._shape)
    if shape[0] < groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but "
            f"got weight of size {shape} instead"
        )
    if shape[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, "
            f"but got weight of size {shape} instead"
        )
    wanted, given = shape[0] if transposed else shape[1] * groups, size[-n - 1]
    outputs = shape[1] * groups if transposed else shape[0]
    about = "transposed=1" if transposed else f"groups={groups}"
    if wanted != given:
        raise RuntimeError(
            f"Given {about}, weight of size {shape}, expected input{size} to have {wanted} "
            f"channels, but got {given} channels instead"
        )
    if bias is not None and bias._shape != (outputs,):
        about = "transposed=1, " if transposed else ""
        raise RuntimeError(
            f"Given {about}weight of size {shape}, expected bias to be 1-dimensional with "
            f"{outputs} elements, but got bias of size {list(bias._shape)} instead"
        )
    for what, other in (("weight", weight), ("bias", bias)):
        if other is not None and other.dtype is not input.dtype:
            raise RuntimeError(
                f"Input type ({input.dtype!r}) and {what} type ({other.dtype!r}) should be the same"
            )
    if input.dtype is bool_:
        raise NotImplementedError("convolutions are not implemented for 'bool' tensors")
    if 0 in input._shape[-n:] or 0 in weight._shape[2:]:
        raise RuntimeError(
            "Only zero batch or zero channel inputs are supported, but got input shape: "
            f"{size} and weight shape: {shape}"
        )
