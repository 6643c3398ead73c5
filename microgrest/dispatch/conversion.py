"""A tensor as another dtype or on another device, recorded as the ops that it takes."""

from __future__ import annotations

from typing import Any

from ..ops.pointwise import convert as rows
from ..tensor import Tensor
from ..tensor.storage import kind_of
from ..types.device import device as device_type
from ..types.dtypes import as_dtype
from .structured import apply


def convert(x: Tensor, dtype: Any = None, device: Any = None, *, blocking: bool = True) -> Tensor:
    """`x` with what is given of dtype and device; itself if it has both."""
    wanted = x._kind.dtype if dtype is None else as_dtype(dtype)
    kind = kind_of(wanted, x._kind.device if device is None else device_type(device))
    if wanted is not x._kind.dtype:
        x = rows.to[wanted](x)
    if kind is not x._kind:
        x = apply(rows.transfer, (x,), {"device": kind.device, "blocking": blocking})
    return x
