"""When a kernel may run in parallel, and on how many threads.

Numba runs a parallel kernel on a threading layer. Two of its layers, tbb and omp, may be entered
from several Python threads at once; on workqueue that ends the process, so there everything is
serial. So it is in a forked child: GNU OpenMP, once used by the parent, ends the child, and a
parent that forks has spread its work over processes already.

The number of threads never changes a result: a kernel's blocks do not depend on it.
"""

from __future__ import annotations

import importlib
import operator
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from ..source.program import LARGE

# Elements from which a parallel kernel pays: measured on two cores, float32 a + b takes 6 us
# serial and 5 us parallel at 2**16, 91 us and 20 us at 2**18.
MINIMUM = LARGE
THREAD_SAFE = ("tbb", "omp")

# GNU OpenMP spins this often (about 20 ns each) before it sleeps, unless the user says otherwise.
# Its own 300,000 let a call on a busy machine wait 5 to 16 ms for a thread that it keeps from
# running; with this the worst is about 0.1 ms, and calls in a row still find the threads awake.
_SPINS = "4000"

_threads = 0  # that kernels may use, 0 until somebody asks
_capacity = 0  # at most


class _Mask(threading.local):
    """How many threads this thread's parallel kernels use: Numba keeps the number per thread."""

    threads = 0


_mask = _Mask()


def usable() -> bool:
    """Whether the calling thread may run a parallel kernel now; call it before each one.

    It also brings the number of threads, which is one for the whole process here, to Numba.
    """
    wanted = _threads or _start()
    return wanted > 1 and (_mask.threads == wanted or _enter(wanted))


def get_num_threads() -> int:
    """Threads that one kernel may use: 1 where parallel kernels cannot run.

    Initially MICROGREST_NUM_THREADS, OMP_NUM_THREADS, NUMBA_NUM_THREADS, or the processors that
    this process may use, within the quota of its container; never more than Numba's pool.
    """
    return _threads or _start()


def set_num_threads(n: int) -> None:
    """Let kernels use up to `n` threads, in every thread of this process.

    More than the size of Numba's pool (NUMBA_NUM_THREADS) means all of it. RuntimeError unless
    `n` is positive.
    """
    global _threads
    n = operator.index(n)
    if n < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, got {n}")
    _start()
    _threads = min(n, _capacity)


@lru_cache(maxsize=1)
def layer() -> str:
    """The name of Numba's threading layer: tbb, omp, workqueue, or none where none loads.

    Starts the layer. NUMBA_THREADING_LAYER chooses it; `pip install tbb` adds one.
    """
    numba = _numba()
    try:
        with _short_spins():
            numba.get_num_threads()
        return str(numba.threading_layer())
    except (ImportError, ValueError):
        return "none"


def _start() -> int:
    """Find out what is possible, once; the number of threads."""
    global _threads, _capacity
    if not _threads:
        _capacity = int(_numba().config.NUMBA_NUM_THREADS) if layer() in THREAD_SAFE else 1
        _threads = min(_initial(), _capacity)
    return _threads


def _enter(wanted: int) -> bool:
    _numba().set_num_threads(wanted)
    _mask.threads = wanted
    return True


def _numba() -> Any:
    return importlib.import_module("numba")


def _initial() -> int:
    for name in ("MICROGREST_NUM_THREADS", "OMP_NUM_THREADS"):
        text = os.environ.get(name, "").partition(",")[0].strip()
        if text.isdecimal() and int(text) > 0:
            return int(text)
    return _capacity if "NUMBA_NUM_THREADS" in os.environ else min(_capacity, _quota())


def _quota() -> int:
    """Processors that the container's quota pays for, rounded up; many where there is none."""
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:
            allowed, period = file.read().split()
        return max(1, -(-int(allowed) // int(period)))
    except (OSError, ValueError):  # no such control group, or "max"
        return 1 << 16


@contextmanager
def _short_spins() -> Iterator[None]:
    """While GNU OpenMP loads, and reads its environment, ask it for short spins."""
    if "GOMP_SPINCOUNT" in os.environ or "OMP_WAIT_POLICY" in os.environ:
        yield
        return
    os.environ["GOMP_SPINCOUNT"] = _SPINS
    try:
        yield
    finally:
        os.environ.pop("GOMP_SPINCOUNT", None)


def _after_fork() -> None:
    global _threads, _capacity
    _threads = _capacity = 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
