"""Indexing, reading and writing: x[...] with numbers, slices, None, `...`, masks and index tensors.

Numbers, slices and None make views. What masks and index tensors are left over then pick positions
in the row-major order of that view, which `gather` reads and `put` writes, both differentiable.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ... import recording
from ...creation import as_tensor
from ...dispatch.common import number_as
from ...dispatch.elementwise import call, fill
from ...dispatch.families.gathering import put, put_slices
from ...dispatch.families.parts import write as write_part
from ...dispatch.structured import apply
from ...ops.places import indexing as rows
from ...ops.places.movement import slice_, view
from ...ops.pointwise.convert import copy as copy_row
from ...ops.pointwise.elementwise import add
from ...tensor import Tensor
from ...tensor.arrays import from_numpy
from ...tensor.methods import method
from ...types.dtypes import INTEGER, bool_, int8, int16, int32, int64, uint8
from ...types.integers import whole
from ..places import (
    Index,
    check_within_reach,
    checked,
    counted,
    index_of,
    numbers_slices,
    tensor_of,
    unless_changed,
)
from ..views.shapes import check_stride, select, unsqueeze
from .viewed import viewed


@method(name="__getitem__")
def getitem(self: Tensor, index: Any) -> Tensor:
    """Part of the tensor: a view for numbers, slices, None, `...`; a copy where tensors index."""
    if index.__class__ is int:
        return _one(self, 0, index) if self._shape else _too_many(self, ())
    if index.__class__ is Tensor:
        if numbers_slices(index, self):
            return apply(rows.take_slices, (self, index), {"dim": 0})
        if index._kind.dtype is bool_ and index._shape == self._shape and index._shape:
            return _chosen(self, index)
    elif index.__class__ is tuple:
        if _is_column(index) and numbers_slices(index[1], self, 1):
            return apply(rows.take_slices, (self, index[1]), {"dim": 1})
        return viewed(self, index, _part)
    elif index.__class__ is slice:
        return viewed(self, (index,), _part)
    return _part(self, index)


def _part(self: Tensor, index: Any) -> Tensor:
    """`getitem` by all that can index."""
    x, pickers = _basic(self, index)
    if not pickers:
        if x is not self:
            return x
        name = "AliasBackward0" if index is Ellipsis else "SliceBackward0"
        return apply(view, (self,), {"size": tuple(self._shape)}, name)
    picked = [d for d, picker in enumerate(pickers) if picker is not None]
    if len(picked) == 1 and x.numel():
        return _slices(x, picked[0], pickers[picked[0]])
    return apply(rows.gather, (x, _positions(x, pickers)), {})


def _is_column(index: tuple[Any, ...]) -> bool:
    """Whether an index is [:, t] of a tensor t."""
    pair = len(index) == 2 and index[1].__class__ is Tensor
    return pair and index[0].__class__ is slice and bool(index[0] == slice(None))


def _chosen(x: Tensor, mask: Tensor) -> Tensor:
    """The elements where a mask of the same shape is True, in one dimension."""
    recording.shapes("indexing with a mask")
    check_within_reach(mask, x.device)
    places = from_numpy(np.flatnonzero(mask.detach()._numpy()))
    return apply(rows.gather, (x, places.to(x.device)), {})


def _slices(x: Tensor, d: int, index: Tensor) -> Tensor:
    """Whole slices along dimension d, by an index of any shape."""
    return apply(rows.take_slices, (x, _numbers(x, d, index)), {"dim": d})


def _numbers(x: Tensor, d: int, index: Tensor) -> Tensor:
    """The numbers of slices along dimension d, none of them negative."""
    values = index_of(index, x.device)
    return unless_changed(index, values, _in_range(values, x._shape[d], d))


@method(name="__setitem__")
def setitem(self: Tensor, index: Any, value: Any) -> None:
    """Write to part of the tensor, in place; `value` broadcasts and is converted."""
    if value is None or isinstance(value, str):
        raise TypeError(f"can't assign a {type(value).__name__} to a {self.type()}")
    if index is False or (index.__class__ is int and write_part(self, index, value)):
        return
    if index is True:  # all of it, which is no choice of places
        index = ...
    if recording.state.recorder is not None and _fills(self, index, value):
        mask = index.reshape(index._shape + (1,) * (self.ndim - index.ndim))
        self.masked_fill_(mask, value)
        return
    target, pickers = _basic(self, index)
    number = value.__class__ is float or (isinstance(value, int) and value.bit_length() < 64)
    if number and not pickers:
        fill("setitem", target, value, repeats=False)
        return
    if not isinstance(value, Tensor):
        value = number_as(self.dtype, value) if number else value
        value = as_tensor(value, dtype=self.dtype, device=self.device)
    if not pickers:
        value = _trimmed(value.to(self.device), target.ndim)
        call(copy_row, (target, value), in_place=True)
        return
    spot = _spot(target, pickers)
    value = _trimmed(value if value._shape else value.to(self.device), len(spot.shape))
    if value.dtype is not self.dtype and _converts(index, value):
        value = value.to(self.dtype)
    _put(target, value, spot, accumulate=False)


def _converts(index: Any, value: Tensor) -> bool:
    """Whether PyTorch converts `value`: no tensor or bool indexes, or a mask takes its element."""
    chosen = [i for i in map(_item, _as_tuple(index)) if isinstance(i, (Tensor, bool))]
    one = chosen[0] if len(chosen) == 1 else None
    one_mask = isinstance(one, Tensor) and one.dtype is bool_ and value.numel() == 1
    return not chosen or one_mask


def _trimmed(value: Tensor, ndim: int) -> Tensor:
    """`value` without leading dimensions of one element beyond `ndim`."""
    extra = value.ndim - ndim
    if extra > 0 and all(n == 1 for n in value._shape[:extra]):
        return value.reshape(value._shape[extra:])
    return value


def _fills(x: Tensor, index: Any, value: Any) -> bool:
    """Whether one number goes where a mask over the first dimensions of `x` is True."""
    is_mask = isinstance(index, Tensor) and index.dtype is bool_ and index.ndim > 0
    shape = value._shape if isinstance(value, Tensor) else np.shape(value)
    return is_mask and not shape and index._shape == x._shape[: index.ndim]


@method
def index_put(
    input: Tensor, indices: Sequence[Any], values: Tensor, accumulate: bool = False
) -> Tensor:
    """index_put_ of a copy."""
    return index_put_(input.clone(), indices, values, accumulate)


@method
def index_put_(
    self: Tensor, indices: Sequence[Any], values: Tensor, accumulate: bool = False
) -> Tensor:
    """Write `values` at the positions that index tensors name, or add them there."""
    if not isinstance(indices, (tuple, list)):
        raise TypeError(
            "index_put(): argument 'indices' (position 1) must be tuple of Tensors, not "
            f"{type(indices).__name__}"
        )
    if not isinstance(values, Tensor):
        raise TypeError(
            "index_put(): argument 'values' (position 2) must be Tensor, not "
            f"{type(values).__name__}"
        )
    for i in indices:
        if isinstance(i, Tensor) and i.dtype in (int8, int16):
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    target, pickers = _basic(self, tuple(indices))
    if pickers:
        values = values if values._shape else values.to(self.device)
        _put(target, values, _spot(target, pickers), accumulate=accumulate)
    else:
        call(add if accumulate else copy_row, (target, values), in_place=True)
    return self


class _Spot(NamedTuple):
    """Where something is written: flat `places`, or numbers of slices along `dim`; its shape."""

    places: Tensor
    dim: int | None
    shape: tuple[int, ...]


def _spot(x: Tensor, pickers: list[Any]) -> _Spot:
    """What index tensors choose: slices, where there is one on the CPU."""
    picked = [d for d, picker in enumerate(pickers) if picker is not None]
    if len(picked) > 1 or not x.is_cpu or x.ndim < 2 or not x.numel():
        places = _positions(x, pickers)
        return _Spot(places, None, places._shape)
    (d,) = picked
    numbers = _numbers(x, d, pickers[d])
    return _Spot(numbers, d, (*x._shape[:d], *numbers._shape, *x._shape[d + 1 :]))


def _put(target: Tensor, value: Tensor, spot: _Spot, *, accumulate: bool) -> None:
    """The write of `value`, which broadcasts."""
    if value.dtype is not target.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{target.dtype!r} for the destination and {value.dtype!r} for the source."
        )
    places, dim, shape = spot
    if not _expands(value._shape, shape):
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(value._shape)} cannot be broadcast to "
            f"indexing result of shape {list(shape)}"
        )
    if dim is None:
        put(target, value, places, accumulate)
    else:
        row = rows.put_slices
        put_slices(target, value, places, row, "index_put", dim=dim, accumulate=accumulate)


# Parsing


def _basic(x: Tensor, index: Any) -> tuple[Tensor, list[Any]]:
    """The view that numbers, slices, None and `...` make, and per dimension of it a picker or None.

    The list is empty where no tensor indexes.
    """
    if index.__class__ is int and x._shape:
        return _one(x, 0, index), []
    items = [_item(i) for i in _as_tuple(index)]
    items = _fill_ellipsis(x, items)
    pickers: list[Any] = []
    d = fewer = 0  # how many dimensions the tensor that was given has before this one
    for item in items:
        if isinstance(item, bool):
            item = from_numpy(np.array([0] if item else [], np.int64))
            x = unsqueeze(x, d)
            fewer += 1
        if item is None:
            x = unsqueeze(x, d)
            fewer += 1
        elif isinstance(item, int):
            x = _one(x, d, item, d - fewer) if d < x.ndim else _too_many(x, items)
            fewer -= 1
            continue
        elif isinstance(item, slice):
            x = _sliced(x, d, item)
        elif item.dtype is bool_:
            found = _mask_positions(x, d, item)
            pickers += [None] * (d - len(pickers)) + found
            d += len(found)
            continue
        else:
            pickers += [None] * (d - len(pickers)) + [item]
        d += 1
    if not any(p is not None for p in pickers):
        return x, []
    return x, pickers + [None] * (x.ndim - len(pickers))


def _one(x: Tensor, d: int, index: int, named: int = 0) -> Tensor:
    """`index` of dimension `d`, which is called `named` in errors."""
    n = x._shape[d]
    if not -n <= index < n:
        whole(index, "index")
        raise IndexError(f"index {index} is out of bounds for dimension {named} with size {n}")
    return select(x, d, index)


def _expands(own: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether a tensor of shape `own` broadcasts to `shape`."""
    ends = zip(reversed(own), reversed(shape), strict=False)
    return len(own) <= len(shape) and all(a in (1, b) for a, b in ends)


