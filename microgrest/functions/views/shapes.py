"""Views: the same memory in other shapes, with dimensions as users give them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...dispatch import common
from ...dispatch.families.parts import one
from ...dispatch.structured import apply
from ...ops.places import movement as rows
from ...tensor import Size, Tensor
from ...tensor.methods import method
from ...types.dtypes import dtype
from ...types.integers import MOST, count, lengths, listed, whole


def sizes(args: tuple[Any, ...], named: Any = None) -> tuple[int, ...]:
    """Numbers given one by one, as one sequence, or by the name of the parameter."""
    if named is not None:
        args = (named,)
    return lengths(args[0] if len(args) == 1 and isinstance(args[0], (tuple, list)) else args)


def check_stride(stride: int, step: int) -> None:
    """RuntimeError where `step` times `stride` is no stride of 64 bits."""
    if stride * step > MOST:
        raise RuntimeError(f"a step of {step} over a stride of {stride} is out of range")


def _inferred(x: Tensor, size: tuple[int, ...]) -> tuple[int, ...]:
    """`size` with its -1, if any, replaced by what fits; RuntimeError where nothing does."""
    n, given = x.numel(), size
    unknown = [d for d, extent in enumerate(size) if extent == -1]
    known = math.prod(extent for extent in size if extent != -1)
    if len(unknown) > 1:
        raise RuntimeError("only one dimension can be inferred")
    if unknown:
        if known == 0:
            raise RuntimeError(
                f"cannot reshape tensor of {n} elements into shape {list(size)} because the "
                "unspecified dimension size -1 can be any value and is ambiguous"
            )
        size = tuple(n // known if extent == -1 else extent for extent in size)
    for d, extent in enumerate(size):
        if extent < 0:
            raise RuntimeError(
                f"invalid shape dimension {extent} at index {d} of shape {list(given)}"
            )
    if math.prod(size) != n:
        raise RuntimeError(f"shape '{list(given)}' is invalid for input of size {n}")
    return size


@method
def view(input: Tensor, *shape: Any, size: Any = None) -> Tensor:
    """The same memory in another shape; RuntimeError where that needs a copy."""
    if len(shape) == 1 and isinstance(shape[0], dtype):
        raise NotImplementedError(
            "view(dtype) is not supported: no tensor sees memory as another type; "
            "to(dtype) converts the values"
        )
    if not shape and size is None:
        raise TypeError("view() takes a shape, and none was given")
    full = _inferred(input, sizes(shape, size))
    if rows.reshaped_strides(input._shape, input._strides, full) is None:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one "
            "dimension spans across two contiguous subspaces). Use .reshape(...) instead."
        )
    return apply(rows.view, (input,), {"size": full})


@method
def reshape(input: Tensor, *size: Any, shape: Any = None) -> Tensor:
    """The elements in another shape: a view where possible, else a copy."""
    full = _inferred(input, sizes(size, shape))
    if rows.reshaped_strides(input._shape, input._strides, full) is None:
        return apply(rows.view, (input.clone(),), {"size": full}, "UnsafeViewBackward0")
    return apply(rows.view, (input,), {"size": full})


@method
def view_as(input: Tensor, other: Tensor) -> Tensor:
    """view(other.shape)."""
    return view(input, other._shape)


@method
def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """reshape(other.shape)."""
    return reshape(input, other._shape)


@method
def permute(input: Tensor, *order: Any, dims: Any = None) -> Tensor:
    """The dimensions in another order."""
    wanted = tuple(input._dim(d) for d in sizes(order, dims))
    if len(wanted) != input.ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the "
            "length of the desired ordering of dimensions i.e. "
            f"input.dim() = {input.ndim} is not equal to len(dims) = {len(wanted)}"
        )
    if len(set(wanted)) != len(wanted):
        raise RuntimeError(f"permute(): duplicate dims are not allowed: {list(wanted)}")
    return apply(rows.permute, (input,), {"dims": wanted})


@method
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions exchanged."""
    order = list(range(input.ndim))
    a, b = input._dim(dim0), input._dim(dim1)
    if order:
        order[a], order[b] = b, a
    return apply(rows.permute, (input,), {"dims": tuple(order)}, "TransposeBackward0")


swapaxes = method(name="swapaxes")(transpose)
swapdims = method(name="swapdims")(transpose)


