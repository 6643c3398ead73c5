"""Methods that make tensors like this one, and that overwrite it."""

from __future__ import annotations

from typing import Any

from ... import creation
from ...dispatch.api import FUNCTIONS
from ...dispatch.elementwise import call, fill as fill_row
from ...ops.pointwise.convert import copy as copy_row
from ...tensor import Tensor
from ...tensor.methods import method
from ...types.layouts import without_layout
from ..naming import ends_as


def _like(self: Tensor, size: tuple[Any, ...], value: Any, options: dict[str, Any]) -> Tensor:
    options = without_layout(_as_here(self, options))
    size = creation.extents(size or (options.pop("size"),))
    if value is None:
        return creation.empty(size, **options)
    return creation.full(size, value, **options)


def _as_here(self: Tensor, options: dict[str, Any]) -> dict[str, Any]:
    """`options` with the dtype and device of `self` where they say nothing."""
    said = {name: value for name, value in options.items() if value is not None}
    return {"dtype": self.dtype, "device": self.device, **said}


@method
def new_zeros(self: Tensor, *size: Any, **options: Any) -> Tensor:
    """Zeros of shape `size`, of this dtype and device unless options say otherwise."""
    return _like(self, size, 0, options)


@method
def new_ones(self: Tensor, *size: Any, **options: Any) -> Tensor:
    """Ones of shape `size`, of this dtype and device unless options say otherwise."""
    return _like(self, size, 1, options)


@method
def new_empty(self: Tensor, *size: Any, **options: Any) -> Tensor:
    """An uninitialized tensor of shape `size`, of this dtype and device unless options differ."""
    return _like(self, size, None, options)


@method
def new_full(self: Tensor, size: Any, fill_value: Any, **options: Any) -> Tensor:
    """`fill_value` in shape `size`, of this dtype and device unless options say otherwise."""
    return _like(self, (tuple(size),), fill_value, options)


@method
def new_empty_strided(self: Tensor, size: Any, stride: Any, **options: Any) -> Tensor:
    """An uninitialized tensor of this geometry, of this dtype and device unless options differ."""
    return creation.empty_strided(size, stride, **without_layout(_as_here(self, options)))


@method
def new_tensor(self: Tensor, data: Any, **options: Any) -> Tensor:
    """A tensor of `data`, of this dtype and device unless options say otherwise."""
    return creation.tensor(data, **_as_here(self, options))


@method
def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Overwrite with `src`, which broadcasts and is converted."""
    if id(src) == id(self) and not self._requires_grad:  # it may be expanded
        self._storage.touch()
        return self
    if isinstance(src, (int, float)):
        src = creation.as_tensor(src, device=self.device)
    if not isinstance(src, Tensor):
        raise TypeError(f"copy_(): argument 'src' must be Tensor, not {type(src).__name__}")
    if src.device is not self.device:
        src = src.to(self.device, non_blocking=non_blocking)
    return call(copy_row, (self, src), in_place=True)


def fill(input: Tensor, value: Any) -> Tensor:
    """A copy of `input` with one value everywhere, a number or a 0-d tensor."""
    return fill_(FUNCTIONS["clone"](input), value)


def detach(input: Tensor) -> Tensor:
    """The same memory outside the graph."""
    return input.detach()


def detach_(input: Tensor) -> Tensor:
    """Take the tensor out of the graph; RuntimeError for views."""
    return input.detach_()


@method
@ends_as("FillBackward2")
def fill_(self: Tensor, value: Any) -> Tensor:
    """Overwrite every element with one value, a number or a 0-d tensor."""
    if not isinstance(value, Tensor):
        return fill_row("fill", self, value)
    if value.ndim:
        raise RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} "
            "dimensions."
        )
    return call(copy_row, (self, value.clone()), in_place=True)


@method
@ends_as("ZeroBackward0")
def zero_(self: Tensor) -> Tensor:
    """Overwrite every element with 0."""
    return fill_row("zero", self, 0)
