"""What holds before a GPU is touched; importing this imports nothing of NVIDIA's."""

from __future__ import annotations

import os

FORKED = (
    "Cannot re-initialize CUDA in forked subprocess. To use CUDA with multiprocessing, you must "
    "use the 'spawn' start method"
)


class OutOfMemoryError(RuntimeError):
    """Raised when a GPU has not enough memory left."""


def simulated() -> bool:
    """Whether Numba's simulator takes the GPU's place; to be chosen before Numba loads."""
    return os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0")
