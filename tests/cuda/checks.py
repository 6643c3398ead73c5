"""What the tests of CUDA kernels share: runs in the simulator, and limits of the machine code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

CAPABILITIES = [(7, 5), (9, 0)]
by_capability = pytest.mark.parametrize("capability", CAPABILITIES, ids="sm_{0[0]}{0[1]}".format)
HERE = Path(__file__).parent
KEPT = 64  # kernels as Numba's LLVM IR
_lowered: dict[Any, Any] = {}


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
    from microgrest.kernels.cuda.driver import compile as compiler

    with lowered_once():
        kernel = compiler.compiled(source, capability, label)
    assert kernel.spills == 0
    assert kernel.registers <= registers
    return kernel


@contextmanager
def lowered_once() -> Iterator[None]:
    """Let a kernel's PTX for all capabilities come of one LLVM IR.

    Types and LLVM IR take Numba four fifths of a kernel's time, and are the same for all of
    `CAPABILITIES`, as `test_ptx` checks. NVVM and nvJitLink do for each what they always do.
    """
    numba = import_module("numba.cuda.compiler")
    lower = numba._compile_pyfunc_with_fixup

    def known(function: Any, signature: Any, *, cc: Any, **options: Any) -> Any:
        key = function, signature, *options.items()
        if key not in _lowered:
            if len(_lowered) == KEPT:
                _lowered.clear()
            _lowered[key] = lower(function, signature, cc=cc, **options)
        return _lowered[key]

    with patch.object(numba, "_compile_pyfunc_with_fixup", known):
        yield
