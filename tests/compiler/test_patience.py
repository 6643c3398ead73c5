"""More kinds of calls than a step keeps recordings: an end of recording, and a way back."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from interpreter import build

import microgrest as mg
from microgrest.compiler.call import step as steps
from microgrest.compiler.call.recording_budget import PAUSE, WASTED, RecordingBudget
from microgrest.compiler.call.step import Step

KEPT = 24  # recordings of one step here: what it does when it has no place for more is the same


@pytest.fixture(autouse=True)
def few_recordings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "KEPT", KEPT)


class Counting(Step):
    """A step that counts its recordings, and how often its function runs as Python."""

    def __init__(self, fn: Any) -> None:
        self.made = self.eager = 0
        super().__init__(fn, build=build)

    def _keep(self, *args: Any) -> None:
        self.made += 1
        super()._keep(*args)

    def _eager(self, *args: Any) -> Any:
        self.eager += 1
        return super()._eager(*args)


def doubling() -> Counting:
    """A step of one tensor."""
    return Counting(lambda x: x * 2)


def call(step: Step, sizes: Iterable[int]) -> None:
    """A call with a tensor of each size, which gives what it should."""
    for n in sizes:
        assert step(mg.ones(n)).tolist() == [2.0] * n


def test_forty_shapes_in_turn_become_native(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # as many as there are
    step = doubling()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call(step, [*range(1, 41)] * 5)
    assert (step.made, step.eager, len(step.recordings)) == (40, 80, 40)


def test_more_shapes_than_are_kept_end_the_recording_with_one_warning() -> None:
    step, shapes = doubling(), [*range(1, KEPT + 21)]
    text = "recorded for calls that hardly come again.*x: shape was.*by padding.*run eagerly"
    with pytest.warns(RuntimeWarning, match=text) as caught:
        call(step, shapes * 6)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert step.made <= KEPT + WASTED + 3
    before, eager = step.made, step.eager
    call(step, shapes * 6)
    assert step.made - before <= 2
    # Those that are kept are native all the while.
    assert step.eager - eager <= 6 * (len(shapes) - KEPT + 2)


@pytest.mark.filterwarnings("ignore:.*hardly come again")
def test_calls_that_settle_are_recorded_again() -> None:
    step = doubling()
    call(step, [*range(1, KEPT + 21)] * 4)
    new = 1000
    call(step, [new] * (4 * PAUSE))
    before = step.eager
    call(step, [new] * 20)
    assert step.eager == before
    before = step.eager
    call(step, [new, new + 1] * (8 * PAUSE))
    assert step.eager - before <= 8 * PAUSE
    before = step.eager
    call(step, [new, new + 1] * 20)
    assert step.eager == before


def test_shapes_at_random() -> None:
    step, chance = doubling(), np.random.default_rng(0)
    with pytest.warns(RuntimeWarning, match="hardly come again"):
        call(step, chance.integers(1, 200, 1500).tolist())
    assert step.made < 160


def test_a_number_that_changes_in_every_call_runs_eagerly_in_the_end() -> None:
    step = Counting(lambda x, k: x * k)
    with pytest.warns(RuntimeWarning) as caught:
        for k in range(KEPT + WASTED + 80):
            assert step(mg.ones(2), float(k)).tolist() == [float(k)] * 2
    assert ["in a row for one reason" in str(w.message) for w in caught] == [True, False]
    assert "k: value was" in str(caught[1].message)
    assert step.made <= KEPT + WASTED + 2


def test_a_count_that_the_step_keeps_itself() -> None:
    count = 0

    def fn(x: Any) -> Any:
        nonlocal count
        count += 1
        return x * count

    step = Counting(fn)
    with pytest.warns(RuntimeWarning, match="the step itself changes it"):
        for k in range(1, KEPT + WASTED + 40):
            assert step(mg.ones(1)).item() == k
    assert step.made <= KEPT + WASTED + 2


@pytest.mark.filterwarnings("ignore:.*hardly come again")
def test_repeat_over_many_shapes() -> None:
    step = doubling()
    batches = [mg.ones(n) for n in range(1, KEPT + 31)]
    result = step.repeat(6 * len(batches), batches=batches)
    assert result.tolist() == [2.0] * len(batches)
    assert step.made <= KEPT + WASTED + 3


WHY = "x: shape was 1, is 2"


def test_recordings_that_served_are_no_waste() -> None:
    patience = RecordingBudget(2)
    for _ in range(200):
        assert patience.recorded(WHY, "", 8, full=True) == ""
        assert not patience.waits()


def test_pauses_grow_and_end() -> None:
    patience = RecordingBudget(2)
    warned = [bool(patience.recorded(WHY, "", 0, full=True)) for _ in range(WASTED)]
    assert warned == [False] * (WASTED - 1) + [True]
    for pause in (PAUSE, 2 * PAUSE, 4 * PAUSE):
        assert [patience.waits() for _ in range(pause + 1)] == [True] * pause + [False]
        # It served, but far less than there were other calls.
        assert patience.recorded(WHY, "", pause - 1, full=True) == ""
    for _ in range(8 * PAUSE):
        assert patience.waits()
    patience.recorded(WHY, "", 8 * PAUSE, full=True)
    assert not patience.waits()


def test_the_order_of_calls_is_learnt() -> None:
    """Of recordings that take turns the next is found at once."""
    step = doubling()
    call(step, [*range(1, KEPT + 1)] * 4)
    asked = []
    for recording in step.recordings:
        hold = recording.guards.hold
        recording.guards.hold = (  # type: ignore[method-assign]
            lambda *args, hold=hold: [asked.append(1), hold(*args)][1]
        )
    call(step, range(1, KEPT + 1))
    assert len(asked) <= KEPT * 2


def test_another_function_in_a_step() -> None:
    step = doubling()
    call(step, [1, 1, 1])
    step.fn = lambda x: x * 3
    assert [step(mg.ones(1)).item() for _ in range(4)] == [3.0] * 4
