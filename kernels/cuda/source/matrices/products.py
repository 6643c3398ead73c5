"""Sources of CUDA kernels for matrix products: tiles in shared memory, and thin products.

A kernel takes three arrays and the numbers of a `matrices.Problem`, and computes

    for each index, row, column:
        out[index, row, column] = sum over j < min(k, total - index * k) of
            a[index, row, j] * b[index, j, column]

The order of a sum follows from the shapes alone, so that results repeat bit for bit. Places in
shared memory are unsigned: with a signed index, which may count from the end, the compiler joins
no neighboring accesses.
"""

from __future__ import annotations

from typing import NamedTuple

from ....source.scalar import SHORT
from ....source.writer import indent, module, read, write
from ... import names
from ..maps import Source, pointer

_NUMBERS = (
    "batch, m, n, k, total,",
    *(f"{x}_at, {x}_batch, {x}_line, {x}_step," for x in ("a", "b", "out")),
)
_COUNT = sum(line.count(",") for line in _NUMBERS)


class Types(NamedTuple):
    """How elements of the operands and the result are stored, and the type of the sums.

    `logical` sums are true where any term is.
    """

    operand: str
    total: str
    result: str
    logical: bool = False

    @classmethod
    def of(cls, dtype: str) -> Types:
        """The types of a product of `dtype`. Integers wrap around, so narrow ones fit 32 bits."""
        if dtype == "bool":
            return cls("uint8", "int32", "uint8", True)
        wide = {"float16": "float32", "float32": "float32", "float64": "float64", "int64": "int64"}
        return cls(dtype, wide.get(dtype, "int32"), dtype)

    def partial(self) -> Types:
        """As `self`, with sums as the result."""
        return self._replace(result=self.total)

    def combining(self) -> Types:
        """As `self`, with sums as the operands."""
        return self._replace(operand=self.total)

    def load(self, element: str) -> str:
        """An operand's element in the type of the sums."""
        return read(element, self.operand, self.total)

    def store(self, value: str) -> str:
        """A sum as an element of the result."""
        return write(value, self.total, self.result)

    def zero(self) -> str:
        """What a sum starts from."""
        return f"{SHORT[self.total]}(0)"

    def add(self, x: str, y: str) -> str:
        """One more term in a sum, or two sums in one."""
        text = f"{x} | {y}" if self.logical else f"{x} + {y}"
        return f"i32({text})" if self.total == "int32" else text  # Numba makes 64 bits of it

    def multiply(self, x: str, y: str) -> str:
        """A term."""
        return f"({x} & {y})" if self.logical else f"{x} * {y}"

    def accumulate(self, total: str, x: str, y: str) -> str:
        """The assignment that adds a term to a sum."""
        return f"{total} = {self.add(total, self.multiply(x, y))}"


class Comb(NamedTuple):
    """What a block of a thin product computes at a time: `lines` sums, each in `parts`.

    A thread adds every `parts`-th term of one line; then halves are added to halves. Neighboring
    threads have neighboring terms of a line if `along`, otherwise neighboring lines.
    """

    lines: int
    parts: int
    along: bool


def thin(types: Types, comb: Comb, columns: int) -> Source:
    """The product for `n == columns`, which are few; with 0, sums of the lines of a alone."""
    lines, parts, sums = comb.lines, comb.parts, range(max(columns, 1))
    threads = lines * parts
    split = (parts, "line", "part") if comb.along else (lines, "part", "line")
    body = [
        f"sums = cuda.shared.array({threads * len(sums)}, np.{types.total})",
        "thread = i64(cuda.threadIdx.x)",
        "{1}, {2} = thread // {0}, thread % {0}".format(*split),
        "place = u64(thread)",
        f"down = (m + {lines - 1}) // {lines}",
        "tile = i64(cuda.blockIdx.x)",
        "while tile < batch * down:",
        "    index = tile // down",
        f"    row = tile % down * {lines} + line",
        *(f"    c{q} = {types.zero()}" for q in sums),
        "    if row < m:",
        *indent(_one_part(types, parts, columns), 2),
        *(f"    sums[{plus('place', q * threads)}] = c{q}" for q in sums),
        *indent(_join(types, comb, len(sums))),
        "    if part == 0 and row < m:",
        "        here = out_at + index * out_batch + row * out_line",
        *indent([_result(types, q, threads) for q in sums], 2),
        "    cuda.syncthreads()",
        "    tile += i64(cuda.gridDim.x)",
    ]
    order = "terms" if comb.along else "lines"
    return source(types, f"{columns} columns, {lines} lines in {parts} parts by {order}", body)


def _one_part(types: Types, parts: int, columns: int) -> list[str]:
    """The terms of one thread."""
    load = [f"x = {types.load('a[a_here]')}"]
    if not columns:
        load.append(f"c0 = {types.add('c0', 'x')}")
    for q in range(columns):
        load.append(f"y = {types.load(f'b[b_here + {q} * b_line]')}")
        load.append(types.accumulate(f"c{q}", "x", "y"))
    return [
        "a_here = a_at + index * a_batch + row * a_line + part * a_step",
        "b_here = b_at + index * b_batch + part * b_step",
        f"for _ in range(part, min(k, total - index * k), {parts}):",
        *indent([*load, f"a_here += {parts} * a_step", f"b_here += {parts} * b_step"]),
    ]


def _join(types: Types, comb: Comb, columns: int) -> list[str]:
    """Add the parts of each sum, by halves."""
    pitch, threads = (1 if comb.along else comb.lines), comb.lines * comb.parts
    lines, half = [], comb.parts // 2
    while half:
        lines += ["cuda.syncthreads()", f"if part < {half}:"]
        for q in range(columns):
            own = f"sums[{plus('place', q * threads)}]"
            other = f"sums[{plus('place', q * threads + half * pitch)}]"
            lines.append(f"    {own} = {types.add(own, other)}")
        half //= 2
    return lines


def _result(types: Types, q: int, threads: int) -> str:
    value = types.store(f"sums[{plus('place', q * threads)}]")
    return f"out[here + {q} * out_step] = {value}"


def plus(place: str, offset: int) -> str:
    return f"{place} + u64({offset})" if offset else place


def source(types: Types, shape: str, body: list[str]) -> Source:
    """The module around `body`."""
    kernel = ["@cuda.jit", "def kernel(", "    a, b, out,", *indent(_NUMBERS), "):", *indent(body)]
    halves = [("half_to_float", types.operand), ("float_to_half", types.result)]
    helpers = names.helpers([name for name, stored in halves if stored == "float16"])
    doc = f'"""Products of {types.operand} matrices, summed in {types.total}: {shape}."""'
    imports = ["from numba import cuda", "", "u64 = np.uint64"]
    text = module(doc, helpers, names.DECORATOR, kernel, imports)
    pointers = [pointer(t) for t in (types.operand, types.operand, types.result)]
    return Source(text, f"void({', '.join([*pointers, *['int64'] * _COUNT])})")
