"""Reductions on the CPU: folds of all elements, of rows or of columns."""

from __future__ import annotations

from typing import Any

from ..source.axis import reductions
from ..source.program import Program
from . import elementwise, helpers, names, parallel


def fold(program: Program, x: Any, out: Any, outer: int, n: int, inner: int) -> None:
    """Fold the middle axis of `x`, flat and contiguous (outer, n, inner), into `out`."""
    if out.size == 1:
        elementwise.compiled(program, "vr", 0, x.size)(x, out)
    elif inner == 1:
        _axis("rows", program, x.size)(x, out, n)
    elif out.size:
        _axis("columns", program, x.size)(x, out, n, inner)


def _axis(shape: str, program: Program, size: int) -> Any:
    threads = size >= parallel.MINIMUM and parallel.usable()
    key = ("cpu", shape, threads)
    kernel = program.kernels.get(key)
    if kernel is None:
        source = getattr(reductions, shape)(program, names, parallel=threads)
        kernel = program.kernels[key] = helpers.load(source, program.name).kernel
    return kernel