def _as_tuple(index: Any) -> Sequence[Any]:
    """The indices one by one. As in PyTorch, a list of more than numbers counts as a tuple."""
    if isinstance(index, tuple):
        return index
    mixed = (Tensor, Sequence, np.ndarray, slice, type(None), type(Ellipsis))
    if isinstance(index, list) and any(isinstance(i, mixed) for i in index):
        return index
    return [index]


def _item(i: Any) -> Any:
    """An index as a bool, int, slice, None, Ellipsis, or integer or bool tensor."""
    if i is None or i is Ellipsis or isinstance(i, (bool, int, slice)):
        return i
    if isinstance(i, np.integer):
        return i.item()
    if isinstance(i, str):
        raise TypeError(f"invalid index {i!r}: a tensor has no names")
    if isinstance(i, (list, tuple, range, np.ndarray)):
        i = as_tensor(np.asarray(i), device="cpu")
        i = i.to(int64) if not i.numel() or i.dtype in (int8, int16) else i
    if isinstance(i, Tensor) and i.dtype is uint8:
        i = i.to(bool_)
    if isinstance(i, Tensor) and not i._shape and i.dtype.category == INTEGER:
        return i.item()
    if not isinstance(i, Tensor) or i.dtype not in (bool_, int32, int64):
        what = f"{i.dtype!r} tensor" if isinstance(i, Tensor) else f"{type(i).__name__} {i!r}"
        raise IndexError(
            "tensors used as indices must be long, int, byte or bool tensors; only integers, "
            "slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
            f"(got {what})"
        )
    return i if i._shape else i.item()


