"""Fifty steps of training, compiled, leave what fifty eager steps do.

Parameters, gradients, what optimizers and schedulers remember, options, buffers and the place in
the stream of random numbers are compared: after each of fifty calls, and after `repeat`. As in
`test_random_steps`, most run as plain Python, and some as machine code.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import training_kinds  # noqa: F401 - enters its trainings, as the next ones do
import training_orders  # noqa: F401
import training_rules
import training_states  # noqa: F401
from children import as_python, parts
from trainings import KINDS, STEPS, Maker, Problem, Training, fit, flat

import microgrest as mg
from microgrest import optim
from microgrest.optim import lr_scheduler as schedulers

# By dtype, as a share of each tensor's largest element.
TOLERANCES = {"float64": 1e-10, "float32": 5e-4}
PARTS = 6  # as plain Python

State = dict[str, Any]


def expect_same(ours: Mapping[str, Any], eager: Mapping[str, Any], when: str) -> None:
    """Equal names, types, and values up to rounding."""
    assert list(ours) == list(eager), when
    for name, value in eager.items():
        assert type(ours[name]) is type(value), f"{when}: {name}"
        if isinstance(value, np.ndarray):
            expect_close(ours[name], value, f"{when}: {name}")
        else:
            assert ours[name] == value, f"{when}: {name}"


def expect_close(ours: Any, eager: Any, what: str) -> None:
    """Equal up to rounding, relative to the largest element."""
    assert ours.dtype == eager.dtype and ours.shape == eager.shape, what
    assert np.isfinite(eager).all(), what
    largest = np.abs(eager).max(initial=0.0)
    worst = np.abs(ours - eager).max(initial=0.0)
    assert worst <= TOLERANCES.get(eager.dtype.name, 0.0) * largest, f"{what}: {worst} {largest}"


def one_by_one(training: Training, step: Any, steps: int) -> list[State]:
    """The state after each of the steps, with what the step returned."""
    states = []
    for done in range(steps):
        training.between.get(done, int)()
        states.append(dict(flat("result", step())) | training.state())
    return states


def in_chunks(training: Training, step: Any, steps: int) -> list[tuple[int, State]]:
    """The state after each repetition that goes as far as to the next change by hand."""
    states = []
    ends = [*sorted(k for k in training.between if k < steps), steps]
    for start, end in zip([0, *ends], ends, strict=False):
        training.between.get(start, int)()
        result = step.repeat(end - start)
        if end > start:
            states.append((end, dict(flat("result", result)) | training.state()))
    return states


def check(make: Maker, steps: int = STEPS) -> None:
    """Eager steps, compiled calls, and compiled repetitions of one training."""
    training = make()
    eager = one_by_one(training, lambda: detached(training.step()), steps)
    training = make()
    step = mg.compile(training.step)
    compiled = one_by_one(training, step, steps)
    for done, (ours, theirs) in enumerate(zip(compiled, eager, strict=True), 1):
        expect_same(ours, theirs, f"call {done}")
    expect_recordings(step, training)
    training = make()
    step = mg.compile(training.step)
    for done, ours in in_chunks(training, step, steps):
        expect_same(ours, eager[done - 1], f"{done} steps repeated")
    expect_recordings(step, training)


def expect_recordings(step: Any, training: Training) -> None:
    """No more recordings than there are kinds of steps: the others ran natively."""
    found = len(step.recordings)
    assert found == training.recordings, f"{found} recordings, not {training.recordings}"


def detached(result: Any) -> Any:
    """What an eager step returned, out of its graph, as a compiled one returns it."""
    if isinstance(result, mg.Tensor):
        return result.detach()
    if isinstance(result, (list, tuple)):
        return type(result)(map(detached, result))
    return result


@pytest.mark.parametrize("part", parts(PARTS))
def test_as_python(part: int) -> None:
    as_python("test_training.py", f"{part}")


MACHINE_CODE = [
    "SGD(lr=0.05, momentum=0.8, dampening=0.5, weight_decay=0.1, maximize=True)",
    "RAdam(lr=0.05)",
    "OneCycleLR of AdamW",
    "clipped to a norm of order 2.0",
    "several_optimizers",
    "dropout",
    "two_dtypes",
]


@pytest.mark.devices
@pytest.mark.parametrize("name", MACHINE_CODE)
def test_as_machine_code(name: str) -> None:
    simulated = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
    check(KINDS[name], 6 if simulated else STEPS)


def test_every_option_of_every_optimizer_is_tried() -> None:
    found = {getattr(optim, name) for name in optim.__all__ if name[0].isupper()}
    # LBFGS decides by values, which no step can know, and SparseAdam is refused.
    assert set(training_rules.RULES) == found - {optim.Optimizer, optim.LBFGS, optim.SparseAdam}
    for rule, sets in training_rules.RULES.items():
        names = {name for options in sets for name in options}
        fixed = {"differentiable"}  # refused
        if rule is optim.AdamW:
            fixed.add("decoupled_weight_decay")  # what makes it AdamW
        assert (
            names | fixed == rule(training_rules.fitted(rule, Problem())).defaults.keys() | fixed
        ), rule


def test_every_scheduler_is_tried() -> None:
    tried = {name.partition(",")[0] for name in training_rules.SCHEDULES}
    assert tried == set(schedulers.__all__) - {"LRScheduler", "ReduceLROnPlateau"}


@pytest.mark.parametrize(
    ("schedule", "call", "match"),
    [
        (
            schedulers.ReduceLROnPlateau,
            lambda scheduler: scheduler.step(1.0),
            r"ReduceLROnPlateau.step .*test_training.py.*call it outside the step",
        ),
        (
            lambda optimizer: schedulers.StepLR(optimizer, 3),
            lambda scheduler: scheduler.get_last_lr(),
            r"get_last_lr\(\) .*test_training.py.*call it outside the step",
        ),
    ],
    ids=["plateau", "get_last_lr"],
)
def test_schedules_that_need_or_give_numbers_are_refused(
    schedule: Any, call: Any, match: str
) -> None:
    problem = Problem()
    optimizer = optim.SGD(problem.params)
    usual, scheduler = fit(problem, optimizer), schedule(optimizer)
    step = mg.compile(lambda: (usual(), call(scheduler)))
    step()
    with pytest.raises(RuntimeError, match=match):
        step()


def test_masks_are_new_in_each_step() -> None:
    x = mg.ones(100)
    step = mg.compile(lambda: mg.nn.functional.dropout(x))
    masks = {tuple(step().tolist()) for _ in range(10)}
    assert len(masks) == 10
    rows: list[Any] = []
    step.repeat(10, callback=lambda _, mask: rows.append(tuple(mask.tolist())))
    assert len(masks | set(rows)) == 20


def main(part: int) -> int:
    """Check a part of the trainings; returns how many failed."""
    failed = 0
    for name, make in [*KINDS.items()][part::PARTS]:
        try:
            check(make)
        except Exception:
            failed += 1
            print(f"{name}:", traceback.format_exc(limit=-4), file=sys.stderr)
    return failed


if __name__ == "__main__":
    # NumPy warns of what kernels do in silence: numbers that leave their range.
    warnings.simplefilter("ignore", RuntimeWarning)
    sys.exit(min(main(int(sys.argv[1])), 100))
