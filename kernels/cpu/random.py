"""Random draws on the CPU.

Each function fills a contiguous array from the stream of `seed` (0 to 2**64 - 1) from counter
`offset` on, and returns how many counters it took; the next draw starts after them. Element i of a
draw of k values per counter is value i % k of counter offset + i // k.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache as cached
from typing import Any

import numpy as np

from .. import cache, philox
from ..philox import Draw
from . import names

Array = np.ndarray[Any, Any]

_FLOATS = {
    np.dtype(np.float32): (np.float32, 12, philox.UNIFORM_F32, philox.NORMAL_F32),
    np.dtype(np.float64): (np.float64, 26, philox.UNIFORM_F64, philox.NORMAL_F64),
}
_HELPER = '@njit(error_model="numpy", fastmath={"contract"})'
# No contraction: it would make uniforms depend on whether the processor can fuse.
_EXACT = '@njit(error_model="numpy")'
_WORDS = 1 << 32
_IMPORTS = '''"""{title}"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

u64 = np.uint64
i64 = np.int64'''


def raw(out: Array, seed: int, offset: int) -> int:
    """Random bits: uint32, four per counter."""
    return _fill(philox.RAW, out, seed, offset)


def uniform(out: Array, seed: int, offset: int, low: float = 0.0, high: float = 1.0) -> int:
    """Numbers in [low, high): float32 of 24 bits, four per counter, or float64 of 53, two.

    ValueError unless low <= high and high - low is finite.
    """
    kind, bits, draw, _ = _float(out)
    width = float(kind(high - low))
    if not 0.0 <= width < math.inf:
        raise ValueError(f"uniform needs low <= high, not too far apart, got {low} and {high}")
    return _fill(draw, out, seed, offset, kind(low), kind(high), *map(kind, _split(width, bits)))


def normal(out: Array, seed: int, offset: int, mean: float = 0.0, std: float = 1.0) -> int:
    """Normal numbers: float32, four per counter, or float64, two. ValueError if std is negative."""
    kind, _, _, draw = _float(out)
    if not std >= 0.0:
        raise ValueError(f"normal needs std >= 0, got {std}")
    return _fill(draw, out, seed, offset, kind(mean), kind(std))


def integers(out: Array, seed: int, offset: int, low: int, high: int) -> int:
    """int64 in [low, high), one per counter. ValueError unless low < high."""
    if not low < high:
        raise ValueError(f"integers needs low < high, got {low} and {high}")
    return _fill(philox.INTEGERS, out, seed, offset, _word(low), _word(high - low))


def bernoulli(out: Array, seed: int, offset: int, p: float) -> int:
    """True with probability `p` (to 2**-32) else False, as `out`'s dtype; four per counter.

    ValueError unless 0 <= p <= 1.
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"bernoulli needs 0 <= p <= 1, got {p}")
    return _fill(philox.BERNOULLI, out, seed, offset, _word(round(p * _WORDS)))


def permutation(out: Array, seed: int, offset: int) -> int:
    """The int64 0 to n - 1 in random order (Fisher and Yates), one counter each."""
    _shuffle()(out, _word(seed), _word(offset))
    return out.size


def _fill(draw: Draw, out: Array, seed: int, offset: int, *parameters: Any) -> int:
    kernel = _kernel(draw)
    kernel(out, _word(seed), _word(offset), *parameters)
    counters, rest = divmod(out.size, draw.lanes)
    if rest:
        last = np.empty(draw.lanes, out.dtype)
        kernel(last, _word(seed), _word(offset + counters), *parameters)
        out[-rest:] = last[:rest]
    return counters + bool(rest)


def _word(n: int) -> np.uint64:
    """An integer of Python modulo 2**64."""
    return np.uint64(n & 0xFFFFFFFFFFFFFFFF)


def _float(out: Array) -> tuple[Any, int, Draw, Draw]:
    try:
        return _FLOATS[out.dtype]
    except KeyError:
        raise TypeError(f"needs float32 or float64, got {out.dtype}") from None


def _split(x: float, bits: int) -> tuple[float, float]:
    """x as the sum of two numbers, `bits` bits each, when x has no more than twice as many."""
    mantissa, exponent = math.frexp(x)
    upper = math.ldexp(round(math.ldexp(mantissa, bits)), exponent - bits)
    return upper, x - upper


@cached
def _kernel(draw: Draw) -> Any:
    """for i in range(n // lanes): out[lanes * i : lanes * (i + 1)] = draw(seed, offset + i)"""
    name = draw.function.__name__
    arguments = "".join(f", {p}" for p in draw.parameters)
    stores = "\n        ".join(f"out[i + u64({k})] = x[{k}]" for k in range(draw.lanes))
    source = f"""{_head(draw)}
{_EXACT}
def kernel(out, seed, offset{arguments}):
    for block in range(u64(out.size // {draw.lanes})):
        x = {name}(seed, offset + block{arguments})
        i = block * u64({draw.lanes})
        {stores}
"""
    return cache.load(source, name).kernel


@cached
def _shuffle() -> Any:
    source = f"""{_head(philox.INTEGERS)}
{_EXACT}
def kernel(out, seed, offset):
    for i in range(out.size):
        j = i64(below(seed, offset + u64(i), u64(i + 1)))
        out[i] = out[j]
        out[j] = i
"""
    return cache.load(source, "permutation").kernel


def _head(draw: Draw) -> str:
    """The module up to its kernel: imports, elementary functions under their names, the draw."""
    bound, helpers = _bind(draw.math, "float32" if draw.lanes == 4 else "float64")
    functions = [f"{_HELPER}\n{text.strip()}" for text in helpers]
    functions += ["\n".join(bound)] if bound else []
    functions += [f"{_EXACT}\n{text.strip()}" for text in draw.source]
    title = draw.function.__doc__ or ""
    return "\n\n\n".join([_IMPORTS.format(title=title.splitlines()[0]), *functions, ""])


def _bind(functions: Sequence[str], dtype: str) -> tuple[list[str], list[str]]:
    """Assignments that give elementary functions their bare names, and the helpers' sources."""
    targets = [names.scalar(name, dtype) for name in functions]
    bound = [f"{name} = {target}" for name, target in zip(functions, targets, strict=True)]
    return bound, names.helpers(targets)
