"""Memory that is written while something is still to be read from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import overwritten
import pytest
from children import as_python, parts
from microgrest.kernels.kinds.matrices.product import PRODUCT
from microgrest.kernels.steps import trace as t
from microgrest.kernels.steps.build import CPU, build
from microgrest.kernels.steps.plan.lower import lower
from microgrest.kernels.steps.plan.schedule import plan
from overwritten import Made

import microgrest as mg
from microgrest.compiler.call.step import Step


def test_as_python() -> None:
    as_python("overwritten.py", "in place")


@pytest.mark.parametrize("third", parts(3))
def test_trainings_as_python(third: int) -> None:
    as_python("overwritten.py", f"{third}")


@pytest.mark.devices
@pytest.mark.parametrize("make", overwritten.IN_PLACE)
def test_as_machine_code(make: Callable[[], Made]) -> None:
    overwritten.compare(make, [()] * overwritten.CALLS)


@pytest.mark.parametrize("optimizer", ["nesterov", "amsgrad", "adagrad"])
def test_trainings_as_machine_code(optimizer: str) -> None:
    def make() -> Made:
        return overwritten.training(optimizer, 1, False)

    overwritten.compare(make, overwritten.batches((8, 1)))


def plainly(trace: t.Trace) -> t.Native:
    """A step without any optimization."""
    return CPU(plan(trace, *lower(trace, plainly=True), plainly=True))


@pytest.mark.parametrize("make", overwritten.IN_PLACE[:3])
def test_without_optimization(make: Callable[[], Made]) -> None:
    (eager, theirs), (fn, ours) = make(), make()
    step = Step(fn, build=plainly)
    for _ in range(overwritten.CALLS):
        eager()
        step()
    assert overwritten.distance(ours, theirs) <= overwritten.EXACT


@pytest.mark.parametrize("optimizer", ["momentum", "adam", "rmsprop", "adadelta"])
def test_an_update_is_one_loop(optimizer: str) -> None:
    (x,) = overwritten.numbers((100,))
    p = mg.ones(100, dtype=mg.float64, requires_grad=True)
    rule = overwritten.OPTIMIZERS[optimizer]([p])

    def step() -> None:
        rule.zero_grad()
        ((p - x) * p).sum().backward()
        rule.step()

    compiled = mg.compile(step)
    for _ in range(3):
        compiled()
    source = compiled.source()
    assert source.count("for j0 in") == 1 and "scratch" not in source


def test_sums_that_wait_for_one_another() -> None:
    (x,) = overwritten.numbers((5,))
    traces: list[t.Trace] = []

    def step() -> Any:
        y = x
        for _ in range(1000):
            y = x * 0.5 + y.sum() * 0.1
        return y.sum()

    def kept(trace: t.Trace) -> t.Native:
        traces.append(trace)
        return t.Native()

    recorded = Step(step, build=kept)
    recorded()
    recorded()
    (trace,) = traces
    planned = plan(trace, *lower(trace))  # to compile it would take a minute
    assert len([*planned.once, *planned.each]) > 1000


def test_a_product_of_float16_leaves_the_rest_of_its_buffer() -> None:
    buffers = [t.Buffer("uint16", n, t.INPUT, name) for n, name in ((4, "a"), (4, "b"), (8, "out"))]
    square, apart = (0, (2, 2), (2, 1)), (1, (2, 2), (4, 2))
    parts = [t.Part(0, *square), t.Part(1, *square), t.Part(2, *apart)]
    trace = t.Trace("step", "cpu", buffers, [t.Call("matmul", PRODUCT, "uint16", tuple(parts))])
    a, b, out = (np.arange(n, dtype=np.float16) for n in (4, 4, 8))
    nothing = np.zeros((1, 0))
    arrays = [x.view(np.uint16) for x in (a, b, out)]
    build(trace).run(1, nothing, np.zeros((0, 2), np.uint64), nothing, arrays)
    wanted = np.arange(8, dtype=np.float16)
    wanted[[1, 3, 5, 7]] = (a.reshape(2, 2) @ b.reshape(2, 2)).reshape(-1)
    np.testing.assert_array_equal(out, wanted)
