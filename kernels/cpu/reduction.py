"""Reductions on the CPU: folds of all elements, of rows or of columns."""

from __future__ import annotations

from typing import Any

from ..source.axis import reductions
from ..source.program import Program
from . import elementwise, helpers, names, parallel


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