def _fill_ellipsis(x: Tensor, items: list[Any]) -> list[Any]:
    """`...` as the full slices that it stands for."""
    used = sum(
        1 if not isinstance(i, Tensor) or i.dtype is not bool_ else i.ndim
        for i in items
        if _uses(i)
    )
    if used > x.ndim:
        _too_many(x, items)
    where = [k for k, i in enumerate(items) if i is Ellipsis]
    if len(where) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    at = where[0] if where else len(items)
    return items[:at] + [slice(None)] * (x.ndim - used) + items[at + 1 :]


def _uses(i: Any) -> bool:
    return i is not None and i is not Ellipsis and not isinstance(i, bool)


def _too_many(x: Tensor, items: Sequence[Any]) -> Any:
    raise IndexError(f"too many indices for tensor of dimension {x.ndim}")


def _sliced(x: Tensor, d: int, s: slice) -> Tensor:
    if s == slice(None):
        return x
    step = 1 if s.step is None else operator.index(s.step)
    if step <= 0:
        raise ValueError("step must be greater than zero; use flip() to reverse a dimension")
    start, stop, step = slice(
        *(None if v is None else operator.index(v) for v in (s.start, s.stop, step))
    ).indices(x._shape[d])
    check_stride(x._strides[d], step)
    return apply(slice_, (x,), {"dim": d, "start": start, "stop": max(stop, start), "step": step})


