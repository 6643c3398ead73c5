"""Elementwise kernels on the CPU: pick the layout, compile once, launch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..source import codegen, walk, writer
from ..source.program import Program
from ..source.walk import Place, View
from . import helpers, names, parallel

__all__ = ["View", "compiled", "launch"]
Kernel = Callable[..., None]
# Types whose elements Numba calls otherwise; float16 is stored as its bits.
ELEMENTS = {"bool": "boolean", "float16": "uint16"}


def ahead(program: Program, layout: str) -> None:
    """Have another process compile the kernel in a flat layout, which will be needed, if it can."""
    compiled(program, layout, types=_types(program, layout))


def compiled(
    program: Program, layout: str, ndim: int = 0, n: int = 0, *, types: str = ""
) -> Kernel:
    """The kernel of `program` in a flat layout, or over `ndim` strided dimensions.

    From `parallel.MINIMUM` elements on, `n`, it is the parallel one, where threads may be used.
    With `types` it is compiled for them ahead of its first call.
    """
    threads = n >= parallel.MINIMUM and parallel.usable()
    key = ("cpu", layout, ndim, threads)
    kernel = program.kernels.get(key)
    if kernel is None:
        source = _source(program, layout, ndim, threads)
        kernel = helpers.load(source, program.name, types).kernel
        program.kernels[key] = kernel
    return kernel


def _source(program: Program, layout: str, ndim: int, threads: bool) -> str:
    if ndim:
        return codegen.strided(program, layout, ndim, names, parallel=threads)
    return codegen.flat(program, layout, names, parallel=threads)


def _types(program: Program, layout: str, ndim: int = 0) -> str:
    """The types of a kernel's arguments, as Numba spells them."""
    k = len(program.inputs)
    stored = [p.stored for p in program.inputs] + [out.dtype for out in program.outputs]
    arrays = [f"{ELEMENTS.get(dtype, dtype)}[::1]" for dtype in stored]
    own = [
        writer.NUMBERS.get(letter, array)
        for i, (letter, array) in enumerate(zip(layout, arrays, strict=True))
        if i < k or not letter.isdigit()
    ]
    return f"({', '.join(['uint64[::1]'] * (ndim > 0) + own)},)"


def launch(
    program: Program, shape: Sequence[int], operands: Sequence[Any], outs: Sequence[View]
) -> None:
    """Run `program` over `shape`: operands are Views, stride 0 where broadcast, or numbers."""
    if 0 in shape:
        return
    given = (*operands, *outs)
    geometry, layout, ndim, n = _plan(tuple(shape), walk.places(given))
    arguments = [a[0] if a.__class__ is View else a for a in given]
    compiled(program, layout, ndim, n)(geometry, *arguments)


@lru_cache(maxsize=4096)
def _plan(
    shape: tuple[int, ...], places: tuple[Place | str, ...]
) -> tuple[np.ndarray[Any, Any], str, int, int]:
    """Geometry, layout, number of dimensions, of elements to share out among threads.

    Those are none where the outermost dimension has nothing to share out.
    """
    geometry, layout, extents = walk.plan(shape, places)
    n = math.prod(extents) if extents[0] > 1 else 0
    # Steps backwards wrap around in unsigned arithmetic, and so arrive where they should.
    return np.array(geometry, np.int64).view(np.uint64), layout, len(extents), n
