"""Views and other movements, with dimensions as users give them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import dtypes
from ..device import device as device_type
from ..dispatch.structured import apply
from ..dtypes import dtype
from ..ops import convert as conversions
from ..ops import movement as rows
from ..ops.indexing import cat as cat_row
from ..storage import kind_of
from ..tensor import Tensor
from ..methods import method


def sizes(args: tuple[Any, ...]) -> tuple[int, ...]:
    """Numbers given one by one or as one sequence."""
    if len(args) == 1 and not isinstance(args[0], (int, Tensor)):
        args = tuple(args[0])
    return tuple(n.__index__() for n in args)


def _inferred(x: Tensor, size: tuple[int, ...]) -> tuple[int, ...]:
    """`size` with its -1, if any, replaced by what fits; RuntimeError where nothing does."""
    n = x.numel()
    unknown = [d for d, extent in enumerate(size) if extent == -1]
    known = math.prod(extent for extent in size if extent != -1)
    if len(unknown) > 1:
        raise RuntimeError("only one dimension can be inferred")
    if unknown:
        if known == 0:
            raise RuntimeError(
                f"cannot reshape tensor of {n} elements into shape {list(size)} because the unspecified dimension "
                "size -1 can be any value and is ambiguous"
            )
        size = tuple(n // known if extent == -1 else extent for extent in size)
    if math.prod(size) != n or any(extent < 0 for extent in size):
        raise RuntimeError(f"shape '{list(size)}' is invalid for input of size {n}")
    return size


@method
def view(input: Tensor, *shape: Any) -> Tensor:
    """The same memory in another shape; RuntimeError where that needs a copy. Or another dtype."""
    if len(shape) == 1 and isinstance(shape[0], dtype):
        raise RuntimeError("view(dtype) is not supported; use .to(dtype) to convert the values")
    size = _inferred(input, sizes(shape))
    if rows.reshaped_strides(input._shape, input._strides, size) is None:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            "contiguous subspaces). Use .reshape(...) instead."
        )
    return apply(rows.view, (input,), {"size": size})


@method
def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The elements in another shape: a view where possible, else a copy."""
    size = _inferred(input, sizes(shape))
    if rows.reshaped_strides(input._shape, input._strides, size) is None:
        input = input.clone()
    return apply(rows.view, (input,), {"size": size})


@method
def view_as(input: Tensor, other: Tensor) -> Tensor:
    """view(other.shape)."""
    return view(input, other._shape)


@method
def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """reshape(other.shape)."""
    return reshape(input, other._shape)


@method
def permute(input: Tensor, *dims: Any) -> Tensor:
    """The dimensions in the order `dims`."""
    order = tuple(input._dim(d) for d in sizes(dims))
    if sorted(order) != list(range(input.ndim)):
        raise RuntimeError(
            f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {input.ndim} is not equal to len(dims) = {len(order)}"
            if len(order) != input.ndim
            else f"permute(): duplicate dims are not allowed: {list(order)}"
        )
    return apply(rows.permute, (input,), {"dims": order})


@method
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions exchanged."""
    order = list(range(input.ndim))
    a, b = input._dim(dim0), input._dim(dim1)
    if order:
        order[a], order[b] = b, a
    return apply(rows.permute, (input,), {"dims": tuple(order)})


swapaxes = swapdims = transpose


@method
def t(input: Tensor) -> Tensor:
    """The transpose of a matrix; vectors and numbers as they are."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return transpose(input, 0, 1) if input.ndim == 2 else apply(rows.permute, (input,), {"dims": tuple(range(input.ndim))})


