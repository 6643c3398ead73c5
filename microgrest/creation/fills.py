"""Tensors full of one number, or of nothing yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..dispatch.writes.memory import filled
from ..tensor import Tensor
from ..types import dtypes
from ..types.dtypes import get_default_dtype
from ..types.layouts import without_layout
from .options import check_like, check_options, extents, finish, kind_from


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
            check_options(name, size_keyword)
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


def _check_full(size: Any, value: Any) -> None:
    """TypeError for a `size` that is no sequence, and for what is no number to fill with."""
    if not isinstance(size, (tuple, list)):
        raise TypeError(
            f"full(): argument 'size' (position 1) must be tuple of ints, not {type(size).__name__}"
        )
    if not isinstance(value, (bool, int, float, complex, np.generic, Tensor)):
        raise TypeError(
            f"full(): argument 'fill_value' (position 2) must be Number, not {type(value).__name__}"
        )


def full(
    size: Sequence[int],
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A new tensor of shape `size` full of `fill_value`, of the value's type or `dtype`."""
    _check_full(size, fill_value)
    value = fill_value.item() if isinstance(fill_value, (Tensor, np.generic)) else fill_value
    if isinstance(value, complex):
        raise NotImplementedError(f"full(): there are no complex tensors here, to hold {value!r}")
    kind = kind_from(dtype, device, dtypes.of_number(value))
    return finish(filled(extents((tuple(size),)), kind, value), requires_grad, pin_memory)


def scalar_tensor(s: Any, *, dtype: Any = None, **options: Any) -> Tensor:
    """A tensor without dimensions of the number `s`, of the default dtype if none is given."""
    if getattr(s, "ndim", 0):
        raise TypeError(
            f"scalar_tensor(): argument 's' (position 1) must be Number, not {type(s).__name__}"
        )
    return full((), s, dtype=dtype or get_default_dtype(), **without_layout(options))


def _like(
    name: str, input: Any, value: Any, dtype: Any, device: Any, requires_grad: bool, options: Any
) -> Tensor:
    if options or not isinstance(input, Tensor):
        check_like(name, input, options)
    kind = kind_from(dtype, device, input.dtype, input)
    t = Tensor._empty(input._shape, kind) if value is None else filled(input._shape, kind, value)
    return finish(t, requires_grad, options.get("pin_memory", False))


def zeros_like(
    input: Tensor,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Zeros in the shape, dtype and device of `input`."""
    return _like("zeros_like", input, 0, dtype, device, requires_grad, options)


def ones_like(
    input: Tensor,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Ones in the shape, dtype and device of `input`."""
    return _like("ones_like", input, 1, dtype, device, requires_grad, options)


def empty_like(
    input: Tensor,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """An uninitialized tensor in the shape, dtype and device of `input`."""
    return _like("empty_like", input, None, dtype, device, requires_grad, options)


def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """`fill_value` in the shape, dtype and device of `input`."""
    return _like("full_like", input, fill_value, dtype, device, requires_grad, options)
