"""What the rest of the library tells the step compiler, of which it knows nothing else.

While a step is being recorded, `state.recorder` of its thread is the recorder. `world` counts what
Python code changed that a recording may rest on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

Value = TypeVar("Value")


class _State(threading.local):
    """`recorder`: what notes all that this thread computes, None where nothing does.

    `function`: the code of a user's own Function that runs, as "Square.forward", or "".
    `running`: whether a compiled step runs its function eagerly.
    """

    recorder: Any = None
    function = ""
    running = False


class _World:
    """Counts that grow with, and after, every change; two at once may count as one.

    `version`: attributes of modules, options of optimizers' groups. `tensors`: what tensors that
    were there before have become, in all but their values: gradients, flags, hooks, memory, place
    in a graph.
    """

    version = 0
    tensors = 0


state = _State()
world = _World()


def aside(compute: Callable[[], Value]) -> Value:
    """What `compute` returns, which is no part of a step being recorded, so it may read values."""
    recorder, state.recorder = state.recorder, None
    try:
        return compute()
    finally:
        state.recorder = recorder


def run_eagerly(fn: Callable[..., Value], /, *args: Any, **kwargs: Any) -> Value:
    """What the function of a compiled step returns; compiled steps that it calls are part of it."""
    outer, state.running = state.running, True
    try:
        return fn(*args, **kwargs)
    finally:
        state.running = outer


def shapes(what: str) -> None:
    """Refuse, in a step that is being recorded, to let values decide how large a tensor is."""
    if state.recorder is not None:
        remedy = "use torch.where, masked_fill, or a product with the mask"
        _refuse(f"{what} makes a shape that depends on values", remedy)


def leaves(what: str, remedy: str) -> None:
    """Refuse, in a step that is being recorded, to give a tensor's values to Python."""
    if state.recorder is not None:
        _refuse(f"{what} takes the values of a tensor to Python", remedy)


def _refuse(what: str, remedy: str) -> None:
    """Let the recorder refuse; within a Function the remedy is always the same."""
    if state.function:
        what = f"{what} in {state.function}"
        remedy = f"write {state.function} by ops on tensors, for a step consists of those"
    state.recorder.refuse(what, remedy)
