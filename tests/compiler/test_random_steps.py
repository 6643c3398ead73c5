"""Random steps, compiled, do what they do in eager mode.

Most of them run as plain Python (NUMBA_DISABLE_JIT), where a kernel takes no time to compile and
every line of the generated code is the same; some are compiled to machine code. With
MICROGREST_RANDOM_STEPS=5000 it takes five minutes and as many programs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_steps import RandomStep

import microgrest as mg

# By dtype, as a share of each tensor's largest element.
TOLERANCES = {mg.float64: 1e-10, mg.float32: 2e-4}
CALLS = 5


def difference(a: Any, b: Any) -> float:
    """The largest distance between two tensors, as a share of the largest element, at least 1."""
    assert a.shape == b.shape and a.dtype is b.dtype
    x, y = (t.detach().numpy().astype(np.float64) for t in (a, b))
    np.testing.assert_array_equal(np.isnan(x), np.isnan(y))
    largest = max(1.0, float(np.nanmax(np.abs(x), initial=0.0)))
    return float(np.nanmax(np.abs(x - y), initial=0.0)) / largest


def check(seed: int) -> None:
    """Warm-up, recording and compiled calls of one random step, each against eager mode."""
    random = RandomStep(seed)
    eager, ours = random.make()
    fn, theirs = random.make()
    step = mg.compile(fn)
    for call in range(CALLS):
        with np.errstate(all="ignore"):
            a, b = eager(), step()
        worst = max(
            [difference(a[k], b[k]) for k in a]
            + [difference(p, q) for p, q in zip(ours, theirs, strict=True)]
        )
        assert worst <= TOLERANCES[random.dtype], f"seed {seed}, call {call}: {worst}"
    assert len(step.recordings) == 1


def in_python(first: int, last: int) -> None:
    """Check the seeds from first to last - 1 in a process that compiles nothing."""
    here = Path(__file__)
    paths = [str(here.parents[2]), str(here.parent), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, str(here), str(first), str(last)],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_as_python() -> None:
    in_python(0, int(os.environ.get("MICROGREST_RANDOM_STEPS", "200")))


@pytest.mark.parametrize("seed", range(8))
def test_as_machine_code(seed: int) -> None:
    check(seed)


if __name__ == "__main__":
    # NumPy warns of what kernels do in silence: numbers that leave their range.
    warnings.simplefilter("ignore", RuntimeWarning)
    for number in range(int(sys.argv[1]), int(sys.argv[2])):
        check(number)
