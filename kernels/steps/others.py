"""Ops of a step that are no loops: products by BLAS, gathers and scatters, scans, random draws."""

from __future__ import annotations

from .. import draws, scans
from ..cpu import names
from ..source import axes
from . import embed, trace as t
from .plan import Plan
from .tasks import Other

# The types that BLAS multiplies, in the order of the addresses that `run` takes.
GEMMS = ("float32", "float64")
_MOVES = {
    "gather": "{out}[{o} + i] = {x}[{at} + j]",
    "put": "{x}[{at} + j] = {out}[{o} + i]",
    "scatter_add": "{x}[{at} + j] += {out}[{o} + i]",
}


def _numbers(*numbers: int) -> str:
    return ", ".join(f"i64({n})" for n in numbers)


class Others:
    """Writes calls of such ops; `texts` are the functions that they call."""

    def __init__(self, plan: Plan, arrays: dict[int, str]) -> None:
        self.plan, self.arrays = plan, arrays
        self.texts: list[str] = []
        self.imports: list[str] = []
        self.known: dict[str, str] = {}  # sources: the function made of each

    def lines(self, task: Other) -> list[str]:
        """The lines that run `task`."""
        found: list[str] = getattr(self, f"_{type(task.op).__name__.lower()}")(task.op)
        return found

    def _function(self, source: str, stem: str) -> str:
        """The function of a kernel's module, put into this one."""
        name = self.known.get(source)
        if name is None:
            name = self.known[source] = f"{stem}{len(self.known)}"
            for text in embed.functions(source, name, set(names.sources())):
                if text not in self.texts:
                    self.texts.append(text)
        return name

    def _slice(self, place: t.Place) -> str:
        array = self.arrays[place.buffer]
        return f"{array}[{place.offset}:{place.offset + place.size}]"

    def _product(self, op: t.Product) -> list[str]:
        from ..cpu import blas

        if blas.source() not in self.texts:
            self.texts.append(blas.source())
            self.imports += blas.IMPORTS
        dtype = self.plan.trace.buffers[op.out].dtype
        gemm = f"gemm[{GEMMS.index(dtype)}]"
        p = op.problem
        a, b, out = (self.arrays[x] for x in (op.a, op.b, op.out))
        # Typed: Numba would compile `product` anew for every literal.
        numbers = _numbers(p.batch, p.m, p.n, p.k)
        pairs = ((a, p.a), (b, p.b), (out, p.out))
        places = [f"{x}, {_numbers(*place)}" for x, place in pairs]
        return [f"product({gemm}, {numbers}, {', '.join(places)})"]

    def _move(self, op: t.Move) -> list[str]:
        x, index, out = (self.arrays[p.buffer] for p in (op.x, op.index, op.out))
        given = {"x": x, "at": op.x.offset, "out": out, "o": op.out.offset}
        return [
            f"for i in range({op.index.size}):",
            f"    j = {index}[{op.index.offset} + i]",
            f"    if 0 <= j < {op.x.size}:",
            f"        {_MOVES[op.name].format(**given)}",
            "    else:",
            "        return s + 1",
        ]

    def _sweep(self, op: t.Sweep) -> list[str]:
        outer, n, inner = op.extents
        if not outer * n * inner:
            return []
        shape = "rows" if inner == 1 else "columns"
        source = getattr(scans, shape)(op.program, names, parallel=False)
        arrays = [self._slice(p) for p in (*op.inputs, *op.outputs)]
        extents = [str(n)] if inner == 1 else [str(n), str(inner)]
        return [f"{self._function(source, 'scan')}({', '.join([*arrays, *extents])})"]

    def _search(self, op: t.Search) -> list[str]:
        source = axes.search(op.name, op.better, op.dtype, names, parallel=False)
        arrays = [self._slice(p) for p in (op.x, op.values, op.indices)]
        return [f"{self._function(source, 'search')}({', '.join(arrays)}, {op.n})"]

    def _random(self, op: t.Random) -> list[str]:
        from ..cpu import random

        counters = self.plan.trace.counters[op.stream]
        seed = f"seeds[{op.stream}, 0]"
        step = f"np.uint64(s) * np.uint64({counters})"
        at = f"seeds[{op.stream}, 1] + {step} + np.uint64({op.counter})"
        out = self._slice(op.out)
        if op.request is None:
            return [f"{self._function(random.shuffle(), 'permutation')}({out}, {seed}, {at})"]
        return self._draw(op.request, op, seed, at)

    def _draw(self, request: draws.Request, op: t.Random, seed: str, at: str) -> list[str]:
        from ..cpu import random

        name = self._function(random.source(request.draw), request.draw.function.__name__)
        parameters = "".join(f", np.{p.dtype.name}({p.item()!r})" for p in request.parameters)
        whole, rest = divmod(op.out.size, request.draw.per_counter)
        filled = whole * request.draw.per_counter
        array, start = self.arrays[op.out.buffer], op.out.offset
        lines = [f"{name}({array}[{start}:{start + filled}], {seed}, {at}{parameters})"]
        if rest:
            lines += [
                f"last = np.empty({request.draw.per_counter}, {array}.dtype)",
                f"{name}(last, {seed}, {at} + np.uint64({whole}){parameters})",
                f"{array}[{start + filled}:{start + op.out.size}] = last[:{rest}]",
            ]
        return lines
