"""Random draws on the CPU.

Each function fills a contiguous array from the stream of `seed` (0 to 2**64 - 1) from counter
`offset` on, and returns how many counters it took; the next draw starts after them. Element i of a
draw of k values per counter is value i % k of counter offset + i // k.
"""

from __future__ import annotations

from functools import cache as cached
from typing import Any

import numpy as np

from .. import draws, philox
from ..draws import Request, word
from ..philox import Draw
from . import helpers, names

Array = np.ndarray[Any, Any]

_HELPER = '@njit(error_model="numpy", fastmath={"contract"})'
# No contraction: it would make uniforms depend on whether the processor can fuse.
_EXACT = '@njit(error_model="numpy")'
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
    return _fill(out, seed, offset, draws.RAW)


def uniform(out: Array, seed: int, offset: int, low: float = 0.0, high: float = 1.0) -> int:
    """Numbers in [low, high): float32 of 24 bits, four per counter, or float64 of 53, two.

    ValueError unless low <= high and high - low is finite.
    """
    return _fill(out, seed, offset, draws.uniform(out.dtype, low, high))


def normal(out: Array, seed: int, offset: int, mean: float = 0.0, std: float = 1.0) -> int:
    """Normal numbers: float32, four per counter, or float64, two. ValueError if std is negative."""
    return _fill(out, seed, offset, draws.normal(out.dtype, mean, std))


def integers(out: Array, seed: int, offset: int, low: int, high: int) -> int:
    """int64 in [low, high), one per counter. ValueError unless low < high, both int64."""
    return _fill(out, seed, offset, draws.integers(low, high))


def bernoulli(out: Array, seed: int, offset: int, p: float) -> int:
    """True with probability `p` (to 2**-32) else False, as `out`'s dtype; four per counter.

    ValueError unless 0 <= p <= 1.
    """
    return _fill(out, seed, offset, draws.bernoulli(p))


def permutation(out: Array, seed: int, offset: int) -> int:
    """The int64 0 to n - 1 in random order (Fisher and Yates), one counter each."""
    _shuffle()(out, word(seed), word(offset))
    return out.size


def _fill(out: Array, seed: int, offset: int, request: Request) -> int:
    draw, parameters = request
    kernel = _kernel(draw)
    kernel(out, word(seed), word(offset), *parameters)
    counters, rest = divmod(out.size, draw.per_counter)
    if rest:
        last = np.empty(draw.per_counter, out.dtype)
        kernel(last, word(seed), word(offset + counters), *parameters)
        out[-rest:] = last[:rest]
    return counters + bool(rest)


@cached
def _kernel(draw: Draw) -> Any:
    return helpers.load(source(draw), draw.function.__name__).kernel


def source(draw: Draw) -> str:
    """kernel(out, seed, offset, *parameters) for sizes that are multiples of `draw.per_counter`.

    for each block of counters:  words = philox(seed, counter), ...
        for i:  out[values * i : ...] = draw(words[words * i : ...], *parameters)

    In two loops, each of which LLVM vectorizes; one loop that does both it does not.
    """
    name = draw.function.__name__
    parameters = "".join(f", {p}" for p in draw.parameters)
    words = ", ".join(f"u64(words[i * {draw.words} + {k}])" for k in range(draw.words))
    return f"""{_head(draw)}
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


@cached
def _shuffle() -> Any:
    return helpers.load(shuffle(), "permutation").kernel


def shuffle() -> str:
    """kernel(out, seed, offset): out becomes a permutation."""
    return f"""{_head(philox.INTEGER)}
{_EXACT}
def kernel(out, seed, offset):
    for i in range(out.size):
        x, y, z, _ = philox(seed, offset + u64(i))
        j = i64(below(x, y, z, u64(i + 1)))
        out[i] = out[j]
        out[j] = i
"""


def _head(draw: Draw) -> str:
    """The module up to its kernel: imports, elementary functions, the draw."""
    functions = [f"{_HELPER}\n{text.strip()}" for text in names.helpers(draw.helpers)]
    functions += [f"{_EXACT}\n{text.strip()}" for text in draw.sources]
    title = (draw.function.__doc__ or "").splitlines()[0]
    return "\n\n\n".join([_IMPORTS.format(title=title), *functions, ""])
