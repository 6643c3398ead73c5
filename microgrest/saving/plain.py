"""Objects as plain data and back: containers, numbers and texts as JSON, tensors by name.

What JSON has stands for itself; all else is an object of one key, which says what it is:

    {"list": [...]}  {"dict": [[key, value], ...]}  {"tensor": name, ...}  {"dtype": "float32"}
"""

from __future__ import annotations

import base64
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..nn.parameter import Parameter
from ..random import Generator
from ..tensor import Tensor
from ..tensor.arrays import from_numpy
from ..tensor.shape import Size
from ..types.device import device
from ..types.dtypes import BY_NAME, dtype

_SEQUENCES: dict[str, Callable[[Any], Any]] = {
    "list": list,
    "tuple": tuple,
    "Size": Size,
    "set": set,
    "frozenset": frozenset,
}
_MAPPINGS: dict[str, Callable[[Any], Any]] = {
    "dict": dict,
    "OrderedDict": OrderedDict,
    "defaultdict": dict,  # whose function for what is missing cannot be saved
}


class Writer:
    """What an object consists of: `tensors` by names that tell where they are in it."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._names: dict[Any, str] = {}
        self._inside: set[int] = set()

    def plain(self, x: Any, path: str = "") -> Any:
        """`x` as JSON has it; TypeError for what cannot be saved, telling where in it that is."""
        if x is None or x.__class__ in (bool, int, float, str):
            return x
        if isinstance(x, Tensor):
            return self._tensor(x, path)
        if id(x) in self._inside:
            raise ValueError(f"save(): the object at {path or 'the top'} holds itself")
        self._inside.add(id(x))
        try:
            return self._other(x, path)
        finally:
            self._inside.discard(id(x))

    def _other(self, x: Any, path: str) -> Any:
        name = type(x).__name__
        if type(x) is _SEQUENCES.get(name):
            items = sorted(x, key=repr) if isinstance(x, (set, frozenset)) else x
            return {name: [self.plain(item, _join(path, i)) for i, item in enumerate(items)]}
        if type(x) in (dict, OrderedDict, defaultdict):
            items = ((key, value, _join(path, key)) for key, value in x.items())
            return {name: [[self.plain(k, p), self.plain(v, p)] for k, v, p in items]}
        if isinstance(x, dtype):
            return {"dtype": x.name}
        if isinstance(x, device):
            return {"device": str(x)}
        if isinstance(x, bytes):
            return {"bytes": base64.b64encode(x).decode()}
        if isinstance(x, Generator):
            return {"Generator": str(x.device), "state": x.get_state().tolist()}
        if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "fiub":
            t = self._tensor(from_numpy(np.array(x)), path)
            return {("array" if isinstance(x, np.ndarray) else "number"): t["tensor"]}
        raise TypeError(
            f"save(): {path or 'the object'} is of type {type(x).__name__}, which cannot be saved; "
            "save tensors, numbers, texts, and lists, tuples, dicts and sets of them, as "
            "state_dict() gives"
        )

    def _tensor(self, t: Tensor, path: str) -> dict[str, Any]:
        """Name a tensor; one that was met before is the same again when it is loaded."""
        key = id(t._storage), t._offset, t._shape, t._strides, type(t), t._requires_grad
        name = path or "tensor"
        while name in self.tensors:
            name += "_"
        self.tensors[name] = t
        found: dict[str, Any] = {"tensor": name}
        first = self._names.setdefault(key, name)
        if first != name:
            found["same"] = first
        if t._requires_grad:
            found["requires_grad"] = True
        if isinstance(t, Parameter):
            found["parameter"] = True
        if t.device.type != "cpu":
            found["device"] = str(t.device)
        return found


def _join(path: str, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)


class Reader:
    """Builds the object again; `tensor` gives the data of a name, `place` brings it to a device."""

    def __init__(self, tensor: Callable[[str], Tensor], place: Callable[[Tensor, str], Tensor]):
        self._data, self._place = tensor, place
        self._made: dict[str, Tensor] = {}

    def object(self, x: Any) -> Any:
        """The object that plain data describe; ValueError for what describes none."""
        if x is None or isinstance(x, (bool, int, float, str)):
            return x
        kind = next(iter(x), None) if isinstance(x, dict) else None
        if kind in _SEQUENCES:
            return _SEQUENCES[kind](self._items(x[kind]))
        if kind in _MAPPINGS:
            return _MAPPINGS[kind]((self.object(k), self.object(v)) for k, v in x[kind])
        if kind == "tensor":
            return self._tensor(x)
        if kind in ("array", "number"):
            array = self._data(x[kind]).numpy()
            return array if kind == "array" else array[()]
        if kind == "dtype":
            return BY_NAME[x[kind]]
        if kind == "device":
            return device(x[kind])
        if kind == "bytes":
            return base64.b64decode(x[kind], validate=True)
        if kind == "Generator":
            state = from_numpy(np.array(x["state"], np.uint8))
            return Generator(x[kind]).set_state(state)
        raise ValueError(f"no object is described by {str(x)[:80]}")

    def _items(self, items: Any) -> Iterator[Any]:
        return map(self.object, items)

    def _tensor(self, x: dict[str, Any]) -> Tensor:
        name = x.get("same", x["tensor"])
        if name not in self._made:
            t = self._place(self._data(name), x.get("device", "cpu"))
            if x.get("parameter"):
                t = Parameter(t, bool(x.get("requires_grad")))
            elif x.get("requires_grad"):
                t.requires_grad_()
            self._made[name] = t
        return self._made[name]
