"""Selections: of each line along one axis of x the elements of some ranks, and where they were.

`sizes` are n, the length of a line, the distance of its elements, the first rank, and how many. The
order is that of `sort`: stable, with all NaN alike, and larger than all else.

One pass collects what may be among the `first + count` elements that come first, and passes over
blocks that have none of these, in vectors. Few are kept in order, by insertion. More are collected
in a buffer of twice as many, which is cut down when it is full. A find by halves (Hoare, 1961) cuts
it, and what is left is put in order by insertion at shrinking distances (Shell, 1959).
"""

from __future__ import annotations

from string import Template
from typing import Any

import numpy as np

from ...source.kind import Cost, Kind, Launches, Metas, Room, Run, Sizes, Stage, elements, fixed
from ...source.writer import Source
from .sort import HELPER, TASKS, Sort, key

Array = np.ndarray[Any, Any]

_CPU = '''"""select: $dtype, $order."""

from __future__ import annotations

import numpy as np
from numba import $imports


$key


$helper
def narrow(keys, places, high, wanted):
    """The element of rank `wanted` in its place, what comes before it before; it ends at `high`."""
    low = np.int64(0)
    seed = np.uint64(88172645463325252)
    while low < high:
        seed ^= seed << np.uint64(13)
        seed ^= seed >> np.uint64(7)
        seed ^= seed << np.uint64(17)
        at = low + np.int64(seed % np.uint64(high - low + 1))
        own, place = keys[at], places[at]
        i, j = low, high
        while i <= j:
            while keys[i] < own or (keys[i] == own and places[i] < place):
                i += 1
            while own < keys[j] or (own == keys[j] and place < places[j]):
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                places[i], places[j] = places[j], places[i]
                i += 1
                j -= 1
        if wanted <= j:
            high = j
        elif wanted >= i:
            low = i
        else:
            return


$helper
def order(keys, places, low, high):
    """Order the elements from low on, before high."""
    gap = np.int64(1)
    while gap < (high - low) // 3:
        gap = 3 * gap + 1
    while gap:
        for j in range(low + gap, high):
            own, place = keys[j], places[j]
            i = j
            while i >= low + gap and (
                own < keys[i - gap] or (own == keys[i - gap] and place < places[i - gap])
            ):
                keys[i], places[i] = keys[i - gap], places[i - gap]
                i -= gap
            keys[i], places[i] = own, place
        gap //= 3


$helper
def beaten(x, start, bound):
    """Whether one of $block elements comes before the key `bound`."""
    found = np.$number(0)
    for i in range(np.uint64(start), np.uint64(start + $block)):
        found |= np.$number(key(x[i]) < bound)
    return found != 0


@njit(error_model="numpy"$parallel)
def kernel(x, values, indices, n, inner, first, count):
    lines = values.size // count if count else 0
    tasks = lines if lines < $tasks else $tasks
    after = first + count
    room = after if after <= $few else min(n, 2 * after + $spare)
    for task in $loop(tasks):
        keys, places = np.empty(room, np.$number), np.empty(room, np.int64)
        for line in range(lines * task // tasks, lines * (task + 1) // tasks):
            start = line // inner * n * inner + line % inner
            size = np.int64(0)
            bound = keys[0]
            cut = False
            for block in range(0, n, $block):
                stop = min(block + $block, n)
                if cut and inner == 1 and stop - block == $block:
                    if not beaten(x, start + block, bound):
                        continue
                for j in range(block, stop):
                    own = key(x[np.uint64(start + j * inner)])
                    if cut and not own < bound:
                        continue
                    if after <= $few:
                        i = np.uint64(min(size, after - 1))
                        while i and own < keys[i - np.uint64(1)]:
                            keys[i], places[i] = keys[i - np.uint64(1)], places[i - np.uint64(1)]
                            i -= np.uint64(1)
                        keys[i], places[i] = own, j
                        size = min(size + 1, after)
                        bound, cut = keys[after - 1], size == after
                        continue
                    keys[size], places[size] = own, j
                    size += 1
                    if size == room and j + 1 < n:
                        narrow(keys, places, size - 1, after - 1)
                        size, bound, cut = after, keys[after - 1], True
            if after > $few:
                if after < size:
                    narrow(keys, places, size - 1, after - 1)
                if first:
                    narrow(keys, places, after - 1, first)
                order(keys, places, first, after)
            place = line // inner * count * inner + line % inner
            for j in range(count):
                found = places[first + j]
                values[place + j * inner] = x[start + found * inner]
                indices[place + j * inner] = found
'''
SPARE = 256  # elements that a buffer has beside twice those that are wanted
FEW = 8  # elements that are wanted, up to which insertion takes less time
BLOCK = 32  # elements that are looked at together


