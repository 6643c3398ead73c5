"""Convolutions, and transposed ones, as modules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from ....creation import empty
from ....functions.windows.arguments import Ints, listed
from ....tensor import Tensor
from ... import functional as F, init
from ...parameter import Parameter
from ..module import Module

_MODES = "zeros", "reflect", "replicate", "circular"


class Convolution(Module):
    """What all of them have: channels, numbers for each of `n` extents, a weight and a bias.

    ValueError for groups that do not divide the channels, and for unknown padding.
    """

    n: ClassVar[int]
    transposed: ClassVar[bool]
    weight: Parameter
    bias: Parameter | None
    padding: Any

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Ints,
        stride: Ints,
        padding: Ints | str,
        dilation: Ints,
        output_padding: Ints,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any,
        dtype: Any,
    ) -> None:
        super().__init__()
        self._check(in_channels, out_channels, stride, padding, groups, padding_mode)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = self._each(kernel_size)
        self.stride = self._each(stride)
        self.padding = padding if isinstance(padding, str) else self._each(padding)
        self.dilation = self._each(dilation)
        self.output_padding = self._each(output_padding)
        self.padding_mode = padding_mode
        first, second = (
            (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        )
        shape = first, second // groups, *self.kernel_size
        self.weight = Parameter(empty(shape, device=device, dtype=dtype))
        fresh = Parameter(empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.register_parameter("bias", fresh)
        self.reset_parameters()

    def _each(self, value: Any) -> tuple[int, ...]:
        """One number for each extent."""
        return tuple(value) if isinstance(value, Sequence) else (value,) * self.n

    def _check(
        self, inputs: int, outputs: int, stride: Any, padding: Any, groups: int, mode: str
    ) -> None:
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        for what, channels in (("in", inputs), ("out", outputs)):
            if channels % groups:
                raise ValueError(f"{what}_channels must be divisible by groups")
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(
                    f"Invalid padding string {padding!r}, should be one of {{'valid', 'same'}}"
                )
            if padding == "same" and any(s != 1 for s in self._each(stride)):
                raise ValueError("padding='same' is not supported for strided convolutions")
        if mode not in _MODES:
            raise ValueError(
                f"padding_mode must be one of {set(_MODES)}, but got padding_mode='{mode}'"
            )
        if self.transposed and mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')

    def reset_parameters(self) -> None:
        """Draw new parameters: weight and bias uniform in +-1/sqrt(fan_in)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
        if self.bias is not None and fan_in:
            bound = 1 / math.sqrt(fan_in)
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        shown = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"]
        shown.append(f"stride={self.stride}")
        for name, usual in (("padding", 0), ("dilation", 1), ("output_padding", 0)):
            value = getattr(self, name)
            shown += [f"{name}={value}"] if value != (usual,) * self.n else []
        shown += [f"groups={self.groups}"] if self.groups != 1 else []
        shown += ["bias=False"] if self.bias is None else []
        shown += [f"padding_mode={self.padding_mode}"] if self.padding_mode != "zeros" else []
        return ", ".join(shown)


class _Conv(Convolution):
    transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Ints,
        stride: Ints = 1,
        padding: Ints | str = 0,
        dilation: Ints = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        sizes = kernel_size, stride, padding, dilation, 0, groups
        super().__init__(
            in_channels, out_channels, *sizes, bias, padding_mode, device=device, dtype=dtype
        )

    def forward(self, input: Tensor) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._around(), mode=self.padding_mode), 0
        conv = getattr(F, f"conv{self.n}d")
        given = self.stride, padding, self.dilation, self.groups
        found: Tensor = conv(input, self.weight, self.bias, *given)
        return found

    def _around(self) -> list[int]:
        """What is added before and after each extent, the last one first."""
        if not isinstance(self.padding, str):
            return [p for p in reversed(self.padding) for _ in range(2)]
        total = [
            d * (k - 1) if self.padding == "same" else 0
            for d, k in zip(self.dilation, self.kernel_size, strict=True)
        ]
        return [p for t in reversed(total) for p in (t // 2, t - t // 2)]


class _ConvTranspose(Convolution):
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Ints,
        stride: Ints = 1,
        padding: Ints = 0,
        output_padding: Ints = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Ints = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        sizes = kernel_size, stride, padding, dilation, output_padding, groups
        super().__init__(
            in_channels, out_channels, *sizes, bias, padding_mode, device=device, dtype=dtype
        )

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        more = self.output_padding if output_size is None else self._more(input, output_size)
        conv = getattr(F, f"conv_transpose{self.n}d")
        given = self.stride, self.padding, more, self.groups, self.dilation
        found: Tensor = conv(input, self.weight, self.bias, *given)
        return found

    def _more(self, input: Tensor, output_size: Sequence[int]) -> tuple[int, ...]:
        """The output padding that gives `output_size`; ValueError where none does."""
        lead, wanted = input.ndim - self.n, listed("forward", "output_size", output_size)
        wanted = wanted[lead:] if len(wanted) == input.ndim else wanted
        if len(wanted) != self.n:
            raise ValueError(
                f"{type(self).__name__}: for {input.ndim}D input, output_size must have {self.n} "
                f"or {input.ndim} elements (got {len(wanted)})"
            )
        least = [
            (e - 1) * s - 2 * p + d * (k - 1) + 1
            for e, s, p, d, k in zip(
                input.shape[lead:],
                self.stride,
                self.padding,
                self.dilation,
                self.kernel_size,
                strict=True,
            )
        ]
        more = tuple([w - low for w, low in zip(wanted, least, strict=True)])
        if any(not 0 <= m < s for m, s in zip(more, self.stride, strict=True)):
            most = [low + s - 1 for low, s in zip(least, self.stride, strict=True)]
            raise ValueError(
                f"requested an output size of {list(wanted)}, but valid sizes range from {least} "
                f"to {most} (for an input of {list(input.shape[lead:])})"
            )
        return more


class Conv1d(_Conv):
    """`nn.functional.conv1d` with a weight (out_channels, in_channels / groups, kernel)."""

    n = 1


class Conv2d(_Conv):
    """`nn.functional.conv2d` with a weight (out_channels, in_channels / groups, *kernel).

    Both it and the bias (out_channels,) start uniform in +-1/sqrt(in_channels / groups * kernel).
    With another `padding_mode` than "zeros" padding is taken of the input: mirrored ("reflect"),
    the nearest ("replicate"), or from the other end ("circular").
    """

    n = 2


class Conv3d(_Conv):
    """`nn.functional.conv3d` with a weight (out_channels, in_channels / groups, *kernel)."""

    n = 3


class ConvTranspose1d(_ConvTranspose):
    """`nn.functional.conv_transpose1d`, as `ConvTranspose2d`."""

    n = 1


class ConvTranspose2d(_ConvTranspose):
    """`nn.functional.conv_transpose2d`, weight (in_channels, out_channels / groups, *kernel).

    A call may say which `output_size` it wants, of those that a convolution brings to one size.
    """

    n = 2


class ConvTranspose3d(_ConvTranspose):
    """`nn.functional.conv_transpose3d`, as `ConvTranspose2d`."""

    n = 3
