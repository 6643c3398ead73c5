"""Attributes by other ways than their names, and what the standard library holds."""

from __future__ import annotations

import array
import contextvars
import dataclasses
import operator
import os
import threading
import types
import weakref
from collections import ChainMap, UserList, deque
from collections.abc import Callable
from os import environ, getenv
from typing import Any

from noticed import X, case, item, put, space

# Attributes by other ways than their names


@dataclasses.dataclass
class Options:
    """Two numbers."""

    k: float = 2.0
    j: float = 1.0


READS: dict[str, Callable[[Any], Any]] = {
    "vars": lambda c: vars(c)["k"],
    "all_of_vars": lambda c: sum(vars(c).values()),
    "dict": lambda c: c.__dict__["k"],
    "getattr": lambda c: getattr(c, "k"),  # noqa: B009
    "getattribute": lambda c: c.__getattribute__("k"),
    "asdict": lambda c: dataclasses.asdict(c)["k"],
    "all_of_asdict": lambda c: sum(dataclasses.asdict(c).values()),
    "astuple": lambda c: sum(dataclasses.astuple(c)),
    "fields": lambda c: sum(getattr(c, f.name) for f in dataclasses.fields(c)),
    "fields_imported": lambda c: sum(getattr(c, f.name) for f in fields_of(c)),
    "replace": lambda c: dataclasses.replace(c, j=2.0).k,
    "attrgetter": lambda c: operator.attrgetter("k")(c),
    "equality": lambda c: 2.0 if c == EQUAL else 3.0,
}
EQUAL = Options()
fields_of = dataclasses.fields


def _read(name: str, inside: bool) -> None:
    read = READS[name]

    def make() -> Any:
        c = Options()
        if inside:
            return (lambda: X * read(c)), put(c, k=3.0)
        scope: dict[str, Any] = {"X": X, "c": c, "read": read}
        return eval("lambda: X * read(c)", scope), put(c, k=3.0)

    make.__name__ = f"{name}_in_a_{'closure' if inside else 'global'}"
    case(make)


for _name in READS:
    _read(_name, inside=True)
    _read(_name, inside=False)


@case
def name_that_is_held() -> Any:
    c, names = space(k=2.0), ["k"]
    return (lambda: X * getattr(c, names[0])), put(c, k=3.0)


@case
def name_that_is_an_argument() -> Any:
    c = space(k=2.0)
    return (lambda name: X * getattr(c, name)), put(c, k=3.0), "k"


@case
def attrgetter_that_is_held() -> Any:
    c, get = space(k=space(j=2.0)), operator.attrgetter("k.j")
    return (lambda: X * get(c)), put(c.k, j=3.0)


class Field:
    """A descriptor of a user's program."""

    def __init__(self) -> None:
        self.v = 2.0

    def __get__(self, o: Any, cls: Any = None) -> Any:
        return self.v * o._j


class Described:
    """An object with such an attribute."""

    k = Field()

    def __init__(self) -> None:
        self._j = 1.0


@case
def descriptor() -> Any:
    c = Described()
    field = vars(Described)["k"]
    field.v = 2.0
    return (lambda: X * c.k), put(field, v=3.0)


@case
def attribute_that_a_descriptor_reads() -> Any:
    c = Described()
    return (lambda: X * c.k), put(c, _j=3.0)


# The standard library


@case
def chain_of_dicts() -> Any:
    base = {"k": 2.0}
    c = ChainMap({}, base)
    return (lambda: X * c["k"]), item(base, "k", 3.0)


@case
def front_of_a_chain() -> Any:
    c = ChainMap({}, {"k": 2.0})
    return (lambda: X * c["k"]), item(c, "k", 3.0)


@case
def list_of_users() -> Any:
    c = UserList([2.0])
    return (lambda: X * c[0]), item(c, 0, 3.0)


@case
def proxy_of_a_dict() -> Any:
    d = {"k": 2.0}
    c = types.MappingProxyType(d)
    return (lambda: X * c["k"]), item(d, "k", 3.0)


ENVIRONMENT: dict[str, Callable[[], float]] = {
    "os_environ": lambda: float(os.environ["MG_K"]),
    "os_getenv": lambda: float(os.getenv("MG_K", "1.0")),
    "environ": lambda: float(environ["MG_K"]),
    "getenv": lambda: float(getenv("MG_K", "1.0")),
    "environ_get": lambda: float(os.environ.get("MG_J", "1.0")),
}


def _environment(name: str) -> None:
    read = ENVIRONMENT[name]

    def make() -> Any:
        os.environ.pop("MG_J", None)
        os.environ["MG_K"] = "2.0"
        return (lambda: X * read()), lambda: os.environ.update(MG_K="3.0", MG_J="3.0")

    make.__name__ = name
    case(make)


for _name in ENVIRONMENT:
    _environment(_name)


@case
def context_variable() -> Any:
    v: Any = contextvars.ContextVar("v", default=2.0)
    return (lambda: X * v.get()), lambda: v.set(3.0)


@case
def context_variable_that_is_set() -> Any:
    v: Any = contextvars.ContextVar("v")
    return (lambda: X * v.get(1.0)), lambda: v.set(3.0)


@case
def object_in_a_context_variable() -> Any:
    c, v = space(k=2.0), contextvars.ContextVar[Any]("v")
    v.set(c)
    return (lambda: X * v.get().k), put(c, k=3.0)


@case
def weak_reference() -> Any:
    c = Options()
    r = weakref.ref(c)
    return (lambda: X * r().k), put(c, k=3.0)  # type: ignore[union-attr]


@case
def local_to_a_thread() -> Any:
    c: Any = threading.local()
    c.k = 2.0
    return (lambda: X * c.k), put(c, k=3.0)


@case
def member_of_a_set() -> Any:
    c: Any = {2}
    return (lambda: X.long() * next(iter(c))), lambda: [c.clear(), c.add(2.5)]


@case
def equal_member_of_a_set() -> Any:
    c: Any = {2}
    return (lambda: X.long() / 2 * (3 if type(next(iter(c))) is int else 4)), lambda: [
        c.clear(),
        c.add(2.0),
    ]


@case
def bytes_in_place() -> Any:
    c = bytearray(b"\x02")
    return (lambda: X * c[0]), item(c, 0, 3)


@case
def array_in_place() -> Any:
    c = array.array("d", [2.0])
    return (lambda: X * c[0]), item(c, 0, 3.0)


@case
def longest_of_a_deque() -> Any:
    d = {"d": deque([1.0], maxlen=2)}
    return (lambda: X * d["d"].maxlen), item(d, "d", deque([1.0], maxlen=3))