def _cpu(params: Sort, names: Any, threads: bool) -> str:
    return Template(_CPU).substitute(
        dtype=params.dtype,
        order="the largest first" if params.descending else "the smallest first",
        imports="njit, prange" if threads else "njit",
        key=key(params, HELPER),
        helper=HELPER,
        number=f"uint{params.bits}",
        parallel=", parallel=True" if threads else "",
        loop="prange" if threads else "range",
        tasks=TASKS if threads else 1,
        spare=SPARE,
        few=FEW,
        block=BLOCK,
    )


# A thread for each element counts what comes before it, which suits short lines.
_COUNT = """
@cuda.jit
def kernel(x, values, indices, size, n, inner, first, count):
    i = np.int64(cuda.grid(1))
    while i < size:
        j = i // inner % n
        start = i - j * inner
        own = key(x[i])
        rank = np.int64(0)
        for k in range(n):
            other = key(x[start + k * inner])
            if other < own or (other == own and k < j):
                rank += 1
        if first <= rank and rank < first + count:
            place = (i // inner // n * count + rank - first) * inner + i % inner
            values[place] = x[i]
            indices[place] = j
        i += np.int64(cuda.gridsize(1))
"""
_HEAD = '''"""select: {dtype}, CUDA."""

import numpy as np
from numba import cuda


'''


def _cuda(params: Sort, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    from ...cuda.source.maps import memory_type, pointer

    size, x = elements(metas[0]), pointer(memory_type(params.dtype))
    text = f"{_HEAD.format(dtype=params.dtype)}{key(params, '@cuda.jit(device=True)')}\n\n{_COUNT}"
    source = Source(text, f"void({x}, {x}, CPointer(int64){', int64' * 5})")
    given = ("x", "values", "indices", size, *sizes)
    stage = Stage(source, room.blocks_for(size), room.threads, given)
    return Launches((stage,) if size and elements(metas[1]) else ())


def _needs(params: Sort, metas: Metas, sizes: Sizes, k: int, at: Any) -> tuple[Run | None, ...]:
    """The whole line."""
    n, inner, _, count = sizes
    return (Run(at // (count * inner) * (n * inner) + at % inner, inner, n),)


def _oracle(
    params: Sort,
    x: Array,
    values: Array,
    indices: Array,
    n: int,
    inner: int,
    first: int,
    count: int,
) -> None:
    if not values.size:
        return
    lines = x.reshape(-1, n, inner)
    seen = lines.view(np.float16) if params.dtype == "float16" else lines
    if params.descending:
        places = n - 1 - np.argsort(seen[:, ::-1], 1, kind="stable")[:, ::-1]
    else:
        places = np.argsort(seen, 1, kind="stable")
    places = places[:, first : first + count]
    indices[:] = places.ravel()
    values[:] = np.take_along_axis(lines, places, 1).ravel()


SELECT = Kind(
    name="select",
    operands=fixed(x="r", values="w", indices="w"),
    oracle=_oracle,
    cpu=_cpu,
    tasks=lambda x, values, indices, n, inner, first, count: int(values.size // max(count, 1)),
    grid=_cuda,
    block=_cuda,
    needs=_needs,
    cost=lambda params, metas, sizes: Cost(4 * elements(metas[0]), 4 * elements(metas[0])),
)
