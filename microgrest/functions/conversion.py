"""Copies of a tensor as another dtype, on another device, or contiguous."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..device import device as device_type
from ..dispatch.structured import apply
from ..dtypes import dtype
from ..methods import method
from ..ops import convert as rows
from ..storage import kind_of
from ..tensor import Tensor


@method
def contiguous(input: Tensor) -> Tensor:
    """The tensor itself if it is contiguous, else a copy that is."""
    return input if input._flat is not None else input.clone()


@method
def to(
    input: Tensor,
    *args: Any,
    dtype: Any = None,
    device: Any = None,
    copy: bool = False,
    non_blocking: bool = False,
) -> Tensor:
    """The tensor as another dtype or on another device, or like another tensor.

    It is the tensor itself if nothing changes, unless `copy`.
    """
    for a in args:
        if isinstance(a, Tensor):
            dtype, device = a.dtype, a.device
        elif isinstance(a, (str, device_type)) or a.__class__ is int:
            device = a
        elif isinstance(a, bool):
            continue
        elif a is not None:
            dtype = a
    wanted = input._kind.dtype if dtype is None else dtypes.as_dtype(dtype)
    kind = kind_of(wanted, input._kind.device if device is None else device_type(device))
    if kind is input._kind:
        return input.clone() if copy else input
    if wanted is not input._kind.dtype:
        input = rows.to[wanted](input)
    if kind is not input._kind:
        input = apply(rows.transfer, (input,), {"device": kind.device, "blocking": not non_blocking})
    return input


def _conversion(name: str, d: dtype) -> None:
    def convert(self: Tensor) -> Tensor:
        return to(self, dtype=d)

    convert.__name__, convert.__doc__ = name, f"The tensor as {d.name}."
    method(name=name)(convert)


_NAMES = {"bool": dtypes.bool_, "byte": dtypes.uint8, "char": dtypes.int8, **dtypes.ALIASES}
for _name, _d in _NAMES.items():
    _conversion(_name, _d)


@method
def type_as(input: Tensor, other: Tensor) -> Tensor:
    """The tensor with the dtype and device of `other`."""
    return to(input, other)


@method
def cpu(input: Tensor) -> Tensor:
    """The tensor in host memory."""
    return to(input, device="cpu")


@method
def cuda(input: Tensor, device: Any = None, non_blocking: bool = False) -> Tensor:
    """The tensor on a GPU, the current one by default."""
    return to(input, device="cuda" if device is None else device, non_blocking=non_blocking)
