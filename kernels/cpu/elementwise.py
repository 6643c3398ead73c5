"""Elementwise kernels on the CPU: pick the layout, compile once, launch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from .. import cache, codegen
from ..program import Program
from . import names, parallel

Kernel = Callable[..., None]
Place = tuple[int, tuple[int, ...]]  # offset and strides


class View(NamedTuple):
    """An array operand: flat `array`, `offset` and `strides` in elements, over the loop's shape."""

    array: np.ndarray[Any, Any]
    offset: int
    strides: tuple[int, ...]


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
        kernel = cache.load(source, program.name).kernel
        program.kernels[key] = kernel
    return kernel


def launch(
    program: Program, shape: Sequence[int], operands: Sequence[Any], outs: Sequence[View]
) -> None:
    """Run `program` over `shape`: operands are Views, stride 0 where broadcast, or numbers."""
    if 0 in shape:
        return
    given = (*operands, *outs)
    places = tuple([a[1:] if a.__class__ is View else number(a) for a in given])
    geometry, layout, ndim, n = plan(tuple(shape), places)
    arguments = [a[0] if a.__class__ is View else a for a in given]
    compiled(program, layout, ndim, n)(geometry, *arguments)


def number(value: Any) -> str:
    """The layout letter of a number passed by value."""
    return "f" if isinstance(value, float) else "i"


@lru_cache(maxsize=4096)
def plan(
    shape: tuple[int, ...], places: tuple[Place | str, ...]
) -> tuple[np.ndarray[Any, Any], str, int, int]:
    """How to walk the arrays at `places`: geometry, layout, number of dimensions, of elements.

    A letter in `places` stands for a number. Elements count for threads, so there are none
    where the outermost dimension has nothing to share out.
    """
    arrays = [p for p in places if not isinstance(p, str)]
    extents, strides = collapse(shape, [p[1] for p in reversed(arrays)])
    strides.reverse()
    geometry = list(extents)
    for (offset, _), steps in zip(arrays, strides, strict=True):
        geometry += [offset, *steps]
    last = iter([{0: "e", 1: "c"}.get(steps[-1], "v") for steps in strides])
    layout = "".join(p if isinstance(p, str) else next(last) for p in places)
    n = math.prod(extents) if extents[0] > 1 else 0
    # Steps backwards wrap around in unsigned arithmetic, and so arrive where they should.
    return np.array(geometry, np.int64).view(np.uint64), layout, len(extents), n


def collapse(
    shape: Sequence[int], strides: Sequence[Sequence[int]]
) -> tuple[list[int], list[tuple[int, ...]]]:
    """Fewest dimensions that walk the same elements: ordered by the first operand, then merged.

    Returns the extents (at least one) and each operand's strides.
    """
    order = sorted((d for d in range(len(shape)) if shape[d] != 1), key=lambda d: -strides[0][d])
    extents: list[int] = []
    steps: list[list[int]] = []
    for d in order:
        inner = [s[d] for s in strides]
        if extents and all(o == i * shape[d] for o, i in zip(steps[-1], inner, strict=True)):
            extents[-1], steps[-1] = extents[-1] * shape[d], inner
        else:
            extents.append(shape[d])
            steps.append(inner)
    if not extents:
        extents, steps = [1], [[1] * len(strides)]
    return extents, [tuple(column) for column in zip(*steps, strict=True)]
