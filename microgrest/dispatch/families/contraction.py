"""Matrix products on tensors: shapes and types checked, then the device's product."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ...kernels.kinds.matrices.product import BY_BLAS, PRODUCT, contiguous
from ...kernels.source.matrices import Matrix
from ...ops.row import Row
from ...tensor import Tensor
from ...types.dtypes import bool_
from ..common import common_device
from ..ready import Launch
from ..structured import Plan, apply, family, planned

# The dimensions of the operands, and the shapes as PyTorch's messages name them.
RANKS = {"mm": (2, 2), "bmm": (3, 3), "mv": (2, 1), "dot": (1, 1)}


def product(row: Row, a: Any, b: Any, name: str = "") -> Tensor:
    """The product of `a` and `b`, whose node goes by `name`; see `check` for errors."""
    plain = a.__class__ is Tensor and b.__class__ is Tensor and a._kind is b._kind
    if not plain or a._kind.dtype is bool_ or _result(row.name, a._shape, b._shape) is None:
        check(row.name, a, b)
    return apply(row, (a, b), {}, name)


@lru_cache(maxsize=4096)
def _result(name: str, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape of a product, None where the operands' shapes do not fit."""
    if (len(a), len(b)) != RANKS[name] or a[-1] != b[-2:][0] or (len(b) == 3 and a[0] != b[0]):
        return None
    return (*a[:-1], *b[-1:] * (len(b) > 1))


@planned("contraction")
def plan(row: Row, a: Tensor, b: Tensor) -> Plan:
    """The product of contiguous operands, which have been checked."""
    shape, left, right = _result(row.name, a._shape, b._shape), a._shape, b._shape
    assert shape is not None
    kinds, params = a._kind.kernels.kinds, a._kind.array_type
    if getattr(kinds, "ready", None) is not None and row.name == "mm" and params in BY_BLAS:
        return Plan(Launch(contiguous, (left, right, shape)), [(shape, a._kind)])

    def launch(x: Any, y: Any, z: Any) -> None:
        kinds.run(PRODUCT, params, ((x, 0, left, None), (y, 0, right, None), (z, 0, shape, None)))

    return Plan(Launch(launch), [(shape, a._kind)])


@family("contraction")
def contract(row: Row, a: Tensor, b: Tensor) -> Tensor:
    """The product of `a` and `b`, which have been checked."""
    shape = _result(row.name, a._shape, b._shape)
    assert shape is not None
    y = Tensor._empty(shape, a._kind)
    operands = _matrix(a), _matrix(b), (y._flat, 0, shape, None)
    a._kind.kernels.kinds.run(PRODUCT, a._kind.array_type, operands)
    return y


def _matrix(t: Tensor) -> Matrix:
    if t._flat is not None:
        return t._flat, 0, t._shape, None
    return t._storage.array, t._offset, t._shape, t._strides


def check(name: str, a: Any, b: Any) -> None:
    """RuntimeError unless `name` takes operands of these shapes, types and devices."""
    ranks = RANKS[name]
    for what, t, rank in zip(("self", "mat2"), (a, b), ranks, strict=True):
        if not isinstance(t, Tensor):
            raise TypeError(f"{name}(): {what} must be Tensor, not {type(t).__name__}")
        if len(t._shape) != rank:
            raise RuntimeError(
                f"{name}(): {what} must be a {rank}-D tensor, got shape {list(t._shape)}"
            )
    if a._kind is not b._kind:
        common_device(name, (a, b))
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {a.dtype!r} != {b.dtype!r} in "
            f"{name}()"
        )
    if a.dtype is bool_:
        raise NotImplementedError(
            f'"{name}" is not implemented for {a.dtype.name!r} tensors; convert them with .int()'
        )
    batched = ranks[1] == 3
    if a._shape[-1] != b._shape[batched] or (batched and a._shape[0] != b._shape[0]):
        raise RuntimeError(
            f"{name}(): mat1 and mat2 shapes cannot be multiplied ({_by(a)} and {_by(b)})"
        )


def _by(t: Tensor) -> str:
    return "x".join(map(str, t._shape))
