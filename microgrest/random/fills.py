"""Tensors overwritten with random numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import recording
from ..dispatch.elementwise import call
from ..dispatch.writes.target import check_writable
from ..graph.modes import is_grad_enabled
from ..ops.pointwise.convert import copy as copy_row
from ..ops.pointwise.elementwise import exp, log, tan
from ..ops.pointwise.logic import clamp_min
from ..ops.pointwise.rounding import ceil
from ..tensor import Tensor
from ..tensor.methods import method
from ..tensor.storage import Kind, kind_of
from ..types.dtypes import bool_, dtype, finfo, float16, float32, float64, iinfo, int64
from .draws import REQUESTS, chances, check_bounds, check_deviation, drawn, floating
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
def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with 1, with probability `p`, a number or a tensor that broadcasts, and 0."""
    return _overwrite(self, chances("bernoulli_", self, p, generator))


def _uniform(name: str, self: Tensor, generator: Generator | None) -> Tensor:
    """Uniform numbers in (0, 1], from which those of other distributions are made."""
    kind = self._kind
    if not kind.dtype.is_floating_point:
        raise RuntimeError(
            f"{name} is of a continuous distribution: dtype must be a floating point but you "
            f"specified {kind.dtype!r}"
        )
    own = kind_of(float32, kind.device) if kind.dtype is float16 else kind
    return 1 - drawn(own, self._shape, "uniform", generator)


@method
def exponential_(self: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with exponential numbers of rate `lambd`; none is 0."""
    if not lambd > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    u = _uniform("exponential_", self, generator)
    return _overwrite(self, clamp_min(-log(u), finfo(u.dtype).eps / 2) / lambd)


@method
def cauchy_(
    self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Overwrite with numbers of a Cauchy distribution."""
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    u = _uniform("cauchy_", self, generator)
    return _overwrite(self, tan((u - 0.5) * math.pi) * sigma + median)


@method
def log_normal_(
    self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None
) -> Tensor:
    """Overwrite with numbers whose logarithms are normal, of this mean and standard deviation."""
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    kind = floating(None, None, "log_normal_", self)
    return _overwrite(self, exp(drawn(kind, self._shape, "normal", generator, mean, std)))


@method
def geometric_(self: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with the number of trials up to the first success, of probability `p`."""
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    u = 1 - drawn(kind_of(float64, self.device), self._shape, "uniform", generator)
    return _overwrite(self, clamp_min(ceil(log(u) / math.log1p(-p)), 1.0))


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
