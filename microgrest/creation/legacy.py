"""PyTorch's old types of tensors, one for each dtype: FloatTensor, LongTensor, ...

They are no classes of tensors but names of dtypes: LongTensor([1, 2]) makes a tensor of int64,
LongTensor(2, 3) an uninitialized one, and isinstance(x, LongTensor) asks for the dtype.
"""

from __future__ import annotations

from typing import Any

from ..tensor import LEGACY, Size, Tensor
from ..tensor.methods import method
from ..types import dtypes
from ..types.device import device
from ..types.dtypes import dtype, get_default_dtype
from .data import as_array, tensor
from .fills import empty
from .options import finish


class TensorType(type):
    """The class of the old types: what calling one makes, and which tensors are of it."""

    dtype: dtype
    device: device

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, Tensor) and (x.dtype, x.device.type) == (cls.dtype, cls.device.type)

    def __call__(cls, *args: Any, **options: Any) -> Tensor:
        return legacy(args, cls.dtype, **{"device": cls.device, **options})

    def __repr__(cls) -> str:
        return f"<class '{cls.__module__}.{cls.__name__}'>"


def _types(where: device, module: str) -> dict[str, TensorType]:
    """The types of tensors on one kind of device, by their names."""
    return {
        f"{name}Tensor": TensorType(
            f"{name}Tensor",
            (),
            {"dtype": dtypes.BY_NAME[d], "device": where, "__module__": module},
        )
        for d, name in LEGACY.items()
    }


TYPES = _types(device("cpu"), "microgrest")
CUDA_TYPES = _types(device("cuda"), "microgrest.cuda")


def legacy(args: tuple[Any, ...], d: dtype, **options: Any) -> Tensor:
    """A tensor of data, as of ([1, 2]), or of a shape, as of (1, 2) or a Size.

    TypeError for a number that is no extent, and for a tensor of another dtype.
    """
    requires_grad = options.pop("requires_grad", False)
    data = options.pop("data", args[0] if len(args) == 1 else None)
    if data is None or isinstance(data, Size) or _is_extent(data):
        return finish(empty(*(args or (0,)), dtype=d, **options), requires_grad)
    if isinstance(data, Tensor):
        if data.dtype is not d:
            raise TypeError(f"expected a tensor of {d!r}, got one of {data.dtype!r}")
        return finish(data.detach(), requires_grad)
    if isinstance(data, (str, bytes)):
        raise TypeError(f"new(): invalid data type {type(data).__name__!r}")
    if not hasattr(data, "__len__"):
        raise TypeError(f"new(): data must be a sequence (got {type(data).__name__})")
    return tensor(as_array(data)[0], dtype=d, requires_grad=requires_grad, **options)


def _is_extent(x: Any) -> bool:
    return isinstance(x, int) and not isinstance(x, bool)


def _construct(cls: type, *args: Any, **options: Any) -> Any:
    """PyTorch's old constructor: of data, Tensor([1, 2]), or of a shape, Tensor(1, 2)."""
    return legacy(args, get_default_dtype(), **options)._as(cls, False)


method(name="__new__")(staticmethod(_construct))


@method
def new(self: Tensor, *args: Any, **options: Any) -> Tensor:
    """A tensor of data, or of a shape, of this dtype and device, by the old constructors' rules."""
    return legacy(args, self.dtype, **{"device": self.device, **options})


def named(name: str) -> TensorType | None:
    """The type of this name, as `x.type()` spells it: "microgrest.cuda.FloatTensor"."""
    module, _, last = name.rpartition(".")
    return (CUDA_TYPES if module.endswith("cuda") else TYPES).get(last)
