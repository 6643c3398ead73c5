"""Elementwise kernels on the CPU: pick the layout, compile once, launch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..cache import Pending
from ..source import codegen, walk, writer
from ..source.program import Program
from ..source.walk import Place, View
from . import first_calls, helpers, names, parallel
from .first_calls import FirstOfMap

__all__ = ["View", "compiled", "launch"]
Kernel = Callable[..., None]
# Types whose elements Numba calls otherwise; float16 is stored as its bits.
ELEMENTS = {"bool": "boolean", "float16": "uint16"}


class Wanted(NamedTuple):
    """The kernel of a program in a flat layout, or over `ndim` strided dimensions."""

    program: Program
    layout: str
    ndim: int = 0
    threads: bool = False

    def ahead(self, *, long: bool = False) -> Pending:
        """Have another process compile it, if it can; begun at once if it is worth as much."""
        return helpers.ahead(self.text(), self.program.name, self.types(), long=long)

    def load(self) -> Kernel:
        """The kernel, which compiles at its first call unless it has been."""
        kernel: Kernel = helpers.load(self.text(), self.program.name).kernel
        return kernel

    def text(self) -> str:
        """Its source."""
        if self.ndim:
            return codegen.strided(
                self.program, self.layout, self.ndim, names, parallel=self.threads
            )
        return codegen.flat(self.program, self.layout, names, parallel=self.threads)

    def types(self) -> str:
        """The types of its arguments, as Numba spells them."""
        k = len(self.program.inputs)
        stored = [p.stored for p in self.program.inputs] + [o.dtype for o in self.program.outputs]
        arrays = [f"{ELEMENTS.get(dtype, dtype)}[::1]" for dtype in stored]
        own = [
            writer.NUMBERS.get(letter, array)
            for i, (letter, array) in enumerate(zip(self.layout, arrays, strict=True))
            if i < k or not letter.isdigit()
        ]
        return f"({', '.join(['uint64[::1]'] * (self.ndim > 0) + own)},)"


def ahead(program: Program, layout: str) -> None:
    """Have another process compile the kernel in a flat layout, which will be needed, if it can."""
    if not first_calls.served(program):
        Wanted(program, layout).ahead()


def compiled(program: Program, layout: str, ndim: int = 0, n: int = 0) -> Kernel:
    """The kernel of `program` in a flat layout, or over `ndim` strided dimensions.

    From `parallel.MINIMUM` elements on, `n`, it is the parallel one, where threads may be used;
    else NumPy may do its first calls, see `first_calls`.
    """
    threads = n >= parallel.MINIMUM and parallel.usable()
    key = ("cpu", layout, ndim, threads)
    kernel = program.kernels.get(key)
    if kernel is None:
        wanted = Wanted(program, layout, ndim, threads)
        first = not threads and first_calls.served(program)
        kernel = program.kernels[key] = FirstOfMap(wanted) if first else wanted.load()
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
