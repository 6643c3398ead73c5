"""Generated CUDA kernels under Numba's simulator, which has to be chosen before Numba loads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip(
    "numba_cuda", reason="numba-cuda is not installed: pip install 'microgrest[cuda13]'"
)


def test_layouts() -> None:
    program = Path(__file__).with_name("simulated.py")
    root = program.parents[2]
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-W", "error", program], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
