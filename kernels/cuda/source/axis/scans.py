"""Sources of CUDA kernels that scan the middle axis of arrays (outer, n, inner).

`columns` gives each of the outer * inner lines along the axis to a thread, `rows` to a block. Few
long lines are cut into parts, each for a block of its own:

    totals(inputs, totals)           the state that every part makes by itself
    rows(totals, totals)             scanned: the state after every part
    rows(inputs, outputs, totals)    every part, from the state after the one before

An element is then read twice. Geometry depends on nothing but the shape, and states join in the
order of the elements, so results repeat bit for bit. The product of a part may overflow where the
product up to there does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from types import ModuleType

from ....source.axis.scans import Register, Result, Scan, ScanWriter
from ....source.program import Input
from ....source.writer import indent
from ..maps import Source

# Elements of a tile that are a thread's own, and the room for them: threads a step of 9 apart meet
# no other in a bank of shared memory.
ITEMS, ROOM = 8, 9
SIZES = ("lines", "n", "inner")

# In the templates, a <name> stands for lines, and $NAME for a number.
COLUMNS = """
line = np.int64(cuda.grid(1))
while line < lines:
    first = line // inner * n * inner + line % inner
    <begin>
    for j in range(n):
        <place>
        i = first + along * inner
        <step>
    line += np.int64(cuda.gridsize(1))
"""

# A tile passes through shared memory, so that neighboring threads meet neighboring elements where
# they load and store, and every thread elements in a row where they join. Threads' states are
# scanned in log2(threads) rounds (W. Hillis and G. Steele, "Data parallel algorithms", 1986), from
# one half of `sums` to the other. A thread loads to the slots that it has stored from before, so
# no barrier is needed between two tiles.
PARTS = """
<shared>
t = np.int64(cuda.threadIdx.x)
own = t * $ROOM
lane = t + t // $ITEMS
task = np.int64(cuda.blockIdx.x)
while task < lines * parts:
    line = task // parts
    part = task - line * parts
    first = line // inner * n * inner + line % inner
    start = part * span
    stop = min(n, start + span)
    <begin>
    <resume>
    while start < stop:
        size = min($TILE, stop - start)
        for k in range($ITEMS):
            q = k * $THREADS + t
            slot = np.uint64(k * $STRIDE + lane)
            <clamped place>
            i = first + along * inner
            <load>
        cuda.syncthreads()
        <begin sum>
        for k in range($ITEMS):
            q = t * $ITEMS + k
            slot = np.uint64(own + k)
            if q < size:
                <place>
                <new>
                <sum, new>
        half = 0
        reach = 1
        <put sum>
        cuda.syncthreads()
        while reach < cuda.blockDim.x:
            <get sum>
            if t >= reach:
                <get other>
                <other, sum>
            half = $THREADS - half
            <put sum>
            cuda.syncthreads()
            reach *= 2
        <finish>
        start += $TILE
    <total>
    task += np.int64(cuda.gridDim.x)
"""

# What follows in a tile when elements are wanted: `own` is the state before the thread's elements.
SPREAD = """
<own>
if t > 0:
    <get before>
    <own, other>
<advance>
for k in range($ITEMS):
    q = t * $ITEMS + k
    slot = np.uint64(own + k)
    if q < size:
        <place>
        <new>
        <results>
