"""Compiled steps on CUDA: in the simulator, watched for races, as machine code, and queued."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checks import HERE, by_capability, examine, simulate
from fake import Unavailable, built, on_fake_driver, told
from microgrest.kernels.cuda.driver.compile import compiled
from microgrest.kernels.cuda.source import moves
from microgrest.kernels.cuda.source.guards import guarded, inside
from microgrest.kernels.steps.cuda import choice
from microgrest.kernels.steps.cuda.block import block_source
from microgrest.kernels.steps.cuda.threads.hazards import BARRIER, Hazards
from microgrest.kernels.steps.plan.plan import Plan
from recorded import cubic, mlp, planned, trace_of

from microgrest import cuda
from tests.kernel_calls import MOVES

import overwritten  # isort: skip  # recorded says where
import programs  # isort: skip

pytest.importorskip(
    "numba_cuda", reason="numba-cuda is not installed: pip install 'microgrest[cuda13]'"
)
try:
    built()
    no_driver = ""
except Unavailable as reason:
    no_driver = str(reason)
not_here = cuda.problem()
if not_here is None and cuda.get_device_name().startswith("Numba"):
    not_here = "the simulator is no GPU"
on_a_gpu = pytest.mark.skipif(not_here is not None, reason=f"{not_here}")
queued = pytest.mark.skipif(bool(no_driver), reason=no_driver)
RACY = "momentum in_place_and_views embedding draws long_folds network scatters scaled 1 3"
OVERWRITTEN = [make.__name__ for make in overwritten.IN_PLACE]
OTHERS = "sequential_by_hand two_backwards read_and_replaced closure views_with_gradients products "
OTHERS += "sorted_losses buckets meetings"


def test_both_forms_do_what_eager_execution_does() -> None:
    simulate("simulated_steps.py", *OTHERS.split(), *OVERWRITTEN, *map(str, range(20, 30)), "110")


def test_no_two_threads_race() -> None:
    simulate("racecheck.py", str(HERE / "simulated_steps.py"), *RACY.split(), *OVERWRITTEN)


WITHOUT_BARRIERS = """
import sys
sys.path.insert(0, {folder!r})
from microgrest.kernels.steps.cuda.threads.hazards import Hazards
from microgrest.kernels.steps.proof import races
Hazards.before = lambda self, reads=(), writes=(): [*reads, *writes] and []
races.check = lambda source, blocks=1: None  # who would see it first
import simulated_steps
simulated_steps.main(["momentum"])
"""


def test_the_watch_sees_what_barriers_are_for(tmp_path: Path) -> None:
    program = tmp_path / "racy.py"
    program.write_text(WITHOUT_BARRIERS.format(folder=str(HERE)))
    with pytest.raises(AssertionError, match=r"Visit|never written"):
        simulate("racecheck.py", str(program))


def test_a_barrier_stands_where_threads_meet() -> None:
    hazards = Hazards()
    assert hazards.before(reads=[("x", None)], writes=[("y", 0)]) == []
    assert hazards.before(reads=[("y", 0), ("x", None)]) == []  # each its own elements
    assert hazards.before(reads=[("y", 1)]) == [BARRIER]
    assert hazards.before(writes=[("x", None)]) == []  # all have read x before the barrier
    assert hazards.before(writes=[("x", None)]) == [BARRIER]
    later = Hazards()
    later.join(hazards)
    assert later.before(reads=[("x", None)]) == [BARRIER]


@pytest.mark.gpu
@on_a_gpu
@pytest.mark.parametrize("name", [*RACY.split(), *OTHERS.split()])
def test_both_forms_on_a_gpu(name: str) -> None:
    import simulated_steps

    simulated_steps.main([name])


@pytest.mark.gpu
@on_a_gpu
def test_compiled_steps_on_a_gpu() -> None:
    import simulated_steps

    simulated_steps.positions()
    simulated_steps.compiled_there()


# Machine code


def kernels(plan: Plan) -> Iterator[Any]:
    """The kernels of a step that is several."""
    from microgrest.kernels.steps.cuda.grid import Launch
    from microgrest.kernels.steps.cuda.several import Several

    several = Several(plan)
    return (item for item in (*several.once, *several.each) if isinstance(item, Launch))


STEPS = {**programs.PROGRAMS, "cubic": cubic(2000), "mlp": mlp(64, 32)}
# The float64 that a step of float32 needs: rates, totals of folds, and the history.
SMALL = ("cubic", "rmsprop", "embedding", "draws")  # few loops, so blocks of up to 512 threads
FLOAT64 = {"cubic": 60, "read_and_replaced": 0, "mlp": 200}


@by_capability
@pytest.mark.parametrize("name", ["cubic", "rmsprop", "embedding", "draws", "many_kinds", "mlp"])
def test_machine_code(name: str, capability: tuple[int, int]) -> None:
    trace = trace_of(STEPS[name])
    source, _ = block_source(planned(trace), choice.threads_of(planned(trace)))
    kernel = examine(source, capability, registers=128 if name in SMALL else 255)
    assert kernel.doubles <= FLOAT64.get(name, 1000)
    if capability == (7, 5):
        for launch in kernels(planned(trace)):
            examine(launch.source, capability)


@by_capability
@pytest.mark.parametrize("name", ["cubic", "draws"])
def test_replicas_are_the_blocks_of_one_launch(name: str, capability: tuple[int, int]) -> None:
    """With all registers that a thread of one block has, and no others."""
    from microgrest.kernels.steps.cuda.replicas import replicas_source

    plan = planned(trace_of(STEPS[name]))
    source, block = block_source(plan, choice.threads_of(plan))
    kernel = examine(replicas_source(plan, block, source.text), capability, registers=128)
    assert kernel.doubles <= FLOAT64.get(name, 1000)


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_checked_moves_compile(dtype: str) -> None:
    for name in ("pair", *MOVES):
        assert not examine(guarded(moves.source(name, dtype))).doubles
    for name in [*MOVES][1:]:
        assert not examine(moves.in_order(name, dtype, 128)).doubles
    assert not examine(inside()).doubles


def test_registers_are_fitted_to_the_block() -> None:
    plan = planned(trace_of(STEPS["many_kinds"]))
    few, many = (compiled(block_source(plan, n)[0], (7, 5)) for n in (128, 1024))
    assert few.registers > 64 >= many.registers


# The choice


def test_small_steps_are_one_block() -> None:
    for n, threads in ((50, 128), (2000, 512), (20_000, 512)):
        plan = planned(trace_of(cubic(n)))
        chosen = choice.choose(plan)
        assert chosen.one_block and chosen.block <= chosen.grid
        assert "one block about" in str(chosen)
        assert choice.threads_of(plan) == threads


def test_large_steps_are_many_kernels() -> None:
    chosen = choice.choose(planned(trace_of(cubic(70_000))))
    assert not chosen.one_block and "70,000 places" in str(chosen)
    chosen = choice.choose(planned(trace_of(mlp(512, 256))))
    assert not chosen.one_block and chosen.block > chosen.grid


def test_scalars_of_a_step_stay_in_registers() -> None:
    source, block = block_source(planned(trace_of(cubic(2000))), 512)
    loop = source.text.partition("for s in range(steps):")[2].partition("\n    cuda.")[0]
    assert loop.count(BARRIER) == 3  # those of its folds
    for name in block.parameters():
        assert not re.search(rf"\b{name}\[0\]", loop)


@pytest.mark.parametrize("name", ["x", "min", "v1", "u8", "tree_float32", "part0", "stop", "s_"])
def test_arrays_are_called_as_nothing_else_is(name: str) -> None:
    trace = trace_of(cubic(20))
    trace.buffers[trace.arguments[0]].name = name
    source, block = block_source(planned(trace), 128)
    compiled(source, (7, 5))
    first, *rest = block.parameters()
    assert first not in rest and name.strip("_") in first
    assert (first == name) == (name == "x")


# On a driver that computes nothing


def run_on_fake_driver(n: int, steps: int) -> tuple[int, int]:
    """Launches and waits of a run of `steps` steps of the cubic fit."""
    from microgrest.kernels.cuda import memory
    from microgrest.kernels.steps.cuda import build

    trace = trace_of(cubic(n))
    native = build(planned(trace))
    spans: list[Any] = []
    for b in trace.arguments:
        buffer = trace.buffers[b]
        spans.append(memory.allocator(np.dtype(buffer.dtype), 1)(buffer.size))
    rates = np.full((steps, trace.slots), 1e-6)
    history = np.empty((steps, len(trace.scalars)))
    for _ in range(2):
        before = told("launches"), told("waits")
        assert native.run(steps, rates, np.zeros((0, 2), np.uint64), history, spans) == 0
    return told("launches") - before[0], told("waits") - before[1]


@queued
@on_fake_driver()
def test_one_block_is_one_launch() -> None:
    assert run_on_fake_driver(2000, 2000) == (1, 1)


@queued
@on_fake_driver()
def test_many_kernels_are_two_launches_a_step() -> None:
    assert run_on_fake_driver(100_000, 50) == (100, 1)
