"""Storage: memory with a version, and the kinds of values that live in it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import CodeType
from typing import Any, TypeVar

import numpy as np

from .. import cuda
from ..kernels.cpu import first_calls
from ..recording import world
from ..types.device import CPU, device
from ..types.dtypes import BY_NAME, dtype, float16

_PACKAGE = os.path.dirname(os.path.dirname(__file__))
Forgettable = TypeVar("Forgettable", bound="dict[Any, Any]")


class Storage:
    """A flat `array` on one device. `version` counts in-place writes, `writer` tells the last."""

    __slots__ = ("__weakref__", "array", "kind", "version", "writer")

    writer: tuple[CodeType, int]
    kind: Kind  # set before pickling, which keeps what is shared shared

    def __init__(self, array: Any) -> None:
        self.array = array
        self.version = 0

    def __reduce__(self) -> Any:
        host = self.kind.kernels.memory.to_host(self.array)
        values = host if self.kind.raw is self.kind.numpy else host.view(self.kind.numpy)
        return _restored, (values, self.kind.dtype.name, self.kind.device)

    def touch(self) -> None:
        """Note an in-place write by the nearest caller outside this package."""
        self.version += 1
        world.tensors += 1  # some in-place operations also change a tensor's shape, or its graph
        frame = sys._getframe(1)
        while frame.f_back and frame.f_code.co_filename.startswith(_PACKAGE):
            frame = frame.f_back
        # Code and instruction only: a frame would keep the caller's variables alive.
        self.writer = (frame.f_code, frame.f_lasti)

    def written_at(self) -> str:
        """The source line of the last in-place write, for error messages."""
        if not hasattr(self, "writer"):
            return "through another view or NumPy array"
        code, last = self.writer
        lines = [line for start, stop, line in code.co_lines() if start <= last < stop and line]
        return f"at {code.co_filename}:{lines[0] if lines else code.co_firstlineno}"


def _restored(values: np.ndarray[Any, Any], name: str, where: device) -> Storage:
    """The Storage that was pickled as its values, the name of their dtype and its device."""
    kind = kind_of(BY_NAME[name], where)
    array: Any = values.view(kind.raw)
    if where.type != "cpu":
        array = kind.empty(values.size)
        kind.kernels.memory.from_host(array, values.view(kind.raw))
    storage = Storage(array)
    storage.kind = kind
    return storage


class Kind:
    """A dtype on a device. There is one object for each, so `is` compares both at once.

    `kernels` is the device's kernel package, `empty(n)` makes a flat array of n elements there.
    Arrays hold elements of type `raw`, named `array_type`, which for float16 is the integer of its
    bits: Numba has no float16.
    """

    __slots__ = ("array_type", "device", "dtype", "empty", "kernels", "numpy", "one", "raw")

    kernels: Any
    empty: Callable[[int], Any]

    def __init__(self, d: dtype, where: device) -> None:
        self.dtype, self.device, self.numpy = d, where, d.numpy
        self.raw = np.dtype(np.uint16) if d is float16 else d.numpy
        self.array_type = self.raw.name
        self.one = np.array(1, self.numpy).view(self.raw)[()]  # of every gradient's beginning
        self.provide(_provider)

    def provide(self, provider: Callable[[Kind, Any], Any]) -> None:
        """Take kernels, and with them memory, from `provider`, which is given the device's own."""
        self.kernels = provider(self, _kernels(self.device))
        self.empty = self.kernels.memory.allocator(self.raw, self.device.index)

    def fill(self, array: Any, value: Any) -> None:
        """Set every element of a flat array of this kind to a Python number."""
        known = self.one if value is _ONE else np.array(value, self.numpy).view(self.raw)[()]
        self.kernels.filling.fill(array, known)


_ONE = 1  # one object in CPython
_kinds: dict[tuple[dtype, device], Kind] = {}


def _own(kind: Kind, kernels: Any) -> Any:
    """The usual provider: the device's kernels themselves."""
    return kernels


_provider: Callable[[Kind, Any], Any] = _own
# Where kernels that were found once are kept, so that the short path finds them at once.
_tables: list[dict[Any, Any]] = []
_forgetters: list[Callable[[], None]] = []


def kept(table: Forgettable) -> Forgettable:
    """`table` itself, which is emptied when kernels are provided anew."""
    _tables.append(table)
    return table


def forgetter(forget: Callable[[], None]) -> Callable[[], None]:
    """`forget` itself, which is called when kernels are provided anew."""
    _forgetters.append(forget)
    return forget


def provide_kernels(provider: Callable[[Kind, Any], Any] | None) -> None:
    """Give every Kind, those to come too, what `provider` makes of its device's kernels.

    With None kernels are the devices' own again. Whatever kept some looks them up anew.
    """
    global _provider
    _provider = provider or _own
    for kind in tuple(_kinds.values()):
        kind.provide(_provider)
    forget_kernels()


def forget_kernels() -> None:
    """Have whatever kept kernels look them up anew."""
    for table in _tables:
        table.clear()
    for forget in _forgetters:
        forget()


first_calls.when_compiled(forget_kernels)


def kind_of(d: dtype, where: device) -> Kind:
    """The Kind of dtype `d` on device `where`; RuntimeError where the device cannot be used.

    "cuda" without a number is the thread's current GPU, and there is one CPU.
    """
    if where.type == "cpu":
        where = CPU
    if where.type == "cuda" and where.index is None:
        where = device("cuda", cuda.current_device())
    found = _kinds.get((d, where))
    if found is None:
        found = _kinds.setdefault((d, where), Kind(d, where))
    return found


def _kernels(where: device) -> Any:
    if where.type == "cpu":
        from ..kernels import cpu

        return cpu
    return cuda.kernels()
