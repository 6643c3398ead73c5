"""A program run twice: by eager mode, and compiled; and whether both leave the same.

After every call everything that has a name is compared: tensors with their gradients, modules,
optimizers, schedulers, attributes, results, and the place in the stream of random numbers.
"""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Iterator
from types import FunctionType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from random_programs import NAMES, Program

import microgrest as mg
from microgrest import nn, optim
from microgrest.compiler.call.step import Step
from microgrest.optim import lr_scheduler

State = dict[str, Any]
Wrap = Callable[[Any], Any]

# By dtype, as a share of a tensor's largest element, and of no less than FLOORS. In float32 a sum
# of n terms is off by some n * 6e-8, and what divides by gradients' roots makes a hundred of it.
TOLERANCES = {"float64": 1e-9, "float32": 5e-4}
FLOORS = {"float64": 1e-6, "float32": 1e-3}
LARGEST = 1e8  # beyond, a program is left alone
NUDGES = 3
# How many times less than the difference nudged values have to matter for it to be one.
MARGIN = 300.0


class Outcome(NamedTuple):
    """What came of a program.

    `kind`: "same", "differs", "raises", where only the compiled step does; "void" where the eager
    one does, "unstable" where eager steps from values an ulp apart differ likewise.
    """

    kind: str
    what: str = ""

    @property
    def failed(self) -> bool:
        """Whether it is a fault of compiled steps."""
        return self.kind in ("differs", "raises")


class Difference(NamedTuple):
    """Where two states differ; `amount` is a share of the largest element, infinite for kinds."""

    path: str
    amount: float
    text: str


# States


def leaves(path: str, value: Any, seen: dict[int, str]) -> Iterator[tuple[str, Any]]:
    """Arrays and plain values in a value, with their places; a tensor seen before by its name."""
    if isinstance(value, mg.Tensor):
        if id(value) in seen:
            yield path, f"is {seen[id(value)]}"
            return
        seen[id(value)] = path
        yield path, value.detach().numpy().copy()
        yield f"{path}.requires_grad", value.requires_grad
        if value.is_leaf:
            yield from leaves(f"{path}.grad", value.grad, seen)
    elif isinstance(value, (list, tuple, dict)):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from leaves(f"{path}[{key}]", inner, seen)
    elif isinstance(value, nn.Module):
        named = {**dict(value.named_parameters()), **dict(value.named_buffers())}
        yield from leaves(path, named, seen)
        for name, inner in value.named_modules():
            plain = {k: v for k, v in vars(inner).items() if not k.startswith("_")}
            yield from leaves(f"{path}.{name}", plain, seen)
    elif isinstance(value, optim.Optimizer):
        yield from leaves(f"{path}.state", list(value.state.values()), seen)
        yield from leaves(f"{path}.param_groups", value.param_groups, seen)
    elif isinstance(value, lr_scheduler.LRScheduler):
        plain = {k: v for k, v in vars(value).items() if k != "optimizer"}
        yield from leaves(path, plain, seen)
    elif isinstance(value, (SimpleNamespace, FunctionType)):
        yield from leaves(path, vars(value), seen)
    elif value is None or isinstance(value, (bool, int, float, str)):
        yield path, value


def detached(result: Any) -> Any:
    """A result out of its graph."""
    if isinstance(result, (tuple, list)):
        return [detached(x) for x in result]
    return result.detach() if isinstance(result, mg.Tensor) else result


def state(space: dict[str, Any], result: Any) -> State:
    """Everything that has a name, and what a call returned."""
    found = dict(leaves("result", detached(result), {}))
    seen: dict[int, str] = {}
    for name, value in space.items():
        if name not in NAMES:
            found.update(leaves(name, value, seen))
    found["random numbers"] = mg.get_rng_state().numpy().tobytes()
    return found


def states(program: Program, wrap: Wrap | None = None, nudge: int = 0) -> Iterator[State]:
    """The state after each call, at last after the repetition.

    `wrap` compiles the step. With `nudge`, a seed, everything moves by some ulps before each call,
    as rounding moves it: the first values may be forgotten by the last call.
    """
    dtype = mg.get_default_dtype()
    try:
        space = program.space()
        fn = space["step"]
        step = _nudging(fn, space, nudge) if nudge else wrap(fn) if wrap else fn
        inputs = space["inputs"] if program.takes else [()]
        for call in range(program.calls):
            _happen(program, call, space)
            yield state(space, step(*inputs[call % len(inputs)]))
        if program.repeats:
            _happen(program, program.calls, space)
            batches = space["inputs"] if program.takes else None
            yield state(space, _repeated(step, program.repeats, batches))
    finally:
        mg.set_default_dtype(dtype)


def _happen(program: Program, call: int, space: dict[str, Any]) -> None:
    for at, event in program.events:
        if at == call:
            exec(event, space)


def _repeated(step: Any, n: int, batches: list[Any] | None) -> Any:
    if isinstance(step, Step):
        return step.repeat(n, batches=batches)
    result = None
    for k in range(n):
        result = step(*(batches[k % len(batches)] if batches else ()))
    return result