@method
def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """The dimensions `source` at positions `destination`, the others in their order."""
    src = [input._dim(d) for d in ([source] if isinstance(source, int) else source)]
    dst = [input._dim(d) for d in ([destination] if isinstance(destination, int) else destination)]
    if len(src) != len(dst) or len(set(src)) != len(src) or len(set(dst)) != len(dst):
        raise RuntimeError(f"movedim: repeated or unequal numbers of dims: source {src}, destination {dst}")
    order = [d for d in range(input.ndim) if d not in src]
    for d, s in sorted(zip(dst, src, strict=True)):
        order.insert(d, s)
    return apply(rows.permute, (input,), {"dims": tuple(order)})


moveaxis = movedim


@method
def expand(input: Tensor, *size: Any) -> Tensor:
    """Dimensions of one element repeated to `size`, without memory; -1 keeps an extent."""
    wanted = sizes(size)
    missing = len(wanted) - input.ndim
    if missing < 0:
        raise RuntimeError(
            f"expand({list(wanted)}): the number of sizes provided ({len(wanted)}) must be greater or equal to the "
            f"number of dimensions in the tensor ({input.ndim})"
        )
    own = (1,) * missing + tuple(input._shape)
    full = tuple(o if w == -1 and d >= missing else w for d, (o, w) in enumerate(zip(own, wanted, strict=True)))
    for d, (o, w) in enumerate(zip(own, full, strict=True)):
        if o not in (1, w) or w < 0:
            raise RuntimeError(
                f"The expanded size of the tensor ({w}) must match the existing size ({o}) at non-singleton dimension "
                f"{d}.  Target sizes: {list(wanted)}.  Tensor sizes: {list(input._shape)}"
            )
    return apply(rows.expand, (input,), {"size": full})


@method
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """expand(other.shape)."""
    return expand(input, other._shape)


@method
def broadcast_to(input: Tensor, size: Sequence[int]) -> Tensor:
    """expand(size)."""
    return expand(input, tuple(size))


@method
def sum_to_size(input: Tensor, *size: Any) -> Tensor:
    """The sum over whatever dimensions lead from `size` to the tensor's shape by broadcasting."""
    return apply(rows.sum_to_size, (input,), {"size": sizes(size)})


@method
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """A new dimension of one element at `dim`."""
    d = input._dim(dim, 1) if input._shape else (dim % 1 if -1 <= dim < 1 else input._dim(dim))
    return apply(rows.view, (input,), {"size": (*input._shape[:d], 1, *input._shape[d:])})


@method
def squeeze(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Without the dimensions of one element: all of them, or those of `dim` that are."""
    given = range(input.ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    gone = {input._dim(d) for d in given}
    size = tuple(n for d, n in enumerate(input._shape) if n != 1 or d not in gone)
    return apply(rows.view, (input,), {"size": size})


@method
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dimensions from start_dim to end_dim as one."""
    if not input._shape:
        return reshape(input, 1)
    first, last = input._dim(start_dim), input._dim(end_dim)
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    return reshape(input, *input._shape[:first], math.prod(input._shape[first : last + 1]), *input._shape[last + 1 :])


@method
def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension."""
    return reshape(input, -1)


@method
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """The dimension `dim` split into `sizes`, of which one may be -1."""
    d = input._dim(dim)
    known = math.prod(n for n in sizes if n != -1)
    parts = tuple(input._shape[d] // max(known, 1) if n == -1 else n for n in sizes)
    if math.prod(parts) != input._shape[d]:
        raise RuntimeError(f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {d} ({input._shape[d]}) in the input tensor")
    return reshape(input, *input._shape[:d], *parts, *input._shape[d + 1 :])


@method
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """The elements with `index` along `dim`, which goes away."""
    if not input._shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    d = input._dim(dim)
    n = input._shape[d]
    if not -n <= index < n:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(input._shape)} at dimension {d}")
    return apply(rows.select, (input,), {"dim": d, "index": index % n})


@method
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """`length` indices of `dim` from `start` on."""
    d = input._dim(dim)
    n = input._shape[d]
    start = start + n if start < 0 else start
    if length < 0 or start + length > n or start < 0:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return apply(rows.slice_, (input,), {"dim": d, "start": start, "stop": start + length, "step": 1})


@method
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of dim1 and dim2, `offset` above the main one, as a new last dimension."""
    a, b = input._dim(dim1), input._dim(dim2)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return apply(rows.diagonal, (input,), {"offset": offset, "dim1": a, "dim2": b})


@method
def as_strided(input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Tensor:
    """Any view of the storage; RuntimeError where it reaches beyond."""
    offset = input._offset if storage_offset is None else storage_offset
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if min([offset, *size, *stride]) < 0 or (0 not in size and last >= input._storage.array.size):
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset} are out of bounds for a "
            f"storage of {input._storage.array.size} elements"
        )
    params = {"size": tuple(size), "stride": tuple(stride), "storage_offset": offset}
    return apply(rows.as_strided, (input,), params)


