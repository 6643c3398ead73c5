"""Generated CUDA kernels under Numba's simulator, which has to be chosen before Numba loads."""

from __future__ import annotations

import pytest
from checks import simulate

pytest.importorskip(
    "numba_cuda", reason="numba-cuda is not installed: pip install 'microgrest[cuda13]'"
)


def test_layouts() -> None:
    simulate("simulated.py")
