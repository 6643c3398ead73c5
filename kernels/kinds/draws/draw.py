"""Random draws: arrays filled from a stream, which is counters of `philox` under a seed.

Element i of a draw of k values per counter is value i % k of counter `offset` + i // k; the next
draw starts after them. What is asked of a draw is checked here, and made into a `Request`: a scalar
function of `philox`, and the values of its parameters.

The bits are the same on all devices for all but normal numbers, which on a GPU are a few ulp of the
larger of them and their mean off, where a multiply and an add are fused on one device only.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...source.draws import philox
from ...source.draws.philox import Draw
from ...source.kind import (
    VALUES,
    Cost,
    Kind,
    Launches,
    Metas,
    Room,
    Sizes,
    Stage,
    elements,
    fixed,
    word,
)


class _Float(NamedTuple):
    """A type's scalars, half the bits of a difference, the largest number, and the draws."""

    kind: Any
    bits: int
    largest: float
    uniform: Draw
    normal: Draw


_FLOATS = {
    np.dtype(np.float32): _Float(
        np.float32, 12, float(np.finfo(np.float32).max), philox.UNIFORM_F32, philox.NORMAL_F32
    ),
    np.dtype(np.float64): _Float(
        np.float64, 26, float(np.finfo(np.float64).max), philox.UNIFORM_F64, philox.NORMAL_F64
    ),
}
_WORDS = 1 << 32
_INT64 = np.iinfo(np.int64)


class Drawn(NamedTuple):
    """What decides the text of a draw's kernel: its function, and the type of the elements."""

    draw: Draw
    dtype: str

    @property
    def name(self) -> str:
        """What people call it."""
        return self.draw.function.__name__.partition("_")[0]


class Request(NamedTuple):
    """A kind of draw, what decides its text, and the values of its parameters."""

    kind: Kind
    params: Any
    values: tuple[Any, ...] = ()


# Kernels

_HELPER = '@njit(error_model="numpy", fastmath={"contract"})'
# No contraction: it would make uniforms depend on whether the processor can fuse.
_EXACT = '@njit(error_model="numpy")'
_BLOCK = 256  # counters
_STORES = {1: "out[i] = x", 2: "out[i * 2], out[i * 2 + 1] = x"}
# One value more, where a draw gives two.
_ODD = """    if out.size % 2:
        i = out.size // 2
        out[i * 2], _ = {name}({words}{parameters})
"""
_IMPORTS = '''"""{title}"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

u64 = np.uint64
i64 = np.int64'''


def _head(draw: Draw, names: Any) -> str:
    """The module up to its kernel: imports, elementary functions, the draw."""
    functions = [f"{_HELPER}\n{text.strip()}" for text in names.helpers(draw.helpers)]
    functions += [f"{_EXACT}\n{text.strip()}" for text in draw.sources]
    title = (draw.function.__doc__ or "").splitlines()[0]
    return "\n\n\n".join([_IMPORTS.format(title=title), *functions, ""])


def _cpu(params: Drawn, names: Any, threads: bool) -> str:
    """kernel(out, seed, offset, *parameters):

    for each block of counters:  words = philox(seed, counter), ...
        for i:  out[values * i : ...] = draw(words[words * i : ...], *parameters)

    In two loops, each of which LLVM vectorizes; one loop that does both it does not.
    """
    draw, k = params.draw, params.draw.per_counter
    name = draw.function.__name__
    parameters = "".join(f", {p}" for p in draw.parameters)
    words = ", ".join(f"u64(words[i * {draw.words} + {j}])" for j in range(draw.words))
    return f"""{_head(draw, names)}
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
{_ODD.format(name=name, words=words, parameters=parameters) if draw.values == 2 else ""}

{_EXACT}
def kernel(out, seed, offset{parameters}):
    words = np.empty({4 * _BLOCK}, np.uint32)
    counters = (out.size + {k - 1}) // {k}
    for start in range(0, counters, {_BLOCK}):
        stop = min(counters, start + {_BLOCK})
        fill(words[: (stop - start) * 4], seed, offset + u64(start))
        block = out[start * {k} : min(out.size, stop * {k})]
        convert(words, block{parameters})
"""


