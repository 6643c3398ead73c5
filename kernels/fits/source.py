"""Program of a model -> the readable source of its rows, which the algorithm calls.

The Program gives, for one point, the weighted residual of every output and its derivatives:

    inputs    predictors, then y and w of each output, then parameters      float64
    outputs   for each output: residual, d residual / d parameter 1, ...    float64

`kernel(x, y, w, p, flat, start, stop)` stores those of the points from start to stop - 1 as a
block, see `algorithm.driver`.
"""

from __future__ import annotations

from typing import NamedTuple

from ..cpu import names
from ..source.codegen import MAP_FLAGS, njit
from ..source.program import Program
from ..source.scalar import functions, statements
from ..source.writer import Writer, indent
from .algorithm.driver import PLACES

# Of `kernel` below.
ROWS_TYPES = (
    "(float64[:,::1], float64[:,::1], float64[:,::1], float64[::1], float64[::1], int64, int64)"
)

_HEAD = '''"""rows of {}"""

import math

import numpy as np
from numba import njit

f64 = np.float64
bool_ = np.bool_'''

_GUARDED = f"""{njit(MAP_FLAGS, counted=False)}
def kernel(x, y, w, p, flat, start, stop):
    if not near_rows(x, y, w, p, flat, start, stop):
        rows(x, y, w, p, flat, start, stop)"""


class Shape(NamedTuple):
    """How many predictors, outputs and parameters a model has."""

    predictors: int
    outputs: int
    parameters: int


def rows(program: Program, shape: Shape) -> str:
    """A module whose `kernel` computes rows of the model."""
    writer = Writer(program, "v" * (len(program.inputs) + len(program.outputs)), names)
    parts = [_HEAD.format(program.name)]
    parts += [f"{names.DECORATOR}\n{text.strip()}" for text in writer.helpers()]
    used = {f for instruction in program.body for f in functions(instruction.formula)}
    if any(names.vector(f, "float64") for f in used):
        parts += [_rows("near_rows", writer, shape, True), _rows("rows", writer, shape, False)]
        parts.append(_GUARDED)
    else:
        parts.append(_rows("kernel", writer, shape, False))
    return "\n\n\n".join(parts) + "\n"


def _rows(name: str, writer: Writer, shape: Shape, near: bool) -> str:
    """The function that computes a block of rows; where `near`, it returns whether it holds."""
    lines = ["near = True"] * near + loop(writer, shape, PLACES, near)
    lines += ["return near"] * near
    head = [njit(MAP_FLAGS, counted=False), f"def {name}(x, y, w, p, flat, start, stop):"]
    return "\n".join([*head, *indent(lines)])


def loop(writer: Writer, shape: Shape, places: int, near: bool) -> list[str]:
    """The lines that compute a block: `places` of each column, shared by the outputs."""
    program, k = writer.program, len(writer.program.inputs) - shape.parameters
    loaded = [writer.value(i) for i in range(len(program.inputs))]
    lines, values = statements(program, writer.names, loaded, near)
    head = [f"{loaded[k + j]} = p[{j}]" for j in range(shape.parameters)]
    head += [f"d{i} = {array}[start:stop]" for i, array in enumerate(_sources(shape))]
    inner = [f"{loaded[i]} = d{i}[i]" for i in range(k)] + lines
    for (output, column), value in zip(outputs(shape), values, strict=True):
        inner.append(f"flat[{column * places + output * (places // shape.outputs)} + i] = {value}")
    return [*head, "for i in range(np.uint64(stop - start)):", *indent(inner)]


def outputs(shape: Shape) -> list[tuple[int, int]]:
    """The output of the model and the column of its row that each output of the Program is."""
    n = shape.parameters
    return [(o, column) for o in range(shape.outputs) for column in (n, *range(n))]


def _sources(shape: Shape) -> list[str]:
    """What each input that is data is read from."""
    pairs = [f"{array}[{o}]" for o in range(shape.outputs) for array in ("y", "w")]
    return [*(f"x[{i}]" for i in range(shape.predictors)), *pairs]
