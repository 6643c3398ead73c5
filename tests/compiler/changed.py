"""Steps that change what stands where, run eagerly and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from trainings import flat

import microgrest as mg
from microgrest import nn

CALLS = 9
Make = Callable[[], tuple[Callable[..., Any], Any]]


def row(i: int) -> Any:
    """The argument of call `i`."""
    return mg.tensor([1.0, 2.0]) * (i * i % 5)


def run(step: Any, state: Any, calls: int = CALLS) -> list[dict[str, Any]]:
    """What calls return and leave behind; what they returned is looked at when all are done."""
    results, seen = [], []
    for i in range(calls):
        results.append(step(row(i)))
        seen.append(dict(flat("state", state())))
    return [dict(flat("result", r)) | s for r, s in zip(results, seen, strict=True)]


def same(found: dict[str, Any], expected: dict[str, Any], when: Any = "") -> None:
    """Two states are the same, up to rounding."""
    assert found.keys() == expected.keys(), when
    for name, value in expected.items():
        if isinstance(value, (float, np.ndarray)):
            np.testing.assert_allclose(found[name], value, 1e-5, err_msg=f"{name} {when}")
        else:
            assert found[name] == value, (name, when)


def agree(make: Make, calls: int = CALLS) -> Any:
    """Calls of a compiled step do what eager calls do; the step."""
    eager, eager_state = make()
    fn, state = make()
    step = mg.compile(fn)
    expected, found = run(eager, eager_state, calls), run(step, state, calls)
    for i, (a, b) in enumerate(zip(expected, found, strict=True)):
        same(b, a, f"in call {i}")
    return step


class Buffers(nn.Module):
    """Buffers a, b and c, which `change` is given to change."""

    def __init__(self, change: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.change = change
        for i, name in enumerate("abc"):
            self.register_buffer(name, mg.tensor([1.0, 10.0]) * (i + 1))

    def forward(self, x: Any) -> Any:
        return self.change(self, x)
