"""Tensors overwritten with random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import recording
from ..dispatch.elementwise import call
from ..dispatch.target import check_writable
from ..graph.modes import is_grad_enabled
from ..ops.convert import copy as copy_row
from ..tensor import Tensor
from ..tensor.methods import method
from ..tensor.storage import Kind, kind_of
from ..types.dtypes import bool_, dtype, float16, float32, iinfo, int64
from .draws import REQUESTS, check_bounds, check_deviation, drawn, floating
from .generator import Generator, default_generator


def _redrawn(
    self: Tensor, kind: Kind, name: str, generator: Generator | None, *parameters: Any
) -> Tensor:
    """Overwrite with draws of `kind`: straight into memory of its own, if it is in no graph."""
    whole = self._flat is self._storage.array and kind.dtype is not float16
    recorded = self._requires_grad and is_grad_enabled()
    if not whole or recorded or recording.state.recorder is not None:
        return _overwrite(self, drawn(kind, self._shape, name, generator, *parameters))
    check_writable(name, self)
    request = REQUESTS[name](kind.numpy, *parameters)
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
    kind = floating(None, None, "uniform_", self)
    return _redrawn(self, kind, "uniform", generator, from_, to)


@method
def normal_(
    self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Overwrite with normal numbers."""
    check_deviation(std)
    kind = floating(None, None, "normal_", self)
    return _redrawn(self, kind, "normal", generator, mean, std)


@method
def bernoulli_(self: Tensor, p: float = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with 1, with probability `p`, and 0."""
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    found = drawn(kind_of(float32, self.device), self._shape, "uniform", generator)
    return _overwrite(self, found < p)


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
    check_bounds(self.dtype, low, high)
    found = drawn(kind_of(int64, self.device), self._shape, "integers", generator, low, high)
    return _overwrite(self, found)


def _largest(d: dtype) -> int:
    """One more than the largest integer up to which `d` holds all."""
    if d is bool_:
        return 2
    return (
        2 ** (np.finfo(d.numpy).nmant + 1) + 1
        if d.is_floating_point
        else min(iinfo(d).max + 1, 2**63 - 1)  # a draw's own end is below 2**63
    )
