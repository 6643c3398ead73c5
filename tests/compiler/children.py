"""Processes in which generated code runs as plain Python, so that nothing has to be compiled."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


def parts(n: int) -> list[Any]:
    """Of what takes long in n parts: the first is in each run, the others are long tests."""
    return [0, *(pytest.param(k, marks=pytest.mark.slow) for k in range(1, n))]


def as_python(program: str, *arguments: str) -> None:
    """Run a program of this folder; what it says when it fails is the failure."""
    paths = [str(HERE.parents[1]), str(HERE), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, str(HERE / program), *arguments],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-6000:]
