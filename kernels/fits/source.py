"""Program of a model -> the readable source of a native fit.

The Program gives, for one point, the weighted residual of every output and its derivatives:

    inputs    predictors, then y and w of each output, then parameters      float64
    outputs   for each output: residual, d residual / d parameter 1, ...    float64

`rows` computes a block of points, `evaluate` folds blocks into a triangle, `fit_one` runs the
iteration. `kernel` fits one curve, or, in the module that `fitting_many` writes, many, each in its
own rows of larger arrays.
"""

from __future__ import annotations

from typing import NamedTuple

from ..cpu import names
from ..source.codegen import MAP_FLAGS, njit
from ..source.program import Program
from ..source.scalar import statements
from ..source.writer import Writer, indent
from .algorithm import native

# Places of a block: points times outputs.
BLOCK = 256
# Of `kernel` below.
FIT_TYPES = (
    "(float64[:,::1], float64[:,::1], float64[:,::1], float64[:,:,::1], float64[:,::1],"
    " float64[::1], float64[:,::1], float64[:,::1], float64[::1], int64[::1])"
)

# Of `kernel` for many curves.
MANY_TYPES = (
    "(float64[:,:,::1], float64[:,:,::1], float64[:,:,::1], float64[:,:,::1], float64[:,::1],"
    " int64[:,::1], float64[:,:,::1], boolean[::1])"
)

_HEAD = '''"""fit of {}"""

import math

import numpy as np
from numba import njit{}
{}

f64 = np.float64
bool_ = np.bool_

''' + "\n".join(native.constants())


class Shape(NamedTuple):
    """How many predictors, outputs and parameters a model has."""

    predictors: int
    outputs: int
    parameters: int


def fitting(program: Program, shape: Shape) -> str:
    """A module whose `kernel` fits the model to one set of data."""
    return _module(program, shape, [_FIT, _KERNEL], "")


def fitting_many(program: Program, shape: Shape, threads: bool) -> str:
    """A module whose `kernel` fits it to many, by several threads or one."""
    loop = {"parallel": ", parallel=True, nogil=True" if threads else ", nogil=True"}
    many = _MANY.format(**loop, flags=MAP_FLAGS, range="prange" if threads else "range")
    return _module(program, shape, [_FIT, many], ", prange" if threads else "")


def _module(program: Program, shape: Shape, functions: list[str], also: str) -> str:
    writer = Writer(program, "v" * (len(program.inputs) + len(program.outputs)), names)
    parts = [_HEAD.format(program.name, also, native.importing(list(native.TYPES)))]
    parts += [f"{names.DECORATOR}\n{text.strip()}" for text in writer.helpers()]
    guarded = any(names.vector(f, "float64") for f in _functions(program))
    parts += [_rows(writer, shape, near) for near in ((True, False) if guarded else (False,))]
    return "\n\n\n".join([*parts, "\n".join(_evaluate(shape, guarded)), *functions])


def _functions(program: Program) -> set[str]:
    from ..source.scalar import functions

    return {f for instruction in program.body for f in functions(instruction.formula)}


def _rows(writer: Writer, shape: Shape, near: bool) -> str:
    """The function that computes a block of rows."""
    program, k = writer.program, len(writer.program.inputs) - shape.parameters
    loaded = [writer.value(i) for i in range(len(program.inputs))]
    lines, values = statements(program, names, loaded, near)
    arrays, points = _sources(shape), BLOCK // shape.outputs
    head = [f"{loaded[k + j]} = p[{j}]" for j in range(shape.parameters)]
    head += [f"d{i} = {array}[start:stop]" for i, array in enumerate(arrays)]
    loop = [f"{loaded[i]} = d{i}[i]" for i in range(k)] + lines
    for at, value in enumerate(values):
        output, column = divmod(at, shape.parameters + 1)
        column = column - 1 if column else shape.parameters
        loop.append(f"b[{column * BLOCK + output * points} + i] = {value}")
    return "\n".join(
        [
            njit(MAP_FLAGS),
            f"def {'near_rows' if near else 'rows'}(x, y, w, p, b, start, stop):",
            *indent([*head, "near = True"]),
            *indent(["for i in range(np.uint64(stop - start)):", *indent(loop)]),
            "    return near",
        ]
    )


