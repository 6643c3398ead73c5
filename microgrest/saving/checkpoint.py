"""Checkpoints of PyTorch's `torch.save`: a zip file of a pickle and the data of its tensors.

The pickle is read by an unpickler that finds a dozen names, all of them functions and classes of
this file or plain containers, so that it builds tensors and containers and runs nothing else. What
data it may make is bounded by the file's size: nothing is compressed, and each tensor is a view of
a record.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..nn.parameter import Parameter
from ..tensor import Tensor
from ..tensor.arrays import from_numpy
from ..tensor.shape import Size
from ..types.device import device
from ..types.dtypes import BY_NAME

_STORAGES = {
    "DoubleStorage": np.float64,
    "FloatStorage": np.float32,
    "HalfStorage": np.float16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
    "UntypedStorage": np.uint8,
}
Place = Callable[[Tensor, str], Tensor]


class Damaged(Exception):
    """Why a file cannot be read."""


class NoDevice(RuntimeError):
    """That a tensor was on a device which is not here."""


class _Type(NamedTuple):
    """A class, of storages or of what a dict would make, which is never called."""

    name: str


class _Record(NamedTuple):
    """The elements of a storage, and the device that it was on."""

    elements: Any
    location: str


def read(data: Any, place: Place) -> Any:
    """The object of a checkpoint, given its bytes."""
    try:
        with zipfile.ZipFile(io.BytesIO(data.tobytes())) as archive:
            return _Archive(archive, len(data), place).object()
    except zipfile.BadZipFile as error:
        raise Damaged(f"is a damaged zip file: {error}") from error
    except (Damaged, NoDevice):
        raise
    except Exception as error:  # whatever may come of instructions that make no sense
        told = f"{type(error).__name__}: {error}"
        raise Damaged(f"is damaged, or holds more than tensors and containers: {told}") from error


class _Archive:
    """The records of a checkpoint."""

    def __init__(self, archive: zipfile.ZipFile, size: int, place: Place) -> None:
        self.archive, self.place = archive, place
        self.storages: dict[str, _Record] = {}
        entries = archive.infolist()
        packed = [e.filename for e in entries if e.compress_type != zipfile.ZIP_STORED]
        if packed or sum(e.file_size for e in entries) > size:
            raise Damaged("holds compressed records, or more than its size: PyTorch writes no such")
        pickles = [e.filename for e in entries if e.filename.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise Damaged("is a zip file, but no checkpoint of PyTorch's: it has no data.pkl")
        self.root = pickles[0].removesuffix("data.pkl")
        names = {e.filename for e in entries}
        order = f"{self.root}byteorder"
        self.big = order in names and archive.read(order) == b"big"

    def object(self) -> Any:
        """What the pickle describes."""
        return _Unpickler(self.archive.read(f"{self.root}data.pkl"), self).load()

    def storage(self, kind: Any, key: Any, location: Any, count: Any) -> _Record:
        """The record `key`, as `count` elements."""
        if not isinstance(kind, _Type) or kind.name not in _STORAGES:
            raise Damaged(f"holds a {getattr(kind, 'name', kind)}, a type microgrest does not have")
        dtype = np.dtype(_STORAGES[kind.name])
        if key not in self.storages:
            try:
                content = bytearray(self.archive.read(f"{self.root}data/{key}"))
            except KeyError:
                raise Damaged(f"lacks the record data/{key}") from None
            if len(content) != count * dtype.itemsize:
                raise Damaged(f"has {len(content)} bytes in data/{key} for {count} of {dtype}")
            stored = dtype.newbyteorder(">" if self.big else "<")
            elements = np.frombuffer(content, stored).astype(dtype, copy=False)
            self.storages[key] = _Record(elements, str(location))
        return self.storages[key]


class _Unpickler(pickle._Unpickler):  # the one in Python, whose instructions can be changed
    """One that finds what is listed here, and nothing else."""

    stack: list[Any]
    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)

    def __init__(self, content: bytes, archive: _Archive) -> None:
        super().__init__(io.BytesIO(content), encoding="utf-8")
        self.archive, self.left = archive, len(content)

    def load_build(self) -> None:
        """Give an object attributes: dicts have some, which nobody needs."""
        self.stack.pop()
        if not isinstance(self.stack[-1], dict):
            raise pickle.UnpicklingError(f"it changes a {type(self.stack[-1]).__name__}")

    dispatch[pickle.BUILD[0]] = load_build

    def persistent_load(self, pid: Any) -> Any:
        """A storage."""
        if not isinstance(pid, tuple) or len(pid) != 5 or pid[0] != "storage":
            raise pickle.UnpicklingError(f"it refers to {str(pid)[:80]}")
        return self.archive.storage(*pid[1:])

    def find_class(self, module: str, name: str) -> Any:
        """A name of the list."""
        module = "builtins" if module == "__builtin__" else module  # as protocol 2 has it
        if module in ("torch", "torch.storage") and name.endswith("Storage"):
            return _Type(name)
        if module == "torch" and name in BY_NAME:
            return BY_NAME[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._tensor
        if (module, name) in _COPYING:
            return partial(self._copied, _COPYING[module, name])
        found = _NAMES.get((module, name))
        if found is None:
            raise pickle.UnpicklingError(
                f"it wants {module}.{name}, which is no tensor and no container"
            )
        return found

    def _copied(self, make: Callable[..., Any], *args: Any) -> Any:
        """A container of what another holds; all copies together are no larger than the file."""
        self.left -= sum(len(x) for x in args if hasattr(x, "__len__"))
        if self.left < 0:
            raise pickle.UnpicklingError("it makes more than it holds")
        return make(*args)

    def _tensor(
        self,
        record: Any,
        offset: int,
        shape: tuple[int, ...],
        strides: tuple[int, ...],
        requires_grad: bool,
        hooks: Any,
        metadata: Any = None,
    ) -> Tensor:
        """A view of a storage."""
        if not isinstance(record, _Record) or len(shape) != len(strides):
            raise pickle.UnpicklingError("it describes a tensor without a storage")
        last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
        whole = math.prod(shape) == 0 or 0 <= last < record.elements.size
        if min((offset, *shape, *strides)) < 0 or not whole:
            raise pickle.UnpicklingError(
                f"a tensor of shape {list(shape)} is no part of its {record.elements.size} elements"
            )
        size = record.elements.itemsize
        if not math.prod(shape):
            t = from_numpy(np.empty(shape, record.elements.dtype))
        else:
            steps = [step * size for step in strides]
            view = np.ndarray(shape, record.elements.dtype, record.elements, offset * size, steps)
            t = from_numpy(view)
        t = self.archive.place(t, record.location)
        return t.requires_grad_() if requires_grad else t


def _parameter(t: Tensor, requires_grad: bool, hooks: Any, state: Any = None) -> Parameter:
    return Parameter(t, bool(requires_grad))


def _encoded(text: str, encoding: str) -> bytes:
    """How old protocols write bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it encodes a text as {encoding}")
    return text.encode("latin1")


def _defaultdict(*args: Any) -> dict[Any, Any]:
    """A dict that makes what is missing: without its function."""
    return dict(*args[1:])


_NAMES: dict[tuple[str, str], Any] = {
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _parameter,
    ("torch", "device"): device,
    **{("builtins", name): _Type(name) for name in ("list", "dict", "int", "float")},
}
_COPYING: dict[tuple[str, str], Callable[..., Any]] = {
    ("torch", "Size"): Size,
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): _defaultdict,
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("_codecs", "encode"): _encoded,
}
