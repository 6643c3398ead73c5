"""The OpenBLAS of this process: how many threads it uses, and which processor it was built for.

An OpenBLAS has matrix kernels for many processors, and takes those for the one that it finds. One
that is newer than it, it takes for an older: so NumPy's wheels run a Zen 5, which has AVX-512, by
the kernels for Haswell, which has not, at half the speed. OPENBLAS_CORETYPE tells it, before NumPy
is imported.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

# Before and after the names of its functions; those of NumPy's wheels first.
AFFIXES = (("scipy_", "64_"), ("scipy_", ""), ("", "64_"), ("", ""))
# What it runs without AVX-512 on processors for x86.
NARROW = ("Prescott", "Nehalem", "Sandybridge", "Haswell", "Zen", "Excavator", "Steamroller")
WIDE = "SkylakeX"


@contextmanager
def one_thread() -> Iterator[None]:
    """Products by one thread, where BLAS is an OpenBLAS.

    Its threads wait for one another in loops: a small product on two cores, one of which is busy
    with something else, was seen to take 80 ms instead of 0.3.
    """
    get, set_ = _function("openblas_get_num_threads"), _function("openblas_set_num_threads")
    if get is None or set_ is None:
        yield
        return
    before = get()
    set_(1)
    try:
        yield
    finally:
        set_(before)


def core() -> str:
    """The processor whose kernels it runs, "Haswell"; empty where BLAS is no OpenBLAS."""
    name = _function("openblas_get_corename")
    if name is None:
        return ""
    name.restype = ctypes.c_char_p
    found: bytes = name()
    return found.decode()


def remedy(avx512: bool) -> str | None:
    """What to do where products are slower than they need be, on a processor with `avx512`."""
    if not avx512 or core().capitalize() not in NARROW:
        return None
    return (
        f"its kernels are for {core()}, without AVX-512, which this processor has: with"
        f" OPENBLAS_CORETYPE={WIDE} in the environment products may take half the time"
    )


@cache
def _function(name: str) -> Any:
    """A function of OpenBLAS, None where there is none."""
    for library in libraries():
        for before, after in AFFIXES:
            found = getattr(library, before + name + after, None)
            if found is not None:
                return found
    return None


def libraries() -> Iterator[ctypes.CDLL]:
    """NumPy's extension, through which its libraries' symbols are seen; not so on Windows."""
    extension = importlib.import_module("numpy._core._multiarray_umath").__file__
    bundled = Path(np.__file__).parents[1].glob("numpy.libs/*openblas*.dll")
    for path in (extension, *bundled):
        with suppress(OSError):  # one that the system cannot load is none
            yield ctypes.CDLL(str(path))