cuda.syncthreads()
for q in range(t, size, $THREADS):
    slot = np.uint64(q + q // $ITEMS)
    <place>
    i = first + along * inner
    <store>
"""


def columns(scan: Scan, names: ModuleType) -> Source:
    """kernel(*inputs, *outputs, lines, n, inner), a thread for each of outer * inner lines:

    for j in range(n): state = join(state, x[o, j, c]); out[o, j, c] = state
    """
    w = CudaScanWriter(scan, names)
    lines = {"begin": w.begin("", w.live()), "place": w.at("j"), "step": w.step()}
    return w.source("columns", w.arrays, SIZES, fill(COLUMNS, lines, {}))


def rows(scan: Scan, names: ModuleType, threads: int) -> Source:
    """kernel(*inputs, *outputs, *totals, lines, n, inner, parts, span), a block for each part:

    for each tile of the part: out[o, tile, c] = state joined with the scan of x[o, tile, c]

    `totals`, one array to a register, hold the states after each part, and are not read where there
    is one part.
    """
    w = TileWriter(scan, names, threads)
    finish = w.fill(SPREAD, w.spread())
    resume = indent(f"state_{r} = total_{r}[task - 1]" for r in w.types)
    lines = {"resume": ["if part > 0:", *resume], "total": []}
    body = w.fill(PARTS, w.lines() | lines | {"finish": finish})
    return w.source("rows", [*w.arrays, *w.totals], (*SIZES, "parts", "span"), body)


def totals(scan: Scan, names: ModuleType, threads: int) -> Source:
    """kernel(*inputs, *totals, lines, n, inner, parts, span): the state of each part by itself."""
    w = TileWriter(scan, names, threads)
    stores = indent(f"total_{r}[task] = state_{r}" for r in w.types)
    lines = {"resume": [], "total": ["if t == 0:", *stores]}
    body = w.fill(PARTS, w.lines() | lines | {"finish": w.advance()})
    arrays = [*w.arrays[: len(w.inputs)], *w.totals]
    return w.source("totals", arrays, (*SIZES, "parts", "span"), body)


def scan_of_totals(scan: Scan) -> Scan:
    """The scan that runs over the states of the parts in place of elements."""
    return Scan(
        f"{scan.name}_totals",
        tuple(Input(r.new, r.lane, r.lane) for r in scan.registers),
        scan.registers,
        tuple(Result(f"{{{r.name}}}", r.name, r.lane) for r in scan.registers),
        scan.terms,
    )


def fill(template: str, lines: dict[str, list[str]], numbers: dict[str, int]) -> list[str]:
    """A template's lines, with `lines` and `numbers` in place of their names."""
    filled: list[str] = []
    for line in template.strip().splitlines():
        found = re.fullmatch(r"( *)<(.*)>", line)
        text = re.sub(r"\$([A-Z]+)", lambda name: str(numbers[name[1]]), line)
        filled += [found[1] + part for part in lines[found[2]]] if found else [text]
    return filled


def in_memory(scan: Scan) -> Scan:
    """`scan` with its operands stored in the types of device memory, where a bool is a byte."""
    inputs = tuple(replace(p, stored=_byte(p.stored), loaded=_byte(p.loaded)) for p in scan.inputs)
    results = tuple(replace(r, stored=_byte(r.stored)) for r in scan.results)
    return replace(scan, inputs=inputs, results=results)


def _byte(dtype: str) -> str:
    return "uint8" if dtype == "bool" else dtype


class CudaScanWriter(ScanWriter):
    """A ScanWriter for kernels whose arrays are bare pointers."""

    def __init__(self, scan: Scan, names: ModuleType) -> None:
        super().__init__(in_memory(scan), "lane", names)

    @property
    def arrays(self) -> list[tuple[str, str]]:
        """The parameters for inputs and outputs, with the types of their elements."""
        types = [p.stored for p in self.scan.inputs] + [r.stored for r in self.scan.results]
        return list(zip(self.parameters, types, strict=True))

    def at(self, count: str) -> list[str]:
        """The place of the element that comes after `count` others."""
        return [f"along = {self.place(count)}"]

    def source(
        self, kind: str, arrays: list[tuple[str, str]], sizes: Iterable[str], body: list[str]
    ) -> Source:
        """The module of a kernel over arrays and sizes, with its signature."""
        parameters = ", ".join([*(name for name, _ in arrays), *sizes])
        kernel = ["@cuda.jit", f"def kernel({parameters}):", *indent(body)]
        text = self.module(f"{kind}, CUDA", kernel, ["from numba import cuda"])
        # float16 is read and written as its bits, by helpers.
        types = ["uint16" if dtype == "float16" else dtype for _, dtype in arrays]
        pointers = [f"CPointer({dtype})" for dtype in types]
        return Source(text, f"void({', '.join([*pointers, *('int64' for _ in sizes)])})")


class TileWriter(CudaScanWriter):
    """A CudaScanWriter for tiles of `threads` times ITEMS elements.

    There is a tile for each input, under the name of its register, and one for each output, which
    takes that of an input of the same type where it can.
    """

    def __init__(self, scan: Scan, names: ModuleType, threads: int) -> None:
        super().__init__(scan, names)
        self.threads = threads
        self.tiles = {f"tile_{r.name}": self.types[r.name] for r in self.loaded()}
        free = dict(self.tiles)
        self.staged = []
        for out, result in zip(self.outs, self.scan.results, strict=True):
            dtype = self.types[result.like]
            tile = next((name for name in free if free[name] == dtype), f"tile_{out}")
            free.pop(tile, None)
            self.tiles[tile] = dtype
            self.staged.append((out, result, tile))

    @property
    def totals(self) -> list[tuple[str, str]]:
        """The parameters for states, with the types of their elements."""
        return [(f"total_{name}", dtype) for name, dtype in self.types.items()]

    def fill(self, template: str, lines: dict[str, list[str]]) -> list[str]:
        """The template in this geometry."""
        numbers = {"THREADS": self.threads, "ITEMS": ITEMS, "TILE": self.threads * ITEMS}
        numbers |= {"ROOM": ROOM, "STRIDE": self.threads // ITEMS * ROOM}
        return fill(template, lines, numbers)

    def lines(self) -> dict[str, list[str]]:
        """What is common to both kernels over tiles."""
        registers = self.scan.registers
        return {
            "shared": self.shared(),
            "begin": self.begin("state_", registers),
            "place": self.at("start + q"),
            "clamped place": self.at("start + min(q, size - 1)"),
            "load": [f"{self.slot(r)} = {self.load(r)}" for r in self.loaded()],
            "begin sum": self.begin("sum_", registers),
            "new": self.new(),
            "sum, new": self.join("sum_", "sum_", "new_", registers),
            "put sum": [f"sums_{r}[np.uint64(half + t)] = sum_{r}" for r in self.types],
            "get sum": self.get("sum_", "half + t"),
            "get other": self.get("other_", "half + t - reach"),
            "other, sum": self.join("sum_", "other_", "sum_", registers),
        }

    def spread(self) -> dict[str, list[str]]:
        """What finds the results of a tile, and stores them."""
        registers = self.scan.registers
        join = self.join("own_", "own_", "new_", registers)
        results = [f"{tile}[slot] = {self.result(r, 'own_')}" for _, r, tile in self.staged]
        return {
            "own": [f"own_{r} = state_{r}" for r in self.types],
            "get before": self.get("other_", "half + t - 1"),
            "own, other": self.join("own_", "own_", "other_", registers),
            "advance": self.advance(),
            "place": self.at("start + q"),
            "new": self.new(),
            "results": results + join if self.scan.exclusive else join + results,
            "store": [self.store(out, r, f"{tile}[slot]") for out, r, tile in self.staged],
        }

    def shared(self) -> list[str]:
        """A block's arrays."""
        sizes = [(name, self.threads * ROOM, dtype) for name, dtype in self.tiles.items()]
        sizes += [(f"sums_{r}", 2 * self.threads, dtype) for r, dtype in self.types.items()]
        return [f"{a} = cuda.shared.array({size}, np.{dtype})" for a, size, dtype in sizes]

    def loaded(self) -> list[Register]:
        """The registers that inputs bring."""
        return [r for r in self.scan.registers if r.new in self.inputs]

    def slot(self, register: Register) -> str:
        """Where an input's element is in its tile."""
        return f"tile_{register.name}[slot]"

    def new(self) -> list[str]:
        """What the element in the slot brings."""
        registers = self.scan.registers
        values = [self.slot(r) if r.new in self.inputs else self.load(r) for r in registers]
        return [f"new_{r.name} = {value}" for r, value in zip(registers, values, strict=True)]

    def get(self, state: str, thread: str) -> list[str]:
        """The state that a thread has put."""
        return [f"{state}{r} = sums_{r}[np.uint64({thread})]" for r in self.types]

    def advance(self) -> list[str]:
        """The state after the tile, the same in every thread."""
        last = self.get("other_", f"half + {self.threads - 1}")
        return [*last, *self.join("state_", "state_", "other_", self.scan.registers)]
