"""What a tensor is, and what types come of several, as functions and methods."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import Tensor
from ..tensor.methods import method
from ..types import dtypes
from ..types.dtypes import dtype


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a Tensor."""
    return isinstance(obj, Tensor)


def is_storage(obj: Any) -> bool:
    """Whether `obj` is what `untyped_storage` returns."""
    return isinstance(obj, UntypedStorage)


def numel(input: Tensor) -> int:
    """The number of elements of `input`."""
    return input.numel()


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype of `input` is a floating-point one."""
    return _tensor("is_floating_point", input).is_floating_point()


@method
def is_complex(input: Tensor) -> bool:
    """Whether the dtype of `input` is a complex one: never."""
    d: dtype = _tensor("is_complex", input).dtype
    return d.is_complex


@method
def is_signed(input: Tensor) -> bool:
    """Whether the dtype of `input` holds negative values."""
    d: dtype = input.dtype
    return d.is_signed


@method
def is_nonzero(input: Tensor) -> bool:
    """Whether the one element of `input` is not zero; RuntimeError for more or fewer."""
    return bool(_tensor("is_nonzero", input))


@method
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether both have one shape."""
    return input._shape == other._shape


@method
def is_conj(input: Tensor) -> bool:
    """Whether `input` is a conjugated view: never, as there are no complex tensors."""
    return _tensor("is_conj", input) is None


is_neg = is_inference = is_conj
method(name="is_neg")(is_conj)
method(name="is_inference")(is_conj)


def get_device(input: Tensor) -> int:
    """The number of the GPU that the tensor is on, -1 on the CPU."""
    return input.get_device()


def typename(obj: Any) -> str:
    """The name of the type of `obj`: of a tensor the legacy one."""
    if isinstance(obj, Tensor):
        return obj._named()
    kind = type(obj)
    module = "" if kind.__module__ in ("builtins", "__builtin__") else f"{kind.__module__}."
    return f"{module}{kind.__qualname__}"


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether promotion allows `to` for a value of `from_`: bool, integer, floating, not back."""
    for name, d in (("from_", from_), ("to", to)):
        if not isinstance(d, dtype):
            raise TypeError(f"can_cast(): argument {name!r} must be dtype, not {type(d).__name__}")
    return from_.category <= to.category


def result_type(tensor: Any, other: Any) -> dtype:
    """The dtype that an operation of both has; either may be a number.

    Tensors with dimensions decide before those without, and these before numbers.
    """
    groups: tuple[list[dtype], ...] = [], [], []
    for name, x in (("tensor", tensor), ("other", other)):
        if isinstance(x, Tensor):
            groups[not x._shape].append(x.dtype)
        elif isinstance(x, (bool, int, float, np.number, np.bool_)):
            groups[2].append(dtypes.of_number(x.item() if isinstance(x, np.generic) else x))
        else:
            what = f"argument {name!r} must be Tensor or Number, not {type(x).__name__}"
            raise TypeError(f"result_type(): {what}")
    return dtypes.result_of(*groups)


class UntypedStorage:
    """The memory that a tensor shares with its views, in bytes."""

    def __init__(self, tensor: Tensor) -> None:
        self._memory, self._kind = tensor._storage, tensor._kind

    @property
    def device(self) -> Any:
        """Where it is."""
        return self._kind.device

    def data_ptr(self) -> int:
        """The address of its first byte."""
        address: int = self._kind.kernels.memory.address(self._memory.array)
        return address

    def nbytes(self) -> int:
        """Its bytes."""
        return int(self._memory.array.size) * self._kind.dtype.itemsize

    size = __len__ = nbytes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UntypedStorage) and self._memory is other._memory

    def __hash__(self) -> int:
        return hash(id(self._memory))


@method
def untyped_storage(self: Tensor) -> UntypedStorage:
    """The memory of the tensor, which views share: `data_ptr()` and `nbytes()` of all of it."""
    return UntypedStorage(self)


def _tensor(name: str, x: Any) -> Tensor:
    if not isinstance(x, Tensor):
        kind = type(x).__name__
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {kind}")
    return x
