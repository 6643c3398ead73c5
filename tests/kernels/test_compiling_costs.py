"""What a first compilation does not pay for: SciPy's import, and garbage collections."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import processes
import pytest
from microgrest.kernels import cache
from microgrest.kernels.cache.lean import paused

SOURCE = """from numba import njit


@njit(error_model="numpy")
def kernel(a):
    return a + {c}
"""

WITHOUT_SCIPY = f"""
import gc, sys
from microgrest.kernels import cache
kernel = cache.load({SOURCE.format(c=1)!r}).kernel
assert kernel(1) == 2 and gc.isenabled()
assert "scipy.linalg" not in sys.modules, "compiling has imported it"

import numba, numpy as np
product = numba.njit(lambda a, b: np.dot(a, b))
a = np.arange(6.0).reshape(2, 3)
assert (product(a, a.T.copy()) == a @ a.T).all()
"""


def test_scipy_is_not_imported_until_who_compiles_a_product_needs_it(tmp_path: Path) -> None:
    pytest.importorskip("scipy", reason="without SciPy there is nothing to import")
    processes.run(WITHOUT_SCIPY, MICROGREST_CACHE_DIR=tmp_path)


def test_the_collector_runs_again_after_an_error() -> None:
    kernel = cache.load(SOURCE.format(c="'text'")).kernel
    with pytest.raises(Exception, match="No implementation"):
        kernel(1)
    assert gc.isenabled()


def test_who_has_no_collector_gets_none() -> None:
    gc.disable()
    try:
        cache.load(SOURCE.format(c=3)).kernel(1)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_pauses_of_several_threads_end() -> None:
    inside, leave = threading.Barrier(3), threading.Event()

    def hold() -> None:
        with paused():
            inside.wait()
            leave.wait()

    threads = [threading.Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait()
    assert not gc.isenabled()
    leave.set()
    for thread in threads:
        thread.join()
    assert gc.isenabled()
