"""Ops that are no loops, within one block: products, gathers and scatters, scans, searches, draws.

Where there is a kernel for a grid of blocks that holds for a grid of one, it is called here as a
function. Scatters go through all positions in order, and each thread does what falls to elements of
its own, so that sums repeat bit for bit.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ... import philox
from ...cuda import names
from ...cuda.source import axes, fills, scans
from ...cuda.source.maps import Source, memory_type
from ...source.program import Reduce
from ...source.writer import indent, read, write
from .. import embed, trace as t
from ..graph import pattern
from ..plan import Group
from ..tasks import Other, Partial
from .hazards import Access

if TYPE_CHECKING:
    from .block import Block

_DEVICE = "@cuda.jit(device=True)"
_PERMUTATION = """def permutation(out, n, seed, offset):
    for i in range(n):
        x, y, z, _ = philox(seed, offset + np.uint64(i))
        j = np.int64(below(x, y, z, np.uint64(i + 1)))
        out[i] = out[j]
        out[j] = i"""


def lines_of(block: Block, task: Other) -> list[str]:
    """The lines that run an op."""
    if isinstance(task.op, t.Product):
        return _product(block, task.op)
    arrays = block.arrays
    reads: list[Access] = [(arrays[b], None) for b, _ in task.reads]
    writes: list[Access] = [(arrays[b], None) for b, _ in task.writes]
    lines: list[str] = globals()[f"_{type(task.op).__name__.lower()}"](block, task.op)
    return [*block.hazards.before(reads, writes), *lines] if lines else []


def product_group(block: Block, op: t.Product) -> Group:
    """A product as a loop: a fold in part, of (batch * m * n, k) places a * b."""
    p, graph = op.problem, block.plan.graph
    dtype = block.plan.trace.buffers[op.out].dtype
    shape = (p.batch, p.m, p.n, p.k)
    walk_a = pattern(shape, (p.a.batch, p.a.line, 0, p.a.step))
    walk_b = pattern(shape, (p.b.batch, 0, p.b.line, p.b.step))
    a = graph.element((op.a, 0), p.a.at, walk_a, dtype, dtype)
    b = graph.element((op.b, 0), p.b.at, walk_b, dtype, dtype)
    value = graph.apply("{a} * {b}", (("a", a), ("b", b)), dtype, dtype)
    total = Reduce("0", "{acc} + {x}", dtype, "float64" if dtype == "float32" else dtype)
    extents = (p.batch * p.m * p.n, p.k, 1)
    task = Partial(total, value, extents, op.out, p.out.at, dtype, writes=((op.out, 0),))
    return Group(tuple(n for n in shape if n > 1), [task], False, extents)


def _product(block: Block, op: t.Product) -> list[str]:
    p = op.problem
    return block.loop(product_group(block, op)) if p.batch * p.m * p.n else []


def _move(block: Block, op: t.Move) -> list[str]:
    x, index, out = (block.operand(place) for place in (op.x, op.index, op.out))
    dtype = block.plan.trace.buffers[op.x.buffer].dtype
    block.note_half("float16" if dtype == "uint16" else dtype)
    inside = f"if 0 <= j < {op.x.size}:"
    wrong = f"status[0] = {t.INDEX}"
    if op.name == "gather":
        work = [f"j = {index}[i]", inside, f"    {out}[i] = {x}[j]", "else:", f"    {wrong}"]
        work.append(f"i += {block.threads}")
        return ["i = thread", f"while i < {op.index.size}:", *indent(work)]
    change = f"{out}[i]" if op.name == "put" else added(f"{x}[j]", f"{out}[i]", dtype)
    mine = [f"if j % {block.threads} == thread:", f"    {x}[j] = {change}"]
    work = [f"j = {index}[i]", inside, *indent(mine), "elif thread == 0:", f"    {wrong}"]
    return [f"for i in range({op.index.size}):", *indent(work)]


def added(x: str, y: str, dtype: str) -> str:
    """The sum of two elements of memory, as an element."""
    stored = "float16" if dtype == "uint16" else memory_type(dtype)
    loaded = "float32" if dtype == "uint16" else stored
    operator = "|" if dtype == "bool" else "+"
    return write(f"{read(x, stored, loaded)} {operator} {read(y, stored, loaded)}", loaded, stored)


def _sweep(block: Block, op: t.Sweep) -> list[str]:
    outer, n, inner = op.extents
    if not outer * n * inner:
        return []
    arrays = [block.operand(place) for place in (*op.inputs, *op.outputs)]
    name = _embedded(block, scans.columns(op.program, names), "scan")
    return [f"{name}({', '.join([*arrays, str(outer * inner), str(n), str(inner)])})"]


def _search(block: Block, op: t.Search) -> list[str]:
    rows = op.values.size
    if not rows:
        return []
    arrays = [block.operand(place) for place in (op.x, op.values, op.indices)]
    source = axes.search(op.name, op.better, op.dtype, "rows", names, block.threads, last=False)
    lanes = min(block.threads, 1 << max(op.n // 4, 1).bit_length() - 1)
    known = {"n": op.n, "outputs": rows, "segments": 1, "length": op.n, "lanes": lanes}
    known["width"] = block.threads // lanes
    numbers = (str(known[name]) for name in axes.SHAPES["rows"].numbers)
    return [f"{_embedded(block, source, 'search')}({', '.join([*arrays, *numbers])})"]


def _random(block: Block, op: t.Random) -> list[str]:
    counters = block.plan.trace.counters[op.stream]
    begin = f"seeds[{2 * op.stream + 1}]"
    at = f"{begin} + np.uint64(s) * np.uint64({counters}) + np.uint64({op.counter})"
    given = [block.operand(op.out), str(op.out.size), f"seeds[{2 * op.stream}]", at]
    if op.request is None:
        for text in (*philox.INTEGER.sources, _PERMUTATION):
            _add(block, f"{_DEVICE}\n{text.strip()}")
        return ["if thread == 0:", f"    permutation({', '.join(given)})"]
    draw, values = op.request
    dtype = block.plan.trace.buffers[op.out.buffer].dtype
    name = _embedded(block, fills.source(draw, dtype, names), "draw")
    numbers = [f"np.{value.dtype.name}({value.item()!r})" for value in values]
    out, size, seed, counter = given
    return [f"{name}({', '.join([out, seed, counter, size, *numbers])})"]


def _embedded(block: Block, source: Source, stem: str) -> str:
    """The name of a function of the kernel, which does in one block what a grid would."""
    known: dict[str, str] = block.embedded
    name = known.get(source.text)
    if name is None:
        name = known[source.text] = f"{stem}{len(known)}"
        shared = set(names.sources()) | _SHARED
        for text in embed.functions(source.text, name, shared):
            _add(block, re.sub(r"^@cuda\.jit$", _DEVICE, text, flags=re.MULTILINE))
    return name


def _add(block: Block, text: str) -> None:
    if text not in block.functions:
        block.functions.append(text)


_DRAWS = (
    philox.BITS,
    philox.UNIFORM_F32,
    philox.UNIFORM_F64,
    philox.NORMAL_F32,
    philox.NORMAL_F64,
    philox.INTEGER,
    philox.BERNOULLI,
)
# The functions that draws are made of: the same text wherever they stand.
_SHARED = {"rounds", "philox"} | {
    f.__name__ for draw in _DRAWS for f in (*draw.callees, draw.function)
}
