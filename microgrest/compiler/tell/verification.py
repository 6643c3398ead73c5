"""`compile(fn, verify=k)`: a compiled call, and the same call eagerly, with all that they leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any

import numpy as np

from ...optim.optimizer import Optimizer
from ...recording import run_eagerly
from ...tensor import Tensor
from ..effects import Results, detached
from ..reach import leaves, objects_reached, tensors_reached
from ..replay import Recording, before_eager

Array = np.ndarray[Any, Any]

# How far results may be apart, as a share of a tensor's largest element. Compiled steps sum in
# another order, and where all elements cancel to less than `SMALLEST` only rounding is left.
TOLERANCES = {"float16": 1e-2, "float32": 1e-4, "float64": 1e-9}
SMALLEST = 1e-3


def verified(
    recording: Recording, fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Any:
    """Run `recording`, then from the same state, with the same random numbers, the function itself.

    Returns what the recording gave, and leaves behind what it left. RuntimeError where the two
    differ by more than rounding, naming the first tensor or number in which they do; eager
    execution's state is left then.
    """
    others = [*recording.numbers.schedulers, *recording.generators]
    before = before_eager(fn, args, kwargs, others)
    result = recording.run(args, kwargs)
    compiled = dict(_state(fn, args, kwargs, result))
    after = before_eager(fn, args, kwargs, others)
    assert before is not None and after is not None  # there was no limit
    before.restore()
    expected = detached(run_eagerly(fn, *args, **kwargs))
    eager = dict(_state(fn, args, kwargs, expected))
    for name in {**eager, **compiled}:
        text = _difference(compiled.get(name), eager.get(name))
        if text:
            raise RuntimeError(
                f"{recording.trace.name}: {name} is not what eager execution gives: {text}. What "
                "other code than the step's own reads from Python is frozen when it is recorded: "
                "pass it as an argument, or name it in the step itself"
            )
    after.restore()
    return result


def _state(
    fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], result: Any
) -> Iterator[tuple[str, Any]]:
    """What a call returned and left behind: copies of tensors, numbers, by name."""
    for name, value in leaves("the result", result):
        if is_dataclass(value):
            tensors = Results(value).leaves
            yield from ((f"tensor {i} of {name}", _copied(t)) for i, t in enumerate(tensors))
        else:
            yield name, _copied(value)
    for t, name in tensors_reached(fn, args, kwargs).items():
        yield name, _copied(t)
    for found in objects_reached(fn, args, kwargs):
        if isinstance(found.value, Optimizer):
            yield from _numbers(found.path, found.value)


def _numbers(path: str, optimizer: Optimizer) -> Iterator[tuple[str, Any]]:
    """An optimizer's options and counts."""
    for i, group in enumerate(optimizer.param_groups):
        for name, value in group.items():
            if name != "params":
                yield f"{path}.param_groups[{i}][{name!r}]", _copied(value)
    for i, state in enumerate(optimizer.state.values()):
        if "step" in state:
            yield f"{path}.state[{i}]['step']", state["step"]


def _copied(value: Any) -> Any:
    return value._numpy().copy() if isinstance(value, Tensor) else value


def _difference(compiled: Any, eager: Any) -> str:
    """In what two values differ, in words; "" if they do not."""
    if not (isinstance(compiled, np.ndarray) and isinstance(eager, np.ndarray)):
        return _difference_of_plain(compiled, eager)
    if compiled.shape != eager.shape or compiled.dtype != eager.dtype:
        return (
            f"it is {compiled.dtype} {list(compiled.shape)}, eagerly {eager.dtype} "
            f"{list(eager.shape)}"
        )
    tolerance = TOLERANCES.get(eager.dtype.name, 0.0)
    wide = np.float64 if tolerance else np.int64
    a, b = compiled.astype(wide), eager.astype(wide)
    with np.errstate(invalid="ignore"):
        distance = np.where((a == b) | ((a != a) & (b != b)), 0, np.abs(a - b))
    scale = max(float(np.abs(b[np.isfinite(b)]).max(initial=0)), SMALLEST)
    if (distance <= tolerance * scale).all():
        return ""
    worst = float(np.max(distance))
    return f"the largest difference is {worst:.3g}, among elements of up to {scale:.3g}"


def _difference_of_plain(compiled: Any, eager: Any) -> str:
    number = isinstance(compiled, (int, float)) and isinstance(eager, (int, float))
    if number and abs(compiled - eager) <= 1e-12 * abs(eager):
        return ""
    arrays = isinstance(compiled, np.ndarray) or isinstance(eager, np.ndarray)
    if not arrays and (compiled is eager or compiled == eager):
        return ""
    return f"it is {_shown(compiled)}, eagerly {_shown(eager)}"


def _shown(value: Any) -> str:
    return "a tensor" if isinstance(value, np.ndarray) else repr(value)
