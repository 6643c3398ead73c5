"""Random tensors: one counter-based stream (Philox), the same on every device.

A Generator is a seed and a position. Each draw advances the position by what it used, so that the
same seed gives the same numbers whatever the number of threads.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import recording
from ..creation import extents, finish, kind_from
from ..dispatch.elementwise import call
from ..dispatch.target import check_writable
from ..graph.modes import is_grad_enabled
from ..kernels.kinds import draw as draws
from ..kernels.kinds.draw import Request
from ..ops.convert import copy as copy_row
from ..tensor import Tensor
from ..tensor.arrays import from_numpy
from ..tensor.methods import method
from ..tensor.storage import Kind, kind_of
from ..types.device import CPU, device as device_type
from ..types.dtypes import FLOATING, bool_, dtype, float16, float32, get_default_dtype, iinfo, int64
from ..types.integers import whole

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
        words = np.ascontiguousarray(state.numpy()).view(np.uint64)
        if words.shape != (2,):
            raise RuntimeError(
                f"expected a state of 16 bytes from get_state(), got shape {list(state.shape)}"
            )
        self._seed, self._offset = (int(w) for w in words)
        return self

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


# Draws


def _drawn(
    kind: Kind, shape: Any, name: str, generator: Generator | None, *parameters: Any
) -> Tensor:
    """A new tensor filled by the draw `name`; float16 is drawn as float32."""
    drawn = kind_of(float32, kind.device) if kind.dtype is float16 else kind
    t = Tensor._empty(shape, drawn)
    request = _DRAWS[name](drawn.numpy, *parameters)
    (generator or default_generator).draw(kind.kernels, request, t._flat)
    return t if drawn is kind else t.to(kind.dtype)


# What is asked of the kernels, of elements of a NumPy type.
_DRAWS: dict[str, Callable[..., Request]] = {
    "uniform": draws.uniform,
    "normal": draws.normal,
    "integers": lambda d, low, high: draws.integers(low, high),
    "permutation": lambda d: draws.SHUFFLE,
}


def _floating(d: Any, where: Any, name: str, like: Tensor | None = None) -> Kind:
    kind = kind_from(d, where, like.dtype if like is not None else get_default_dtype(), like)
    if kind.dtype.category != FLOATING:
        raise RuntimeError(
            f'"{name}" not implemented for {kind.dtype!r}; it makes floating-point numbers'
        )
    return kind


def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers uniform in [0, 1)."""
    return finish(
        _drawn(_floating(dtype, device, "rand"), extents(size), "uniform", generator), requires_grad
    )


def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers from the standard normal distribution."""
    return finish(
        _drawn(_floating(dtype, device, "randn"), extents(size), "normal", generator), requires_grad
    )


def rand_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Numbers uniform in [0, 1) in the shape, dtype and device of `input`."""
    kind = _floating(dtype, device, "rand_like", input)
    return finish(_drawn(kind, input._shape, "uniform", None), requires_grad)


def randn_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Standard normal numbers in the shape, dtype and device of `input`."""
    kind = _floating(dtype, device, "randn_like", input)
    return finish(_drawn(kind, input._shape, "normal", None), requires_grad)


def randint(
    low: Any = None,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Integers uniform in [low, high), or in [0, low) if `high` is left out."""
    if size is None:
        high, low, size = low, None, high
    low, high = (0, low) if high is None else (0 if low is None else low, high)
    low, high = whole(low, "low"), whole(high, "high")
    kind = kind_from(dtype, device, int64)
    _check_bounds(kind.dtype, low, high)
    t = _drawn(
        kind_of(int64, kind.device), extents((tuple(size),)), "integers", generator, low, high
    )
    return finish(t.to(kind.dtype), requires_grad)


def _check_bounds(d: dtype, low: int, high: int) -> None:
    """RuntimeError where there are no integers in [low, high), or some that `d` cannot hold."""
    if not low < high:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
        )
    if d.is_floating_point:
        return
    least, most = (0, 1) if d is bool_ else (iinfo(d).min, iinfo(d).max)
    for name, value in (("from", low), ("to - 1", high - 1)):
        if not least <= value <= most:
            raise RuntimeError(f"{name} is out of bounds for {d!r}: {value}")


def randint_like(input: Tensor, low: int, high: int | None = None, *, dtype: Any = None) -> Tensor:
    """Integers uniform in [low, high), in the shape, dtype and device of `input`."""
    low, high = (0, low) if high is None else (low, high)
    return randint(low, high, input._shape, dtype=dtype or input.dtype, device=input.device)


