"""Numba's CUDA simulator in the place of `nvidia`: the same functions, on NumPy arrays.

It runs the text of every kernel in Python, a thread for each CUDA thread, so it finds wrong indices
and missing barriers at small sizes, but neither wrong types nor races. Two devices are simulated,
so that what must not be mixed can be.
"""

from __future__ import annotations

import sys
import threading
import time
import warnings
from functools import lru_cache
from itertools import count as count_from
from types import SimpleNamespace
from typing import Any

import numpy as np

from ... import cache

Array = np.ndarray[Any, Any]
DEVICES = 2
# What fresh memory holds, so that reading it shows: NaN as float16, huge as an integer.
RUBBISH = 0x7F
SWITCH = 1e-4  # seconds; threads that wait at a barrier poll, and the usual 5 ms is long for that
_one_at_a_time = threading.RLock()
_handles = count_from(2)


class Device:
    """What `driver` asks of a device."""

    compute_capability = (9, 0)
    default_stream: Any = None

    def __init__(self, index: int) -> None:
        self.device_id = index
        self.default_stream = Stream(handle=1)

    def set_current(self) -> None:
        """Nothing to do."""


class Event:
    """A mark; work is done at once, so it is passed when it is set."""

    is_done = True
    handle = 0

    def __init__(self) -> None:
        self.time = 0.0

    def sync(self) -> None:
        """Nothing to wait for."""

    def __sub__(self, earlier: Event) -> float:
        return (self.time - earlier.time) * 1e3


class Stream:
    """A stream in which everything is done at once; the default one has handle 1."""

    def __init__(self, handle: int = 0, priority: int = 0) -> None:
        self.handle = handle or next(_handles)
        self.priority = priority

    def record(self, event: Event | None = None) -> Event:
        """Set `event`, or a new one."""
        event = event or Event()
        event.time = time.perf_counter()
        return event

    def wait(self, other: Any) -> None:
        """Nothing to wait for."""


class Span(np.ndarray[Any, Any]):
    """Simulated device memory: an array with the fields of `memory.Span`."""

    device: Any = None

    def __array_finalize__(self, source: Any) -> None:
        self.device = getattr(source, "device", None)

    @property
    def ptr(self) -> Any:
        """What a kernel gets; bools are bytes there."""
        from numba.cuda.simulator.cudadrv import devicearray

        wrap: Any = devicearray.FakeCUDAArray
        return wrap(self.host)

    @property
    def host(self) -> Array:
        """The memory as a plain array."""
        array = self.view(np.ndarray)
        return array.view(np.uint8) if array.dtype == np.bool_ else array


def count() -> int:
    """The number of simulated GPUs."""
    return DEVICES


def open_device(index: int) -> Device:
    """A simulated device."""
    return Device(index)


def default_stream(device: Device) -> Stream:
    """The stream of a device that all threads share."""
    stream: Stream = device.default_stream
    return stream


def current() -> Any:
    """No device is ever more current than another."""


def restore(context: Any) -> None:
    """Nothing to do."""


def load(source: Any, label: str, capability: tuple[int, int]) -> Any:
    """The kernel of `source` for the simulator."""
    share_safely()
    text = source.text.replace("import math\n", f"from {__name__} import math\n", 1)
    return cache.load(text, label).kernel


@lru_cache(maxsize=1)
def share_safely() -> None:
    """Make threads that come to a shared array at once get the same one.

    Numba's simulator gives an array to each thread that finds none yet.
    """
    from numba.cuda.simulator import kernelapi

    lock = threading.Lock()

    def array(self: Any, shape: Any, dtype: Any, alignment: int | None = None) -> Array:
        frame = sys._getframe(1)
        place = frame.f_code.co_filename, frame.f_lineno
        with lock:
            if place not in self._allocations:
                self._allocations[place] = np.empty(shape, dtype)
        found: Array = self._allocations[place]
        return found

    shared: Any = kernelapi.FakeCUDAShared
    shared.array = array


def config(blocks: int, threads: int) -> tuple[int, int]:
    """The launch configuration of a one-dimensional grid."""
    return blocks, threads


def unsigned(values: tuple[int, ...]) -> list[Any]:
    """The arguments for a parameter that is a tuple of uint64."""
    return [tuple(np.array(values, np.int64).view(np.uint64))]


def aligned(spans: list[Any]) -> bool:
    """Whether all spans may be accessed in large pieces: there are no pieces here."""
    return True


def launch(stream: Any, grid: tuple[int, int], kernel: Any, *arguments: Any) -> None:
    """Run a kernel to its end. TypeError if it was given memory of the host."""
    if any(isinstance(a, np.ndarray) for a in arguments):
        raise TypeError("a kernel of the GPU was given memory of the host: copy it there first")
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of overflow and invalid operations
        interval = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH)
        try:
            kernel[grid](*arguments)
        finally:
            sys.setswitchinterval(interval)


def empty(n: int, dtype: np.dtype[Any], device: Any) -> Span:
    """Memory full of rubbish."""
    span = np.full(n * dtype.itemsize, RUBBISH, np.uint8).view(dtype).view(Span)
    span.device = device
    return span


def memory_info() -> tuple[int, int]:
    """Free and total bytes; there is no telling."""
    return 1 << 30, 1 << 30


def wait(stream: Any) -> None:
    """Nothing to wait for."""


def wait_device() -> None:
    """Nothing to wait for."""


def is_done(stream: Any) -> bool:
    """Whether all work is done: always."""
    return True


def new_stream(device: Any, priority: int) -> Stream:
    """A stream like any other."""
    return Stream(priority=priority)


def stream_of(handle: int) -> Stream:
    """A stream like any other."""
    return Stream(handle)


def new_event(device: Any, timing: bool, blocking: bool) -> Event:
    """A mark."""
    return Event()


def facts(device: Device) -> dict[str, Any]:
    """What `get_device_properties` tells of a device."""
    return {
        "name": "Numba's CUDA simulator",
        "major": 9,
        "minor": 0,
        "total_memory": memory_info()[1],
        "multi_processor_count": 1,
        "warp_size": 32,
        "max_threads_per_block": 8,
    }


def _numpy_math() -> SimpleNamespace:
    """`math` for kernels: NumPy's functions, which keep float32 and raise nothing."""
    import math as python

    renamed = {"acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh"}
    renamed |= {"atan": "arctan", "atan2": "arctan2", "atanh": "arctanh"}
    same = "ceil copysign cos cosh exp expm1 floor fmod hypot isfinite isinf isnan log log10 log1p"
    same += " log2 sin sinh sqrt tan tanh trunc"
    known = {name: getattr(np, renamed.get(name, name)) for name in [*same.split(), *renamed]}
    for name in ("erf", "erfc", "lgamma"):
        function = getattr(python, name)
        known[name] = lambda x, function=function: type(x)(function(x))
    # np.power takes an exponent of 0.5 for a square root, which differs at minus infinity.
    known["pow"] = lambda x, y: type(x)(np.float_power(x, y))
    return SimpleNamespace(**known)


math = _numpy_math()