def _sources(shape: Shape) -> list[str]:
    """What each input that is data is read from."""
    pairs = [f"{array}[{o}]" for o in range(shape.outputs) for array in ("y", "w")]
    return [*(f"x[{i}]" for i in range(shape.predictors)), *pairs]


def _evaluate(shape: Shape, guarded: bool) -> list[str]:
    """The function that computes all rows at `p`: their cost, and their triangle."""
    points = BLOCK // shape.outputs
    call = "rows(x, y, w, p, flat, start, stop)"
    rows = [f"if not near_{call}:", f"    {call}"] if guarded else [call]
    size = "stop - start"
    if shape.outputs > 1:  # the gaps behind the outputs of a short block hold rows of zeros
        size = str(points * shape.outputs)
        clear = ["for i in range(flat.size):", "    flat[i] = 0.0"]
        rows = [f"if stop - start < {points}:", *indent(clear), *rows]
    return [
        njit(MAP_FLAGS),
        "def evaluate(x, y, w, p, t, flat, b, loss, scale):",
        *indent(["n, total = p.size, 0.0", "for k in range(n + 1):"]),
        *indent(["for j in range(n + 1):", "    t[k, j] = 0.0"], 2),
        f"    for start in range(0, y.shape[1], {points}):",
        *indent([f"stop = min(y.shape[1], start + {points})", *rows, f"size = {size}"], 2),
        *indent(["total += absorb(t, b, n, size, loss, scale)"], 2),
        "    return total",
    ]


_FIT = f'''{njit(MAP_FLAGS)}
def fit_one(x, y, w, triangles, flat, b, v, s, c):
    """Fit from v[TRIAL]; the place among `triangles` of the one at the end. The rest is lost."""
    now, asked = 0, START
    while asked != DONE:
        if asked == FOLD:
            now = 1 - now
        else:
            t, loss, scale = triangles[1 - now], c[LOSS], s[LOSS_SCALE]
            s[NEW] = evaluate(x, y, w, v[TRIAL], t, flat, b, loss, scale)
        asked = advance(asked, triangles[now], triangles[2], triangles[3], b, v, s, c)
    return now'''

_KERNEL = f'''{njit(MAP_FLAGS)}
def kernel(x, y, w, triangles, inverse, flat, b, v, s, c):
    """`fit_one`, then the inverse of R'R; the triangle comes to be the first."""
    now = fit_one(x, y, w, triangles, flat, b, v, s, c)
    t, n = triangles[0], v.shape[1]
    for k in range(n + 1):
        for j in range(n + 1):
            t[k, j] = triangles[now, k, j]
    finish(t, inverse, triangles[2], triangles[3], v[ROTATED:], c[ORDER:])
'''

# Curves that share work space, and are done by one thread.
GROUP = 16
_MANY = f'''@njit(error_model="numpy", fastmath={{flags}}{{parallel}})
def kernel(x, y, w, v, s, c, inverse, lost):
    """Each curve by `fit_one`; x and w may be one for all. `lost` tells those of which a parameter
    has no influence any more at the end."""
    curves, n = y.shape[0], v.shape[2]
    for group in {{range}}((curves + {GROUP - 1}) // {GROUP}):
        triangles = np.empty((4, n + 1, n + 1))
        flat = np.empty((n + 1) * {BLOCK})
        b = flat.reshape((n + 1, {BLOCK}))
        for i in range(group * {GROUP}, min(curves, (group + 1) * {GROUP})):
            own_x, own_w = min(i, x.shape[0] - 1), min(i, w.shape[0] - 1)
            now = fit_one(x[own_x], y[i], w[own_w], triangles, flat, b, v[i], s[i], c[i])
            t = triangles[now]
            finish(t, inverse[i], triangles[2], triangles[3], v[i, ROTATED:], c[i, ORDER:])
            gone = np.isnan(inverse[i, 0, 0])
            for k in range(n):
                length = 0.0
                for j in range(n + 1):
                    length += t[k, j] * t[k, j]
                gone |= c[i, RESCALE] != 0 and math.sqrt(length) < 1e-10 * v[i, SCALES, k]
            lost[i] = gone
'''
