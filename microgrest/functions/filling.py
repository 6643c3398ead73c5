"""Methods that make tensors like this one, and that overwrite it."""

from __future__ import annotations

from typing import Any

from .. import creation
from ..dispatch.inplace import apply_in_place, check_writable
from ..dispatch.memory import check_range, filled
from ..methods import method
from ..ops.convert import copy as copy_row
from ..tensor import Tensor


def _like(self: Tensor, size: tuple[Any, ...], value: Any, options: dict[str, Any]) -> Tensor:
    options = _as_here(self, options)
    size = creation.extents(size)
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
def new_tensor(self: Tensor, data: Any, **options: Any) -> Tensor:
    """A tensor of `data`, of this dtype and device unless options say otherwise."""
    return creation.tensor(data, **_as_here(self, options))


@method
def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Overwrite with `src`, which broadcasts and is converted."""
    if not isinstance(src, Tensor):
        raise TypeError(f"copy_(): argument 'src' must be Tensor, not {type(src).__name__}")
    if src.device is not self.device:
        src = src.to(self.device, non_blocking=non_blocking)
    return apply_in_place(copy_row, self, (src,))


@method
def fill_(self: Tensor, value: Any) -> Tensor:
    """Overwrite every element with one value."""
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} "
                "dimensions."
            )
        return apply_in_place(copy_row, self, (value,))
    if self._requires_grad or self._flat is None:
        return apply_in_place(copy_row, self, (filled((), self._kind, value),))
    check_writable("fill", self)
    check_range(self.dtype, value, value)
    self._kind.fill(self._flat, value)
    self._storage.touch()
    return self


@method
def zero_(self: Tensor) -> Tensor:
    """Overwrite every element with 0."""
    return fill_(self, 0)