def _fills(params: Drawn, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    from ...cuda import names
    from ...cuda.source import fills

    (n,) = metas
    assert isinstance(n, int)
    counters = -(-n // params.draw.per_counter)
    given = ("out", "seed", "counter", n, VALUES)
    source = fills.source(params.draw, params.dtype, names)
    stage = Stage(source, room.blocks_for(counters), room.threads, given)
    return Launches((stage,) if counters else ())


def _drawn(params: Drawn, out: Any, seed: Any, counter: Any, *values: Any) -> None:
    """By the scalar function, in plain Python."""
    draw = params.draw
    found = _words(seed, counter, -(-out.size // draw.per_counter)).reshape(-1, draw.words)
    each = [np.ravel(draw.function(*words, *values)) for words in found]
    out[:] = np.concatenate([np.zeros(0), *each])[: out.size]


def _words(seed: Any, counter: Any, n: int) -> Any:
    """The words of n counters."""
    at = np.uint64(counter) + np.arange(n, dtype=np.uint64)
    return np.stack(philox.philox(np.uint64(seed), at), axis=-1)


DRAW = Kind(
    name="draw",
    operands=fixed(out="w"),
    oracle=_drawn,
    exact=lambda params: not params.draw.helpers,
    cpu=_cpu,
    grid=_fills,
    block=_fills,
    draws=lambda params, n: -(-n // params.draw.per_counter),
    cost=lambda params, metas, sizes: Cost(60 * elements(metas[0]), 0),
)


# Permutations


def _shuffle(params: str, names: Any, threads: bool) -> str:
    """kernel(out, seed, offset): out becomes a permutation (Fisher and Yates), a counter each."""
    return f"""{_head(philox.INTEGER, names)}
{_EXACT}
def kernel(out, seed, offset):
    for i in range(out.size):
        x, y, z, _ = philox(seed, offset + u64(i))
        j = i64(below(x, y, z, u64(i + 1)))
        out[i] = out[j]
        out[j] = i
"""


def _by_one_thread(params: str, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    from ...cuda.source import fills

    given = "out", metas[0], "seed", "counter"
    return Launches((Stage(fills.permutation(), 1, room.threads, given),))


def _shuffled(params: str, out: Any, seed: Any, counter: Any) -> None:
    x, y, z, _ = _words(seed, counter, out.size).T
    places = philox.below(x, y, z, np.arange(1, out.size + 1, dtype=np.uint64))
    for i, j in enumerate(map(int, places)):
        out[i] = out[j]
        out[j] = i


PERMUTATION = Kind(
    name="permutation",
    operands=fixed(out="w"),
    oracle=_shuffled,
    cpu=_shuffle,
    block=_by_one_thread,
    draws=lambda params, n: n,
    cost=lambda params, metas, sizes: Cost(elements(metas[0]), 0, waits=10 * elements(metas[0])),
)


# Requests

RAW = Request(DRAW, Drawn(philox.BITS, "uint32"))
SHUFFLE = Request(PERMUTATION, "int64")


def uniform(dtype: np.dtype[Any], low: float = 0.0, high: float = 1.0) -> Request:
    """Numbers in [low, high): float32 of 24 bits, four per counter, or float64 of 53, two.

    ValueError unless low <= high and high - low is finite.
    """
    kind, bits, largest, draw, _ = _float(dtype)
    if not 0.0 <= high - low <= largest:
        raise ValueError(f"uniform needs low <= high, not too far apart, got {low} and {high}")
    width = map(kind, _split(float(kind(high - low)), bits))
    return Request(DRAW, Drawn(draw, draw.dtype), (kind(low), kind(high), *width))


def normal(dtype: np.dtype[Any], mean: float = 0.0, std: float = 1.0) -> Request:
    """Normal numbers: float32, four per counter, or float64, two. ValueError if std is negative."""
    kind, _, _, _, draw = _float(dtype)
    if not std >= 0.0:
        raise ValueError(f"normal needs std >= 0, got {std}")
    return Request(DRAW, Drawn(draw, draw.dtype), (kind(mean), kind(std)))


def integers(low: int, high: int) -> Request:
    """int64 in [low, high), one per counter. ValueError unless low < high, both int64."""
    if not _INT64.min <= low < high <= _INT64.max:
        raise ValueError(f"integers needs int64 low < high, got {low} and {high}")
    return Request(DRAW, Drawn(philox.INTEGER, "int64"), (word(low), word(high - low)))


def bernoulli(dtype: np.dtype[Any], p: float) -> Request:
    """True with probability `p` (to 2**-32) else False, as `dtype`; four per counter.

    ValueError unless 0 <= p <= 1.
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"bernoulli needs 0 <= p <= 1, got {p}")
    return Request(DRAW, Drawn(philox.BERNOULLI, dtype.name), (word(round(p * _WORDS)),))


def _float(dtype: np.dtype[Any]) -> _Float:
    try:
        return _FLOATS[dtype]
    except KeyError:
        raise TypeError(f"needs float32 or float64, got {dtype}") from None


def _split(x: float, bits: int) -> tuple[float, float]:
    """x as the sum of two numbers, `bits` bits each, when x has no more than twice as many."""
    mantissa, exponent = math.frexp(x)
    upper = math.ldexp(round(math.ldexp(mantissa, bits)), exponent - bits)
    return upper, x - upper
