"""Lists and dicts of modules, and of parameters, that a module has."""

from __future__ import annotations

import operator
from collections.abc import Container, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from itertools import chain
from typing import Any

from ...tensor import Tensor
from ..parameter import Parameter
from .module import Module


class _List(Module):
    """What a list of modules and one of parameters share: items under the names "0", "1", ..."""

    def _items(self) -> dict[str, Any]:
        raise NotImplementedError

    def _place(self, index: Any) -> str:
        index, n = operator.index(index), len(self)
        if not -n <= index < n:
            raise IndexError(f"index {index} is out of range")
        return str(index % n)

    def __len__(self) -> int:
        return len(self._items())

    def __iter__(self) -> Iterator[Any]:
        return iter([self._items()[str(i)] for i in range(len(self))])

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            made: Any = type(self)
            return made(list(self)[index])
        return self._items()[self._place(index)]

    def append(self, item: Any) -> Any:
        """Add one at the end."""
        setattr(self, str(len(self)), item)
        return self

    def extend(self, items: Iterable[Any]) -> Any:
        """Add all at the end; TypeError for what is not iterable."""
        if not isinstance(items, Iterable) or isinstance(items, Tensor):
            raise TypeError(
                f"{type(self).__name__}.extend should be called with an iterable, but got "
                f"{type(items).__name__}"
            )
        for item in tuple(items):
            self.append(item)
        return self

    def __iadd__(self, items: Iterable[Any]) -> Any:
        return self.extend(items)


class ModuleList(_List):
    """A list of modules, which it has as its own; it is not called."""

    _modules: dict[str, Module]  # type: ignore[assignment]

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def _items(self) -> dict[str, Any]:
        return self._modules

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._place(index), module)

    def __delitem__(self, index: int | slice) -> None:
        left = list(self)
        del left[index]
        self._modules.clear()
        self.extend(left)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList(chain(self, other))

    def append(self, item: Any) -> Any:
        """Add a module at the end."""
        self.add_module(str(len(self)), item)
        return self

    def insert(self, index: int, module: Module) -> None:
        """Add a module before the one at `index`."""
        left = list(self)
        left.insert(index, module)
        self._modules.clear()
        self.extend(left)

    def __repr__(self) -> str:
        """Modules that read alike once, with their number."""
        groups: list[list[Any]] = []  # text, first, last
        for i, text in enumerate(map(repr, self)):
            if groups and groups[-1][0] == text:
                groups[-1][2] = i
            else:
                groups.append([text, i, i])
        lines = [
            f"({a}): {text}" if a == b else f"({a}-{b}): {b - a + 1} x {text}"
            for text, a, b in groups
        ]
        inner = "\n".join(lines).replace("\n", "\n  ")
        return f"{type(self).__name__}(\n  {inner}\n)" if lines else f"{type(self).__name__}()"

    def pop(self, key: int | slice) -> Any:
        """Take a module out."""
        found = self[key]
        del self[key]
        return found


class _Dict(Module):
    """What a dict of modules and one of parameters share."""

    def _items(self) -> dict[str, Any]:
        raise NotImplementedError

    def __getitem__(self, key: str) -> Any:
        return self._items()[key]

    def __delitem__(self, key: str) -> None:
        del self._items()[key]

    def __len__(self) -> int:
        return len(self._items())

    def __iter__(self) -> Iterator[str]:
        return iter(self._items())

    def __contains__(self, key: object) -> bool:
        return key in self._items()

    def clear(self) -> None:
        """Forget all."""
        self._items().clear()

    def pop(self, key: str) -> Any:
        """Take one out."""
        return self._items().pop(key)

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._items().keys()

    def items(self) -> ItemsView[str, Any]:
        """Names and what goes by them."""
        return self._items().items()

    def values(self) -> ValuesView[Any]:
        """What goes by the names."""
        return self._items().values()

    def update(self, given: Any) -> None:
        """Take over those of a mapping, or of pairs; TypeError for what is neither."""
        if not isinstance(given, Container) and not isinstance(given, Iterable):
            raise TypeError(
                f"{type(self).__name__}.update should be called with an iterable of key/value "
                f"pairs, but got {type(given).__name__}"
            )
        pairs: Any = given.items() if isinstance(given, (Mapping, _Dict)) else given
        for name, item in pairs:
            self[name] = item

    def __setitem__(self, key: str, item: Any) -> None:
        raise NotImplementedError


class ModuleDict(_Dict):
    """Modules by name, which it has as its own; it is not called."""

    _modules: dict[str, Module]  # type: ignore[assignment]

    def __init__(self, modules: Mapping[str, Module] | Any = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def _items(self) -> dict[str, Any]:
        return self._modules

    def __setitem__(self, key: str, item: Any) -> None:
        self.add_module(key, item)


class ParameterList(_List):
    """A list of parameters, which it has as its own; tensors become parameters."""

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        if values is not None:
            self.extend(values)

    def _items(self) -> dict[str, Any]:
        return self._parameters

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, self._place(index), _parameter(value))

    def append(self, item: Any) -> Any:
        """Add one at the end."""
        self.register_parameter(str(len(self)), _parameter(item))
        return self

    def extra_repr(self) -> str:
        return _listed({f"({i})": p for i, p in enumerate(self)})


class ParameterDict(_Dict):
    """Parameters by name, which it has as its own; tensors become parameters."""

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        if parameters is not None:
            self.update(parameters)

    def _items(self) -> dict[str, Any]:
        return self._parameters

    def __setitem__(self, key: str, item: Any) -> None:
        self.register_parameter(key, _parameter(item))

    def setdefault(self, key: str, default: Any = None) -> Any:
        """What goes by a name, or `default`, which does from now on."""
        if key not in self:
            self[key] = default
        return self[key]

    def get(self, key: str, default: Any = None) -> Any:
        """What goes by a name, or `default`."""
        return self._parameters.get(key, default)

    def copy(self) -> ParameterDict:
        """Another one, of the same parameters."""
        return ParameterDict(dict(self.items()))

    def extra_repr(self) -> str:
        return _listed({f"({name})": p for name, p in self.items()})


def _parameter(value: Any) -> Any:
    if isinstance(value, Tensor) and not isinstance(value, Parameter):
        return Parameter(value)
    return value


def _listed(parameters: dict[str, Any]) -> str:
    return "\n".join(
        f"  {name}: Parameter containing: [{p.dtype} of size {'x'.join(map(str, p.shape))}]"
        for name, p in parameters.items()
    )
