"""CUDA kernels that fold, and how one fold becomes two.

A fold of many elements takes two kernels: the first cuts them into segments, one to a group of
threads, and stores what each segment folds to, a partial, in the lane type; the second folds the
partials in the total type, and finishes. Each is a Program of its own, so both are written by the
same functions. A single segment needs no second kernel: its Program finishes in the lane type.

Threads of a group meet in a tree in shared memory. What is folded with what depends on sizes alone,
never on the GPU, so results repeat bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

from ...source.program import Input, Output, Program, Reduce
from ...source.scalar import cast
from ...source.writer import Writer, indent
from .maps import CudaWriter, Source, in_memory, memory_type, source

# Elements that a thread reads before it folds the first, which keeps the memory busy.
AHEAD = 4


def whole(program: Program) -> Program:
    """`program` with folds that finish in the lane type: for a single segment."""
    return _refolded(program, lambda out, fold: replace(out, reduce=replace(fold, total=fold.lane)))


def partial(program: Program) -> Program:
    """`program` with folds that leave partials, in the lane type."""

    def unfinished(out: Output, fold: Reduce) -> Output:
        return replace(out, dtype=fold.lane, reduce=replace(fold, total=fold.lane, final="{acc}"))

    return _refolded(program, unfinished)


def rest(program: Program, out: Output) -> Program:
    """The Program that folds the partials of `out`, in the total type, and finishes."""
    fold = out.reduce
    assert fold is not None
    x = Input("x", fold.lane, fold.total)
    return Program(program.name, (x,), (), (Output(0, out.dtype, replace(fold, lane=fold.total)),))


def _refolded(program: Program, change: Callable[[Output, Reduce], Output]) -> Program:
    outputs = tuple(change(out, out.reduce) if out.reduce else out for out in program.outputs)
    return replace(program, outputs=outputs, kernels={})


def flat(program: Program, layout: str, names: ModuleType, threads: int) -> Source:
    """A CUDA kernel over n contiguous elements that folds, and maps beside it:
    kernel(*inputs, *outputs, n, segments, length), `program` being `whole` or `partial`.

    A block of `threads` does a segment, and stores its folds:

    for s in range(segments): out[s] = fold over i in s*length .. (s+1)*length-1 of f(a[i], ...)
    """
    w = CudaWriter(in_memory(program), layout, names)
    accs = [f"acc{j}" for j in range(len(w.folds))]
    results = [o for o, s in zip(w.outs, w.stores, strict=True) if s == "r"]
    finished = [w.finish(out, acc, "n") for out, acc in zip(w.folds, accs, strict=True)]
    ends = [f"{stored}[segment] = {x}" for stored, x in zip(results, finished, strict=True)]
    body = [
        *trees(w, accs, threads),
        *w.constants(),
        "thread = lane = np.int64(cuda.threadIdx.x)",
        "segment = np.int64(cuda.blockIdx.x)",
        "while segment < segments:",
        *indent(starts(w, accs)),
        "    i = segment * length + lane",
        "    stop = (segment + 1) * length",
        "    stop = stop if stop < n else n",
        *indent(loop(w, accs, str(threads))),
        *indent(meet(w, accs, str(threads), "1")),
        "    if lane == 0:",
        *indent(ends, 2),
        "    segment += np.int64(cuda.gridDim.x)",
    ]
    numbers = [(name, "int64") for name in ("n", "segments", "length")]
    return source(w, f"{layout}, CUDA", [*w.typed_parameters(), *numbers], body)


def starts(w: Writer, accs: list[str]) -> list[str]:
    """Each accumulator at the value its fold starts from."""
    folds = [out.reduce for out in w.folds if out.reduce]
    return [f"{acc} = {w.initial(f, f.lane)}" for acc, f in zip(accs, folds, strict=True)]


def loop(w: Writer, accs: list[str], step: str) -> list[str]:
    """Fold the elements i, i + step, ... before `stop` into the accumulators."""
    body = [*w.body(accs), f"i += {step}"]
    plain = ["while i < stop:", *indent(body)]
    if w.helpers():  # long enough as it is
        return plain
    ahead = [f"while i < stop - {AHEAD - 1} * {step}:", f"    for _ in range({AHEAD}):"]
    return [*ahead, *indent(body, 2), *plain]


def trees(w: Writer, accs: list[str], threads: int) -> list[str]:
    """Shared memory for `meet`, one element a thread, for each accumulator."""
    lanes = [out.reduce.lane for out in w.folds if out.reduce]
    return [
        f"{acc}_tree = cuda.shared.array({threads}, np.{memory_type(lane)})"
        for acc, lane in zip(accs, lanes, strict=True)
    ]


def meet(w: Writer, accs: list[str], lanes: str, pitch: str) -> list[str]:
    """Fold the accumulators of a group's `lanes` into those of lane 0.

    Lanes 1 apart are threads `pitch` apart. The whole block runs this with the same number of
    lanes, since it waits for all its threads; a thread of no group has a `lane` beyond them.
    """
    folds = [(acc, out.reduce) for acc, out in zip(accs, w.folds, strict=True) if out.reduce]
    put = [f"{a}_tree[thread] = {cast(a, f.lane, memory_type(f.lane))}" for a, f in folds]
    other = "thread + top" if pitch == "1" else f"thread + top * {pitch}"
    take = []
    for acc, fold in folds:
        met = cast(f"{acc}_tree[{other}]", memory_type(fold.lane), fold.lane)
        take += [f"met = {met}", w.fold(fold, acc, "met", fold.lane)]
    return exchange(lanes, put, take)


def exchange(lanes: str, put: list[str], take: list[str]) -> list[str]:
    """The tree: `put` what a thread has into shared memory, `take` what lane + top has, halving."""
    return [
        f"half = np.int64({lanes})",
        "if half > 1:",
        *indent([*put, "cuda.syncthreads()"]),
        "while half > 1:",
        *indent(["top = (half + 1) // 2", "if lane + top < half:"]),
        *indent([*take, *put], 2),
        *indent(["cuda.syncthreads()", "half = top"]),
    ]
