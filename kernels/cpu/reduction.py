"""Reductions on the CPU: folds of all elements, of rows or of columns."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..source.axis import reductions
from ..source.program import Program
from . import elementwise, helpers, names, parallel


def ready(
    program: Program, outer: int, n: int, inner: int
) -> tuple[Callable[..., None], tuple[int, ...]]:
    """What does all folds of these extents, of `x` into `out`, and what it takes beside the two."""
    if outer * n * inner >= parallel.MINIMUM or not outer * inner:
        return partial(fold, program), (outer, n, inner)
    if outer * inner == 1:
        return elementwise.compiled(program, "vr"), ()
    if inner == 1:
        return program.kernels.get(("rows", False)) or _axis("rows", program, False), (n,)
    return program.kernels.get(("columns", False)) or _axis("columns", program, False), (n, inner)


def fold(program: Program, x: Any, out: Any, outer: int, n: int, inner: int) -> None:
    """Fold the middle axis of `x`, flat and contiguous (outer, n, inner), into `out`."""
    threads = x.size >= parallel.MINIMUM and parallel.usable()
    if out.size == 1:
        elementwise.compiled(program, "vr", 0, x.size)(x, out)
    elif inner == 1:
        kernel = program.kernels.get(("rows", threads)) or _axis("rows", program, threads)
        kernel(x, out, n)
    elif out.size:
        kernel = program.kernels.get(("columns", threads)) or _axis("columns", program, threads)
        kernel(x, out, n, inner)


def _axis(shape: str, program: Program, threads: bool) -> Any:
    source = getattr(reductions, shape)(program, names, parallel=threads)
    kernel = program.kernels[shape, threads] = helpers.load(source, program.name).kernel
    return kernel
