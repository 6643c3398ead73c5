"""What a step says of itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgrest as mg
from microgrest.compiler.tell import machine_rates as machine
from microgrest.compiler.tell.explanation import Explanation

N = 3000


def fitting() -> tuple[Any, Any]:
    x = mg.linspace(-1, 1, N)
    y = mg.sin(x)
    slope = mg.tensor(0.5, requires_grad=True)
    rule = mg.optim.SGD([slope], lr=1e-5, momentum=0.9)

    @mg.compile
    def step() -> Any:
        rule.zero_grad()
        loss = ((slope * x - y) ** 2).sum()
        loss.backward()
        rule.step()
        return loss

    for _ in range(3):
        step()
    return step, slope


@pytest.fixture(scope="module")
def told() -> Explanation:
    explanation: Explanation = fitting()[0].explain()
    return explanation


def test_ops_have_source_lines(told: Explanation) -> None:
    names = [op.name for op in told.ops]
    assert names[:4] == ["mul", "sub", "square", "sum"] and "sgd" in names
    assert all(op.line.startswith("test_explain.py:") for op in told.ops)
    assert told.ops[0].shape == (N,)


def test_one_loop_reads_the_data_once(told: Explanation) -> None:
    loops = [work for work in told.work if work.what.startswith(f"loop over {N:,}")]
    assert len(loops) == 1 and not loops[0].once
    assert 0 <= loops[0].read - 2 * 4 * N < 100 and loops[0].written == 0
    assert "square" in " ".join(loops[0].origins) and "mul_backward" in " ".join(loops[0].origins)
    assert told.scratch == 0
    assert told.read == sum(work.read for work in told.work)
    assert 4 * N <= told.operations <= 12 * N


def test_memory_is_named(told: Explanation) -> None:
    roles = {m.name: (m.dtype, m.size, m.role) for m in told.memory}
    assert roles["x"] == ("float32", N, "input")
    assert roles["slope"] == ("float32", 1, "input")
    assert "rule.state[slope].momentum_buffer" in roles


def test_times_are_of_this_machine(told: Explanation) -> None:
    assert 0 < told.seconds < 1e-3
    assert told.copy_seconds == (told.read + told.written) / told.copy_rate
    assert told.arithmetic_seconds == told.operations / told.arithmetic_rate
    # Of any machine that runs this: more than a floppy disk, less than all GPUs of a rack.
    assert 1e7 < told.copy_rate < 1e14 and 1e7 < told.arithmetic_rate < 1e15


def test_the_report_has_it_all(told: Explanation) -> None:
    text = str(told)
    for part in ("step: ", "on CPU", "recorded ops", "what runs", "memory", "guards", "measured"):
        assert part in text
    assert "  slope: dtype float32, device cpu, shape (), requires_grad True" in text
    assert f"x: float32[{N:,}], input" in text
    assert "temporaries, of which fusion leaves none" in text


def test_explaining_changes_nothing() -> None:
    (step, slope), (same, other) = fitting(), fitting()
    step.explain()
    step.repeat(5)
    same.repeat(5)
    np.testing.assert_array_equal(slope.detach().numpy(), other.detach().numpy())


def test_arguments_choose_the_recording() -> None:
    step = mg.compile(lambda x: (x * 2).sum())
    for n in (10, 20):
        for _ in range(3):
            step(mg.ones(n))
    assert step.explain(mg.ones(10)).ops[0].shape == (10,)
    assert step.explain(mg.ones(20)).ops[0].shape == (20,)
    # The latest, measured on zeros, where no arguments are given.
    assert step.explain().ops[0].shape == (20,)


def test_before_the_first_recording() -> None:
    step = mg.compile(lambda: mg.ones(2))
    step()
    with pytest.raises(RuntimeError, match="call it twice first"):
        step.explain()
    with pytest.raises(RuntimeError, match="call it twice first"):
        step.source()
    step()
    assert "def run(steps" in step.source()


def test_the_machine_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = machine.copy_rate("cpu", 100_000), machine.arithmetic_rate("cpu", 100_000)
    monkeypatch.setattr(machine, "_seconds", None)
    assert (machine.copy_rate("cpu", 99_999), machine.arithmetic_rate("cpu", 99_999)) == first