@method
def t(input: Tensor) -> Tensor:
    """The transpose of a matrix; vectors and numbers as they are."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return apply(rows.permute, (input,), {"dims": tuple(range(input.ndim))[::-1]}, "TBackward0")


@method
def adjoint(input: Tensor) -> Tensor:
    """The transposes of matrices in the last two dimensions."""
    if input.ndim == 1:
        raise RuntimeError(
            "tensor.adjoint() is only supported on matrices or batches of matrices. Got 1-D tensor."
        )
    return transpose(input, -2, -1) if input._shape else input


@method
def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """The dimensions `source` at positions `destination`, the others in their order."""
    if isinstance(source, (tuple, list)) != isinstance(destination, (tuple, list)):
        raise TypeError(
            f"movedim() takes two ints or two tuples of ints, got {source!r} and {destination!r}"
        )
    src, dst = ([input._dim(d) for d in listed(given)] for given in (source, destination))
    if len(src) != len(dst):
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source "
            f"({src} dims) should contain the same number of dims as destination ({dst} dims)"
        )
    for what, dims in (("source", src), ("destination", dst)):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{what}` ({dims})")
    order = [d for d in range(input.ndim) if d not in src]
    for d, s in sorted(zip(dst, src, strict=True)):
        order.insert(d, s)
    return apply(rows.permute, (input,), {"dims": tuple(order) if input._shape else ()})


moveaxis = method(name="moveaxis")(movedim)


@method
def expand(input: Tensor, *extents: Any, size: Any = None) -> Tensor:
    """Dimensions of one element repeated to `size`, without memory; -1 keeps an extent."""
    wanted = sizes(extents, size)
    missing = len(wanted) - input.ndim
    if missing < 0:
        raise RuntimeError(
            f"expand(tensor of shape {list(input._shape)}, size={list(wanted)}): the number of "
            f"sizes provided ({len(wanted)}) must be greater or equal to the number of dimensions "
            f"in the tensor ({input.ndim})"
        )
    own = (1,) * missing + tuple(input._shape)
    pairs = enumerate(zip(own, wanted, strict=True))
    full = tuple(o if w == -1 and d >= missing else w for d, (o, w) in pairs)
    count(full)
    for d, (o, w) in enumerate(zip(own, full, strict=True)):
        if o not in (1, w) or w < 0:
            raise RuntimeError(
                f"The expanded size of the tensor ({w}) must match the existing size ({o}) at "
                f"non-singleton dimension {d}.  Target sizes: {list(wanted)}.  "
                f"Tensor sizes: {list(input._shape)}"
            )
    return apply(rows.expand, (input,), {"size": full})


@method
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """expand(other.shape)."""
    return expand(input, other._shape)


@method
def broadcast_to(input: Tensor, *shape: Any, size: Any = None) -> Tensor:
    """expand(size)."""
    return expand(input, *shape, size=size)


def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that all `shapes`, tuples or numbers, expand to."""
    for s in shapes:
        if not isinstance(s, (int, tuple, list)):
            raise RuntimeError(
                f"Input shapes should be of type ints, a tuple of ints, or a list of ints, got {s}"
            )
    given = [lengths((int(s),) if isinstance(s, int) else s) for s in shapes]
    return Size(common.broadcast_shapes("broadcast_shapes", given)) if given else Size()


@method
def sum_to_size(input: Tensor, *size: Any) -> Tensor:
    """The sum over whatever dimensions lead from `size` to the tensor's shape by broadcasting."""
    to = sizes(size)
    if to == input._shape:
        return input if to else input.sum()
    return apply(rows.sum_to_size, (input,), {"size": to})


@method
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """A new dimension of one element at `dim`."""
    d = input._dim(dim, 1)
    size = (*input._shape[:d], 1, *input._shape[d:])
    return apply(rows.view, (input,), {"size": size}, "UnsqueezeBackward0")


