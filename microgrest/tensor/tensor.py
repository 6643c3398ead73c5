"""Tensor: a storage seen through shape, strides and offset, with the autograd fields.

What is here is what a tensor is: memory, views, a place in the graph. All else is attached from
above, by registration (`methods.py`): the ops by `dispatch/api.py`, the functions where they are
defined; see `methods.pyi` for their list.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from ..graph.hooks import keeps
from ..graph.node import Node, shown
from ..recording import leaves, state, world
from ..types.integers import count, whole
from ..types.layouts import contiguous_format, strided
from .methods import Methods
from .shape import Size, contiguous_strides, row_major
from .storage import Kind, Storage

# The names of PyTorch's old tensor types, which error messages and type() still use.
LEGACY = {
    "bool": "Bool",
    "uint8": "Byte",
    "int8": "Char",
    "int16": "Short",
    "int32": "Int",
    "int64": "Long",
    "float16": "Half",
    "float32": "Float",
    "float64": "Double",
}


class Tensor(Methods):
    """An n-dimensional array of one dtype on one device, which can be part of a graph.

    Made by `tensor()`, `zeros()`, ... and by ops; `_storage` is shared by views.
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_base",
        "_flat",
        "_grad",
        "_hooks",
        "_kind",
        "_node",
        "_offset",
        "_requires_grad",
        "_shape",
        "_storage",
        "_strides",
        "_views",
    )

    _storage: Storage
    _kind: Kind
    _shape: tuple[int, ...]
    _strides: tuple[int, ...]
    _offset: int
    _flat: Any
    _requires_grad: bool
    _grad: Tensor | None
    _node: Node | None
    _hooks: Any
    _base: Any
    _views: Any

    __array_priority__ = 1000
    __hash__ = object.__hash__

    # Making tensors

    @staticmethod
    def _empty(shape: Sequence[int], kind: Kind) -> Tensor:
        """A new uninitialized tensor."""
        return make(kind.empty(count(shape)), tuple(shape), kind)

    def _alias(self, shape: Sequence[int], strides: tuple[int, ...], offset: int) -> Tensor:
        """Another tensor over the same storage, outside the graph."""
        extents = tuple(shape)
        flat = None
        if row_major(extents, strides):
            flat = self._storage.array[offset : offset + math.prod(extents)]
        return seen(self._storage, flat, extents, strides, offset, self._kind)

    def _same(self) -> Tensor:
        """An alias with the same geometry: what `detach` returns."""
        return seen(self._storage, self._flat, self._shape, self._strides, self._offset, self._kind)

    def _as(self, cls: type, requires_grad: bool) -> Any:
        """A leaf of class `cls` (a subclass of Tensor) over the same storage."""
        t = self._same()
        t.__class__ = cls
        t.requires_grad = requires_grad
        return t

    # What a tensor is

    @property
    def shape(self) -> Size:
        """The extents."""
        return Size(self._shape)

    dtype = property(attrgetter("_kind.dtype"), doc="The element type.")
    device = property(attrgetter("_kind.device"), doc="Where the storage lives.")
    grad_fn = property(
        lambda self: shown(self._node), doc="The graph node that made this tensor, or None."
    )
    _version = property(
        attrgetter("_storage.version"), doc="In-place writes to the storage so far."
    )
    is_cuda = property(lambda self: self.device.type == "cuda", doc="Whether it is on a GPU.")
    is_cpu = property(lambda self: self.device.type == "cpu", doc="Whether it is in host memory.")
    is_sparse = False
    is_sparse_csr = is_quantized = is_meta = is_mps = is_xpu = is_nested = False
    layout = strided
    name = None
    output_nr = 0

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self._shape)

    def dim(self) -> int:
        """The number of dimensions."""
        return len(self._shape)

    ndimension = dim

    def numel(self) -> int:
        """The number of elements."""
        return math.prod(self._shape)

    nelement = numel

    def size(self, dim: int | None = None) -> Any:
        """The shape, or one extent of it."""
        return self.shape if dim is None else self._shape[self._dim(dim)]

    def stride(self, dim: int | None = None) -> Any:
        """Steps between neighbors, in elements, of all dimensions or of one."""
        return self._strides if dim is None else self._strides[self._dim(dim)]

    def storage_offset(self) -> int:
        """Where in the storage the first element is, in elements."""
        start = getattr(state.recorder, "start", None)
        return self._offset + (start(self._storage) if start is not None else 0)

    def data_ptr(self) -> int:
        """The address of the first element."""
        address: int = self._kind.kernels.memory.address(self._storage.array)
        return address + self._offset * self.itemsize

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return self._kind.dtype.itemsize

    def element_size(self) -> int:
        """Bytes of an element."""
        return self.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.numel() * self.itemsize

    def is_contiguous(self, *, memory_format: Any = contiguous_format) -> bool:
        """Whether the elements lie in row-major order without gaps."""
        if memory_format is not contiguous_format:
            raise NotImplementedError(f"is_contiguous(): there is no {memory_format!r} here")
        return self._flat is not None

    def is_floating_point(self) -> bool:
        """Whether the dtype is float16, float32 or float64."""
        return self._kind.dtype.is_floating_point

    def _named(self) -> str:
        """PyTorch's legacy type name."""
        place = "cuda." if self.is_cuda else ""
        return f"microgrest.{place}{LEGACY[self._kind.dtype.name]}Tensor"

    def _dim(self, dim: int, extra: int = 0) -> int:
        """A dimension counted from the front; IndexError where there is no such dimension."""
        if dim.__class__ is not int:
            dim = whole(dim)
        n = max(len(self._shape) + extra, 1)
        if not -n <= dim < n:
            whole(dim)
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got "
                f"{dim})"
            )
        return dim % n

    # The graph

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are computed for this tensor."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, on: bool) -> None:
        if not isinstance(on, bool):
            raise RuntimeError(f"requires_grad must be a bool, got {on!r}")
        if self._node is not None and not on:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a "
                "computed variable in a subgraph that doesn't require differentiation use "
                "var_no_grad = var.detach()."
            )
        if on and not self._kind.dtype.is_floating_point:
            raise RuntimeError(
                "only Tensors of floating point dtype can require gradients; this one is "
                f"{self.dtype!r}. Convert it first, for example with .float()."
            )
        if on and not self._requires_grad and self._base is not None:
            # A leaf is nobody's view: its own views are views of a leaf.
            base, self._base = self._base[0], None
            if base._views is not None:
                base._views.drop(self)
        self._requires_grad = bool(on)
        world.tensors += 1

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Switch `requires_grad` in place."""
        self.requires_grad = requires_grad
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether it is not the result of a recorded operation."""
        return self._node is None

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward passes have added up at this leaf, or None.

        A tensor that is no leaf has one after `retain_grad()`; without, asking for it warns.
        """
        g = self._grad
        if g is None and self._node is not None and not keeps(self):
            _warn_of_no_leaf()
        return g

    @grad.setter
    def grad(self, g: Tensor | None) -> None:
        if g is not None:
            if not isinstance(g, Tensor):
                raise TypeError(
                    f"assigned grad expected to be a Tensor or None but got {type(g).__name__}"
                )
            if g is self:
                raise RuntimeError("can't assign Variable as its own grad")
            if g._shape != self._shape:
                raise RuntimeError(
                    f"assigned grad has data of a different size: {list(g._shape)}, this tensor is "
                    f"{list(self._shape)}"
                )
            if g._kind is not self._kind:
                raise RuntimeError(
                    f"assigned grad has a different dtype or device: {g.dtype!r} on {g.device}, "
                    f"this tensor is {self.dtype!r} on {self.device}"
                )
        self._grad = g
        world.tensors += 1

    @grad.deleter
    def grad(self) -> None:
        self._grad = None
        world.tensors += 1

    @property
    def data(self) -> Tensor:
        """The same memory outside the graph; writes through it are not tracked."""
        t = self._same()
        t._storage = Storage(self._storage.array)
        return t

    @data.setter
    def data(self, new: Tensor) -> None:
        if not isinstance(new, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(new).__name__}")
        if self._requires_grad and not new.is_floating_point():
            raise RuntimeError(
                "data set to a tensor that requires gradients must be floating point, got "
                f"{new.dtype!r}"
            )
        # A graph that saved this tensor may see new values, as in PyTorch, but no other geometry:
        # its kernels run on shapes that were checked before.
        fits = (new._shape, new._kind) == (self._shape, self._kind)
        fits = fits and (new._flat is None) == (self._flat is None)
        version = self._storage.version + (not fits)
        for name in ("_flat", "_kind", "_shape", "_strides", "_offset"):
            setattr(self, name, getattr(new, name))
        self._storage = Storage(new._storage.array)
        self._storage.version = version
        world.tensors += 1

    def detach(self) -> Tensor:
        """The same memory outside the graph; in-place writes to it count for the graph's checks."""
        return self._same()

    def detach_(self) -> Tensor:
        """Take this tensor out of the graph: it becomes a leaf. RuntimeError for views."""
        if self._base is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._node, self._requires_grad = None, False
        world.tensors += 1
        return self

    @property
    def _edge(self) -> Any:
        """Where this tensor's gradient goes: its node, itself as a leaf, or nowhere."""
        return (self._node or self) if self._requires_grad else None

    @property
    def _memory(self) -> int:
        """A name for the memory that this tensor shares with its views."""
        return id(self._storage)

    # The values, for `values` and whatever else reads them

    def _numpy(self) -> np.ndarray[Any, Any]:
        """A NumPy array over the memory (a copy from a GPU), without any check."""
        leaves("numpy(), or printing,", "return the tensor, and read it outside of the step")
        source = self._storage.array if self._flat is None else self._flat
        array: np.ndarray[Any, Any] = self._kind.kernels.memory.to_host(source)
        array = array.view(self._kind.numpy)
        if self._flat is not None:
            return array.reshape(self._shape)
        size = self.itemsize
        strides = tuple(s * size for s in self._strides)
        return np.ndarray(self._shape, self._kind.numpy, array, self._offset * size, strides)


