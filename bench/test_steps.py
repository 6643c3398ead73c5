"""The steps of `step_cases.py` under pytest-benchmark, and tests of the comparison itself.

`python -m pytest bench/test_steps.py --benchmark-only` times every peer that is installed, and
`--benchmark-skip` tests that they agree, that a wrong answer is seen, that the table is made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import click
import numpy as np
import pytest
import step_table
from cases import Timed
from interleave import calibrate
from step_cases import CUBIC_BOUNDS, HAND, WORKLOADS, Runner, Workload
from step_hand import flat, numpy, serial
from step_measure import WRONG, Samples, bounds_of, judged, measure, movement, times
from step_peers import HAND_PARALLEL, OURS, PEERS, Peer, use_threads

pytest.importorskip("pytest_benchmark", reason="pip install pytest-benchmark")

ROUNDS, ROUND_SECONDS = 15, 0.01
MOST_STEPS = 200  # of one call
SMALL = tuple(replace(w, n=min(w.n, 300), steps=5) for w in WORKLOADS if w.n <= 2000)
QUICK = tuple(peer for peer in PEERS if not peer.slow)


def named(items: Any, name: str) -> list[Any]:
    """The items as parameters, each called by its attribute `name`."""
    return [pytest.param(item, id=getattr(item, name).replace(" ", "-")) for item in items]


def built(peer: Peer, workload: Workload) -> Runner:
    """The peer's runner, or the test is skipped."""
    if peer.missing:
        pytest.skip(peer.missing)
    use_threads(workload)
    runner = peer.build(workload)
    if runner is None:
        pytest.skip(f"{peer.name} does not take the step {workload.name}")
    return runner


def _timed() -> Iterator[Any]:
    for workload in WORKLOADS:
        for peer in QUICK:
            mark = pytest.mark.benchmark(group=workload.id, disable_gc=True)
            name = f"{workload.id}-{peer.name.replace(' ', '-')}"
            yield pytest.param(workload, peer, id=name, marks=mark)


@pytest.mark.parametrize(("workload", "peer"), list(_timed()))
def test_step(benchmark: Any, workload: Workload, peer: Peer) -> None:
    """Time calls of as many steps for each peer; the first, which compiles, comes before."""
    runner = built(peer, workload)
    steps = min(workload.steps, MOST_STEPS)
    timed = Timed(lambda: runner.advance(steps))
    benchmark.extra_info.update(device="cpu", n=workload.n, dtype="float32", steps=steps)
    benchmark.pedantic(timed.run, rounds=ROUNDS, iterations=calibrate(timed, ROUND_SECONDS))


@pytest.mark.parametrize("peer", named(QUICK, "name"))
@pytest.mark.parametrize("workload", named(SMALL, "name"))
def test_peers_go_the_same_way(workload: Workload, peer: Peer) -> None:
    """Ten steps of each lead where NumPy's lead."""
    moved, reference = (
        movement(workload, built(peer, workload)),
        movement(workload, numpy(workload)),
    )
    assert np.linalg.norm(reference) > 0
    assert np.linalg.norm(moved - reference) <= 1e-2 * np.linalg.norm(reference)


@pytest.mark.parametrize("workload", named(SMALL, "name"))
def test_hand_loops_descend(workload: Workload) -> None:
    """The yardstick lowers the loss that it is measured with."""
    data, start = workload.make(workload.n)
    runner = serial(workload)
    runner.advance(20)
    ends = np.cumsum([p.size for p in start])[:-1]
    after = [
        part.reshape(p.shape)
        for part, p in zip(np.split(runner.values(), ends), start, strict=True)
    ]
    assert workload.loss(np, after, data) < workload.loss(np, start, data)


def test_parallel_loop_equals_serial() -> None:
    """Over a number of points that is no multiple of a block."""
    workload = replace(WORKLOADS[0], n=100_001, parallel=True)
    runners = [p.build(workload) for p in PEERS if p.name in (HAND, HAND_PARALLEL)]
    one, other = (movement(workload, runner) for runner in runners if runner is not None)
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-7)


