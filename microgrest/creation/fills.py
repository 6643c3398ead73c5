"""Tensors full of one number, or of nothing yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..dispatch.memory import filled
from ..tensor import Tensor
from ..types import dtypes
from ..types.dtypes import get_default_dtype
from .options import extents, finish, kind_from


def _filler(name: str, value: Any) -> Callable[..., Tensor]:
    def make(
        *size: Any,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        **size_keyword: Any,
    ) -> Tensor:
        if not size and "size" not in size_keyword:
            raise TypeError(f"{name}() missing 1 required positional argument: 'size'")
        shape = extents(size or (size_keyword.pop("size"),))
        if size_keyword:
            raise TypeError(
                f"{name}() got an unexpected keyword argument {next(iter(size_keyword))!r}"
            )
        kind = kind_from(dtype, device, get_default_dtype())
        t = Tensor._empty(shape, kind) if value is None else filled(shape, kind, value)
        return finish(t, requires_grad, pin_memory)

    make.__name__ = make.__qualname__ = name
    what = "uninitialized tensor" if value is None else f"tensor full of {value}s"
    make.__doc__ = f"A new {what} of shape `size`."
    return make


zeros = _filler("zeros", 0)
ones = _filler("ones", 1)
empty = _filler("empty", None)


def full(
    size: Sequence[int],
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A new tensor of shape `size` full of `fill_value`, of the value's type or `dtype`."""
    value = fill_value.item() if isinstance(fill_value, (Tensor, np.generic)) else fill_value
    kind = kind_from(dtype, device, dtypes.of_number(value))
    return finish(filled(extents((tuple(size),)), kind, value), requires_grad)


def _like(input: Tensor, value: Any, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    kind = kind_from(dtype, device, input.dtype, input)
    t = Tensor._empty(input._shape, kind) if value is None else filled(input._shape, kind, value)
    return finish(t, requires_grad)


def zeros_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Zeros in the shape, dtype and device of `input`."""
    return _like(input, 0, dtype, device, requires_grad)


def ones_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Ones in the shape, dtype and device of `input`."""
    return _like(input, 1, dtype, device, requires_grad)


def empty_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """An uninitialized tensor in the shape, dtype and device of `input`."""
    return _like(input, None, dtype, device, requires_grad)


def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`fill_value` in the shape, dtype and device of `input`."""
    return _like(input, fill_value, dtype, device, requires_grad)
