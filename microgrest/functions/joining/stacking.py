"""Putting tensors together, and making their shapes fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...dispatch.common import broadcast_shapes, common_device
from ...dispatch.structured import apply
from ...ops.places.indexing import cat as cat_row, stack as stack_row
from ...tensor import Tensor
from ...types import dtypes
from ..aliases import numpy_names
from ..pointwise.conversion import to
from ..views.shapes import expand, reshape, unsqueeze


@numpy_names
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors one after the other along `dim`; dtypes are promoted."""
    if isinstance(tensors, Tensor):
        raise TypeError(
            "cat(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor"
        )
    given = tuple(tensors)
    if not given:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    if _alike(given) and given[0]._shape not in ((), (0,)):
        return apply(cat_row, given, {"dim": given[0]._dim(dim)})
    # PyTorch lets empty vectors through whatever the others' shape.
    parts = tuple(t for t in given if t._shape != (0,)) or given[:1]
    for i, t in enumerate(given):
        if not t._shape:
            raise RuntimeError(
                f"zero-dimensional tensor (at position {i}) cannot be concatenated; use stack()"
            )
    d = parts[0]._dim(dim)
    for i, t in enumerate(parts):
        if t.ndim != parts[0].ndim:
            raise RuntimeError(
                "Tensors must have same number of dimensions: got "
                f"{parts[0].ndim} and {t.ndim} for tensor number {i} in the list"
            )
        if t._shape[:d] + t._shape[d + 1 :] != parts[0]._shape[:d] + parts[0]._shape[d + 1 :]:
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {d}. Expected "
                f"{list(parts[0]._shape)} but got {list(t._shape)} for tensor number {i} in the "
                "list."
            )
    common = dtypes.result_of([t.dtype for t in given], (), ())
    return apply(cat_row, tuple(to(t, dtype=common) for t in parts), {"dim": d})


def _alike(tensors: Sequence[Any]) -> bool:
    """Whether all are of one shape and kind; TypeError for what is no tensor."""
    try:
        shapes, kinds = [t._shape for t in tensors], [t._kind for t in tensors]
    except AttributeError:
        _check_tensors(tensors)
        raise
    n = len(tensors)
    return shapes.count(shapes[0]) == n == kinds.count(kinds[0])


def _check_tensors(tensors: Sequence[Any]) -> None:
    """TypeError for what is no tensor."""
    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise TypeError(f"expected Tensor as element {i}, but got {type(t).__name__}") from None


concat = concatenate = cat


@numpy_names
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape along a new dimension."""
    given = tuple(tensors)
    if not given:
        raise RuntimeError("stack expects a non-empty TensorList")
    if _alike(given):
        return apply(stack_row, given, {"dim": given[0]._dim(dim, 1)})
    d = given[0]._dim(dim, 1)
    common_device("stack", given)
    for i, t in enumerate(given):
        if t._shape != given[0]._shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(given[0]._shape)} at "
                f"entry 0 and {list(t._shape)} at entry {i}"
            )
    common = dtypes.result_of([t.dtype for t in given], (), ())
    return apply(stack_row, tuple(to(t, dtype=common) for t in given), {"dim": d})


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors side by side: along columns, or for vectors one after the other."""
    parts = _at_least("hstack", atleast_1d, tensors)
    return cat(parts, 0 if parts[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors on top of each other; a vector is a row."""
    return cat(_at_least("vstack", atleast_2d, tensors), 0)


row_stack = vstack


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors along the third dimension."""
    return cat(_at_least("dstack", atleast_3d, tensors), 2)


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors side by side; a vector is a column."""
    _check_tensors(tensors)
    return hstack([t if t.ndim > 1 else reshape(t, -1, 1) for t in tensors])


def _at_least(
    name: str, raised: Callable[..., Any], tensors: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    if not tensors:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    _check_tensors(tensors)
    return tuple(raised(t) for t in tensors)


# Shapes that fit


def _several(tensors: tuple[Any, ...]) -> tuple[Tensor, ...]:
    """Tensors given one by one or as one sequence."""
    if len(tensors) == 1 and not isinstance(tensors[0], Tensor):
        tensors = tuple(tensors[0])
    _check_tensors(tensors)
    return tensors


def _each(function: Callable[[Tensor], Tensor], tensors: tuple[Any, ...]) -> Any:
    """`function` of one tensor, or a tuple of it for several."""
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return function(tensors[0])
    return tuple(function(t) for t in _several(tensors))


def atleast_1d(*tensors: Any) -> Any:
    """A 0-d tensor as a vector of one; others as they are. A tuple for several tensors."""
    return _each(lambda t: t if t.ndim else reshape(t, 1), tensors)


def atleast_2d(*tensors: Any) -> Any:
    """A vector as a row, a 0-d tensor as (1, 1); others as they are. A tuple for several."""
    return _each(lambda t: t if t.ndim > 1 else reshape(t, 1, -1), tensors)


def atleast_3d(*tensors: Any) -> Any:
    """A matrix with a third dimension, a vector as (1, n, 1); others as they are."""

    def raised(t: Tensor) -> Tensor:
        return unsqueeze(t, -1) if t.ndim == 2 else reshape(t, 1, -1, 1)

    return _each(lambda t: t if t.ndim > 2 else raised(t), tensors)


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """The tensors expanded to the shape that they broadcast to."""
    given = _several(tensors)
    shape = broadcast_shapes("broadcast_tensors", [t._shape for t in given])
    return tuple(t if t._shape == shape else expand(t, shape) for t in given)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Grids of coordinates from vectors: the i-th output varies along dimension i only.

    With indexing "xy" the first two dimensions are exchanged. The grids are views.
    """
    if indexing not in ("ij", "xy"):
        raise RuntimeError(
            f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    given = _several(tensors)
    if not given:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for t in given:
        if t.ndim > 1:
            raise RuntimeError(
                "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got shape "
                f"{list(t._shape)}"
            )
        if t._kind is not given[0]._kind:
            raise RuntimeError(
                "torch.meshgrid expects all tensors to have the same dtype and device, but got "
                f"{given[0].dtype!r} on {given[0].device} and {t.dtype!r} on {t.device}"
            )
    n = len(given)
    grids = broadcast_tensors(
        *(reshape(t, [-1 if k == i else 1 for k in range(n)]) for i, t in enumerate(given))
    )
    return tuple(g.transpose(0, 1) for g in grids) if indexing == "xy" and n > 1 else grids


def cartesian_prod(*tensors: Any) -> Tensor:
    """Every combination of an element of each vector, as rows; a single vector itself."""
    given = _several(tensors)
    for t in given:
        if t.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(t._shape)}")
    if len(given) == 1:
        return given[0]
    return stack([reshape(grid, -1) for grid in meshgrid(*given)], 1)
