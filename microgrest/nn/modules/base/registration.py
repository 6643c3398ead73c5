"""How attributes of a Module find their table: what `__setattr__` and `register_*` share."""

from __future__ import annotations

from typing import Any

from ....tensor import Tensor
from .members import Members

TABLES = ("_parameters", "_buffers", "_modules")

# What may replace a registered member by plain assignment, besides None.
_REPLACEABLE: tuple[tuple[str, tuple[type, ...], str], ...] = (
    ("_parameters", (), "parameter '%s' (microgrest.nn.Parameter or None expected)"),
    ("_modules", (), "child module '%s' (microgrest.nn.Module or None expected)"),
    ("_buffers", (Tensor,), "buffer '%s' (microgrest.Tensor or None expected)"),
)


def claim(module: Members, name: str, table: str, what: str) -> dict[str, Any]:
    """The table that `name` shall live in, after removing it from every other place."""
    own = module.__dict__
    if table not in own:
        raise AttributeError(f"cannot assign {what} before Module.__init__() call")
    for place in (own, *(own[other] for other in TABLES if other != table)):
        place.pop(name, None)
    module._non_persistent.discard(name)
    members: dict[str, Any] = own[table]
    return members


def replace(module: Members, name: str, value: Any) -> bool:
    """Put `value`, no Parameter or Module, where `name` is registered; False where it is not."""
    for table, accepted, what in _REPLACEABLE:
        members = module.__dict__.get(table, ())
        if name in members:
            if not (value is None or isinstance(value, accepted)):
                raise TypeError(f"cannot assign '{type(value).__name__}' as {what % name}")
            members[name] = value
            return True
    return False


def check_name(module: Members, name: Any, table: str, what: str) -> None:
    """Raise unless `name` is a string without dots that is free, or already in `table`."""
    if table not in module.__dict__:
        raise AttributeError(f"cannot assign {what} before Module.__init__() call")
    if not isinstance(name, str):
        raise TypeError(f"{what} name should be a string. Got {type(name).__name__}")
    if "." in name:
        raise KeyError(f'{what} name can\'t contain ".", got: {name}')
    if name == "":
        raise KeyError(f'{what} name can\'t be empty string ""')
    if name not in module.__dict__[table] and hasattr(module, name):
        raise KeyError(f"attribute '{name}' already exists")
