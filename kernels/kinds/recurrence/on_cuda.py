"""CUDA's source: a block takes a sequence through all of its steps, a thread some of its units.

forward     for t: for j: the sums of weight[k, j] * h, a step of the unit; all wait
backward    for t, the last first: for j: the way back through it; all wait; dh = dgates weight
"""

from __future__ import annotations

from collections.abc import Sequence

from ...source.kind import Launches, Room, Sizes, Stage
from ...source.scalar import SHORT
from ...source.writer import Source, indent, module
from . import text
from .on_cpu import SIZES
from .text import Recurrence

_WAIT = "cuda.syncthreads()"


def forward(p: Recurrence, arrays: Sequence[str], sizes: Sizes, room: Room) -> Launches:
    """The launch of a call."""
    from ...cuda import names

    sums = {f"s_{k}": (f"weight[({k} * hidden + j) * shown + i]") for k in range(p.cell.gates)}
    unit = _sums(p, sums, "before[row * shown + i]", "shown")
    unit += text.forward(p, names, {name: f"sum_{name}" for name in sums})
    step = [
        *_each("shown", ["before[row * shown + j] = h[b * shown + j]"]),
        *_units(p, unit),
    ]
    if p.projected:
        shown = _sums(p, {"y": "project[j * hidden + i]"}, "m[row * hidden + i]", "hidden")
        stores = ["y[row * shown + j] = sum_y", "h[b * shown + j] = sum_y"]
        step += _each("shown", [*shown, *stores])
    first = _each("shown", ["h[b * shown + j] = h0[b * shown + j]"])
    if p.cell.memory:
        first += _each("hidden", ["c[b * hidden + j] = c0[b * hidden + j]"])
    return _launch(p, "forward", arrays, [*first, *_steps(p, "reverse", step)], sizes, room)


def backward(p: Recurrence, arrays: Sequence[str], sizes: Sizes, room: Room) -> Launches:
    """The launch of a call."""
    from ...cuda import names

    gates, found = p.cell.gates, {"d": "dh[own] + dy[at]"}
    step, unit = [], []
    if p.projected:
        total = "dshown[row * shown + j] = dh[b * shown + j] + dy[row * shown + j]"
        step += _each("shown", [total])
        unit = _sums(p, {"m": "project[i * hidden + j]"}, "dshown[row * shown + i]", "shown")
        found = {"d": "sum_m"}
    step += _units(p, [*unit, *text.backward(p, names, found)])
    by = f"{'dstate' if p.cell.apart else 'dgates'}[row * {gates} * hidden + i]"
    more = _sums(p, {"h": "weight[i * shown + j]"}, by, f"{gates} * hidden")
    step += _each("shown", [*more, f"dh[b * shown + j] {'+' * p.cell.apart}= sum_h"])
    first = _each("shown", ["dh[b * shown + j] = dh_n[b * shown + j]"])
    if p.cell.memory:
        first += _each("hidden", ["dc[b * hidden + j] = dc_n[b * hidden + j]"])
    return _launch(p, "backward", arrays, [*first, *_steps(p, "not reverse", step)], sizes, room)


def _sums(p: Recurrence, weights: dict[str, str], by: str, count: str) -> list[str]:
    """sum_name = the sum over i of a weight times `by`, for each of `weights`."""
    zero = f"{SHORT[p.dtype]}(0)"
    return [
        *(f"sum_{name} = {zero}" for name in weights),
        f"for i in range({count}):",
        f"    value = {by}",
        *indent(f"sum_{name} += {weight} * value" for name, weight in weights.items()),
    ]


def _each(count: str, lines: list[str]) -> list[str]:
    """`lines` for each j, by the threads of the block; then all of them wait."""
    return ["j = thread", f"while j < {count}:", *indent([*lines, "j += threads"]), _WAIT]


def _units(p: Recurrence, lines: list[str]) -> list[str]:
    """`lines` for each unit of a row."""
    places = [
        "own, at = b * width + j, row * width + j",
        f"gate, keep = row * width * {p.cell.gates} + j, row * width * {p.cell.kept} + j",
    ]
    return _each("hidden", [*places, *lines])


def _steps(p: Recurrence, backwards: str, step: list[str]) -> list[str]:
    rows = "starts[t], starts[t + 1] - starts[t]" if p.packed else "t * batch, batch"
    places = [
        f"first, n = {rows}",
        "if b < n:",
        "    row = first + b",
        *indent(step),
    ]
    return [
        "for k in range(steps):",
        f"    t = steps - 1 - k if {backwards} else k",
        *indent(places),
    ]


def _launch(
    p: Recurrence, way: str, arrays: Sequence[str], body: list[str], sizes: Sizes, room: Room
) -> Launches:
    from ...cuda import names
    from ...cuda.source.maps import pointer

    batch = sizes[1]
    kernel = [
        "@cuda.jit",
        f"def kernel({', '.join([*arrays, *SIZES])}):",
        "    thread, threads = np.int64(cuda.threadIdx.x), np.int64(cuda.blockDim.x)",
        "    b, row, width = np.int64(cuda.blockIdx.x), np.int64(0), hidden",
        f"    {text.WIDTHS}",
        "    while b < batch:",
        *indent([*body, "b += np.int64(cuda.gridDim.x)"], 2),
    ]
    doc = f'"""{p.name}, {way}: {p.dtype}, CUDA."""'
    source = module(
        doc, text.helpers(p, names), names.DECORATOR, kernel, ["from numba import cuda"]
    )
    types = [pointer("int64" if name == "starts" else p.dtype) for name in arrays]
    signature = f"void({', '.join([*types, *['int64'] * len(SIZES)])})"
    stage = Stage(
        Source(source, signature), min(max(batch, 1), room.blocks), room.threads, (*arrays, *sizes)
    )
    return Launches((stage,) if batch else ())
