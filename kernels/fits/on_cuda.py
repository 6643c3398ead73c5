"""Many curves on a GPU: a thread fits a curve, by the same algorithm, in one kernel of the model.

    i = curve: v, s, c and work space of the thread; fit_whole(rows of the model, ...)

Data have curves as their last dimension, so that neighboring threads read neighboring numbers. What
a thread works on is local memory, which the hardware interleaves likewise: the number of parameters
is a constant here, and so are all extents.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np

from ..cuda import memory, names
from ..cuda.driver.device import device
from ..cuda.driver.launch import Kernel, blocks_for
from ..source.program import Program
from ..source.scalar import statements
from ..source.writer import Source, Writer, indent
from .algorithm import marquardt as at, native
from .fit import Fit, States
from .source import Shape, outputs

Array = Any
# Places of a block of rows, in each thread's memory; sums over them share a root and a division.
PLACES = 8
THREADS = 64  # of a block: a curve takes as many registers as there are
_RENAMED = {"np.arctan": "math.atan"}
_MATH = re.compile(r"\bnp\.(sqrt|log1p|isfinite|isnan)\b")

_HEAD = '''"""fits of {} on CUDA"""

import math

import numpy as np
from numba import cuda

f64 = np.float64
bool_ = np.bool_'''

# Arrays of data are tuples here: what is read, curves in it, which one, and points.
_CALLS = """{device}
def call_rows(code, x, y, w, p, b, start, stop):
    rows(x, y, w, p, b, start, stop)


{device}
def call_fold(code, t, b, size):
    pass


{device}
def extents(y):
    return {outputs}, y[3]"""

_KERNEL = """@cuda.jit
def kernel(x, y, w, v, s, c, inverse, lost, curves, points, x_curves, w_curves):
    triangles = cuda.local.array((4, {k}, {k}), np.float64)
    b = cuda.local.array(({k}, {width}), np.float64)
    own_v = cuda.local.array(({rows}, {n}), np.float64)
    own_s = cuda.local.array({numbers}, np.float64)
    own_c = cuda.local.array({counts}, np.int64)
    own_inverse = cuda.local.array(({n}, {n}), np.float64)
    own_lost = cuda.local.array(1, np.uint8)
    i = np.int64(cuda.grid(1))
    while i < curves:
        for k in range({rows}):
            for j in range({n}):
                own_v[k, j] = v[(i * {rows} + k) * {n} + j]
        for k in range({numbers}):
            own_s[k] = s[i * {numbers} + k]
        for k in range({counts}):
            own_c[k] = c[i * {counts} + k]
        of_x = (x, x_curves, min(i, x_curves - 1), points)
        of_w = (w, w_curves, min(i, w_curves - 1), points)
        fit_whole(
            0, 0, of_x, (y, curves, i, points), of_w, triangles, b, b, own_v, own_s, own_c,
            own_inverse, own_lost,
        )
        for j in range({n}):
            v[(i * {rows} + {x}) * {n} + j] = own_v[{x}, j]
            for k in range({n}):
                inverse[(i * {n} + j) * {n} + k] = own_inverse[j, k]
        for k in range({numbers}):
            s[i * {numbers} + k] = own_s[k]
        for k in range({counts}):
            c[i * {counts} + k] = own_c[k]
        lost[i] = own_lost[0]
        i += np.int64(cuda.gridsize(1))"""


def source(program: Program, shape: Shape) -> Source:
    """The kernel of a model: a fit a thread.

    Data are (predictors or outputs, points, curves), x and w of one curve if that stands for all;
    `v`, `s`, `c`, `inverse` and `lost` are those of `States`.
    """
    writer = Writer(program, "v" * (len(program.inputs) + len(program.outputs)), names)
    n, width = shape.parameters, max(PLACES, shape.outputs)
    constants = [line for line in native.constants() if not line.startswith("PLACES ")]
    parts = [f"{_HEAD.format(program.name)}\n" + "\n".join([f"PLACES = {width}", *constants])]
    parts += [f"{names.DECORATOR}\n{text.strip()}" for text in writer.helpers()]
    parts += [_rows(writer, shape, width)]
    parts += [_CALLS.format(device=names.DECORATOR, outputs=shape.outputs)]
    texts = native.texts("fit_whole")
    parts += [
        f"{names.DECORATOR}\n{_translated(text)}"
        for name, text in texts.items()
        if name not in (*native.CALLS, "extents")
    ]
    extents = {"k": n + 1, "n": n, "width": width, "rows": at.ROWS, "x": at.X}
    extents |= {"numbers": at.NUMBERS, "counts": at.ORDER + n}
    parts.append(_KERNEL.format(**extents))
    table = "CPointer(float64)"
    types = [*[table] * 5, "CPointer(int64)", table, "CPointer(uint8)", *["int64"] * 4]
    return Source("\n\n\n".join(parts) + "\n", f"void({', '.join(types)})")


def _translated(text: str) -> str:
    """A function of the algorithm as CUDA has it."""
    for name, other in _RENAMED.items():
        text = text.replace(name, other)
    return _MATH.sub(r"math.\1", text)


def _rows(writer: Writer, shape: Shape, width: int) -> str:
    """The function that computes a block of rows of a curve, as a table."""
    program, k = writer.program, len(writer.program.inputs) - shape.parameters
    loaded = [writer.value(i) for i in range(len(program.inputs))]
    lines, values = statements(program, names, loaded)
    sources = [("x", j) for j in range(shape.predictors)]
    sources += [(array, o) for o in range(shape.outputs) for array in ("y", "w")]
    inner = [
        f"{loaded[i]} = {a}[0][({j} * {a}[3] + start + i) * {a}[1] + {a}[2]]"
        for i, (a, j) in enumerate(sources)
    ]
    places = width // shape.outputs
    stores = [
        f"b[{column}, {output * places} + i] = {value}"
        for (output, column), value in zip(outputs(shape), values, strict=True)
    ]
    body = [f"{loaded[k + j]} = p[{j}]" for j in range(shape.parameters)]
    body += ["for i in range(stop - start):", *indent([*inner, *lines, *stores])]
    head = [names.DECORATOR, "def rows(x, y, w, p, b, start, stop):"]
    return "\n".join([*head, *indent(body)])


def many(fit: Fit, x: Array, y: Array, w: Array, states: States, index: int) -> None:
    """`Fit.many` on the GPU of that number."""
    curves, points = len(y), y.shape[2]
    if not curves:
        return
    device(index)
    data = [memory.upload(np.moveaxis(part, 0, -1), index) for part in (x, y, w)]
    held = [memory.upload(part, index) for part in states]
    kernel = _kernel(fit.program, fit.shape)
    numbers = curves, points, len(x), len(w)
    kernel(blocks_for(curves, THREADS), THREADS, *data, *held, *numbers)
    for part, span in zip(states, held, strict=True):
        part[...] = memory.to_host(span).reshape(part.shape)


@cache
def _kernel(program: Program, shape: Shape) -> Kernel:
    return Kernel(source(program, shape), program.name)
