"""A plan as the source of one Numba module: `run`, a loop over the steps, and a function per loop.

for s in range(steps):
    acc0, acc1 = loop0(0, 2000, x, y, a_0)      # all that one pass over the data computes
    a[0] = a_0 - rate_0 * acc1                  # scalars stay in registers
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Sequence

from ...cpu import names, parallel
from ...source.codegen import MAP_BLOCK, WIDE, interpreted
from ...source.kind import Routine
from ...source.scalar import SHORT, cast, render
from ...source.writer import indent, read, shorts, write
from .. import trace as t
from ..plan.graph import Apply, Element, Folded, Literal, Rate, Value, ordered
from ..plan.plan import Group, Plan
from ..plan.tasks import HISTORY, Fold, Other, Store, values_of
from ..report import origins
from .calls import Calls
from .entrance import by_addresses, whole
from .loops import Loop, applied, calls, literal

HEAD = ["steps", "numbers", "seeds", "history"]
# Names that are made for values, counters and functions, "v3" or "loop0_1".
MADE = re.compile(
    r"(s|v|p|j|c|k|good|at|acc|part|parts|total|rate|fold|loop|call|scratch)(\d\w*)?|\w+_f(32|64)"
    r"|(bool|float\d+|u?int\d+)_at"
)
# Places from which on a loop is long enough for a function of its own.
WIDE_FROM = 256
# Calls from which on a function is no longer copied to them: it is compiled once.
MANY = 4
APART = """@intrinsic
def stay_apart(context):
    def generate(context, builder, signature, arguments):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate"""
NJIT = '@njit(error_model="numpy", fastmath={"contract"}'
TAKEN = {*keyword.kwlist, *SHORT.values(), "u64", "range", "min", "max", "abs", "int", "bool"}
TAKEN |= {
    *HEAD,
    "s",
    "addresses",
    "pointers_to",
    "pointer_of",
    "carray",
    "stay_apart",
    "use_wide_vectors",
    "types",
    "np",
    "math",
    "start",
    "stop",
    "routines",
    "near",
    "failed",
    "run",
}


class Module:
    """The source of a plan, for several threads or for one; `text` is it."""

    def __init__(self, plan: Plan, threads: bool, compiled: bool = False) -> None:
        self.plan, self.threads, self.compiled = plan, threads, compiled
        self.arrays = named_arrays(plan)
        self.scalars: dict[Value, str] = {}
        self.functions: list[list[str]] = []
        self.used: set[tuple[str, str]] = set()
        # As it is compiled, `run` has pointers by these names, and arrays for those who need them.
        arrays = {b: whole(a) if compiled else a for b, a in self.arrays.items()}
        self.calls = Calls(plan, arrays, compiled)
        self.known: dict[str, str] = {}  # loops, whatever they call their operands: functions
        self.parallel = self.wide = self.shared = False
        self.loops = 0

    @property
    def parameters(self) -> list[str]:
        """What `run` takes: arguments, constants, scratch memory."""
        trace = self.plan.trace
        constants = [i for i, b in enumerate(trace.buffers) if b.role == t.CONSTANT]
        given = [self.arrays[b] for b in (*trace.arguments, *constants)]
        return [*HEAD, "routines", *given, *(f"scratch{k}" for k in range(len(self.plan.arrays)))]

    def text(self) -> str:
        """The module."""
        once, each = self._groups(self.plan.once), self._groups(self.plan.each)
        first = ["s = 0"] * any(isinstance(g.other, Other) for g in self.plan.once)
        run = [
            f"{NJIT}, nogil=True)",
            f"def run({', '.join(self.parameters)}):",
            *indent([*first, *once, "for s in range(steps):", *indent(each or ["pass"])]),
            "    return 0",
        ]
        helpers = names.helpers(self._helpers())
        functions = [*(self._apart(f, run) for f in self.functions), run]
        lines = [line for function in functions for line in function]
        parts = [f"{self._title()}\n\n{self._imports()}"]
        short = shorts(lines)
        parts += ["\n".join(short)] if short else []
        parts += [WIDE] * self.wide + [APART] * self.shared
        parts += [f"{names.DECORATOR}\n{text.strip()}" for text in helpers]
        parts += [text for text in self.calls.embedded.texts if text not in short]
        parts += ["\n".join(function) for function in functions]
        return "\n\n\n".join(parts) + "\n"

    def _apart(self, function: list[str], run: list[str]) -> list[str]:
        """A function that is called many times, as it is compiled: LLVM would copy it to each."""
        name = function[1].removeprefix("def ").partition("(")[0]
        calls = sum(line.lstrip().startswith(f"{name}(") or f" = {name}(" in line for line in run)
        if not self.compiled or calls < MANY:
            return function
        self.shared = True
        return [*function[:2], "    stay_apart()", *function[2:]]

    def _imports(self) -> str:
        future = "from __future__ import annotations\n"
        lines = dict.fromkeys(
            [future, "import math", "import numpy as np", *self.calls.embedded.imports]
        )
        numba = ["njit", *["prange"] * self.parallel, *["types"] * (self.wide or self.shared)]
        lines[f"from numba import {', '.join(numba)}"] = None
        if self.wide or self.shared:
            lines["from numba.extending import intrinsic"] = None
        return "\n".join(filter(None, lines))

    def _title(self) -> str:
        trace = self.plan.trace
        lines = [f'"""{trace.name}: {len(self.plan.each)} loops and updates a step.', ""]
        for i in trace.arguments:
            b = trace.buffers[i]
            lines.append(f"    {self.arrays[i]}: {b.dtype}[{b.size}], {b.name}, {b.role}")
        return "\n".join([*lines, '"""'])

    def _helpers(self) -> list[str]:
        wanted = [names.scalar(f, d) for f, d in sorted(self.used)]
        for f, d in sorted(self.used):
            wanted += names.vector(f, d) or ()
        return wanted

    # Groups

    def _groups(self, groups: list[Group]) -> list[str]:
        """The lines of groups, in `run`, under comments that say what they come from."""
        lines, before = [], [""]
        for group in groups:
            comment = [f"# {text}" for text in origins(self.plan, group)]
            lines += [*(comment if comment != before else []), *self._group(group)]
            before = comment
        return lines

    def _group(self, group: Group) -> list[str]:
        if group.other:
            return self.calls.lines(group.other)
        return self._straight(group) if group.n == 1 else self._loop(group)

    def _straight(self, group: Group) -> list[str]:
        """Tasks on scalars."""
        lines = self.scalar_lines(v for task in group.tasks for v in values_of(task))
        stores = []
        for task in group.tasks:
            assert isinstance(task, Store)
            self._note_half(task.stored)
            text = write(self.name(task.value), task.value.dtype, task.stored)
            stores.append(f"{self.target(task)} = {text}")
        return [*lines, *stores]

    def target(self, task: Store) -> str:
        """Where a scalar is stored."""
        if task.buffer == HISTORY:
            return f"history[s, {task.offset}]"
        return f"{self.arrays[task.buffer]}[{task.offset}]"

    def name(self, value: Value) -> str:
        """The text of a scalar that is known by now."""
        return literal(value) if isinstance(value, Literal) else self.scalars[value]

    def scalar_lines(self, values: Iterable[Value]) -> list[str]:
        """Assignments of the scalars among `values`, and all that those need, but for folds."""
        lines = []
        for v in ordered(values):
            if v.n > 1 or v in self.scalars or isinstance(v, Literal):
                continue
            if isinstance(v, Folded):
                raise AssertionError("a fold is used before it is computed")
            self.scalars[v] = self._new_name(v)
            lines.append(f"{self.scalars[v]} = {self._scalar(v)}")
        return lines

    def _new_name(self, v: Value) -> str:
        k = len(self.scalars)
        if isinstance(v, Rate):
            return f"rate{v.slot}"
        name = f"{self.arrays[v.buffer]}_{k}" if isinstance(v, Element) else f"s{k}"
        return name + "_" * (name in self.arrays.values())

    def _scalar(self, v: Value) -> str:
        if isinstance(v, Rate):
            return f"numbers[s, {v.slot}]"
        if isinstance(v, Element):
            self._note_half(v.stored)
            return read(f"{self.arrays[v.buffer]}[{v.offset}]", v.stored, v.dtype)
        assert isinstance(v, Apply)
        self.used |= calls([v])
        known = {a: self.name(a) for _, a in v.args}
        return applied(v, known, names)

    def _note_half(self, stored: str) -> None:
        if stored == "float16":
            self.used |= {("half_to_float", "float32"), ("float_to_half", "float32")}

    def _loop(self, group: Group) -> list[str]:
        """A loop: its functions, and the call."""
        loop = Loop(group, f"loop{len(self.known)}", self.arrays, self.scalars, names)
        lines = self.scalar_lines(loop.inputs)
        self.used |= calls(loop.values)
        for stored in [x.stored for x in loop.stores] + [x.stored for x in loop.partials]:
            self._note_half(stored)
        for v in loop.values:
            if isinstance(v, Element):
                self._note_half(v.stored)
        threads = group.n >= parallel.MINIMUM and loop.rows > loop.block and self.threads
        self._define(loop, threads)
        totals = [f"fold{self.loops}_{j}" for j in range(len(loop.folds))]
        self.loops += 1
        if threads:
            call = f"{loop.name}_threads({', '.join(loop.parameters)})"
            lines.append(f"{', '.join(totals)} = {call}" if totals else call)
        else:
            lines += self._serial(loop, totals)
        return [*lines, *self._finals(loop, totals)]

    def _define(self, loop: Loop, threads: bool) -> None:
        """Write the functions of a loop, or find those of one that differs in names alone."""
        functions = []
        for near in (False, True)[: 1 + loop.guarded]:
            functions += [loop.formulas(near)] if loop.apart else []
            functions.append(self._widened(loop, loop.text(near)))
        if threads:
            functions.append(self._threads(loop, [f"total{j}" for j in range(len(loop.folds))]))
        places = {name: f"<{k}>" for k, name in enumerate([loop.name, *loop.parameters])}
        words = re.compile(
            rf"\b({'|'.join(map(re.escape, places))})(?=\b|_at\b|_near\b|_threads\b)"
        )
        text = "\n".join(line for function in functions for line in function)
        key = words.sub(lambda match: places[match[1]], text)
        known = self.known.setdefault(key, loop.name)
        if known == loop.name:
            self.functions += functions
        loop.name = known

    def _widened(self, loop: Loop, function: list[str]) -> list[str]:
        """Long loops that compute much use the full width of the processor's vectors."""
        if interpreted() or loop.group.n < WIDE_FROM or not loop.computes:
            return function
        self.wide = True
        return [*function[:2], "    use_wide_vectors()", *function[2:]]

    def _call(self, loop: Loop, start: str, stop: str) -> list[str]:
        """One block."""
        results = ", ".join(loop.accs)
        arguments = f"({', '.join([start, stop, *loop.parameters])})"
        again = f"{results} = {loop.name}{arguments}" if results else f"{loop.name}{arguments}"
        if not loop.guarded:
            return [again]
        first = f"{', '.join([*loop.accs, 'near'])} = {loop.name}_near{arguments}"
        return [first, "if not near:", f"    {again}"]

    def _serial(self, loop: Loop, totals: list[str]) -> list[str]:
        merge = self._merges(loop, totals)
        begin = self._begins(loop, totals)
        if loop.rows <= loop.block or not (loop.folds or loop.guarded):
            return [*begin, *self._call(loop, "0", str(loop.rows)), *merge]
        stop = f"min(start + {loop.block}, {loop.rows})"
        head = f"for start in range(0, {loop.rows}, {loop.block}):"
        return [*begin, head, *indent([*self._call(loop, "start", stop), *merge])]

    def _begins(self, loop: Loop, totals: list[str]) -> list[str]:
        pairs = zip(totals, loop.folds, strict=True)
        return [f"{total} = {_initial(task)}" for total, task in pairs]

    def _merges(self, loop: Loop, totals: list[str]) -> list[str]:
        lines = []
        for total, acc, task in zip(totals, loop.accs, loop.folds, strict=True):
            reduce = task.value.reduce
            lane = reduce.total if loop.columns else reduce.lane
            given = {"acc": total, "x": cast(acc, lane, reduce.total)}
            lines.append(f"{total} = {render(reduce.step, given, reduce.total, names)}")
        return lines

    def _finals(self, loop: Loop, totals: list[str]) -> list[str]:
        lines = []
        for total, task in zip(totals, loop.folds, strict=True):
            reduce = task.value.reduce
            if reduce.final != "{acc}":
                given = {"acc": total, "n": cast(str(loop.group.n), "int64", reduce.total)}
                lines.append(f"{total} = {render(reduce.final, given, reduce.total, names)}")
            self.scalars[task.value] = total
        return lines

    def _threads(self, loop: Loop, totals: list[str]) -> list[str]:
        """The function that shares the blocks of a loop among threads, and folds them in order."""
        self.parallel = True
        per_row = loop.group.n // loop.rows
        size = loop.block if loop.folds or loop.guarded else max(1, MAP_BLOCK // per_row)
        blocks = -(-loop.rows // size)
        parts = [f"parts{j}" for j in range(len(totals))]
        lanes = [
            task.value.reduce.total if loop.columns else task.value.reduce.lane
            for task in loop.folds
        ]
        stop = f"min(k * {size} + {size}, {loop.rows})"
        keep = [f"{p}[k] = {a}" for p, a in zip(parts, loop.accs, strict=True)]
        again = [f"{a} = {p}[k]" for p, a in zip(parts, loop.accs, strict=True)]
        merge = [f"for k in range({blocks}):", *indent([*again, *self._merges(loop, totals)])]
        return [
            f"{NJIT}, parallel=True, nogil=True)",
            f"def {loop.name}_threads({', '.join(loop.parameters)}):",
            *indent(
                [
                    *(
                        f"{p} = np.empty({blocks}, np.{d})"
                        for p, d in zip(parts, lanes, strict=True)
                    ),
                    f"for k in prange({blocks}):",
                    *indent([*self._call(loop, f"k * {size}", stop), *keep]),
                    *self._begins(loop, totals),
                    *(merge if totals else []),
                    *([f"return {', '.join(totals)}"] if totals else []),
                ]
            ),
        ]


def _initial(task: Fold) -> str:
    reduce = task.value.reduce
    return render(reduce.init, {}, reduce.total, names)


def named_arrays(plan: Plan) -> dict[int, str]:
    """An identifier for the array of each buffer."""
    found: dict[int, str] = {}
    taken = set(TAKEN)
    for i, b in enumerate(plan.trace.buffers):
        if i in plan.scratch:
            found[i] = f"scratch{plan.scratch[i]}"
            continue
        name = re.sub(r"\W+", "_", b.name).strip("_") or "array"
        name = f"a_{name}" if name[0].isdigit() or MADE.fullmatch(name) else name
        while {name, whole(name)} & taken:
            name += "_"
        taken |= {name, whole(name)}
        found[i] = name
    return found


def source(plan: Plan, threads: bool) -> tuple[str, list[Routine]]:
    """The module of a plan, for several threads or for one, and the routines that `run` takes."""
    module = Module(plan, threads)
    return module.text(), module.calls.routines


def compiled(plan: Plan, threads: bool, arrays: Sequence[tuple[str, int] | None]) -> str:
    """The same as it is compiled: `run` finds `arrays` by their addresses, see `entrance`."""
    return by_addresses(Module(plan, threads, compiled=True).text(), arrays)
