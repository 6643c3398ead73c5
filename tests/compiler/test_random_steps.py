"""Random steps, compiled, do what they do in eager mode, whatever happens between two calls.

Most run as plain Python (NUMBA_DISABLE_JIT), where a kernel takes no time to compile and every
line of the generated code is the same; some as machine code, and some in the simulator of a GPU, by
one block and by kernels of many. A failing step is shrunk and printed as a script that stands
alone. MICROGREST_RANDOM_STEPS says how many are to run as plain Python, MICROGREST_RANDOM_SEED from
which seed on.

Of the long tests' seeds a third is checked each day; all of them, where that is set.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_programs import Program
from random_steps import drawn
from random_trainings import RULES, SCHEDULES
from shrinking import simpler
from twins import Wrap, check

HERE = Path(__file__)
FIRST = int(os.environ.get("MICROGREST_RANDOM_SEED", "0"))
COUNT = int(os.environ.get("MICROGREST_RANDOM_STEPS", "300"))
WHOLE = "MICROGREST_RANDOM_STEPS" in os.environ
FEW, SOME = 40, 500  # seeds of a quick look, and of one process
PYTHON = {"NUMBA_DISABLE_JIT": "1"}
SIMULATOR = PYTHON | {"NUMBA_ENABLE_CUDASIM": "1"}


def child(program: list[str], settings: dict[str, str]) -> str:
    """What a process prints in which nothing is compiled yet; it has to end well."""
    paths = [str(HERE.parents[2]), str(HERE.parent), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, *program],
        env=os.environ | settings | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-3000:]
    return done.stdout


def checked(form: str, first: int, count: int, settings: dict[str, str]) -> str:
    """Check so many seeds from `first` on; returns what came of them."""
    told = ""
    for start in range(first, first + count, SOME):
        end = min(start + SOME, first + count)
        command = [str(HERE.with_name("random_steps.py")), form, str(start), str(end)]
        told += child(command, settings)
    return told


def of_today(first: int, count: int) -> tuple[int, int]:
    """The third of the day of so many seeds, and how many it is."""
    if WHOLE:
        return first, count
    third = date.today().toordinal() % 3
    start, end = (count * k // 3 for k in (third, third + 1))
    return first + start, end - start


def test_as_python() -> None:
    checked("cpu", FIRST, min(FEW, COUNT), PYTHON)


@pytest.mark.slow
def test_many_as_python() -> None:
    checked("cpu", *of_today(FIRST + FEW, COUNT - FEW), PYTHON)


def test_as_machine_code() -> None:
    checked("cpu", 1000, 3, {})


@pytest.mark.slow
def test_many_as_machine_code() -> None:
    checked("cpu", *of_today(1003, 57), {})


@pytest.mark.slow
@pytest.mark.parametrize("form", ["one_block", "many_kernels"])
def test_in_the_simulator_of_a_gpu(form: str) -> None:
    pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
    checked(form, *of_today(2000, 30), SIMULATOR)


@pytest.mark.slow
def test_those_of_the_day(capsys: pytest.CaptureFixture[str]) -> None:
    """Other seeds every day; what fails is printed for somebody to look at, and fails nothing."""
    first = date.today().toordinal() * 1000
    try:
        told = checked("cpu", first, 100, PYTHON)
    except AssertionError as error:
        told = str(error)
    with capsys.disabled():
        print(f"\nrandom steps of {date.today()}:\n{told}")
    assert f"seeds {first} to {first + 99}" in told


# What is drawn, and what becomes of it


def test_every_option_and_schedule_is_drawn() -> None:
    text = "\n".join(drawn(seed).text() for seed in range(600))
    for rule, options in RULES.items():
        used = "".join(re.findall(rf"optim\.{rule}\(.*", text))
        missing = [name for name in options if f"{name}=" not in used]
        assert not missing, (rule, missing)
    missing = [s for s in SCHEDULES if s.partition("(")[0] not in text]
    assert not missing


def test_extents_meet() -> None:
    texts = [drawn(seed).text() for seed in range(300)]
    sizes = [re.findall(r"^[A-Z] = (\d+)$", text, re.M) for text in texts]
    assert {"1", "2", "7", "8", "9", "16"} <= {size for found in sizes for size in found}
    assert sum(len(set(found)) < len(found) for found in sizes) > 200
    assert sum("1" in found for found in sizes) > 100


def test_a_seed_is_a_program() -> None:
    assert drawn(11) == drawn(11) and drawn(11).text() != drawn(13).text()


def test_what_rounding_decides_is_no_fault() -> None:
    setup = ("mg.manual_seed(0)", "x, y = mg.rand(9), mg.zeros(9)")
    decided = "y.copy_((x * 0.1 + x * 0.2 - x * 0.3).sign())"

    def off_by(share: float) -> Wrap:
        def wrap(fn: Any) -> Any:
            def step() -> None:
                fn.__globals__["x"].numpy()[...] *= np.float32(1 + share)
                fn()

            return step

        return wrap

    assert check(Program(0, setup, (decided,), repeats=0), off_by(1e-6)).kind == "unstable"
    assert check(Program(0, setup, ("y.add_(x)",), repeats=0), off_by(1e-6)).kind == "same"
    assert check(Program(0, setup, ("y.add_(x)",), repeats=0), off_by(1e-3)).kind == "differs"


def test_the_parts_of_a_statement() -> None:
    assert {"a", "b", "a.t()"} <= set(simpler("a.t() + b")) | set(simpler("a.t()"))
    assert "o = optim.SGD([w], momentum=0.9)" in simpler("o = optim.SGD([w], lr=0.1, momentum=0.9)")
    assert "o = optim.SGD([w], lr=0.1)" in simpler("o = optim.SGD([w, v], lr=0.1)")
    assert "y = x" in set(simpler("y = mg.sin(x)")) & set(simpler("y = x.exp()"))
    assert "b.add_(1.0)" in simpler("c.mul_(b); b.add_(1.0)")


PLANTED = """
import warnings
import interpreter, random_steps, twins
from microgrest.compiler.call.step import Step
from microgrest.kernels.kinds.matrices.product import PRODUCT
warnings.simplefilter("ignore")

def build(trace):
    trace.ops[:] = [op for op in trace.ops if getattr(op, 'kind', None) is not PRODUCT]
    return interpreter.build(trace)

wrap = lambda fn: Step(fn, build=build)
for seed in range(1, 60):
    program = random_steps.drawn(seed)
    outcome = twins.check(program, wrap)
    if outcome.kind == "differs" and len(program.body) > 6:
        print(random_steps.report(program, outcome, wrap, 30.0))
        break
"""


def test_a_planted_fault_is_found_and_shrunk() -> None:
    """Products left out of what was recorded."""
    told = child(["-c", PLANTED], PYTHON)
    step = told.partition("def step")[2].partition("run = ")[0]
    assert told.startswith("# seed ") and "differs" in told
    assert len(step.strip().splitlines()) <= 5, told
