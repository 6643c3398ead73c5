"""Diagonals and triangles of matrices."""

from __future__ import annotations

from ...creation import arange, empty
from ...dispatch.structured import apply
from ...ops.places.movement import diagonal as diagonal_row, embed
from ...tensor import Tensor
from ...tensor.methods import method
from ...types.dtypes import bool_
from ...types.integers import whole
from ..naming import ends_as
from ..pointwise.arithmetic import where
from ..views.shapes import diagonal, unsqueeze
from .stacking import atleast_2d, cat


@method
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A matrix with the vector on a diagonal, `diagonal` above the main one; of a matrix, that."""
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    if input.ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return input.diagonal(diagonal).clone()


def block_diag(*tensors: Tensor) -> Tensor:
    """A matrix with others along its diagonal, zeros elsewhere; vectors are rows, numbers 1 by 1.

    Their types are promoted. RuntimeError for tensors of more dimensions.
    """
    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise TypeError(f"block_diag(): argument {i} must be Tensor, not {type(t).__name__}")
        if t.ndim > 2:
            raise RuntimeError(
                "block_diag: Input tensors must have 2 or fewer dimensions. "
                f"Input {i} has {t.ndim} dimensions"
            )
    blocks = [atleast_2d(t) for t in tensors]
    if not blocks:
        return empty(1, 0)
    width, before, rows = sum(b._shape[1] for b in blocks), 0, []
    for b in blocks:
        height, own = b._shape
        after = width - before - own
        zeros = [b.detach().new_zeros((height, n)) for n in (before, after)]
        rows.append(cat([zeros[0], b, zeros[1]], 1))
        before += own
    return cat(rows)


@method
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """A matrix with all elements on a diagonal, `offset` above the main one."""
    return diag_embed(input.reshape(-1), offset)


@method
@ends_as("DiagEmbedBackward0")
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices in dim1 and dim2 of the result, whose diagonals are the last dimension."""
    if not input._shape:
        raise IndexError("diag_embed(): expected a tensor of at least 1 dimension")
    a, b, offset = input._dim(dim1, 1), input._dim(dim2, 1), whole(offset, "offset")
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    n = input._shape[-1] + abs(offset)
    shape = list(input._shape[:-1])
    for d in sorted((a, b)):
        shape.insert(d, n)
    params = {"offset": offset, "dim1": a, "dim2": b}
    return apply(
        embed, (input,), {"through": diagonal_row, "shape": tuple(shape), "params": params}
    )


def _within(name: str, x: Tensor, offset: int) -> Tensor:
    """(rows, columns): whether a place is on or below the diagonal `offset` above the main one."""
    if x.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
    n, m = x._shape[-2:]
    rows, columns = arange(n, device=x.device), arange(m, device=x.device)
    return columns - min(max(offset, -n), m) <= unsqueeze(rows, 1)


@method
@ends_as("TrilBackward0")
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle, up to the diagonal `diagonal` above the main one; zeros elsewhere."""
    return where(_within("tril", input, whole(diagonal, "diagonal")), input, False)


@method
@ends_as("TriuBackward0")
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle, from the diagonal `diagonal` above the main one; zeros elsewhere."""
    return where(_within("triu", input, whole(diagonal, "diagonal") - 1), False, input)


@method
def tril_(input: Tensor, diagonal: int = 0) -> Tensor:
    """tril in place."""
    return input.copy_(tril(input, diagonal))


@method
def triu_(input: Tensor, diagonal: int = 0) -> Tensor:
    """triu in place."""
    return input.copy_(triu(input, diagonal))


@method
@ends_as("TraceBackward0")
def trace(input: Tensor) -> Tensor:
    """The sum of the diagonal of a matrix."""
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    if input.dtype is bool_:
        raise NotImplementedError("\"trace\" is not implemented for 'bool' tensors")
    return diagonal(input).sum()
