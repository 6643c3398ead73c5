"""Sorts: the lines along one axis of x in order, stably, and where each element was.

`sizes` are n, the length of a line, and the distance of its elements. -0.0 and 0.0 are equal, and
so are all NaN, which are larger than all else.

Elements are compared by keys, unsigned integers in the same order. What is sorted are words of a
part of a key and a position: on the CPU of 32 bits each, so that keys of 64 bits take two sorts,
by digits of eight bits, from the lowest up. On a GPU a part is as long as positions leave room for;
see `words`. Lines of few elements are sorted by counting what comes before each, on the CPU in
vectors, and there those of fewer by insertion.
"""

from __future__ import annotations

from string import Template
from typing import Any, NamedTuple

import numpy as np

from ...source.kind import Cost, Kind, Launches, Metas, Room, Run, Sizes, Stage, elements, fixed
from ...source.writer import Source

Array = np.ndarray[Any, Any]
FEW = 64  # elements of a line, for which counting what comes before takes less time on a GPU
TINY, SHORT = 16, 128  # on the CPU: up to the first insertion does, up to the second counting
TASKS = 64  # among which lines are shared out, each with memory of its own


class Sort(NamedTuple):
    """The type of the elements, float16 by its name, and whether the largest comes first."""

    dtype: str
    descending: bool

    @property
    def bits(self) -> int:
        """Those of a key."""
        return 8 * np.dtype(self.dtype).itemsize


def key(params: Sort, decorator: str) -> str:
    """The text of `key`, which gives an element's."""
    number = np.dtype(f"uint{params.bits}")
    sign, ones = 1 << params.bits - 1, (1 << params.bits) - 1
    word = {"U": f"np.{number}", "decorator": decorator}
    text, kind = "U(v)", np.dtype(params.dtype).kind
    if kind == "i":
        text = f"U(v) ^ U({sign})"
    if kind == "f":
        infinity = int(np.array(np.inf, params.dtype).view(number))
        seen = "v" if params.bits == 16 else f"np.{params.dtype}(v).view(U)"
        # All bits of a negative number turn, of others the sign: signs vary, so without a branch.
        below = f"b ^ (U(U(0) - (b >> U({params.bits - 1}))) | U({sign}))"
        word["bits"] = f"    b = U({seen})\n    b = U(0) if b == U({sign}) else b\n"
        text = f"U({ones}) if b & U({sign - 1}) > U({infinity}) else {below}"
    word["text"] = f"U({text}) ^ U({ones})" if params.descending else text
    written = Template(_KEY).substitute({"bits": ""} | word)
    return written.replace("U(", f"{word['U']}(").replace("(U)", f"({word['U']})")


_KEY = """$decorator
def key(v):
$bits    return U($text)"""


# The CPU

