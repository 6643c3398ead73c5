"""What functions of matrices ask of what they are given, and say of what failed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import recording
from ..dispatch.common import broadcast_shapes, common_device
from ..graph.modes import state
from ..tensor import Tensor
from ..types.dtypes import float16


class LinAlgError(RuntimeError):
    """A matrix is singular, or not positive definite, or an algorithm did not converge."""


LinAlgError.__module__ = __name__.rpartition(".")[0]


def check_floating(name: str, *tensors: Any) -> None:
    """TypeError but for tensors, RuntimeError but for those of float32 or float64 on one device."""
    for x in tensors:
        if not isinstance(x, Tensor):
            raise TypeError(f"{name}(): expected a Tensor, but got {type(x).__name__}")
        if not x.is_floating_point():
            raise RuntimeError(
                f"{name}: Expected a floating point or complex tensor as input. Got {x.dtype!r}"
            )
        if x.dtype is float16:
            raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {x.dtype!r}")
    common_device(name, tensors)


def check_alike(name: str, a: Tensor, b: Tensor) -> None:
    """RuntimeError unless both have one dtype."""
    if a.dtype is not b.dtype:
        raise RuntimeError(
            f"{name}: Expected A and B to have the same dtype, but found A of type {a.dtype!r} and "
            f"B of type {b.dtype!r} instead"
        )


def check_matrix(name: str, a: Tensor, called: str = "A") -> None:
    """RuntimeError unless there are two dimensions at least."""
    if a.ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor {called} must have at least 2 dimensions."
            f" Got shape {list(a._shape)}"
        )


def check_square(name: str, a: Tensor, called: str = "A") -> None:
    """RuntimeError unless `a` is a square matrix or a batch of such."""
    check_matrix(name, a, called)
    rows, columns = a._shape[-2:]
    if rows != columns:
        raise RuntimeError(
            f"{name}: {called} must be batches of square matrices, but they are {rows} by "
            f"{columns} matrices"
        )


def check_info(
    name: str, a: Tensor, info: Tensor, says: Callable[[int], str], error: Any = LinAlgError
) -> None:
    """`error` where `info` is not 0, naming the element of the batch; `a` is what was given."""
    recording.leaves(f"{name}(), which looks whether it went well,", "call it outside of the step")
    codes = info.cpu().numpy().reshape(-1)
    if codes.any():
        at = int(np.flatnonzero(codes)[0])
        which = f"(Batch element {at}): " if a.ndim > 2 else ""
        raise error(f"{name}: {which}{says(int(codes[at]))}")


def records(*tensors: Tensor) -> bool:
    """Whether an op on these is recorded."""
    return state.grad and any(x._requires_grad for x in tensors)


# Batches, of any number of dimensions, as rows take them: of one


def stacked(a: Tensor) -> Tensor:
    """(batch, rows, columns)."""
    return a.reshape(math.prod(a._shape[:-2]), *a._shape[-2:])


def parts(found: Tensor, batch: Sequence[int], *shapes: tuple[int, ...]) -> list[Tensor]:
    """What a row found of each matrix, in tensors of their own."""
    sizes = [math.prod(shape) for shape in shapes]
    pieces = found.split(sizes, 1) if len(sizes) > 1 else [found]
    return [
        (piece.clone() if len(sizes) > 1 else piece).reshape(*batch, *shape)
        for piece, shape in zip(pieces, shapes, strict=True)
    ]


def together(name: str, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both with one batch, which their own broadcast to."""
    batch = broadcast_shapes(name, [tuple(a._shape[:-2]), tuple(b._shape[:-2])])
    return a.expand(*batch, *a._shape[-2:]), b.expand(*batch, *b._shape[-2:])