def _nudging(fn: Any, space: dict[str, Any], seed: int) -> Callable[..., Any]:
    source = np.random.default_rng(seed)

    def step(*args: Any) -> Any:
        own = [name for name in space if name not in NAMES]
        space.update({name: _nudged(space[name], source) for name in own})
        return fn(*(_nudged(x, source) for x in args))

    return step


def _nudged(value: Any, source: np.random.Generator) -> Any:
    """A value whose floating-point numbers were moved by a few ulps, each by others.

    Tensors stay where they are, but for expanded ones, whose elements would all move alike.
    """
    if isinstance(value, (list, tuple)):
        return type(value)(_nudged(inner, source) for inner in value)
    if isinstance(value, nn.Module):
        for inner in (*value.parameters(), *value.buffers()):
            _nudged(inner, source)
    elif isinstance(value, mg.Tensor) and value.is_floating_point():
        value = value.clone() if 0 in value.stride() else value
        array = value.detach().numpy()
        ulps = source.choice([-4.0, -2.0, 2.0, 4.0], array.shape)
        array *= (1 + ulps * np.finfo(array.dtype).eps).astype(array.dtype)
    return value


# Comparing


def difference(ours: State, eager: State) -> Difference | None:
    """The first place at which two states differ."""
    for name, wanted in eager.items():
        if name not in ours:
            return Difference(name, np.inf, "is missing")
        got = ours[name]
        if isinstance(wanted, np.ndarray) and isinstance(got, np.ndarray):
            found = _of_arrays(name, got, wanted)
            if found:
                return found
        elif type(got) is not type(wanted) or not _equal(got, wanted):
            return Difference(name, np.inf, f"is {_shown(got)}, eagerly {_shown(wanted)}")
    extra = [name for name in ours if name not in eager]
    return Difference(extra[0], np.inf, "is not there eagerly") if extra else None


def _of_arrays(name: str, got: Any, wanted: Any) -> Difference | None:
    if got.dtype != wanted.dtype or got.shape != wanted.shape:
        text = f"is {got.dtype} {got.shape}, eagerly {wanted.dtype} {wanted.shape}"
        return Difference(name, np.inf, text)
    amount = distance(got, wanted)
    if amount <= TOLERANCES.get(wanted.dtype.name, 0.0):
        return None
    return Difference(name, amount, f"is {got.tolist()}, eagerly {wanted.tolist()}")


def distance(a: Any, b: Any) -> float:
    """The largest distance between two arrays, as a share of the largest element."""
    if np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
        return 0.0
    if a.dtype.kind != "f" or not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return float("inf")
    scale = max(float(np.abs(b).max(initial=0.0)), FLOORS[b.dtype.name])
    return float(np.abs(a - b).max(initial=0.0)) / scale


def _equal(a: Any, b: Any) -> bool:
    """Plain values; numbers that Python computed in another order may differ by rounding."""
    if isinstance(a, float):
        return a == b or abs(a - b) <= 1e-12 * abs(b)
    return bool(a == b)


def _shown(value: Any) -> str:
    return "a tensor" if isinstance(value, np.ndarray) else repr(value)


def _in_range(found: State) -> bool:
    floats = (x for x in found.values() if isinstance(x, np.ndarray) and x.dtype.kind == "f")
    return all(np.abs(x).max(initial=0.0) < LARGEST for x in floats)  # NaN is not


def check(program: Program, wrap: Wrap = mg.compile) -> Outcome:
    """Compare a compiled step with its eager twin, as far as that stays in range."""
    eager: list[State] = []
    try:
        with np.errstate(all="ignore"):
            for found in states(program):
                if not _in_range(found):
                    break
                eager.append(found)
    except Exception as error:
        return Outcome("void", f"{type(error).__name__}: {error}")
    at = 0
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.filterwarnings(
                "error", "the plan of .* was refused"
            )  # which then runs plainly
            for at, (wanted, ours) in enumerate(zip(eager, states(program, wrap), strict=False)):
                wrong = difference(ours, wanted)
                if wrong:
                    kind = "unstable" if _is_unstable(program, at, wrong, wanted) else "differs"
                    share = "" if np.isinf(wrong.amount) else f" ({wrong.amount:.2g})"
                    return Outcome(kind, f"call {at}: {wrong.path} {wrong.text}{share}")
    except Exception as error:
        trace = traceback.format_exc(limit=-3)
        return Outcome("raises", f"call {at + 1}: {type(error).__name__}: {error}\n{trace}")
    return Outcome("same")


def _is_unstable(program: Program, at: int, wrong: Difference, wanted: State) -> bool:
    """Whether eager steps that begin a few ulps away differ as much there, or nearly."""
    if np.isinf(wrong.amount):
        return False
    for nudge in range(1, NUDGES + 1):
        for k, found in enumerate(states(program, nudge=nudge)):
            if k == at:
                moved = distance(found[wrong.path], wanted[wrong.path])
                if moved * MARGIN >= wrong.amount:
                    return True
                break
    return False