def _warn_of_no_leaf() -> None:
    warnings.warn(
        "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad "
        "attribute won't be populated during autograd.backward(). If you indeed want the .grad "
        "field to be populated for a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor.",
        UserWarning,
        stacklevel=3,
    )


_new = object.__new__


def wrap(flat: Any, shape: tuple[int, ...], strides: tuple[int, ...], kind: Kind) -> Tensor:
    """A new tensor over the whole of `flat`, which is contiguous."""
    t = _new(Tensor)
    t._storage = storage = _new(Storage)
    storage.array = t._flat = flat
    storage.version = t._offset = 0
    t._kind = kind
    t._shape = shape
    t._strides = strides
    t._requires_grad = False
    t._grad = t._node = t._hooks = t._base = t._views = None
    return t


def seen(
    storage: Storage,
    flat: Any,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    offset: int,
    kind: Kind,
) -> Tensor:
    """Another tensor over `storage`, `flat` being its part of that if it is contiguous."""
    t = _new(Tensor)
    t._storage = storage
    t._flat = flat
    t._kind = kind
    t._shape = shape
    t._strides = strides
    t._offset = offset
    t._requires_grad = False
    t._grad = t._node = t._hooks = t._base = t._views = None
    return t


def make(flat: Any, shape: tuple[int, ...], kind: Kind) -> Tensor:
    """`wrap` with the strides of a contiguous tensor."""
    return wrap(flat, shape, contiguous_strides(shape), kind)
