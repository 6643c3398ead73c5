"""Sources of CUDA kernels that fold or search one axis of a contiguous array.

An array (outer, n, inner) folds to (outer, segments, inner): segment s of the middle axis is
s*length .. (s+1)*length-1. A block folds `width` outputs at a time, neighbors in memory, with
`lanes` threads for each, in one of three shapes; neighboring threads always read neighboring
elements. `folds` says how lanes meet, and how a fold that has several segments goes on.
"""

from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

from ....source.program import Input, Output, Program
from ....source.scalar import render
from ....source.writer import indent
from ..folds import exchange, loop, meet, starts, trees
from ..maps import CudaWriter, Source, in_memory, memory_type, source

ROW = [
    "row = output // segments * n",
    "begin = row + output % segments * length",
    "stop = begin + length if begin + length < row + n else row + n",
    "i = begin + lane",
]
COLUMN = [
    "row = output // inner // segments * n",
    "begin = row + output // inner % segments * length",
    "stop = begin + length if begin + length < row + n else row + n",
    "i = (begin + lane) * inner + output % inner",
    "stop *= inner",
    "step = lanes * inner",
]


class Shape(NamedTuple):
    """How the threads of a block share its elements, in terms of the kernel's `numbers`.

    `known` holds what is no parameter, `place` which lane of which output a thread is, `begin` its
    first element and the end. Its elements are a `step` apart, lanes 1 apart are threads `pitch`
    apart.
    """

    numbers: tuple[str, ...]
    known: str
    place: list[str]
    begin: list[str]
    step: str
    pitch: str


# One output's lanes are neighbors (inner is 1); the same, where all threads are lanes of one
# output: known steps let the compiler put many loads on their way at once; outputs are neighbors.
SHAPES = {
    "rows": Shape(
        ("n", "outputs", "segments", "length", "lanes", "width"),
        "",
        ["lane = thread % lanes", "output = first + thread // lanes"],
        ROW,
        "lanes",
        "1",
    ),
    "long_rows": Shape(
        ("n", "outputs", "segments", "length"),
        "lanes, width = {threads}, 1",
        ["lane, output = thread, first"],
        ROW,
        "{threads}",
        "1",
    ),
    "columns": Shape(
        ("n", "inner", "outputs", "segments", "length", "lanes", "width"),
        "",
        ["lane = thread // width", "output = first + thread % width"],
        COLUMN,
        "step",
        "width",
    ),
}


def fold(program: Program, shape: str, names: ModuleType, threads: int) -> Source:
    """kernel(x, out, count, *numbers), the numbers being those of the shape

    for o, s, c: out[o, s, c] = fold over j in s*length .. (s+1)*length-1 of x[o, j, c]

    `count` is what the fold's `final` gets for {n}. lanes * width is at most the number of threads.
    """
    w, accs, form = CudaWriter(in_memory(program), "vr", names), ["acc"], SHAPES[shape]
    (out,) = w.program.outputs
    body = [
        *form.place,
        *starts(w, accs),
        "if lane < lanes and output < outputs:",
        *indent([*form.begin, *loop(w, accs, form.step.format(threads=threads))]),
        *meet(w, accs, "lanes", form.pitch),
        "if lane == 0 and output < outputs:",
        f"    {w.outs[0]}[output] = {w.finish(out, 'acc', 'count')}",
    ]
    head = [form.known.format(threads=threads), *trees(w, accs, threads)]
    return _source(w, shape, ("count", *form.numbers), head, body)


def _source(
    w: CudaWriter, layout: str, numbers: tuple[str, ...], head: list[str], body: list[str]
) -> Source:
    """The kernel whose `body` does a block's outputs, `width` from `first` on."""
    parameters = [*w.typed_parameters(), *((name, "int64") for name in numbers)]
    lines = [
        *filter(None, head),
        "thread = np.int64(cuda.threadIdx.x)",
        "first = np.int64(cuda.blockIdx.x) * width",
        "while first < outputs:",
        *indent([*body, "first += np.int64(cuda.gridDim.x) * width"]),
    ]
    return source(w, f"{layout}, CUDA", parameters, lines)


def search(
    name: str, better: str, stored: str, shape: str, names: ModuleType, threads: int, *, last: bool
) -> Source:
    """kernel(x, values, indices, *numbers), the numbers being those of the shape

    for o, s, c: j = the first in segment s of x[o, :, c] that no later one is `better` than
                 values[o, s, c], indices[o, s, c] = x[o, j, c], j

    `better` is a scalar expression over {x} and the best so far, {acc}; of two that differ, NaN
    and not, one has to be better than the other. The `last` kernel searches what the first left,
    kernel(x, places, values, indices, *numbers), and gives places[o, j, c] for j.
    """
    held, form = memory_type(stored), SHAPES[shape]
    inputs = [Input("x", held, held), *([Input("places", "int64", "int64")] if last else [])]
    outputs = (Output(0, held), Output(0, "int64"))
    w = CudaWriter(Program(name, tuple(inputs), (), outputs), "vv" + "v" * len(inputs), names)
    inner = " // inner" if shape == "columns" else ""
    found = "places[at]" if last else f"at{inner} - output{inner} // segments * n"
    first = "begin * inner + output % inner" if inner else "begin"
    put = ["best_tree[thread] = best", "at_tree[thread] = at"]
    body = [
        *form.place,
        "best = x[0]",
        "at = np.int64(0)",
        "if output < outputs:",
        *indent([*form.begin, f"at = {first}", "best = x[at]", "while i < stop:"]),
        *indent(["met = x[i]", f"if {_wins(better, 'met', 'best', held, names)}:"], 2),
        *indent(["    best = met", "    at = i", f"i += {form.step.format(threads=threads)}"], 2),
        *exchange("lanes", put, _better(better, held, form.pitch, names)),
        "if lane == 0 and output < outputs:",
        *indent([f"{w.outs[0]}[output] = best", f"{w.outs[1]}[output] = {found}"]),
    ]
    head = [
        form.known.format(threads=threads),
        f"best_tree = cuda.shared.array({threads}, np.{held})",
        f"at_tree = cuda.shared.array({threads}, np.int64)",
    ]
    return _source(w, f"search of {shape}", form.numbers, head, body)


def _wins(better: str, x: str, acc: str, dtype: str, names: ModuleType) -> str:
    return render(better, {"x": x, "acc": acc}, dtype, names)


def _better(better: str, dtype: str, pitch: str, names: ModuleType) -> list[str]:
    """Take what the lane `top` on has, where that is better, or as good and earlier."""
    wins, loses = (_wins(better, *xs, dtype, names) for xs in (("met", "best"), ("best", "met")))
    other = f"thread + top * {pitch}"
    return [
        f"met = best_tree[{other}]",
        f"met_at = at_tree[{other}]",
        f"if ({wins}) or (met_at < at and not ({loses})):",
        "    best = met",
        "    at = met_at",
    ]
