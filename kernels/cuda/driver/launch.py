"""Kernels on a GPU: loaded at the first launch on it, then launched with raw addresses.

A launch through cuda.core with a kept configuration takes 0.35 us of host time, against 24 us
through Numba's own launcher, which looks at every argument anew.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

import numpy as np

from ...source.program import Program
from ...source.writer import NUMBERS
from ..source.maps import Source
from .device import Device, driver, enter, here, simulated

THREADS = 8 if simulated else 256
BLOCKS = 2 if simulated else 1024
_BEYOND = 2.0**128 - 2.0**103  # the first number that is rounded to an infinite float32
_loading = threading.Lock()
_kernels: WeakSet[Kernel] = WeakSet()
_counter: Counter[str] | None = None  # of launches, while they are counted


class Kernel:
    """A kernel: `kernel(blocks, threads, *operands)` queues it in the current stream.

    Operands are spans, of which the first decides the device, and numbers: an int is passed as 64
    bits, a float as float64, NumPy's scalars as what they are.
    """

    __slots__ = ("__weakref__", "handles", "label", "loaded", "source")

    def __init__(self, source: Source, label: str) -> None:
        self.source, self.label = source, label
        self.loaded: dict[Device, Any] = {}
        self.handles: dict[Device, Any] = {}  # those that launchers use without asking `on`
        _kernels.add(self)  # no lock: in a forked process it may be held by nobody

    def on(self, device: Device) -> Any:
        """The loaded kernel for `device`, about to be launched."""
        with _loading:
            if device not in self.loaded:
                self.loaded[device] = driver.load(self.source, self.label, device.capability)
        handle = self.loaded[device]
        if _counter is None:
            self.handles[device] = handle
        else:
            _counter[self.label] += 1
        return handle

    def __call__(self, blocks: int, threads: int, *operands: Any) -> None:
        first = operands[0]
        if not hasattr(first, "ptr"):
            first = next(o for o in operands if hasattr(o, "ptr"))
        device, lane = first.device, here.lane
        if lane.device is not device:
            lane = enter(device)
        arguments = [getattr(o, "ptr", o) for o in operands]
        handle = self.handles.get(device) or self.on(device)
        driver.launch(lane.stream, driver.config(blocks, threads), handle, *arguments)


def blocks_for(n: int, threads: int = THREADS) -> int:
    """The blocks of a grid-stride kernel over n elements."""
    return min(max(-(-n // threads), 1), BLOCKS)


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """Counts the launches of a `with` block, of all threads, by the label of the kernel.

    It takes loaded kernels from the launchers' sight, so that they ask `Kernel.on` for each launch;
    a launch that is not counted pays nothing.
    """
    global _counter
    counter: Counter[str] = Counter()
    with _loading:
        _counter = counter
        for kernel in list(_kernels):
            kernel.handles.clear()
    try:
        yield counter
    finally:
        _counter = None


def number(loaded: str) -> Callable[[Any], Any]:
    """What makes of a Python number the argument for a parameter of type `loaded`."""
    if loaded in ("int64", "float64"):
        return int if loaded == "int64" else float
    if loaded.startswith("float"):
        return single
    kind = np.uint8 if loaded == "bool" else getattr(np, loaded)
    # Integers beyond the type wrap around, as a kernel on the CPU has it.
    return lambda x: np.int64(int(x)).astype(kind)


def single(x: Any) -> np.float32:
    """A number as float32, infinite beyond it, as a kernel on the CPU has it; NumPy would warn."""
    x = float(x)
    return np.float32(math.copysign(math.inf, x) if abs(x) >= _BEYOND else x)


def numbers_of(program: Program, layout: str) -> list[Callable[[Any], Any] | None]:
    """For each operand of a kernel what converts a number, None for arrays."""
    inputs = zip(program.inputs, layout, strict=False)
    converters = [number(p.loaded) if c in NUMBERS else None for p, c in inputs]
    return converters + [None for c in layout[len(converters) :] if not c.isdigit()]