@method
def squeeze(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Without the dimensions of one element: all of them, or those of `dim` that are."""
    gone = [input._dim(d) for d in (range(input.ndim) if dim is None else listed(dim))]
    if len(set(gone)) != len(gone):
        raise RuntimeError(f"squeeze(): a dim appears multiple times in the list of dims {gone}")
    size = tuple(n for d, n in enumerate(input._shape) if n != 1 or d not in gone)
    way = 0 if dim is None else 2 if isinstance(dim, (tuple, list)) else 1
    return apply(rows.view, (input,), {"size": size}, f"SqueezeBackward{way}")


@method
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dimensions from start_dim to end_dim as one; the tensor itself if that is one."""
    shape = input._shape
    if not shape:
        return reshape(input, 1)
    first, last = input._dim(start_dim), input._dim(end_dim)
    if first == last:
        return input
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    joined = math.prod(shape[first : last + 1])
    return reshape(input, *shape[:first], joined, *shape[last + 1 :])


@method
def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension, contiguous: a view where they already are, else a copy."""
    return view(input if input._flat is not None else input.clone(), -1)


@method
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """The dimension `dim` split into `sizes`, of which one may be -1."""
    if not input._shape:
        raise RuntimeError("unflatten: a 0-d tensor has no dimension to split")
    d = input._dim(dim)
    sizes = lengths(sizes)
    known = math.prod(n for n in sizes if n != -1)
    parts = tuple(input._shape[d] // max(known, 1) if n == -1 else n for n in sizes)
    if math.prod(parts) != input._shape[d]:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of "
            f"dim {d} ({input._shape[d]}) in the input tensor"
        )
    return reshape(input, *input._shape[:d], *parts, *input._shape[d + 1 :])


@method
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """The elements with `index` along `dim`, which goes away."""
    if not input._shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    d = input._dim(dim)
    n = input._shape[d]
    if index.__class__ is not int:
        index = whole(index, "index")
    if not -n <= index < n:
        whole(index, "index")
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input._shape)} "
            f"at dimension {d}"
        )
    return one(input, d, index % n)


@method
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """`length` indices of `dim` from `start` on."""
    if not input._shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    d = input._dim(dim)
    n = input._shape[d]
    start, length = whole(start, "start"), whole(length, "length")
    if length < 0:
        raise RuntimeError(f"narrow(): length must be non-negative, got {length}")
    first = start + n if start < 0 else start
    if not -n <= start <= n:
        raise IndexError(
            f"start out of range (expected to be in range of [{-n}, {n}], but got {start})"
        )
    if first + length > n:
        raise RuntimeError(f"start ({first}) + length ({length}) exceeds dimension size ({n}).")
    return apply(
        rows.slice_, (input,), {"dim": d, "start": first, "stop": first + length, "step": 1}
    )


@method
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of dim1 and dim2, `offset` above the main one, as a new last dimension."""
    a, b = input._dim(dim1), input._dim(dim2)
    offset = whole(offset, "offset")
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return apply(rows.diagonal, (input,), {"offset": offset, "dim1": a, "dim2": b})


@method
def as_strided(
    input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """Any view of the storage; RuntimeError where it reaches beyond."""
    size, stride = lengths(size), lengths(stride, "stride")
    offset = input._offset if storage_offset is None else whole(storage_offset, "storage_offset")
    if len(size) != len(stride):
        raise RuntimeError(
            f"mismatch in length of strides and shape: {len(stride)} strides, {len(size)} sizes"
        )
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if min([offset, *size, *stride]) < 0 or (0 not in size and last >= input._storage.array.size):
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset} are "
            f"out of bounds for a storage of {input._storage.array.size} elements: itemsize "
            f"{input.itemsize} requires {(last + 1) * input.itemsize} bytes, there are "
            f"{input._storage.array.size * input.itemsize}"
        )
    own = tuple(input._shape), input._strides, input._offset
    return apply(
        rows.as_strided, (input,), {"seen": (tuple(size), tuple(stride), offset), "own": own}
    )


@method
def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Windows of `size` along `dimension`, `step` apart; the last dimension is within a window."""
    x = input if input._shape else unsqueeze(input, 0)
    d = x._dim(dimension)
    size, step = whole(size, "size"), whole(step, "step")
    if size > x._shape[d]:
        raise RuntimeError(
            f"maximum size for tensor at dimension {d} is {x._shape[d]} but size is {size}"
        )
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if not input._shape:
        return narrow(x, 0, 0, size)
    check_stride(x._strides[d], step)
    return apply(rows.unfold, (x,), {"dim": d, "size": size, "step": step})


def _reversed(self: Tensor) -> Tensor:
    """The tensor with its dimensions reversed."""
    return permute(self, tuple(range(self.ndim))[::-1])


def _matrices(self: Tensor) -> Tensor:
    """The tensor with its last two dimensions exchanged; a 0-d tensor itself."""
    if not self._shape:
        return self
    if self.ndim < 2:
        raise RuntimeError(
            "tensor.mT is only supported on matrices or batches of matrices. Got "
            f"{self.ndim}-D tensor."
        )
    return transpose(self, -2, -1)


method(name="T")(property(_reversed))
method(name="mT")(property(_matrices))