@method
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """A tuple of the selections of every index along `dim`."""
    d = input._dim(dim)
    return tuple(select(input, d, i) for i in range(input._shape[d]))


# Copies, conversions


@method
def contiguous(input: Tensor) -> Tensor:
    """The tensor itself if it is contiguous, else a copy that is."""
    return input if input._flat is not None else input.clone()


@method
def to(input: Tensor, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False, non_blocking: bool = False) -> Tensor:
    """The tensor as another dtype or on another device, or like another tensor; itself if nothing changes."""
    for a in args:
        if isinstance(a, Tensor):
            dtype, device = a.dtype, a.device
        elif isinstance(a, (str, device_type)):
            device = a
        elif isinstance(a, bool):
            continue
        elif a is not None:
            dtype = a
    wanted = input._kind.dtype if dtype is None else dtypes.as_dtype(dtype)
    kind = kind_of(wanted, input._kind.device if device is None else device_type(device))
    if kind is input._kind:
        return input.clone() if copy else input
    return conversions.to[wanted](input)


def _conversion(name: str, d: dtype) -> None:
    def convert(self: Tensor) -> Tensor:
        return to(self, dtype=d)

    convert.__doc__ = f"The tensor as {d.name}."
    method(name=name)(convert)


for _name, _d in {"bool": dtypes.bool_, "byte": dtypes.uint8, "char": dtypes.int8, **dtypes.ALIASES}.items():
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
def cuda(input: Tensor, device: Any = "cuda") -> Tensor:
    """The tensor on a GPU."""
    return to(input, device=device)


# Joining


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors one after the other along `dim`; dtypes are promoted."""
    given = tuple(tensors)
    if not given:
        raise RuntimeError("torch.cat(): expected a non-empty list of Tensors")
    # PyTorch lets empty vectors through whatever the others' shape.
    parts = tuple(t for t in given if t._shape != (0,)) or given[:1]
    if any(not t._shape for t in parts):
        raise RuntimeError("zero-dimensional tensor (at position 0) cannot be concatenated; use stack()")
    d = parts[0]._dim(dim)
    for i, t in enumerate(parts):
        same = t.ndim == parts[0].ndim and all(
            a == b for k, (a, b) in enumerate(zip(t._shape, parts[0]._shape, strict=True)) if k != d
        )
        if not same:
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {d}. Expected {list(parts[0]._shape)} but got "
                f"{list(t._shape)} for tensor number {i} in the list."
            )
    common = dtypes.result_of([t.dtype for t in parts], (), ())
    return apply(cat_row, tuple(to(t, dtype=common) for t in parts), {"dim": d})


concat = concatenate = cat


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape along a new dimension."""
    given = tuple(tensors)
    if not given:
        raise RuntimeError("stack expects a non-empty TensorList")
    for i, t in enumerate(given):
        if t._shape != given[0]._shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(given[0]._shape)} at entry 0 and "
                f"{list(t._shape)} at entry {i}"
            )
    return cat([unsqueeze(t, dim) for t in given], dim if dim >= 0 else dim + given[0].ndim + 1)
