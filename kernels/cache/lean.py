"""Compilation without what it does not need: SciPy's import, and walks over what Numba makes."""

from __future__ import annotations

import gc
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def paused() -> Iterator[None]:
    """No automatic garbage collection within; afterwards it is as it was.

    What Numba makes of a function is thousands of objects that stay, and the collector would walk
    them over and over.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def without_scipy() -> None:
    """Import what Numba compiles with, but not SciPy's linear algebra, which is half of it.

    `numba.np.arraymath` imports that for no more than to know whether `dot` can be compiled. What
    is compiled with it asks for it again.
    """
    if "numba.np.arraymath" in sys.modules or importlib.util.find_spec("scipy") is None:
        return
    linalg: Any = importlib.import_module("numba.np.linalg")
    asked = getattr(linalg, "ensure_blas", None)
    if asked is None:
        return
    linalg.ensure_blas = lambda: None
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        linalg.ensure_blas = asked
