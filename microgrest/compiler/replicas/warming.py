"""The recording that replicas run by, made where there is none, and the state put back.

A step that has not been compiled yet runs a few times. What it changes is then as it was, and what
came into being stays: gradients, filled with zeros, and optimizers' states, as a first step finds
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...graph.modes import no_grad
from ...optim.optimizer import Optimizer
from ...tensor import Tensor
from ..reach import objects_reached, tensors_reached
from ..replay import Recording, before_eager

# Calls after which a step that can be recorded has been.
TRIES = 6


def warmed(step: Any, args: Sequence[Any]) -> Recording:
    """The recording for such calls. RuntimeError where none comes of them."""
    found: Recording | None = step._find(args, {})
    return _warm(step, args) if found is None else found


def _warm(step: Any, args: Sequence[Any]) -> Recording:
    before = before_eager(step.fn, args, {})
    assert before is not None
    optimizers = _optimizers(step.fn, args)
    old = [(o, p) for o in optimizers for p in o.state if o.state[p]]
    bare = [t for t in tensors_reached(step.fn, args, {}) if t._grad is None]
    try:
        for _ in range(TRIES):
            step(*args)
            if step._find(args, {}) is not None:
                break
    finally:
        came = _born(optimizers, old)
        grads = [(t, t._grad) for t in bare if t._grad is not None]
        before.restore()
        with no_grad():
            for t, grad in grads:
                t._grad = grad
                grad.zero_()
            for optimizer, group, p, state, entries in came:
                state.update(entries)
                _begin(optimizer, group, p, state)
    found: Recording | None = step._find(args, {})
    if found is not None:
        return found
    why = step.recordings[0].guards.why(args, {}) if step.recordings else "nothing was recorded"
    raise RuntimeError(
        f"replicas: {step.name} was called to be compiled, and its recording does not serve from "
        f"where it began ({why}): call it a few times before"
    )


def _optimizers(fn: Any, args: Sequence[Any]) -> list[Optimizer]:
    values = {id(f.value): f.value for f in objects_reached(fn, args, {})}
    return [value for value in values.values() if isinstance(value, Optimizer)]


def _born(optimizers: Sequence[Optimizer], old: Sequence[tuple[Optimizer, Tensor]]) -> list[Any]:
    """States that came into being, and what is in them, after whose they are: optimizer, group,
    parameter."""
    known = {(id(o), id(p)) for o, p in old}
    return [
        (o, group, p, o.state[p], dict(o.state[p]))
        for o in optimizers
        for group in o.param_groups
        for p in group["params"]
        if (id(o), id(p)) not in known and p in o.state
    ]


def _begin(optimizer: Optimizer, group: Any, p: Tensor, state: dict[str, Any]) -> None:
    """Put back a state to what the first step finds, in place."""
    optimizer.state[p] = state
    first = optimizer._first_state(p, group)
    for name, value in state.items():
        if name not in first:
            raise RuntimeError(
                f"replicas: {name!r} of {type(optimizer).__name__} comes into being in the first "
                "step, and nobody knows as what: call the step twice before"
            )
        if isinstance(value, Tensor):
            value.copy_(first[name])
        else:
            state[name] = first[name]
