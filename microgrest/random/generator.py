"""Random tensors: one counter-based stream (Philox), the same on every device.

A Generator is a seed and a position. Each draw advances the position by what it used, so that the
same seed gives the same numbers whatever the number of threads.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import recording
from ..kernels import cpu
from ..kernels.kinds.draws import draw as draws
from ..kernels.kinds.draws.draw import Request
from ..tensor import Tensor
from ..tensor.arrays import from_numpy
from ..types.device import CPU, device as device_type
from ..types.dtypes import float16, float32, get_default_dtype

_MASK = (1 << 64) - 1


class Generator:
    """A stream of random numbers: `manual_seed(n)` starts it anew.

    A new one always starts at the same seed, PyTorch's; the default stream at one that the
    operating system draws for each process, which `initial_seed()` tells.
    """

    def __init__(self, device: Any = CPU) -> None:
        self.device = device_type(device)
        self._lock = threading.Lock()
        self.manual_seed(67280421310721)

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of `seed`, an integer that is taken modulo 2**64."""
        _outside("manual_seed()")
        self._seed, self._offset = int(seed) & _MASK, 0
        return self

    def seed(self) -> int:
        """Start a stream that nobody knows; returns its seed."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """The seed of this stream."""
        return self._seed

    def get_state(self) -> Tensor:
        """Seed and position, for `set_state`."""
        return from_numpy(np.array([self._seed, self._offset], np.uint64).view(np.uint8).copy())

    def set_state(self, state: Tensor) -> Generator:
        """Go back to where `get_state` was called."""
        _outside("set_state()")
        if not hasattr(state, "numpy"):
            raise TypeError(f"expected a tensor from get_state(), got {type(state).__name__}")
        words = np.ascontiguousarray(state.numpy()).view(np.uint64)
        if words.shape != (2,):
            raise RuntimeError(
                f"expected a state of 16 bytes from get_state(), got shape {list(state.shape)}"
            )
        self._seed, self._offset = (int(w) for w in words)
        return self

    def clone_state(self) -> Generator:
        """Another stream, at the same place."""
        other = Generator(self.device)
        other._seed, other._offset = self._seed, self._offset
        return other

    def draw(self, kernels: Any, request: Request, out: Any) -> None:
        """Fill `out` by a kernel, and advance by the counters that it used."""
        with self._lock:
            if recording.state.recorder is not None:
                recording.state.recorder.drawing(self)
            kind, params, values = request
            self._offset += kernels.kinds.draw(kind, params, out, self._seed, self._offset, values)


def _outside(what: str) -> None:
    """Refuse to start a stream anew in a step that is being recorded."""
    if recording.state.recorder is not None:
        recording.state.recorder.refuse(
            f"{what} starts a random stream", "call it before the step, which draws on"
        )


default_generator = Generator()
default_generator.seed()  # or processes that are started alike would all draw the same


def manual_seed(seed: int) -> Generator:
    """Start the default stream anew; the same seed gives the same numbers."""
    drawn = get_default_dtype()
    for ask in (draws.uniform, draws.normal):
        cpu.kinds.draw_ahead(*ask((float32 if drawn is float16 else drawn).numpy))
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Start the default stream at a seed that nobody knows; returns it."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default stream."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the default stream."""
    return default_generator.get_state()


def set_rng_state(state: Tensor) -> None:
    """Put the default stream back to a state."""
    default_generator.set_state(state)


@contextmanager
def fork_rng(
    devices: Any = None, enabled: bool = True, device_type: str = "cuda"
) -> Iterator[None]:
    """In a `with` statement, draws leave the default stream, of all devices, where it was."""
    state = get_rng_state()
    try:
        yield
    finally:
        if enabled:
            set_rng_state(state)
