"""Random scalar functions are the same as ops and in Python, and their derivatives are slopes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_random_functions():
    """By kernels as Python runs them: machine code would take a second for each."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.own.random_functions", "0", "130"],
        cwd=ROOT,
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout == "0 of 130 differ\n", done.stdout + done.stderr
