"""Reductions on the CPU: folds of all elements, of rows or of columns."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from ..cache import Pending
from ..source.axis import reductions
from ..source.program import Program
from . import elementwise, first_calls, helpers, names, parallel
from .first_calls import FirstOfColumns, Kernel


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
    wanted = WantedFold(program, shape, threads)
    first = shape == "columns" and not threads and first_calls.adds_columns(program)
    kernel = program.kernels[shape, threads] = FirstOfColumns(wanted) if first else wanted.load()
    return kernel


class WantedFold(NamedTuple):
    """The kernel that folds `rows` or `columns`."""

    program: Program
    shape: str
    threads: bool = False

    def ahead(self, *, long: bool = False) -> Pending:
        """Have another process compile it, if it can; begun at once if it is worth as much."""
        (x,), (out,) = self.program.inputs, self.program.outputs
        arrays = [f"{elementwise.ELEMENTS.get(d, d)}[::1]" for d in (x.stored, out.dtype)]
        sizes = ["int64"] * (1 + (self.shape == "columns"))
        types = f"({', '.join(arrays + sizes)},)"
        return helpers.ahead(self.text(), self.program.name, types, long=long)

    def load(self) -> Kernel:
        """The kernel, which compiles at its first call unless it has been."""
        kernel: Kernel = helpers.load(self.text(), self.program.name).kernel
        return kernel

    def text(self) -> str:
        """Its source."""
        return str(getattr(reductions, self.shape)(self.program, names, parallel=self.threads))