# Python calls none of these: what Numba makes for it takes a fourth of the time. Nor does a kernel
# call more of NumPy than one `empty`, since each function takes as long as a kernel to compile.
HELPER = '@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)'
_CPU = '''"""sort: $dtype, $order."""

from __future__ import annotations

import numpy as np
from numba import $imports


$key


$helper
def turn(words, here, there, n, shift):
    """Order n words by a digit: from `here` to `there`, or not at all where it is one; the place.

    The last 256 are counts.
    """
    counts = words.size - 256
    for d in range(counts, counts + 256):
        words[d] = 0
    for j in range(here, here + n):
        words[counts + np.int64((words[j] >> shift) & np.uint64(255))] += np.uint64(1)
    if words[counts + np.int64((words[here] >> shift) & np.uint64(255))] == n:
        return here
    place = np.uint64(there)
    for d in range(counts, counts + 256):
        place += words[d]
        words[d] = place - words[d]
    for j in range(here, here + n):
        d = counts + np.int64((words[j] >> shift) & np.uint64(255))
        words[np.int64(words[d])] = words[j]
        words[d] += np.uint64(1)
    return there


$helper
def order(x, words, keys, ranks, start, n, inner):
    """The places of a short line in order, from words[0] on.

    `ranks` count the keys below each, for four keys at a time; equal ones follow one another.
    """
    seen = np.uint64(n)
    for j in range(np.uint64(n)):
        keys[j] = key(x[np.uint64(start) + j * np.uint64(inner)])
        ranks[j] = words[seen + j] = 0
    for j in range(np.uint64(n), np.uint64(n + 3)):
        keys[j] = ~np.$number(0)
    for j in range(np.uint64(0), np.uint64(n), np.uint64(4)):
        a, b = keys[j], keys[j + np.uint64(1)]
        c, d = keys[j + np.uint64(2)], keys[j + np.uint64(3)]
        for i in range(np.uint64(n)):
            own = keys[i]
            ranks[i] += np.$number(a < own) + np.$number(b < own)
            ranks[i] += np.$number(c < own) + np.$number(d < own)
    for j in range(np.uint64(n)):
        rank = np.uint64(ranks[j])
        words[rank + words[seen + rank]] = j
        words[seen + rank] += np.uint64(1)


@njit(error_model="numpy"$parallel)
def kernel(x, values, indices, n, inner):
    lines = values.size // n if n else 0
    tasks = lines if lines < $tasks else $tasks
    for task in $loop(tasks):
        words = np.empty(2 * n + 256, np.uint64)
        keys, ranks = np.empty($short + 3, np.$number), np.empty($short, np.$number)
        for line in range(lines * task // tasks, lines * (task + 1) // tasks):
            start = line // inner * n * inner + line % inner
            here = np.int64(0)
            counted = $tiny < n and n <= $short
            if counted:
                order(x, words, keys, ranks, start, n, inner)
            for low in range($bits if counted else 0, $bits, 32):
                for j in range(n):
                    place = np.int64(words[here + j] & np.uint64(0xFFFFFFFF)) if low else j
                    part = np.uint64(key(x[start + place * inner])) >> np.uint64(low)
                    words[here + j] = (part << np.uint64(32)) | np.uint64(place)
                if n <= $tiny:
                    for j in range(1, n):
                        own = words[j]
                        i = j
                        while i > 0 and words[i - 1] >> np.uint64(32) > own >> np.uint64(32):
                            words[i] = words[i - 1]
                            i -= 1
                        words[i] = own
                else:
                    for shift in range(32, $high, 8):
                        here = turn(words, here, n - here, n, np.uint64(shift))
            for j in range(n):
                place = np.int64(words[here + j] & np.uint64(0xFFFFFFFF))
                values[start + j * inner] = x[start + place * inner]
                indices[start + j * inner] = place
'''


def _cpu(params: Sort, names: Any, threads: bool) -> str:
    return Template(_CPU).substitute(
        dtype=params.dtype,
        order="the largest first" if params.descending else "the smallest first",
        imports="njit, prange" if threads else "njit",
        key=key(params, HELPER),
        helper=HELPER,
        bits=params.bits,
        number=f"uint{params.bits}",
        high=32 + min(params.bits, 32),
        parallel=", parallel=True" if threads else "",
        loop="prange" if threads else "range",
        tasks=TASKS if threads else 1,
        short=SHORT,
        tiny=TINY,
    )


# CUDA

_COUNT = """
@cuda.jit
def kernel(x, values, indices, size, n, inner):
    i = np.int64(cuda.grid(1))
    while i < size:
        j = i // inner % n
        start = i - j * inner
        own = key(x[i])
        place = np.int64(0)
        for k in range(n):
            other = key(x[start + k * inner])
            if other < own or (other == own and k < j):
                place += 1
        values[start + place * inner] = x[i]
        indices[start + place * inner] = j
        i += np.int64(cuda.gridsize(1))
"""

# Positions count the elements of a line, and then the lines.
_PACK = """
@cuda.jit
def kernel(x, found, words, size, n, inner, low, shift):
    i = np.int64(cuda.grid(1))
    while i < size:
        place = $place
        line = place // n
        v = x[line // inner * n * inner + line % inner + place % n * inner]
        if low < $bits:
            part = np.uint64(key(v)) >> np.uint64(low)
            part |= (np.uint64(line) << np.uint64($bits - 1 - low)) << np.uint64(1)
        else:
            part = np.uint64(line) >> np.uint64(low - $bits)
        words[i] = (part << np.uint64(shift)) | np.uint64(place)
        i += np.int64(cuda.gridsize(1))
"""
_PLACES = {
    "first": "i",
    "next": "np.int64(found[i] & ((np.uint64(1) << np.uint64(shift)) - np.uint64(1)))",
}

