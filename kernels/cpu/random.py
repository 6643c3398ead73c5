"""Random draws on the CPU.

Each function fills a contiguous array from the stream of `seed` (0 to 2**64 - 1) from counter
`offset` on, and returns how many counters it took; the next draw starts after them. Element i of a
draw of k values per counter is value i % k of counter offset + i // k.
"""

from __future__ import annotations

import math
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
_BLOCK = 256  # counters
_STORES = {1: "out[i] = x", 2: "out[i * 2], out[i * 2 + 1] = x"}
_IMPORTS = '''"""{title}"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

u64 = np.uint64
i64 = np.int64'''


def raw(out: Array, seed: int, offset: int) -> int:
    """Random bits: uint32, four per counter."""
    return _fill(philox.BITS, out, seed, offset)


def uniform(out: Array, seed: int, offset: int, low: float = 0.0, high: float = 1.0) -> int:
    """Numbers in [low, high): float32 of 24 bits, four per counter, or float64 of 53, two.

    ValueError unless low <= high and high - low is finite.
    """
    kind, bits, draw, _ = _float(out)
    if not 0.0 <= high - low <= float(np.finfo(kind).max):
        raise ValueError(f"uniform needs low <= high, not too far apart, got {low} and {high}")
    width = map(kind, _split(float(kind(high - low)), bits))
    return _fill(draw, out, seed, offset, kind(low), kind(high), *width)


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
    return _fill(philox.INTEGER, out, seed, offset, _word(low), _word(high - low))


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
    counters, rest = divmod(out.size, draw.per_counter)
    if rest:
        last = np.empty(draw.per_counter, out.dtype)
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
    """A kernel for sizes that are multiples of `draw.per_counter`.

    for each block of counters:  words = philox(seed, counter), ...
        for i:  out[values * i : ...] = draw(words[words * i : ...], *parameters)

    In two loops, each of which LLVM vectorizes; one loop that does both it does not.
    """
    name = draw.function.__name__
    parameters = "".join(f", {p}" for p in draw.parameters)
    words = ", ".join(f"u64(words[i * {draw.words} + {k}])" for k in range(draw.words))
    source = f"""{_head(draw)}
{_EXACT}
def fill(words, seed, counter):
    for i in range(words.size // 4):
        a, b, c, d = philox(seed, counter + u64(i))
        words[i * 4] = a
        words[i * 4 + 1] = b
        words[i * 4 + 2] = c
        words[i * 4 + 3] = d


{_EXACT}
def convert(words, out{parameters}):
    for i in range(out.size // {draw.values}):
        x = {name}({words}{parameters})
        {_STORES[draw.values]}


{_EXACT}
def kernel(out, seed, offset{parameters}):
    words = np.empty({4 * _BLOCK}, np.uint32)
    counters = out.size // {draw.per_counter}
    for start in range(0, counters, {_BLOCK}):
        stop = min(counters, start + {_BLOCK})
        fill(words[: (stop - start) * 4], seed, offset + u64(start))
        block = out[start * {draw.per_counter} : stop * {draw.per_counter}]
        convert(words, block{parameters})
"""
    return cache.load(source, name).kernel


@cached
def _shuffle() -> Any:
    source = f"""{_head(philox.INTEGER)}
{_EXACT}
def kernel(out, seed, offset):
    for i in range(out.size):
        x, y, z, _ = philox(seed, offset + u64(i))
        j = i64(below(x, y, z, u64(i + 1)))
        out[i] = out[j]
        out[j] = i
"""
    return cache.load(source, "permutation").kernel


def _head(draw: Draw) -> str:
    """The module up to its kernel: imports, elementary functions under their names, the draw."""
    targets = [names.scalar(name, draw.dtype) for name in draw.math]
    bound = [f"{name} = {target}" for name, target in zip(draw.math, targets, strict=True)]
    functions = [f"{_HELPER}\n{text.strip()}" for text in names.helpers(targets)]
    functions += ["\n".join(bound)] if bound else []
    functions += [f"{_EXACT}\n{text.strip()}" for text in draw.sources]
    title = (draw.function.__doc__ or "").splitlines()[0]
    return "\n\n\n".join([_IMPORTS.format(title=title), *functions, ""])
