"""functional_call: a module called with other tensors than its parameters and buffers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..tensor import Tensor
from .modules.module import Module


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """module(*args, **kwargs), with tensors by their dotted names in place of the module's own.

    Several dicts are as one; ValueError if two have the same name. With `tie_weights` a tensor
    stands for each name that the module has for the same parameter. With `strict`, all of them have
    to be given, and no others: RuntimeError. Buffers that the module writes to in place are those
    that were given. Afterwards the module has its own again.
    """
    given = _joined(parameter_and_buffer_dicts)
    args = () if args is None else args
    with _replaced(module, given, tie_weights, strict):
        return module(*(args if isinstance(args, tuple) else (args,)), **(kwargs or {}))


def _joined(dicts: Any) -> dict[str, Any]:
    if isinstance(dicts, Mapping):
        dicts = (dicts,)
    if not isinstance(dicts, Sequence):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(dicts)}"
        )
    found: dict[str, Any] = {}
    for one in dicts:
        if repeated := sorted(found.keys() & one.keys()):
            raise ValueError(
                f"{repeated} appeared in multiple dictionaries; behavior of functional call is "
                "ambiguous"
            )
        found |= one
    return found


def _own(module: Module) -> dict[str, Any]:
    """The module's parameters and buffers by every name that they have."""
    named = (module.named_parameters, module.named_buffers)
    return {name: t for each in named for name, t in each(remove_duplicate=False)}


@contextmanager
def _replaced(
    module: Module, given: Mapping[str, Any], tie_weights: bool, strict: bool
) -> Iterator[None]:
    own = _own(module)
    _check(own, given, strict)
    wanted = dict(given)
    if tie_weights:
        by_identity = {id(own[name]): t for name, t in given.items() if name in own}
        for name, t in own.items():
            if name not in given and id(t) in by_identity:
                wanted[name] = by_identity[id(t)]
    before = []
    try:
        for name, t in wanted.items():
            table, last = _table(module, name)
            before.append((table, last, table.get(last, _NOTHING)))
            table[last] = t
        yield
    finally:
        for table, last, t in reversed(before):
            if t is _NOTHING:
                del table[last]
            else:
                table[last] = t


_NOTHING = object()


def _table(module: Module, name: str) -> tuple[dict[str, Any], str]:
    """Where the module has what goes by a dotted name, or might have it as a buffer."""
    path, _, last = name.rpartition(".")
    owner = module.get_submodule(path)
    tables: Any = owner._parameters, owner._buffers, vars(owner)
    return next((table for table in tables if last in table), owner._buffers), last


def _check(own: Mapping[str, Any], given: Mapping[str, Any], strict: bool) -> None:
    for name, t in given.items():
        if not isinstance(t, Tensor):
            raise TypeError(f"{name}: {t!r} is not a Tensor")
    unexpected, missing = sorted(given.keys() - own.keys()), sorted(own.keys() - given.keys())
    if strict and (unexpected or missing):
        told = (("Unexpected", unexpected), ("Missing", missing))
        lists = [f"{what} key(s): {', '.join(names)}" for what, names in told if names]
        raise RuntimeError(f"functional_call: {'; '.join(lists)}")