_PUT = """
@cuda.jit
def kernel(x, words, values, indices, size, n, inner, shift):
    i = np.int64(cuda.grid(1))
    while i < size:
        line = i // n
        start = line // inner * n * inner + line % inner
        mask = (np.uint64(1) << np.uint64(shift)) - np.uint64(1)
        j = np.int64(words[i] & mask) - line * n
        values[start + i % n * inner] = x[start + j * inner]
        indices[start + i % n * inner] = j
        i += np.int64(cuda.gridsize(1))
"""

_HEAD = '''"""sort: $dtype, $name; CUDA."""

import numpy as np
from numba import cuda


'''


def _source(params: Sort, name: str) -> Source:
    """count(x, values, indices, size, n, inner): lines of few elements, a thread for each element.

    first(x, words, words, size, n, inner, low, shift): words of positions, with the bits from `low`
    on of a line's number and a key; `next` of the positions in words. put(x, words, values,
    indices, size, n, inner, shift): what sorted words say.
    """
    from ...cuda.source.maps import memory_type, pointer

    x, words, indices = pointer(memory_type(params.dtype)), "CPointer(uint64)", "CPointer(int64)"
    text, given = _PACK, (x, words, words, *["int64"] * 5)
    if name == "count":
        text, given = _COUNT, (x, x, indices, *["int64"] * 3)
    if name == "put":
        text, given = _PUT, (x, words, x, indices, *["int64"] * 4)
    head = _HEAD if name == "put" else f"{_HEAD}{key(params, '@cuda.jit(device=True)')}\n\n"
    known = {"dtype": params.dtype, "name": name, "bits": params.bits}
    body = Template(head + text).substitute(known, place=_PLACES.get(name, ""))
    return Source(body, f"void({', '.join(given)})")


def _block(params: Sort, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    size = elements(metas[0])
    given = ("x", "values", "indices", size, *sizes)
    count = Stage(_source(params, "count"), room.blocks_for(size), room.threads, given)
    return Launches((count,) if size else ())


def _grid(params: Sort, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    """By words of as many bits as there is place for beside a position, from the lowest up."""
    from . import words

    size, (n, _) = elements(metas[0]), sizes
    if n <= FEW or size * n <= 1 << (8 if room.simulated else 28):
        return _block(params, metas, sizes, room)
    shift = (size - 1).bit_length()
    high = params.bits + (size // n - 1).bit_length()
    blocks = room.blocks_for(size), room.threads
    stages: list[Stage] = []
    found = words.Sorted("words")
    for low in range(0, high, 64 - shift):
        source = _source(params, "next" if low else "first")
        stages.append(
            Stage(source, *blocks, ("x", found.result, "words", size, *sizes, low, shift))
        )
        found = words.sorting("words", size, shift, min(shift + high - low, 64), room)
        stages += found.stages
    given = ("x", found.result, "values", "indices", size, *sizes, shift)
    stages.append(Stage(_source(params, "put"), *blocks, given))
    return Launches(tuple(stages), {"words": ("uint64", size), **found.scratch})


# What it means


def _needs(params: Sort, metas: Metas, sizes: Sizes, k: int, at: Any) -> tuple[Run | None, ...]:
    """The whole line."""
    n, inner = sizes
    return (Run(at // (n * inner) * (n * inner) + at % inner, inner, n),)


def _oracle(params: Sort, x: Array, values: Array, indices: Array, n: int, inner: int) -> None:
    if not x.size:
        return
    lines = x.reshape(-1, n, inner)
    seen = lines.view(np.float16) if params.dtype == "float16" else lines
    if params.descending:
        order = n - 1 - np.argsort(seen[:, ::-1], 1, kind="stable")[:, ::-1]
    else:
        order = np.argsort(seen, 1, kind="stable")
    indices[:] = order.ravel()
    values[:] = np.take_along_axis(lines, order, 1).ravel()


def _cost(params: Sort, metas: Metas, sizes: Sizes) -> Cost:
    size, (n, _) = elements(metas[0]), sizes
    return Cost(size * n.bit_length(), size * n, launches=1 if size * n <= 1 << 28 else 40)


SORT = Kind(
    name="sort",
    operands=fixed(x="r", values="w", indices="w"),
    oracle=_oracle,
    cpu=_cpu,
    tasks=lambda x, values, indices, n, inner: int(x.size // max(n, 1)),
    grid=_grid,
    block=_block,
    needs=_needs,
    cost=_cost,
)
