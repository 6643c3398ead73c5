"""The kernels that programs are likely to need are those that they do need, to the last type."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# Compiles every guess, then does what they were made for: nothing is left to compile.
PROGRAM = """
import microgrest as mg
from microgrest.dispatch import likely
from microgrest.kernels.cache import elsewhere, store
from microgrest.kernels.cpu import guesses

elsewhere.useful = lambda: True
jobs = []
elsewhere.ahead = lambda job, guess=False: jobs.append(job) if guess else None
mg.ones(2, 2)
if not jobs:
    guesses._expected[:] = [likely.likely]
    guesses.begin()
for job in jobs:
    store.compile_again(*job)
before = elsewhere._own
elsewhere.compile = lambda job: print(job.path) and False
x = mg.ones(4, 2)
x + mg.ones(2), x - mg.ones(2)
x.sum(), x.sum(0), x.mean(), x.mean(0)
x - x, x / x, x * x, x + x, x == x
x / 2.0, x + 2.0, x > 2.0, x - 2.0, x * 2.0, 1 - x
for f in (mg.tanh, mg.sigmoid, mg.log, mg.relu, mg.exp, mg.neg):
    f(x)
print(len(jobs), elsewhere._own - before)
"""


def test_every_guess_is_a_kernel_that_a_program_will_use(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "MICROGREST_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    jobs, compiled = map(int, found.stdout.split()[-2:])
    assert jobs > 20
    assert compiled == 0, found.stdout
