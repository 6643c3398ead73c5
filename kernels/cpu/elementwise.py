"""Elementwise kernels on the CPU: pick the layout, compile once, launch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import cache, codegen
from ..program import Program
from . import names, parallel

Kernel = Callable[..., None]


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


def launch(program: Program, shape: Sequence[int], operands: Sequence[Any], outs: Sequence[View]) -> None:
    """Run `program` over `shape`: operands are Views (stride 0 where broadcast) or Python numbers."""
    if 0 in shape:
        return
    views = [v for v in (*operands, *outs) if isinstance(v, View)]
    extents, strides = collapse(shape, [v.strides for v in reversed(views)])
    strides.reverse()
    walked = iter(strides)
    letters = [letter(v, next(walked)) if isinstance(v, View) else number(v) for v in operands]
    letters += [letter(v, next(walked)) for v in outs]
    geometry = list(extents)
    for v, steps in zip(views, strides, strict=True):
        geometry += [v.offset, *steps]
    arguments = [v.array if isinstance(v, View) else v for v in (*operands, *outs)]
    n = int(np.prod(extents))
    kernel = compiled(program, "".join(letters), len(extents), n if extents[0] > 1 else 0)
    kernel(np.array(geometry, np.int64).view(np.uint64), *arguments)


def number(value: Any) -> str:
    """The layout letter of a number passed by value."""
    return "f" if isinstance(value, float) else "i"


def letter(view: View, strides: tuple[int, ...]) -> str:
    """The layout letter of an array: its stride in the last dimension, 0, 1 or any."""
    return {0: "e", 1: "c"}.get(strides[-1], "v")


def collapse(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> tuple[list[int], list[tuple[int, ...]]]:
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
