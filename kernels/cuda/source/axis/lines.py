"""Sources of CUDA kernels that fold and map lines: a thread for each line, or a block.

    each        while line < lines: for each phase: for along in range(n): ...
    together    while line < lines: for each phase: for along in range(thread, n, threads): ...

Threads of a block meet in shared memory after what folds, in the same order at every run.
"""

from __future__ import annotations

from types import ModuleType

from ....source.axis.lines import Fold, Lines, LinesWriter, Phase
from ....source.scalar import SHORT
from ....source.writer import Source, indent
from ..maps import pointer

SIZES = ("lines", "n", "inner")
_FIRST = "first = line // inner * n * inner + line % inner"


def each(lines: Lines, names: ModuleType) -> Source:
    """kernel(*arrays, lines, n, inner), a thread for each line."""
    w = LinesWriter(lines, lines.dtype, names)
    body = [_FIRST, *_given(w)]
    for phase in lines.phases:
        body += _along(w, phase, "range(n)")
        body += w.then(phase, "line", "first")
    body += _noted(w)
    loop = ["line = np.int64(cuda.grid(1))", "while line < lines:", *indent(body)]
    return _source(w, "thread", [*loop, "    line += np.int64(cuda.gridsize(1))"])


def together(lines: Lines, names: ModuleType, threads: int) -> Source:
    """kernel(*arrays, lines, n, inner), a block of `threads`, a power of two, for each line."""
    w = LinesWriter(lines, lines.dtype, names)
    folds = [fold for phase in lines.phases for fold in phase.folds]
    body = [_FIRST, *_given(w)]
    for phase in lines.phases:
        body += _along(w, phase, f"range(thread, n, {threads})")
        for fold in phase.folds:
            body += _met(w, fold, threads)
        body += _once(w, phase)
    body += _noted(w)
    loop = [
        *([f"tree = cuda.shared.array({threads}, np.{lines.dtype})"] if folds else []),
        "thread = np.int64(cuda.threadIdx.x)",
        "line = np.int64(cuda.blockIdx.x)",
        "while line < lines:",
        *indent([*body, "line += np.int64(cuda.gridDim.x)"]),
    ]
    return _source(w, "block", loop)


def _given(w: LinesWriter) -> list[str]:
    return [f"{w.variable(name)} = {name}[line]" for name in w.given()]


def _along(w: LinesWriter, phase: Phase, places: str) -> list[str]:
    """A thread's elements of a phase."""
    if not w.moves(phase):
        return []
    short = SHORT[w.dtype]
    return [
        *(f"{f.name} = {short}({w.initial(f, w.dtype)})" for f in phase.folds),
        f"for along in {places}:",
        *indent(["i = first + along * inner", *w.element(phase)]),
        *indent(w.fold(f, f.name, phase) for f in phase.folds),
    ]


def _met(w: LinesWriter, fold: Fold, threads: int) -> list[str]:
    """What the threads of a block have folded, folded."""
    met = w.joined(fold, "tree[thread]", "tree[thread + reach]", w.dtype)
    return [
        f"tree[thread] = {fold.name}",
        "cuda.syncthreads()",
        f"reach = {threads // 2}",
        "while reach > 0:",
        "    if thread < reach:",
        f"        tree[thread] = {met}",
        "    cuda.syncthreads()",
        "    reach //= 2",
        f"{fold.name} = tree[0]",
        "cuda.syncthreads()",
    ]


def _once(w: LinesWriter, phase: Phase) -> list[str]:
    """Numbers of a line in every thread of a block, stored by the first; puts after all stores."""
    stored = tuple(f"{n.name}[line] = " for n in phase.then if n.name in w.where)
    found = []
    for text in w.then(phase._replace(puts=()), "line", "first"):
        once = stored and text.startswith(stored)
        found += ["if thread == 0:", f"    {text}"] if once else [text]
    if phase.puts:
        puts = w.then(phase._replace(then=(), picks=()), "line", "first")
        found += ["cuda.syncthreads()", "if thread == 0:", *indent(puts)]
    return found


def _noted(w: LinesWriter) -> list[str]:
    """A line whose position is nowhere."""
    return [f"if {w.misplaced()}:", "    status[0] = failure"] if w.lines.position else []


def _source(w: LinesWriter, kind: str, body: list[str]) -> Source:
    failing = ["status", "failure"] if w.lines.position else []
    given = ", ".join([*w.parameters, *SIZES, *failing, *w.values])
    kernel = ["@cuda.jit", f"def kernel({given}):", *indent(body)]
    text = w.module(f"{kind}s, CUDA", kernel, ["from numba import cuda"])
    types = [pointer(w.types[name]) for name in w.parameters] + ["int64"] * len(SIZES)
    types += ["CPointer(int64)", "int64"] if failing else []
    types += [w.types[name] for name in w.values]
    return Source(text, f"void({', '.join(types)})")
