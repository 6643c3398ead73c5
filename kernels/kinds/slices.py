"""Slices of flat arrays (outer, n, inner), whole ones, by their numbers along the middle axis.

    take_slices    out[o, j] = x[o, index[j]]                 for the k slices of index, each o
    sum_slices     out[o, index[j]] += source[o, j]           from zeros, in the order of j
    add_slices     the same from what out has
    put_slices     out[o, index[j]] = source[o, j]            of those to one place the last stays

`sizes` are n and inner; `params` are the type of the elements, as the array has it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..source.kind import Cost, Kind, Launches, Metas, Room, Run, Sizes, Stage, elements, fixed
from ..source.writer import Source, indent

Array = np.ndarray[Any, Any]

_CPU = '''"""{name}: {dtype}."""

from __future__ import annotations

import numpy as np
from numba import njit, prange


@njit(error_model="numpy"{parallel})
def kernel({parameters}, n, inner):
    k = index.size
{body}
'''
_TAKE = """    if inner == 1:
        for o in {loop}(out.size // max(k, 1)):
            for j in range(k):
                out[np.uint64(o * k + j)] = x[np.uint64(o * n + index[j])]
        return
    for row in {loop}(out.size // max(inner, 1)):
        start = np.uint64((row // k * n + index[row % k]) * inner)
        at = np.uint64(row * inner)
        for i in range(np.uint64(inner)):
            out[at + i] = x[start + i]"""
_ADD = """    for o in {loop}(out.size // max(n * inner, 1)):
        for j in range(k if inner == 1 else 0):
            out[np.uint64(o * n + index[j])] += source[np.uint64(o * k + j)]
        for j in range(0 if inner == 1 else k):
            start = np.uint64((o * n + index[j]) * inner)
            at = np.uint64((o * k + j) * inner)
            for i in range(np.uint64(inner)):
                out[start + i] += source[at + i]"""
_SUM = _ADD.replace(":\n", ":\n        out[o * n * inner : (o + 1) * n * inner] = 0\n", 1)
_PUT = _ADD.replace("+=", "=")


def _take_cpu(params: str, names: Any, threads: bool) -> str:
    return _cpu("take_slices", "x, index, out", _TAKE, params, threads)


def _sum_cpu(params: str, names: Any, threads: bool) -> str:
    return _cpu("sum_slices", "source, index, out", _SUM, params, threads)


def _meet_cpu(params: str, names: Any, threads: bool, name: str, body: str) -> str:
    return _cpu(name, "out, index, source", body, params, threads)


def _cpu(name: str, parameters: str, body: str, dtype: str, threads: bool) -> str:
    return _CPU.format(
        name=name,
        dtype=dtype,
        parallel=", parallel=True" if threads else "",
        parameters=parameters,
        body=body.format(loop="prange" if threads else "range"),
    )


# CUDA: a thread for each element that is taken, and for each column that is written.

_TAKES = [
    "row, i = t // inner, t % inner",
    "out[t] = x[(row // k * n + index[row % k]) * inner + i]",
]
_ZEROS = ["for r in range(n):", "    out[start + r * inner] = {zero}"]
_MEETS = [
    "start = t // inner * n * inner + t % inner",
    "at = t // inner * k * inner + t % inner",
    "for j in range(k):",
    "    place = start + index[j] * inner",
    "    out[place] = {value}",
]


def _takes(params: str, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    return _launch("take_slices", ("x", "index", "out"), _TAKES, params, metas, sizes, room)


def _sums(params: str, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    zero, value = _zero_and_sum(params)
    body = [line.format(zero=zero, value=value) for line in (_MEETS[0], *_ZEROS, *_MEETS[1:])]
    return _launch("sum_slices", ("source", "index", "out"), body, params, metas, sizes, room)


def _meets(params: str, metas: Metas, sizes: Sizes, room: Room, name: str, adds: bool) -> Launches:
    value = _zero_and_sum(params)[1] if adds else "source[at + j * inner]"
    body = [line.format(value=value) for line in _MEETS]
    return _launch(name, ("out", "index", "source"), body, params, metas, sizes, room)


def _zero_and_sum(dtype: str) -> tuple[str, str]:
    """The texts of zero, and of an element with one of the source added to it."""
    from ..source.scalar import SHORT

    short, operator = ("u8", "|") if dtype == "bool" else (SHORT[dtype], "+")
    return f"{short}(0)", f"{short}(out[place] {operator} source[at + j * inner])"


def _launch(
    name: str,
    arrays: tuple[str, ...],
    body: list[str],
    dtype: str,
    metas: Metas,
    sizes: Sizes,
    room: Room,
) -> Launches:
    from ..cuda.source.maps import memory_type, pointer
    from ..source.writer import module

    n, inner = sizes
    k, written = elements(metas[1]), elements(metas[arrays.index("out")])
    columns = written if name == "take_slices" else written // max(n, 1)
    numbers = ["count", "k", "n", "inner"]
    lines = [
        "t = np.int64(cuda.grid(1))",
        "while t < count:",
        *indent([*body, "t += np.int64(cuda.gridsize(1))"]),
    ]
    kernel = ["@cuda.jit", f"def kernel({', '.join([*arrays, *numbers])}):", *indent(lines)]
    text = module(f'"""{name}: {dtype}, CUDA."""', [], "", kernel, ["from numba import cuda"])
    values = pointer(memory_type(dtype))
    signature = ", ".join([values, "CPointer(int64)", values, *["int64"] * 4])
    stage = Stage(
        Source(text, f"void({signature})"),
        room.blocks_for(columns),
        room.threads,
        (*arrays, columns, k, n, inner),
    )
    return Launches((stage,) if columns else ())


# What they mean, and what steps want to know


def _taken(params: str, x: Array, index: Array, out: Array, n: int, inner: int) -> None:
    if out.size:
        out[:] = x.reshape(-1, n, inner)[:, index].reshape(-1)


def _summed(params: str, source: Array, index: Array, out: Array, n: int, inner: int) -> None:
    out[:] = 0
    _added(params, out, index, source, n, inner)


def _added(params: str, out: Array, index: Array, source: Array, n: int, inner: int) -> None:
    if source.size:
        add = np.logical_or if params == "bool" else np.add
        given = source.reshape(-1, index.size, inner)
        for column, added in zip(out.reshape(-1, n, inner), given, strict=True):
            add.at(column, index, added)


def _put(params: str, out: Array, index: Array, source: Array, n: int, inner: int) -> None:
    if source.size:
        out.reshape(-1, n, inner)[:, index] = source.reshape(-1, index.size, inner)


def _of_taken(params: str, metas: Metas, sizes: Sizes, k: int, at: Array) -> tuple[Run | None, ...]:
    """Whatever slice it may be, of the same column."""
    (n, inner), count = sizes, elements(metas[1])
    row, i = at // inner, at % inner
    return Run(row // count * n * inner + i, inner, n), Run(row % count)


def _of_summed(
    params: str, metas: Metas, sizes: Sizes, k: int, at: Array
) -> tuple[Run | None, ...]:
    """The whole column of the source."""
    (n, inner), count = sizes, elements(metas[1])
    return Run(at // (n * inner) * count * inner + at % inner, inner, count), None


def _of_met(params: str, metas: Metas, sizes: Sizes, k: int, at: Array) -> tuple[Run | None, ...]:
    """Itself, and the whole column of the source."""
    (n, inner), count = sizes, elements(metas[1])
    return Run(at), None, Run(at // (n * inner) * count * inner + at % inner, inner, count)


def _meeting(name: str, body: str, oracle: Callable[..., None]) -> Kind:
    """A kind that writes to slices of what is there."""
    launches = partial(_meets, name=name, adds=body is _ADD)
    return Kind(
        name=name,
        operands=fixed(out="rw", index="r", source="r"),
        oracle=oracle,
        cpu=partial(_meet_cpu, name=name, body=body),
        tasks=lambda out, index, source, n, inner: int(out.size) // max(n * inner, 1),
        grid=launches,
        block=launches,
        needs=_of_met,
        indices=(("index", 0),),
        cost=lambda params, metas, sizes: Cost(
            elements(metas[2]), 3 * elements(metas[2]), waits=elements(metas[1])
        ),
    )


TAKE_SLICES = Kind(
    name="take_slices",
    operands=fixed(x="r", index="r", out="w"),
    oracle=_taken,
    cpu=_take_cpu,
    tasks=lambda x, index, out, n, inner: int(out.size) // max(inner, 1),
    grid=_takes,
    block=_takes,
    needs=_of_taken,
    indices=(("index", 0),),
    cost=lambda params, metas, sizes: Cost(elements(metas[2]), 2 * elements(metas[2])),
)
SUM_SLICES = Kind(
    name="sum_slices",
    operands=fixed(source="r", index="r", out="w"),
    oracle=_summed,
    cpu=_sum_cpu,
    tasks=lambda source, index, out, n, inner: int(out.size) // max(n * inner, 1),
    grid=_sums,
    block=_sums,
    needs=_of_summed,
    indices=(("index", 0),),
    cost=lambda params, metas, sizes: Cost(
        elements(metas[0]) + elements(metas[2]), 2 * elements(metas[0]), waits=elements(metas[1])
    ),
)
ADD_SLICES = _meeting("add_slices", _ADD, _added)
PUT_SLICES = _meeting("put_slices", _PUT, _put)
