"""Run by test_steps with NUMBA_ENABLE_CUDASIM=1: compiled steps of both forms, against eager ones.

Steps are recorded on the CPU, where eager execution is fast; what runs them copies their arrays to
simulated memory and back. As arguments: programs of tests/compiler or functions below, by name, and
seeds of random steps (which are compared after every call, see tests/compiler/twins.py).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from microgrest.kernels.cuda import memory
from microgrest.kernels.steps import cuda, trace as t
from microgrest.kernels.steps.plan.plan import Plan
from recorded import mlp, planned

import microgrest as mg
from microgrest.compiler.call.step import Step
from tests.kernel_calls import MOVES

import overwritten  # isort: skip  # recorded says where
import programs  # isort: skip
import random_steps  # isort: skip
import twins  # isort: skip

Form = Callable[[Plan], t.Native]
FORMS: list[Form] = [cuda.one_block, cuda.many_kernels]


class Copying(t.Native):
    """A native function for memory of the simulator, which takes arrays of the host."""

    def __init__(self, native: t.Native) -> None:
        self.native = native
        self.source, self.work, self.target = native.source, native.work, native.target

    def run(self, steps: int, numbers: Any, seeds: Any, history: Any, arrays: Sequence[Any]) -> int:
        """Copy there, run, and copy back."""
        spans = [memory.allocator(a.dtype, 0)(a.size) for a in arrays]
        for span, array in zip(spans, arrays, strict=True):
            memory.from_host(span, array)
        status = self.native.run(steps, numbers, seeds, history, spans)
        for span, array in zip(spans, arrays, strict=True):
            array[...] = memory.to_host(span)
        return status


def copying(form: Form, trace: t.Trace) -> Copying:
    """A trace in one of the two forms."""
    return Copying(form(planned(trace)))


def flattened(value: Any) -> list[Any]:
    """The tensors of a result, as arrays."""
    if isinstance(value, (tuple, list)):
        return [x for v in value for x in flattened(v)]
    if isinstance(value, dict):
        return [x for v in value.values() for x in flattened(v)]
    return [value.detach().numpy().copy() if isinstance(value, mg.Tensor) else value]


def states(make: Callable[[], Any], form: Form | None, calls: int = 4) -> list[Any]:
    """What each call returned and left behind."""
    step, tensors = make()
    if form:
        step = Step(step, build=lambda trace: copying(form, trace))
    return [flattened([step(), tensors]) for _ in range(calls)]


def agree(make: Callable[[], Any], name: str) -> None:
    """Both forms of a step do what it does eagerly."""
    eager = states(make, None)
    for form in FORMS:
        for wanted, got in zip(eager, states(make, form), strict=True):
            for x, y in zip(wanted, got, strict=True):
                assert isinstance(x, np.ndarray) == isinstance(y, np.ndarray)
                if isinstance(x, np.ndarray):
                    close(x, y, f"{name}, {form.__name__}")


def random_step(seed: int) -> None:
    """Both forms of a random step, with all that happens between its calls."""
    program = random_steps.drawn(seed)
    for form in FORMS:
        wrap = random_steps.wrap_of(form.__name__)
        outcome = twins.check(program, wrap)
        assert not outcome.failed, random_steps.report(program, outcome, wrap)


def close(x: Any, y: Any, message: str) -> None:
    """The same up to rounding, relative to the largest element."""
    assert x.dtype == y.dtype and x.shape == y.shape, message
    finite = np.abs(x[np.isfinite(x)]) if x.dtype.kind == "f" else np.zeros(0)
    scale = float(max(finite.max(initial=0.0), 1e-30)) if finite.size else 0.0
    error = {"e": 4e-3, "f": 1e-4, "d": 1e-10}.get(x.dtype.char, 0.0)
    np.testing.assert_allclose(y, x, rtol=error, atol=error * scale, err_msg=message)


# Steps that programs of tests/compiler are too small for


def long_folds() -> Any:
    """Folds of several segments: of all, of rows, of columns."""
    mg.manual_seed(0)
    x = mg.randn(3, 700)
    total = mg.zeros(3)

    def step() -> Any:
        x.mul_(0.99)
        total.add_(x.exp().sum(1))
        return x.sum(), x.sum(0), (x * x).t().contiguous().sum(0), x.amax(1), total.mean()

    return step, [x, total]


def network() -> Any:
    """A batch through two layers, by Adam."""
    return mlp(rows=20, width=9)()


def scatters() -> Any:
    """Positions that repeat, of float16 and float32."""
    mg.manual_seed(1)
    x, h = mg.zeros(5), mg.zeros(5, dtype=mg.float16)
    index = mg.tensor([4, 1, 1, 0, 4, 4, 1])

    def step() -> Any:
        values = mg.arange(7, dtype=mg.float32) + x.sum()
        x.index_put_((index,), values * 0.01, accumulate=True)
        h.index_put_((index,), values.half() * 0.01, accumulate=True)
        return x[index], h[index]

    return step, [x, h]


def moved(name: str, at: list[int], form: Form) -> tuple[int, list[float]]:
    """The status of a move of 7, 8, 9 to or from the positions `at` in 0 to 4, and what it made."""
    names = {"x": "float32", "index": "int64", "out": "float32"}
    sizes = (5, 3, 3)
    buffers = [
        t.Buffer(dtype, n, t.INPUT, label)
        for (label, dtype), n in zip(names.items(), sizes, strict=True)
    ]
    places = tuple(t.Place(b, 0, n) for b, n in enumerate(sizes))
    op = t.Call(name, MOVES[name], "float32", places)
    trace = t.Trace(name, "cuda:0", buffers, [op])
    x, out = np.arange(5, dtype=np.float32), np.arange(7, 10, dtype=np.float32)
    nothing = np.zeros((1, 0))
    native = Copying(form(planned(trace)))
    seeds = np.zeros((0, 2), np.uint64)
    status = native.run(1, nothing, seeds, nothing, [x, np.array(at, np.int64), out])
    return status, (out if name == "gather" else x).tolist()


def positions() -> None:
    """Where positions are out of range the status is set, and nothing is moved at all."""
    for form in FORMS:
        assert moved("gather", [4, 0, 2], form) == (t.FINE, [4, 0, 2])
        assert moved("put", [3, 1, 3], form) == (t.FINE, [0, 8, 2, 9, 4])
        assert moved("scatter_add", [3, 1, 3], form) == (t.FINE, [0, 9, 2, 19, 4])
        for wrong in (5, -1):
            assert moved("gather", [4, wrong, 2], form) == (t.FAILED, [7, 8, 9])
            assert moved("put", [3, wrong, 1], form) == (t.FAILED, [0, 1, 2, 3, 4])
            assert moved("scatter_add", [3, wrong, 1], form) == (t.FAILED, [0, 1, 2, 3, 4])


def scaled() -> Any:
    """Elements that all are multiplied by, and that are written at once."""
    x, y = mg.linspace(0.5, 1.5, 30), mg.ones(4)

    def step() -> Any:
        first, total = x[3].clone(), x.sum()
        x.mul_(first / total * 20.0)
        y.mul_(y[1].clone() + 0.1).add_(y.max())
        return y.sum() * first

    return step, [x, y]


def compiled_there() -> None:
    """mg.compile on tensors of the GPU, called and repeated, against eager steps there."""
    mg.set_default_device("cuda")
    try:
        for make in (programs.PROGRAMS["rmsprop"], programs.PROGRAMS["draws"]):
            (eager, wanted), (step, got) = make(), make()
            step = mg.compile(step)
            for _ in range(7):
                eager()
            for _ in range(3):
                step()
            step.repeat(4)
            assert "one launch" in step.recordings[0].native.target
            for x, y in zip(wanted, got, strict=True):
                close(x.detach().cpu().numpy(), y.detach().cpu().numpy(), "on the GPU")
    finally:
        mg.set_default_device("cpu")


OWN = {f.__name__: f for f in (long_folds, network, scaled, scatters, *overwritten.IN_PLACE)}


def main(wanted: list[str]) -> None:
    """The steps of these names."""
    known = OWN | programs.PROGRAMS
    for name in wanted:
        if name.isdigit():
            random_step(int(name))
        else:
            agree(known[name], name)


if __name__ == "__main__":
    positions()
    compiled_there()
    main(sys.argv[1:])