def randperm(
    n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None
) -> Tensor:
    """The integers 0 to n - 1 in random order."""
    n = whole(n, "n")
    if n < 0:
        raise RuntimeError(f"randperm(): n must be non-negative, got {n}")
    kind = kind_from(dtype, device, int64)
    return _drawn(kind_of(int64, kind.device), (n,), "permutation", generator).to(kind.dtype)


def normal(
    mean: Any,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
) -> Tensor:
    """Normal numbers; `mean` and `std` are numbers, with a size, or tensors, with their own.

    No gradient goes through a draw.
    """
    mean, std = (a.detach() if isinstance(a, Tensor) else a for a in (mean, std))
    like = next((a for a in (mean, std) if isinstance(a, Tensor)), None)
    _check_deviation(std)
    if like is None:
        shape = extents((tuple(size),)) if size is not None else ()
        return _drawn(_floating(dtype, device, "normal"), shape, "normal", generator, mean, std)
    shape = (mean + std)._shape
    unit: Tensor = _drawn(_floating(like.dtype, like.device, "normal"), shape, "normal", generator)
    scaled: Tensor = (unit * std + mean).to(like.dtype)
    return scaled


def _check_deviation(std: Any) -> None:
    """RuntimeError for a negative standard deviation."""
    if not isinstance(std, Tensor):
        if not std >= 0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    elif recording.aside(lambda: not bool((std.detach() >= 0).all())):
        raise RuntimeError("normal expects all elements of std >= 0.0")


def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that `input` says at each place, else 0."""
    if not input.dtype.is_floating_point:
        raise RuntimeError(
            f"bernoulli expects probabilities of a floating-point type, got {input.dtype!r}"
        )
    values = input.detach()
    if recording.aside(lambda: not bool(((values >= 0) & (values <= 1)).all())):
        raise RuntimeError(
            "Expected p_in >= 0 && p_in <= 1 to be true for every element of bernoulli's input"
        )
    drawn = _drawn(_floating(None, None, "bernoulli", input), input._shape, "uniform", generator)
    result = (drawn < values).to(input.dtype)
    return result + input * 0 if input._requires_grad else result


# In place


def _redrawn(
    self: Tensor, kind: Kind, name: str, generator: Generator | None, *parameters: Any
) -> Tensor:
    """Overwrite with draws of `kind`: straight into memory of its own, if it is in no graph."""
    whole = self._flat is self._storage.array and kind.dtype is not float16
    recorded = self._requires_grad and is_grad_enabled()
    if not whole or recorded or recording.state.recorder is not None:
        return _overwrite(self, _drawn(kind, self._shape, name, generator, *parameters))
    check_writable(name, self)
    request = _DRAWS[name](kind.numpy, *parameters)
    (generator or default_generator).draw(kind.kernels, request, self._flat)
    self._storage.touch()
    return self


def _overwrite(self: Tensor, drawn: Tensor) -> Tensor:
    return call(copy_row, (self, drawn), in_place=True)


@method
def uniform_(
    self: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Overwrite with numbers uniform in [from_, to)."""
    if from_ > to:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={from_} > to={to}"
        )
    kind = _floating(None, None, "uniform_", self)
    return _redrawn(self, kind, "uniform", generator, from_, to)


@method
def normal_(
    self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Overwrite with normal numbers."""
    _check_deviation(std)
    kind = _floating(None, None, "normal_", self)
    return _redrawn(self, kind, "normal", generator, mean, std)


@method
def bernoulli_(self: Tensor, p: float = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with 1, with probability `p`, and 0."""
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    drawn = _drawn(kind_of(float32, self.device), self._shape, "uniform", generator)
    return _overwrite(self, drawn < p)


@method
def random_(
    self: Tensor,
    low: int | None = None,
    high: int | None = None,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Overwrite with integers uniform in [low, high), by default all that the dtype holds."""
    if high is None:
        low, high = 0, _largest(self.dtype) if low is None else low
    low = low or 0
    _check_bounds(self.dtype, low, high)
    drawn = _drawn(kind_of(int64, self.device), self._shape, "integers", generator, low, high)
    return _overwrite(self, drawn)


def _largest(d: dtype) -> int:
    """One more than the largest integer up to which `d` holds all."""
    if d is bool_:
        return 2
    return (
        2 ** (np.finfo(d.numpy).nmant + 1) + 1
        if d.is_floating_point
        else min(iinfo(d).max + 1, 2**63 - 1)  # a draw's own end is below 2**63
    )