def test_wrong_answer_is_reported() -> None:
    """A peer that stands still gets no time, and no verdict."""
    workload = SMALL[0]
    _, start = workload.make(workload.n)
    idle = Peer("idle", "numpy", lambda w: Runner(lambda steps: None, lambda: flat(start)))
    (result,) = measure(workload, [idle], 1, 1e-4)
    assert (result.seconds, result.verdict) == (None, WRONG)


def test_broken_peer_is_named_and_ours_ends_the_run() -> None:
    """An error of a peer becomes its verdict; one of microgrest's is raised."""

    def broken(workload: Workload) -> Runner:
        raise KeyError("no such step")

    (result,) = measure(SMALL[0], [Peer("other", "numpy", broken)], 1, 1e-4)
    assert result.verdict == "KeyError"
    with pytest.raises(KeyError, match="no such step"):
        list(measure(SMALL[0], [Peer(OURS, "microgrest", broken)], 1, 1e-4))


def test_ratios_and_verdicts() -> None:
    """Ours over theirs, round by round; the faster loop by hand is held against its bound."""
    samples: Samples = {
        OURS: (2.0, 2.2, 2.0),
        HAND: (2.0, 2.0, 2.0),
        HAND_PARALLEL: (1.0, 1.0, 1.0),
    }
    workload = replace(WORKLOADS[0], bounds={HAND: 1.25})
    ours, hand, parallel = judged(workload, samples)
    assert (ours.ratio, hand.bound, hand.verdict) == (None, None, "")
    assert (parallel.ratio, parallel.bound, parallel.verdict) == (2.0, 1.25, "MISSED")
    assert bounds_of(WORKLOADS[0], {OURS: (1.0,), HAND: (1.0,)}) == CUBIC_BOUNDS


@pytest.mark.parametrize(("ratio", "text"), [(1.084, "1.08"), (1 / 420, "1/420"), (None, "")])
def test_times(ratio: float | None, text: str) -> None:
    assert times(ratio) == text


CONTENT = {
    "settings": {"rounds": 15},
    "date": "2026-11-21T10:00:00+00:00",
    "machine": {"cores": 2, "cpu": "znver4"},
    "versions": {"python": "3.11.7", "torch": "2.13.0"},
    "results": [
        {"step": "cubic", "n": 2000, "peer": OURS, "seconds": 3e-7},
        {"step": "cubic", "n": 2000, "peer": HAND, "seconds": 2.7e-7},
        {"step": "cubic", "n": 2000, "peer": "PyTorch eager", "seconds": 1.2e-4},
        {"step": "cubic", "n": 2000, "peer": "torch.compile", "seconds": None},
        {"cost": "a call", "value": 4e-6},
    ],
}


def test_table_of_the_readme() -> None:
    """Peers with times are columns, workloads with ours are rows."""
    lines = step_table.table(CONTENT).removeprefix(step_table.LEAD).strip().splitlines()
    assert lines[0] == "| per step | microgrest | Numba loop by hand | PyTorch eager |"
    assert lines[2] == "| cubic, 2,000 points | **300 ns** | 270 ns (0.9x) | 120 us (400x) |"
    assert lines[4].startswith("Medians of 15 interleaved rounds on 2 cores of a znver4 CPU")
    assert "Python 3.11.7, PyTorch 2.13.0. " in lines[4]


def test_table_goes_between_its_comments() -> None:
    """What stood there is replaced, what stands around it stays."""
    begin, end = step_table.BEGIN, step_table.END
    assert step_table.inserted(f"a\n{begin}\nold\n{end}\nb", "new") == f"a\n{begin}\nnew\n{end}\nb"
    with pytest.raises(click.UsageError, match="needs the lines"):
        step_table.inserted("no comments", "new")


def test_newest_result_file(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the date inside it, and an error that says what to run where there is none."""
    monkeypatch.setattr(step_table, "RESULTS", tmp_path)
    with pytest.raises(click.UsageError, match=r"run bench/steps\.py"):
        step_table.newest()
    for name, date in (("steps-b.json", "2026-01-01"), ("steps-a.json", "2026-02-01")):
        (tmp_path / name).write_text(json.dumps({"date": date}), encoding="utf-8")
    assert step_table.newest().name == "steps-a.json"
