"""What the tests of CUDA kernels share: runs in the simulator, and limits of the machine code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CAPABILITIES = [(7, 5), (9, 0)]
by_capability = pytest.mark.parametrize("capability", CAPABILITIES, ids="sm_{0[0]}{0[1]}".format)
HERE = Path(__file__).parent


def simulate(program: str, *arguments: str) -> None:
    """Run a program of this folder in a process with the simulator; nothing may go wrong there."""
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": str(HERE.parents[1])}
    command = [sys.executable, "-W", "error", str(HERE / program), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def examine(
    source: Any, capability: tuple[int, int] = (7, 5), label: str = "kernel", registers: int = 64
) -> Any:
    """The compiled kernel: it spills nothing and takes at most so many registers."""
    from microgrest.kernels.cuda import compile as compiler

    kernel = compiler.compiled(source, capability, label)
    assert kernel.spills == 0
    assert kernel.registers <= registers
    return kernel
