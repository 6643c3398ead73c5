"""softmax, log_softmax and logsumexp: along dimensions of floating-point tensors."""

from __future__ import annotations

from typing import Any

from ...dispatch.families.kernels import SHORT
from ...ops.folds import softmax as rows
from ...ops.row import Row, register_type
from ...tensor import Tensor
from ...tensor.methods import method
from ...types.dtypes import as_dtype, float32, float64, get_default_dtype
from ...types.integers import listed
from ..aliases import numpy_names
from ..remembered import remembered
from .folds import Dims, dims_of

REGISTERS = (float32, float64)


def _along(row: Row, input: Tensor, dim: int, dtype: Any) -> Tensor:
    """`row` of the input, converted to `dtype`; float16 is computed in float32."""
    if not isinstance(input, Tensor):
        raise TypeError(
            f"{row.name}(): argument 'input' must be Tensor, not {type(input).__name__}"
        )
    x = input if dtype is None else input.to(as_dtype(dtype))
    own = x._kind.dtype
    d = dim if dim.__class__ is int and 0 <= dim < len(x._shape) else x._dim(dim)
    if own in REGISTERS:
        return SHORT[row.name](x, dim=d)[0]
    if not x.numel():
        return x.clone()
    row.check_floating(own)
    return SHORT[row.name](x.to(register_type(own)), dim=d)[0].to(own)


@method
@remembered
@numpy_names
def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """exp(x) over its sum along `dim`, without overflow.

    `dtype` is what the input is converted to first. NotImplementedError for integers.
    """
    return _along(rows.softmax, input, dim, dtype)


@method
@remembered
@numpy_names
def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """The logarithm of softmax along `dim`, right where softmax is 0 or 1 in the type as well.

    `dtype` is what the input is converted to first. NotImplementedError for integers.
    """
    return _along(rows.log_softmax, input, dim, dtype)


@method
@remembered
@numpy_names
def logsumexp(input: Tensor, dim: Dims, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) along `dim`, without overflow; integers become the default type."""
    if not isinstance(input, Tensor):
        name = type(input).__name__
        raise TypeError(f"logsumexp(): argument 'input' must be Tensor, not {name}")
    if input._shape and not listed(dim):
        raise RuntimeError(
            f"logsumexp(): `dim` is empty, for an input of {input.ndim} dimensions; give what "
            "is to be added up"
        )
    own = input.dtype if input.is_floating_point() else get_default_dtype()
    x = input.to(register_type(own))
    gone = dims_of(x, dim)
    kept = [d for d in range(x.ndim) if d not in gone]
    if len(gone) != 1:  # to one dimension, the last
        x = x.permute(*kept, *gone) if x.ndim else x
        x = x.flatten(len(kept)) if gone else x.unsqueeze(-1)
    y = SHORT["logsumexp"](x, dim=gone[0] if len(gone) == 1 else len(kept))[0].to(own)
    shape = [1 if d in gone else n for d, n in enumerate(input._shape)]
    return y.reshape(shape) if keepdim else y
