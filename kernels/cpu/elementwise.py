"""Elementwise kernels on the CPU: pick the layout, compile once, launch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..source import codegen, walk
from ..source.program import Program
from ..source.walk import Place, View
from . import helpers, names, parallel

__all__ = ["View", "compiled", "launch"]
Kernel = Callable[..., None]


def compiled(program: Program, layout: str, ndim: int = 0, n: int = 0) -> Kernel:
    """The kernel of `program` in a flat layout, or over `ndim` strided dimensions.

    From `parallel.MINIMUM` elements on, `n`, it is the parallel one, where threads may be used.
    """
    threads = n >= parallel.MINIMUM and parallel.usable()
    key = ("cpu", layout, ndim, threads)
    kernel = program.kernels.get(key)
    if kernel is None:
        if ndim:
            source = codegen.strided(program, layout, ndim, names, parallel=threads)
        else:
            source = codegen.flat(program, layout, names, parallel=threads)
        kernel = helpers.load(source, program.name).kernel
        program.kernels[key] = kernel
    return kernel


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
