"""What a step itself changes of all that is guarded, a number that takes turns: changed again."""

from __future__ import annotations

import array
import contextvars
import functools
import os
import types
from collections import ChainMap
from collections.abc import Callable
from typing import Any

import pytest
from interpreter import build
from noticed import X, space

import microgrest as mg
from microgrest import nn, optim
from microgrest.compiler.call.step import Step

# An object `c`, how a step reads a number there, and how it puts another one.
Place = tuple[Any, str, str]


def _function() -> Any:
    def helper() -> None:
        """Nothing."""

    return helper


def _attribute(owner: Any) -> Place:
    owner.k = 0
    return owner, "c.k", "c.k = {}"


def _environment() -> Place:
    os.environ["MG_TURN"] = "0"
    return os, 'int(c.environ["MG_TURN"])', 'c.environ["MG_TURN"] = str({})'


PLACES: dict[str, Callable[[], Place]] = {
    "function": lambda: _attribute(_function()),
    "partial": lambda: _attribute(functools.partial(len)),
    "optimizer": lambda: _attribute(optim.SGD([mg.ones(1, requires_grad=True)])),
    "tensor": lambda: _attribute(mg.ones(1)),
    "module": lambda: _attribute(nn.Tanh()),
    "step": lambda: _attribute(Step(len)),
    "object": lambda: _attribute(space()),
    "vars": lambda: (space(k=0), 'vars(c)["k"]', "c.k = {}"),
    "getattr": lambda: (space(k=0), 'getattr(c, "k")', 'setattr(c, "k", {})'),
    "python_module": lambda: _attribute(types.ModuleType("settings")),
    "bytearray": lambda: (bytearray(b"\x00"), "c[0]", "c[0] = {}"),
    "array": lambda: (array.array("d", [0.0]), "int(c[0])", "c[0] = {}"),
    "context": lambda: (contextvars.ContextVar("v", default=0), "c.get()", "c.set({})"),
    "environment": _environment,
    "chain": lambda: (ChainMap({}, {"k": 0}), 'c["k"]', 'c["k"] = {}'),
}


def turning(name: str, n: int) -> Callable[[], Any]:
    """A step that counts in such a place, modulo n."""
    c, read, write = PLACES[name]()
    scope: dict[str, Any] = {"X": X, "c": c}
    count = write.format(f"({read} + 1) % {n}")
    exec(f"def fn():\n    {count}\n    return X * {read}", scope)
    fn: Callable[[], Any] = scope["fn"]
    return fn


@pytest.mark.parametrize("name", PLACES)
def test_a_number_that_takes_turns(name: str) -> None:
    eager = turning(name, 3)
    expected = [eager().tolist() for _ in range(12)]
    step = Step(turning(name, 3), build=build)
    assert [step().tolist() for _ in range(12)] == expected
    assert len(step.recordings) == 3


@pytest.mark.parametrize("name", PLACES)
def test_verify_finds_no_difference(name: str) -> None:
    step = Step(turning(name, 2), verify=1, build=build)
    assert [step()[0].item() for _ in range(8)] == [1.0, 0.0] * 4


def test_what_shows_a_dict_that_the_step_changes() -> None:
    """It cannot be changed through what is named, so it is not recorded."""
    inside = {"k": 0}

    class Hidden:
        def __call__(self) -> int:
            return _turn(inside)

    shown, hidden = types.MappingProxyType(inside), Hidden()
    step = Step(lambda: X * shown["k"] * hidden(), build=build)
    with pytest.raises(RuntimeError, match="new state"):
        for i in range(8):
            assert step()[0].item() == (i % 2)


def _turn(table: dict[str, int]) -> int:
    table["k"] = 1 - table["k"]
    return 1