def _mask_positions(x: Tensor, d: int, mask: Tensor) -> list[Tensor]:
    """A bool tensor as one index tensor per dimension that it covers."""
    recording.shapes("indexing with a mask")
    check_within_reach(mask, x.device)
    for k, (n, m) in enumerate(zip(x._shape[d:], mask._shape, strict=False)):
        if n != m:
            raise IndexError(
                f"The shape of the mask {list(mask._shape)} at index {k} does not match the shape "
                f"of the indexed tensor {list(x._shape)} at index {d + k}"
            )
    return [from_numpy(i.copy()) for i in np.nonzero(mask.detach()._numpy())]


def _positions(x: Tensor, pickers: list[Any]) -> Tensor:
    """Flat positions in `x` of every element that the pickers name, in the result's shape.

    Index tensors broadcast together; their dimensions stand where the first of them was, or in
    front if a slice is between them.
    """
    picked = [d for d, p in enumerate(pickers) if p is not None]
    try:
        shape = np.broadcast_shapes(*(tuple(pickers[d]._shape) for d in picked))
    except ValueError:
        shapes = ", ".join(str(list(pickers[d]._shape)) for d in picked)
        raise IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
        ) from None
    together = picked[-1] - picked[0] == len(picked) - 1
    first = picked[0] if together else 0
    kept = [d for d in range(x.ndim) if d not in picked]
    before = [d for d in kept if together and d < first]
    after = kept[len(before) :]
    empty = 0 in shape or any(x._shape[d] == 0 for d in kept)
    total: Any = 0
    for d in range(x.ndim):
        step = math.prod(x._shape[d + 1 :])
        if d in picked:
            index = index_of(pickers[d], x.device)
            if not empty:
                index = _in_range(index, x._shape[d], d)
            elif not x._shape[d] and 0 not in shape:
                raise IndexError(f"index is out of bounds for dimension {d} with size 0")
            lead = (1,) * (len(shape) - index.ndim)
            index = index.reshape(lead + tuple(index.shape) + (1,) * len(after)) * step
        else:
            right = (
                len(after) - after.index(d) - 1
                if d in after
                else len(after) + len(shape) + len(before) - before.index(d) - 1
            )
            index = counted(x._shape[d], step, right + 1, x.device)
        total = total + index
    return tensor_of(total)


def _in_range(index: Index, n: int, d: int) -> Index:
    """`index` counted from the front; IndexError where it is out of range."""
    text = f"index {{}} is out of bounds for dimension {d} with size {n}"
    return checked(index, -n, n, lambda wrong: IndexError(text.format(wrong)))
