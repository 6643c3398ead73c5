"""Paddings as modules: each is one line, the mode of `nn.functional.pad` and its dimensions."""

from __future__ import annotations

from typing import ClassVar

from ....tensor import Tensor
from ... import functional as F
from ..module import Module


class _Pad(Module):
    """Pads the last dimensions, by one number or by two for each, the last dimension's first."""

    mode: ClassVar[str]
    dims: ClassVar[int]

    def __init_subclass__(cls, dims: int = 0, mode: str = "") -> None:
        if mode:
            cls.mode = mode
        if dims:
            cls.dims = dims
            cls.__doc__ = (
                f"Pads the last {dims} dimensions: mode={cls.mode!r} of `nn.functional.pad`."
            )

    def __init__(self, padding: int | tuple[int, ...]) -> None:
        super().__init__()
        both = 2 * self.dims
        self.padding = (padding,) * both if isinstance(padding, int) else tuple(padding)
        if len(self.padding) != both:
            raise ValueError(f"padding must be an int or {both} of them, got {padding}")

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _Constant(_Pad, mode="constant"):
    def __init__(self, padding: int | tuple[int, ...], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _Zero(_Constant, mode="constant"):
    def __init__(self, padding: int | tuple[int, ...]) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


# fmt: off
class ConstantPad1d(_Constant, dims=1): ...
class ConstantPad2d(_Constant, dims=2): ...
class ConstantPad3d(_Constant, dims=3): ...
class ZeroPad1d(_Zero, dims=1): ...
class ZeroPad2d(_Zero, dims=2): ...
class ZeroPad3d(_Zero, dims=3): ...
class ReflectionPad1d(_Pad, dims=1, mode="reflect"): ...
class ReflectionPad2d(_Pad, dims=2, mode="reflect"): ...
class ReflectionPad3d(_Pad, dims=3, mode="reflect"): ...
class ReplicationPad1d(_Pad, dims=1, mode="replicate"): ...
class ReplicationPad2d(_Pad, dims=2, mode="replicate"): ...
class ReplicationPad3d(_Pad, dims=3, mode="replicate"): ...
class CircularPad1d(_Pad, dims=1, mode="circular"): ...
class CircularPad2d(_Pad, dims=2, mode="circular"): ...
class CircularPad3d(_Pad, dims=3, mode="circular"): ...
# fmt: on
