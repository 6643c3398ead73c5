"""One loop of a step as source: a function that does the places from `start` to `stop`.

The function takes the arrays and the scalars that it uses, and returns what it folded. Places are
counted in the outermost dimension, so that blocks of them can be done by several threads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import ModuleType

from ...source.codegen import FOLD_BLOCK, FOLD_FLAGS, MAP_FLAGS
from ...source.scalar import NARROW, SHORT, cast, functions, render
from ...source.writer import indent, read, write
from ..plan.graph import Apply, Element, Literal, Shape, Value, cost, spread
from ..plan.members import Members
from ..plan.tasks import Fold, values_of

# Inlined; the flags stay with what is computed here.
FORMULAS = '@njit(error_model="numpy", fastmath={"contract"}, forceinline=True)'


def u64(n: int) -> str:
    """A position or a step; steps backwards wrap around, and so arrive where they should."""
    return f"np.uint64({n % (1 << 64)})"


def literal(value: Literal) -> str:
    """The text of a number in its type."""
    if value.dtype in ("int64", "bool"):
        return value.text
    text = f"np.{value.text}" if value.text in ("inf", "nan") else value.text
    return f"{SHORT[value.dtype]}({text.replace('(-inf)', '-np.inf')})"


def applied(
    value: Apply, operand: dict[Value, str], names: ModuleType, guards: list[str] | None = None
) -> str:
    """The text of a formula over the names of its operands."""
    if not value.formula:
        (_, x) = value.args[0]
        return cast(operand[x], x.dtype, value.dtype)
    given = {
        name: operand[v] if name in value.kept else cast(operand[v], v.dtype, value.compute)
        for name, v in value.args
    }
    text = render(value.formula, given, value.compute, names, guards)
    return f"{SHORT[value.dtype]}({text})" if value.dtype in NARROW else text


def calls(values: list[Value]) -> set[tuple[str, str]]:
    """The scalar functions, with their types, that values call."""
    return {
        (f, v.compute)
        for v in values
        if isinstance(v, Apply) and v.formula
        for f in functions(v.formula)
    }


@dataclass
class Loop(Members):
    """What the writing of one loop needs and finds out."""

    name: str
    arrays: dict[int, str]  # names of the buffers' arrays
    scalars: dict[Value, str]  # names of the scalars, in the function too
    names: ModuleType
    bases: dict[tuple[int, Shape], str] = field(default_factory=dict)

    @property
    def columns(self) -> bool:
        """Whether something is folded across places that lie apart."""
        return bool(self.group.folds and self.group.folds[2] > 1)

    @property
    def rows(self) -> int:
        """The extent of the outermost dimension."""
        return self.group.extents[0]

    @property
    def block(self) -> int:
        """The rows of a block: what one sum in float32 covers."""
        if self.columns and self.group.folds and self.group.folds[0] == 1:
            return self.rows  # the outermost dimension is folded
        return max(1, FOLD_BLOCK // (self.group.n // self.rows))

    @property
    def used(self) -> list[str]:
        """The arrays that the function takes."""
        read = [v.buffer for v in self.values if isinstance(v, Element) and v.n > 1]
        written = [task.buffer for task in self.stores]
        written += [task.buffer for task in self.partials]
        return list(dict.fromkeys(self.arrays[b] for b in (*read, *written)))

    @property
    def parameters(self) -> list[str]:
        """The function's parameters after `start` and `stop`."""
        return [*self.used, *(self.scalars[v] for v in self.inputs)]

    @property
    def guarded(self) -> bool:
        """Whether functions have a form that vectorizes but does not hold everywhere.

        Such a loop is done again where it does not hold, so nothing may be written over what is
        read.
        """
        read = {v.buffer for v in self.values if isinstance(v, Element)}
        in_place = any(task.buffer in read for task in self.stores)
        found = any(self.names.vector(f, d) for f, d in calls(self._inner()))
        return found and not in_place and not self.partials

    def _inner(self) -> list[Value]:
        return [v for v in self.values if v.n > 1]

    @property
    def computes(self) -> bool:
        """Whether a place takes more arithmetic than loads and stores."""
        formulas = self._formulas
        arithmetic = sum(cost(v.formula) for v in formulas if isinstance(v, Apply))
        moves = len(self._inner()) - len(formulas) + len(self.stores)
        return arithmetic + len(self.folds) + len(self.partials) > moves

    def text(self, near: bool = False) -> list[str]:
        """The function."""
        flags = FOLD_FLAGS if self.folds or self.partials else MAP_FLAGS
        starts = [
            f"{acc} = {self._initial(task)}"
            for task, acc in zip(self.folds, self.accs, strict=True)
        ] + (["near = True"] if near else [])
        results = [*self.accs, *(["near"] if near else [])]
        name = f"{self.name}_near" if near else self.name
        return [
            f'@njit(error_model="numpy", fastmath={flags})',
            f"def {name}(start, stop, {', '.join(self.parameters)}):",
            *indent([*starts, *self._nest(near)]),
            *indent([f"return {', '.join(results)}"] if results else []),
        ]

    @property
    def apart(self) -> bool:
        """Whether formulas stand in a function of their own.

        Folds may be re-associated, what they fold may not: (x + 1e4) - 1e4 is not x.
        """
        return bool(self.folds or self.partials) and bool(self._formulas)

    @property
    def _formulas(self) -> list[Value]:
        return [v for v in self._inner() if isinstance(v, Apply)]

    def formulas(self, near: bool = False) -> list[str]:
        """The function of the formulas at one place."""
        known = self._known()
        lines = [line for v in self._formulas for line in self._assignment(v, known, near)]
        results = [known[v] for v in self._wanted()] + ["near"] * near
        return [
            FORMULAS,
            f"def {self.name}_at{'_near' if near else ''}({', '.join(self._given())}):",
            *indent(["near = True"] if near else []),
            *indent([*lines, f"return {', '.join(results)}"]),
        ]

    def _known(self) -> dict[Value, str]:
        """The names of all values in the loop; its places' are counted, so that loops are alike."""
        known: dict[Value, str] = {}
        known |= {v: literal(v) for v in self.values if isinstance(v, Literal)}
        known |= {v: self.scalars[v] for v in self.inputs}
        return known | {v: f"v{k}" for k, v in enumerate(self._inner())}

    def _given(self) -> list[str]:
        """What the formulas are given: elements and scalars."""
        known, formulas = self._known(), self._formulas
        operands = {a: None for v in formulas if isinstance(v, Apply) for _, a in v.args}
        outer = [a for a in operands if not isinstance(a, (Apply, Literal)) or a.n == 1]
        return [known[a] for a in outer if not isinstance(a, Literal)]

    def _wanted(self) -> list[Value]:
        """The formulas' values that are folded or stored."""
        roots = {v: None for task in self.group.tasks for v in values_of(task)}
        return [v for v in roots if isinstance(v, Apply) and v.n > 1]

    def _call(self, known: dict[Value, str], near: bool) -> list[str]:
        """The call of the function of the formulas."""
        results = [known[v] for v in self._wanted()] + ["good"] * near
        call = f"{self.name}_at{'_near' if near else ''}({', '.join(self._given())})"
        return [f"{', '.join(results)} = {call}", *["near &= good"] * near]

    @property
    def accs(self) -> list[str]:
        """The names of the folds within a block."""
        return [f"acc{k}" for k in range(len(self.folds))]

    def _initial(self, task: Fold) -> str:
        reduce = task.value.reduce
        return render(reduce.init, {}, self._lane(task), self.names)

    def _lane(self, task: Fold) -> str:
        reduce = task.value.reduce
        return reduce.total if self.columns else reduce.lane

    # The nest

    def _nest(self, near: bool) -> list[str]:
        """The loops, outermost first, around the body."""
        extents = self.group.extents
        depth = len(extents)
        bottom, top = self._boundaries()
        lines = self._body(near)
        for d in reversed(range(depth)):
            stop = "np.uint64(start), np.uint64(stop)" if d == 0 else f"{u64(extents[d])}"
            lines = [f"for j{d} in range({stop}):", *indent([*self._steps(d), *lines])]
            if d == top and self.partials:
                lines = self._around(lines, top, bottom)
        return lines

    def _boundaries(self) -> tuple[int, int]:
        """The depths at which the columns, and the folded dimension, begin."""
        if not self.group.folds:
            return -1, -1
        outer, n, _ = self.group.folds
        reached, depths = 1, {1: 0}
        for d, extent in enumerate(self.group.extents):
            reached *= extent
            depths[reached] = d + 1
        return depths[outer * n], depths[outer]

    def _around(self, lines: list[str], top: int, bottom: int) -> list[str]:
        """The folded dimension's loops, with what begins and ends each fold."""
        assert self.group.folds is not None
        _, n, inner = self.group.folds
        before: list[str] = []
        after: list[str] = []
        for k, task in enumerate(self.partials):
            total = task.reduce.total
            start = render(task.reduce.init, {}, total, self.names)
            place = self._outer_place(top, inner)
            at = f"{u64(task.offset)} + {place}" if task.offset else place
            given = {"acc": f"part{k}", "n": cast(str(n), "int64", total)}
            if inner > 1:
                before.append(f"parts{k} = np.full({inner}, {start})")
                given["acc"] = f"parts{k}[c]"
                at = f"{at} + c"
            else:
                before.append(f"part{k} = {start}")
            final = render(task.reduce.final, given, total, self.names)
            line = f"{self.arrays[task.buffer]}[{at}] = {write(final, total, task.stored)}"
            after += [f"for c in range({u64(inner)}):", "    " + line] if inner > 1 else [line]
        return [*before, *lines, *after]

    def _outer_place(self, top: int, inner: int) -> str:
        """The position in a result of which `inner` belong to each place of the outer loops."""
        terms = []
        step = inner
        for d in reversed(range(top)):
            terms.append(f"j{d} * {u64(step)}" if step > 1 else f"j{d}")
            step *= self.group.extents[d]
        return " + ".join(reversed(terms)) or "np.uint64(0)"

    def _column(self, bottom: int) -> str:
        """The column of a place."""
        terms = []
        step = 1
        for d in reversed(range(bottom, len(self.group.extents))):
            terms.append(f"j{d} * {u64(step)}" if step > 1 else f"j{d}")
            step *= self.group.extents[d]
        return " + ".join(reversed(terms))

    def _steps(self, d: int) -> list[str]:
        """Positions that the loop over dimension `d` moves."""
        last = len(self.group.extents) - 1
        if d == last:
            return []
        lines = []
        for (offset, strides), base in self._walks().items():
            term = f"j{d} * {u64(strides[d])}"
            before = f"{base}_{d - 1}" if d else f"{u64(offset)}"
            lines.append(f"{base}_{d} = {before} + {term}")
        return lines

    def _walks(self) -> dict[tuple[int, Shape], str]:
        """Every way in which memory is walked."""
        if not self.bases:
            for v in self.values:
                if isinstance(v, Element) and v.n > 1:
                    self._walk(v.offset, v.extents, v.strides)
            for task in self.stores:
                self._walk(task.offset, task.extents, task.strides)
        return self.bases

    def _walk(self, offset: int, extents: Shape, strides: Shape) -> str:
        steps = spread(extents, strides, self.group.extents)
        return self.bases.setdefault((offset, steps), f"p{len(self.bases)}")

    def _position(self, offset: int, extents: Shape, strides: Shape) -> str:
        """Where an operand is, in the innermost loop."""
        base = self._walk(offset, extents, strides)
        steps = spread(extents, strides, self.group.extents)
        last = len(steps) - 1
        index = {0: "", 1: f"j{last}"}.get(steps[-1], f"j{last} * {u64(steps[-1])}")
        start = f"{base}_{last - 1}" if last else (f"{u64(offset)}" if offset else "")
        return " + ".join(filter(None, [start, index])) or "0"

    def _body(self, near: bool) -> list[str]:
        """Loads, instructions, then folds and stores."""
        self._walks()
        known = self._known()
        lines = []
        for v in self._inner():
            if isinstance(v, Element) or not self.apart:
                lines += self._assignment(v, known, near)
        if self.apart:
            lines += self._call(known, near)
        stores = []
        for j, fold in enumerate(self.folds):
            reduce, lane = fold.value.reduce, self._lane(fold)
            x = cast(known[fold.source], fold.source.dtype, lane)
            step = self.names.step(reduce, lane)
            text = render(step, {"acc": f"acc{j}", "x": x}, lane, self.names)
            stores.append(f"acc{j} = {text}")
        stores += self._partial_steps(known)
        for task in self.stores:
            where = self._position(task.offset, task.extents, task.strides)
            text = write(known[task.value], task.value.dtype, task.stored)
            stores.append(f"{self.arrays[task.buffer]}[{where}] = {text}")
        return [*lines, *stores]

    def _partial_steps(self, known: dict[Value, str]) -> list[str]:
        lines = []
        bottom, _ = self._boundaries()
        for k, task in enumerate(self.partials):
            total = task.reduce.total
            acc = f"parts{k}[{self._column(bottom)}]" if self.columns else f"part{k}"
            x = cast(known[task.value], task.value.dtype, total)
            step = self.names.step(task.reduce, total)
            text = render(step, {"acc": acc, "x": x}, total, self.names)
            lines.append(f"{acc} = {text}")
        return lines

    def _assignment(self, v: Value, known: dict[Value, str], near: bool) -> list[str]:
        if isinstance(v, Element):
            element = f"{self.arrays[v.buffer]}[{self._position(v.offset, v.extents, v.strides)}]"
            return [f"{known[v]} = {read(element, v.stored, v.dtype)}"]
        assert isinstance(v, Apply)
        guards: list[str] | None = [] if near else None
        text = applied(v, known, self.names, guards)
        return [*(f"near &= {guard}" for guard in guards or ()), f"{known[v]} = {text}"]
