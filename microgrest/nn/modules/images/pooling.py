"""Pooling as modules: the options of a function of `nn.functional`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ....functions.windows.arguments import Ints, each
from ....functions.windows.pooling import Sizes
from ....tensor import Tensor
from ... import functional as F
from ..module import Module


class Pooling(Module):
    """Shows its options, those that are `shown`; its function is that for images of `n` extents."""

    n: ClassVar[int]
    shown: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls, n: int = 0) -> None:
        cls.n = n

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.shown)


class _MaxPool(Pooling):
    shown = "kernel_size", "stride", "padding", "dilation", "ceil_mode"

    def __init__(
        self,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size, self.padding, self.dilation = kernel_size, padding, dilation
        self.stride = kernel_size if stride is None else stride
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input: Tensor) -> Any:
        given = self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        return getattr(F, f"max_pool{self.n}d")(input, *given, self.return_indices)


class _MaxUnpool(Pooling):
    shown = "kernel_size", "stride", "padding"

    def __init__(self, kernel_size: Ints, stride: Ints | None = None, padding: Ints = 0) -> None:
        super().__init__()
        step = kernel_size if stride is None else stride
        name = type(self).__name__
        self.kernel_size = each(name, "kernel_size", kernel_size, self.n)
        self.stride = each(name, "stride", step, self.n)
        self.padding = each(name, "padding", padding, self.n)

    def forward(
        self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None
    ) -> Any:
        given = self.kernel_size, self.stride, self.padding, output_size
        return getattr(F, f"max_unpool{self.n}d")(input, indices, *given)


class AvgPool1d(Pooling):
    """`nn.functional.avg_pool1d`."""

    shown = "kernel_size", "stride", "padding"

    def __init__(
        self,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = each("AvgPool1d", "kernel_size", kernel_size, 1)
        self.stride = each("AvgPool1d", "stride", kernel_size if stride is None else stride, 1)
        self.padding = each("AvgPool1d", "padding", padding, 1)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Tensor) -> Any:
        given = self.kernel_size, self.stride, self.padding, self.ceil_mode
        return F.avg_pool1d(input, *given, self.count_include_pad)


class _AvgPool(Pooling):
    shown = "kernel_size", "stride", "padding"

    def __init__(
        self,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size, self.padding, self.ceil_mode = kernel_size, padding, ceil_mode
        self.stride = kernel_size if stride is None else stride
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, input: Tensor) -> Any:
        given = self.kernel_size, self.stride, self.padding, self.ceil_mode
        pool = getattr(F, f"avg_pool{self.n}d")
        return pool(input, *given, self.count_include_pad, self.divisor_override)


class _LPPool(Pooling):
    shown = "norm_type", "kernel_size", "stride", "ceil_mode"

    def __init__(
        self,
        norm_type: float,
        kernel_size: Ints,
        stride: Ints | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.norm_type, self.kernel_size = norm_type, kernel_size
        self.stride, self.ceil_mode = stride, ceil_mode

    def forward(self, input: Tensor) -> Any:
        given = float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        return getattr(F, f"lp_pool{self.n}d")(input, *given)


class _AdaptiveAvgPool(Pooling):
    shown = ("output_size",)

    def __init__(self, output_size: Sizes) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Any:
        return getattr(F, f"adaptive_avg_pool{self.n}d")(input, self.output_size)


class _AdaptiveMaxPool(Pooling):
    shown = ("output_size",)

    def __init__(self, output_size: Sizes, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def forward(self, input: Tensor) -> Any:
        pool = getattr(F, f"adaptive_max_pool{self.n}d")
        return pool(input, self.output_size, self.return_indices)


# A class for each number of extents.
# fmt: off
class MaxPool1d(_MaxPool, n=1): ...
class MaxPool2d(_MaxPool, n=2): ...
class MaxPool3d(_MaxPool, n=3): ...
class MaxUnpool1d(_MaxUnpool, n=1): ...
class MaxUnpool2d(_MaxUnpool, n=2): ...
class MaxUnpool3d(_MaxUnpool, n=3): ...
class AvgPool2d(_AvgPool, n=2): ...
class AvgPool3d(_AvgPool, n=3): ...
class LPPool1d(_LPPool, n=1): ...
class LPPool2d(_LPPool, n=2): ...
class LPPool3d(_LPPool, n=3): ...
class AdaptiveAvgPool1d(_AdaptiveAvgPool, n=1): ...
class AdaptiveAvgPool2d(_AdaptiveAvgPool, n=2): ...
class AdaptiveAvgPool3d(_AdaptiveAvgPool, n=3): ...
class AdaptiveMaxPool1d(_AdaptiveMaxPool, n=1): ...
class AdaptiveMaxPool2d(_AdaptiveMaxPool, n=2): ...
class AdaptiveMaxPool3d(_AdaptiveMaxPool, n=3): ...
