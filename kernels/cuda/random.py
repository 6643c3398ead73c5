"""Random draws on a GPU: those of `cpu.random`, element for element, by a thread per counter.

The bits are the CPU's for all but normal numbers, which are a few ulp of the larger of them and
`mean` off, where a multiply and an add are fused on one device only.
"""

from __future__ import annotations

from functools import cache as cached
from typing import Any

import numpy as np

from .. import draws
from ..cpu import random as host
from ..draws import Request, word
from ..philox import Draw
from . import names
from .launch import THREADS, Kernel, blocks_for
from .memory import from_host
from .source import fills


def raw(out: Any, seed: int, offset: int) -> int:
    """Random bits: uint32, four per counter."""
    return fill(out, seed, offset, draws.RAW)


def uniform(out: Any, seed: int, offset: int, low: float = 0.0, high: float = 1.0) -> int:
    """Numbers in [low, high): float32 of 24 bits, four per counter, or float64 of 53, two.

    ValueError unless low <= high and high - low is finite.
    """
    return fill(out, seed, offset, draws.uniform(out.dtype, low, high))


def normal(out: Any, seed: int, offset: int, mean: float = 0.0, std: float = 1.0) -> int:
    """Normal numbers: float32, four per counter, or float64, two. ValueError if std is negative."""
    return fill(out, seed, offset, draws.normal(out.dtype, mean, std))


def integers(out: Any, seed: int, offset: int, low: int, high: int) -> int:
    """int64 in [low, high), one per counter. ValueError unless low < high, both int64."""
    return fill(out, seed, offset, draws.integers(low, high))


def bernoulli(out: Any, seed: int, offset: int, p: float) -> int:
    """True with probability `p` (to 2**-32) else False, as `out`'s dtype; four per counter.

    ValueError unless 0 <= p <= 1.
    """
    return fill(out, seed, offset, draws.bernoulli(p))


def permutation(out: Any, seed: int, offset: int) -> int:
    """The int64 0 to n - 1 in random order, one counter each: drawn on the CPU, step by step."""
    drawn = np.empty(out.size, np.int64)
    counters = host.permutation(drawn, seed, offset)
    from_host(out, drawn, blocking=False)
    return counters


def fill(out: Any, seed: int, offset: int, request: Request) -> int:
    draw, parameters = request
    counters: int = -(-out.size // draw.per_counter)
    if counters:
        kernel = _kernel(draw, out.dtype)
        arguments = (out, word(seed), word(offset), out.size, *parameters)
        kernel(blocks_for(counters), THREADS, *arguments)
    return counters


@cached
def _kernel(draw: Draw, dtype: np.dtype[Any]) -> Kernel:
    return Kernel(fills.source(draw, dtype.name, names), draw.function.__name__)
