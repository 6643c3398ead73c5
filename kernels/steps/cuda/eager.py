"""Ops of a large step that are no loops: by the kernels that eager execution launches."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from ...cuda import contraction, cublas, memory, names, random, reduction, scan
from ...cuda.launch import THREADS, Kernel, blocks_for
from ...cuda.sorting import sort
from ...cuda.source.maps import Source, memory_type, pointer
from ...matrices import Problem
from ...source.writer import indent, module
from .. import trace as t
from .others import added

Run = Callable[[int], None]
Slice = Callable[[t.Place], Any]
_HEAD = ["i = np.int64(cuda.grid(1))", "while i < n:"]
_STRIDE = "i += np.int64(cuda.gridsize(1))"


def bound(op: t.Op, trace: t.Trace, place: Slice, seeds: Any, status: Any) -> Run:
    """What queues `op` for step s; `place` gives the span of a place."""
    run: Callable[[], None]
    if isinstance(op, t.Random):
        return _random(op, trace, place(op.out), seeds)
    if isinstance(op, t.Product):
        product = _product(op.problem, trace.buffers[op.out].dtype)
        sizes = ((b, trace.buffers[b].size) for b in (op.a, op.b, op.out))
        run = partial(product, *(place(t.Place(b, 0, size)) for b, size in sizes))
    elif isinstance(op, t.Sweep):
        inputs, outputs = ([place(p) for p in places] for places in (op.inputs, op.outputs))
        run = partial(scan.scan, op.program, inputs, outputs, *op.extents)
    elif isinstance(op, t.Search):
        x, values, indices = map(place, (op.x, op.values, op.indices))
        run = partial(reduction.search, op.name, op.better, op.dtype, x, values, indices, op.n)
    elif isinstance(op, t.Move):
        x, index, out = map(place, (op.x, op.index, op.out))
        run = partial(move, op.name, x, index, out, status)
    else:
        raise TypeError(f"no such op: {op}")
    return lambda s: run()


def _product(what: Problem, dtype: str) -> Callable[..., None]:
    """What computes a product, from three spans."""
    if cublas.takes(what, dtype) and not contraction.is_thin(what):
        return partial(cublas.matmul, what, dtype)
    return contraction.plan(what, dtype).run


def _random(op: t.Random, trace: t.Trace, out: Any, seeds: Any) -> Run:
    counters, (seed, begin) = trace.counters[op.stream], map(int, seeds[op.stream])

    def run(s: int) -> None:
        at = begin + s * counters + op.counter
        if op.request is None:
            random.permutation(out, seed, at)
        else:
            random.fill(out, seed, at, op.request)

    return run


# Moves, whose positions are checked as they run


def move(name: str, x: Any, index: Any, out: Any, status: Any) -> None:
    """Gather, put or scatter_add; a position that is not in x sets the status."""
    n = index.size
    if not n:
        return
    dtype, blocks = x.dtype.name, blocks_for(n)
    if name == "gather":
        _kernel(name, dtype)(blocks, THREADS, x, index, out, status, n, x.size)
        return
    # One more place than x has is for positions that are wrong.
    shift = max(n - 1, 0).bit_length()
    high = shift + x.size.bit_length()
    if high > 64:
        raise RuntimeError(f"cannot scatter {n} elements to {x.size}: the product is over 2**64")
    words = memory.empty(n, np.uint64, index)
    _kernel("pair", "int64")(blocks, THREADS, index, words, status, n, x.size, shift)
    words = sort(words, shift, high)
    _kernel(name, dtype)(blocks, THREADS, x, words, out, n, x.size, shift)


@cache
def _kernel(name: str, dtype: str) -> Kernel:
    return Kernel(source(name, dtype), f"checked_{name}")


def source(name: str, dtype: str) -> Source:
    """The kernel of a move, or of a part of it, for elements of type `dtype`:

        gather(x, index, out, status, n, size)          out[i] = x[index[i]]
        pair(index, words, status, n, size, shift)      words[i] = index[i] << shift | i
        put(x, words, out, n, size, shift)              x[place] = out[i], i the last such
        scatter_add(x, words, out, n, size, shift)      x[place] += out[i], for all such, in order

    Words are sorted in between; those that go to `size` are wrong, and left alone.
    """
    values, sizes = pointer(memory_type(dtype)), {"n": "int64", "size": "int64"}
    words = {"words": "CPointer(uint64)"}
    index, status = {"index": "CPointer(int64)"}, {"status": "CPointer(int64)"}
    shift = {"shift": "uint64"}
    if name == "gather":
        parameters = {"x": values} | index | {"out": values} | status | sizes
        body = ["j = index[i]", "if 0 <= j < size:", "    out[i] = x[j]"]
        body += ["else:", f"    status[0] = {t.INDEX}"]
    elif name == "pair":
        parameters = index | words | status | sizes | shift
        body = ["j = index[i]", "if j < 0 or j >= size:", "    j = size"]
        body += [f"    status[0] = {t.INDEX}"]
        body += ["words[i] = np.uint64(j) << shift | np.uint64(i)"]
    else:
        parameters = {"x": values} | words | {"out": values} | sizes | shift
        body = _put() if name == "put" else _scatter_add(dtype)
    kernel = ["@cuda.jit", f"def kernel({', '.join(parameters)}):"]
    kernel += [*indent(_HEAD), *indent([*body, _STRIDE], 2)]
    half = ("half_to_float", "float_to_half") if dtype == "uint16" else ()
    doc = f'"""{name}: {dtype}, positions checked, CUDA."""'
    helpers = names.helpers(half if name == "scatter_add" else ())
    text = module(doc, helpers, names.DECORATOR, kernel, ["from numba import cuda"])
    return Source(text, f"void({', '.join(parameters.values())})")


_PLACE = ["place = words[i] >> shift", "mask = (np.uint64(1) << shift) - np.uint64(1)"]


def _put() -> list[str]:
    last = "i + 1 == n or words[i + 1] >> shift != place"
    return [
        *_PLACE,
        f"if place < np.uint64(size) and ({last}):",
        "    x[place] = out[words[i] & mask]",
    ]


def _scatter_add(dtype: str) -> list[str]:
    first = "i == 0 or words[i - 1] >> shift != place"
    return [
        *_PLACE,
        f"if place < np.uint64(size) and ({first}):",
        "    j = i",
        "    while j < n and words[j] >> shift == place:",
        f"        x[place] = {added('x[place]', 'out[words[j] & mask]', dtype)}",
        "        j += 1",
    ]
