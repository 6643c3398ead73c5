"""Elements moved by positions, which are flat: gather, put, and sums that meet, scatter_add.

    gather        out[i] = x[index[i]]
    put           x[index[i]] = out[i]       in the order of i: of those to one place the last stays
    scatter_add   x[index[i]] += out[i]      in the order of i, so that sums repeat bit for bit
    scatter_mul, scatter_max, scatter_min    the same for products and extrema; NaN is both extrema

`params` are the type of the elements, as the array has it: float16 is "uint16".
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...source.kind import Cost, Kind, Launches, Metas, Room, Run, Sizes, Stage, elements, fixed

Array = np.ndarray[Any, Any]
# Unsigned positions, so that no test of signs stands in the loop.
_CPU = '''"""{name}: {body} for every i."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(error_model="numpy")
def kernel(x, index, out):
    for i in range(index.size):
        j = np.uint64(index[i])
        {body}
'''


def _cpu(params: str, names: Any, threads: bool, name: str, body: str) -> str:
    return _CPU.format(name=name, body=body)


def _every(params: str, metas: Metas, sizes: Sizes, k: int, at: Array) -> tuple[Run | None, ...]:
    """An element of x comes of itself, and of whatever may be put there."""
    return Run(at), None, None


# Gather


def _own(params: str, metas: Metas, sizes: Sizes, k: int, at: Array) -> tuple[Run | None, ...]:
    return None, Run(at)


def _gathering(params: str, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    from ...cuda.source import moves

    n = metas[1]
    assert isinstance(n, int)
    source, given = moves.source("gather", params), ("x", "index", "out", n)
    return Launches((Stage(source, room.blocks_for(n), room.threads, given),) if n else ())


def _gathered(params: str, x: Array, index: Array, out: Array) -> None:
    out[:] = x[index]


GATHER = Kind(
    name="gather",
    operands=fixed(x="r", index="r", out="w"),
    oracle=_gathered,
    cpu=partial(_cpu, name="gather", body="out[i] = x[j]"),
    grid=_gathering,
    block=_gathering,
    needs=_own,
    indices=(("index", "x"),),
    cost=lambda params, metas, sizes: Cost(elements(metas[1]), 3 * elements(metas[1]), launches=2),
)


# Scatter


def _scattering(params: str, metas: Metas, sizes: Sizes, room: Room, name: str) -> Launches:
    """Positions are sorted, each with its place in the order; then one thread does what meets."""
    from ...cuda.source import moves
    from . import words

    size, n, _ = metas
    assert isinstance(size, int) and isinstance(n, int)
    if not n:
        return Launches()
    shift = max(n - 1, 0).bit_length()
    high = shift + max(size - 1, 0).bit_length()
    if high > 64:
        raise RuntimeError(f"cannot scatter {n} elements to {size}: the product is over 2**64")
    blocks = room.blocks_for(n), room.threads
    pair = Stage(moves.source("pair", "int64"), *blocks, ("words", "index", n, shift))
    found = words.sorting("words", n, shift, high, room)
    move = Stage(moves.source(name, params), *blocks, ("x", found.result, "out", n, shift))
    return Launches((pair, *found.stages, move), {"words": ("uint64", n), **found.scratch})


def _in_order(params: str, metas: Metas, sizes: Sizes, room: Room, name: str) -> Launches:
    """One block goes through all positions, and each thread does what falls to its elements."""
    from ...cuda.source import moves

    n = metas[1]
    source = moves.in_order(name, params, room.threads)
    return Launches((Stage(source, 1, room.threads, ("x", "index", "out", n)),) if n else ())


def _put(params: str, x: Array, index: Array, out: Array) -> None:
    x[index] = out


def _met(params: str, x: Array, index: Array, out: Array, by: tuple[np.ufunc, np.ufunc]) -> None:
    """By the first of numbers, and the second of bools."""
    by[params == "bool"].at(x, index, out)


def _scatter(name: str, body: str, oracle: Callable[..., None]) -> Kind:
    return Kind(
        name=name,
        operands=fixed(x="rw", index="r", out="r"),
        oracle=oracle,
        cpu=partial(_cpu, name=name, body=body),
        grid=partial(_scattering, name=name),
        block=partial(_in_order, name=name),
        needs=_every,
        indices=(("index", "x"),),
        cost=lambda params, metas, sizes: Cost(
            elements(metas[1]), 0, waits=elements(metas[1]) // 8, launches=8
        ),
    )


def _extreme(
    params: str, x: Array, index: Array, out: Array, better: Callable[[Any, Any], Any]
) -> None:
    """One by one: of zeros of either sign the first stays, which NumPy's extrema do not say."""
    for j, value in zip(index, out, strict=True):
        if better(value, x[j]) or value != value:
            x[j] = value


def _extremum(name: str, sign: str, better: Callable[[Any, Any], Any]) -> Kind:
    body = f"x[j] = out[i] if out[i] {sign} x[j] or out[i] != out[i] else x[j]"
    return _scatter(name, body, partial(_extreme, better=better))


PUT = _scatter("put", "x[j] = out[i]", _put)
SCATTER_ADD = _scatter("scatter_add", "x[j] += out[i]", partial(_met, by=(np.add, np.logical_or)))
SCATTER_MUL = _scatter(
    "scatter_mul", "x[j] *= out[i]", partial(_met, by=(np.multiply, np.logical_and))
)
SCATTER_MAX = _extremum("scatter_max", ">", operator.gt)
SCATTER_MIN = _extremum("scatter_min", "<", operator.lt)
