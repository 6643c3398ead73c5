"""The groups of a plan as the source of what one block of threads does.

A loop is strided over the threads. Scalars every thread computes for itself, so they need no
shared memory and no barrier; those of memory that only scalars touch stay in registers from step to
step, and go back when all steps are done. The first thread alone stores scalars.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...cuda import names
from ...cuda.source.maps import Source, memory_type, pointer
from ...source.scalar import SHORT, cast
from ...source.writer import indent, module, read, write
from .. import trace as t
from ..cpu.loops import applied, calls, literal
from ..embed import Embedded
from ..plan.graph import Apply, Element, Literal, Rate, Value, ordered
from ..plan.plan import Group, Plan
from ..plan.tasks import HISTORY, Partial, Store, values_of
from ..report import origins
from .calls import lines_of
from .threads.buffers import HEAD, arrays_of, held_in_registers, memory_of, values_in
from .threads.hazards import Hazards
from .threads.meeting import Meeting, Trees, serial
from .threads.places import Places, final
from .threads.sharing import place_of, row_and_column, shared_out, strided

EARLY = 4  # rates that may wait in registers
Operand = tuple[int, int]  # a buffer, and where in it


class Block:
    """Writes groups one after the other, for a block of `threads`."""

    def __init__(self, plan: Plan, threads: int, entry: Hazards | None = None) -> None:
        self.plan, self.threads = plan, threads
        self.arrays = arrays_of(plan)
        self.entry, self.hazards = entry or Hazards(), Hazards()
        self.trees = Trees(threads, self.hazards)
        self.scalars: dict[Value, str] = {}
        self.held = held_in_registers(plan)
        self.kept: dict[Value, str] = {}  # scalars that another kernel has left in memory
        self.used: set[tuple[str, str]] = set()
        self.operands: dict[Operand, str] = {}
        self.embedded = Embedded({*names.sources(), "u64", *SHORT.values()})
        self.checked: set[object] = set()  # positions
        self.count = 0

    # The kernel

    def source(self) -> Source:
        """The kernel that runs all steps."""
        once = [line for group in self.plan.once for line in self.lines(group)]
        self.hazards.join(self.entry)
        each = self.scalar_lines(self._early())
        each += [line for group in self.plan.each for line in self.lines(group)]
        body = [
            *self.trees.declarations(),
            "thread = np.int64(cuda.threadIdx.x)",
            *(f"{self._register(b)} = {self._fetched(b)}" for b in self.held),
            *once,
            "for s in range(steps):",
            *indent(each or ["pass"]),
            *self._put_back(),
        ]
        operands = {name: self._pointer(b) for (b, _), name in self.operands.items()}
        return self.module(HEAD | self.parameters() | operands, body, self._doc())

    def _early(self) -> list[Value]:
        """Scalars of a few rates alone: loaded long before they are needed, they cost no time."""
        if self.plan.trace.slots > EARLY:
            return []
        found = [v for group in self.plan.each for v in values_in(group) if v.n == 1 and v.rates]
        alone = (Rate, Literal, Apply)
        return [v for v in found if all(isinstance(x, alone) for x in ordered([v]))]

    def module(self, parameters: dict[str, str], body: list[str], doc: str) -> Source:
        """A module of one kernel, with the functions that its body calls."""
        helpers = names.helpers([names.scalar(f, d) for f, d in sorted(self.used)])
        texts = [text for text in self.embedded.texts if text not in helpers]
        functions = [line for text in texts for line in (*text.splitlines(), "", "")]
        kernel = ["@cuda.jit", f"def kernel({', '.join(parameters)}):", *indent(body)]
        head = f"{doc}\n\nfrom __future__ import annotations"
        lines = [f"LAUNCH_BOUNDS = {self.threads}", "", "", *functions, *kernel]
        text = module(head, helpers, names.DECORATOR, lines, ["from numba import cuda"])
        return Source(text, f"void({', '.join(parameters.values())})")

    def _doc(self) -> str:
        trace = self.plan.trace
        lines = [f'"""{trace.name}: all steps in one block of {self.threads} threads.', ""]
        for b in trace.arguments:
            buffer = trace.buffers[b]
            lines.append(f"    {self.arrays[b]}: {buffer.dtype}[{buffer.size}], {buffer.role}")
        return "\n".join([*lines, '"""'])

    def parameters(self) -> dict[str, str]:
        """The arrays, with their types."""
        return {self.arrays[b]: self._pointer(b) for b in memory_of(self.plan)}

    def _pointer(self, b: int) -> str:
        return pointer(memory_type(self.plan.trace.buffers[b].dtype))

    def operand(self, place: t.Place) -> str:
        """The name of a pointer to a place in a buffer."""
        if not place.offset:
            return self.arrays[place.buffer]
        at = place.buffer, place.offset
        return self.operands.setdefault(at, f"{self.arrays[place.buffer]}_at_{place.offset}")

    # Scalars that stay in registers

    def _register(self, b: int) -> str:
        return f"now{b}" if b in self.plan.scratch else f"{self.arrays[b]}_now"

    def _fetched(self, b: int) -> str:
        """What a register begins with; what a step makes before it reads it, with nothing."""
        dtype = self.plan.trace.buffers[b].dtype
        if self.plan.trace.buffers[b].role != t.INPUT:
            return f"{SHORT[dtype]}(0)"
        return read(f"{self.arrays[b]}[0]", memory_type(dtype), dtype)

    def _put_back(self) -> list[str]:
        kept = (t.INPUT, t.OUTPUT)
        back = [b for b, written in self.held.items() if written]
        back = [b for b in back if self.plan.trace.buffers[b].role in kept]
        if not back:
            return []
        lines = []
        for b in back:
            dtype = self.plan.trace.buffers[b].dtype
            value = cast(self._register(b), dtype, memory_type(dtype))
            lines.append(f"{self.arrays[b]}[0] = {value}")
        # Other threads may not have fetched yet what this one is about to write.
        return ["cuda.syncthreads()", "if thread == 0:", *indent(lines)]

    # Groups

    def lines(self, group: Group) -> list[str]:
        """The lines of one group."""
        comment = [f"# {text}" for text in origins(self.plan, group)]
        if group.other:
            return [*comment, *lines_of(self, group.other)]
        return [*comment, *(self._scalar_tasks(group) if group.n == 1 else self.loop(group))]

    def _scalar_tasks(self, group: Group) -> list[str]:
        """Scalars are computed by all, and stored by one."""
        lines = self.scalar_lines(v for task in group.tasks for v in values_of(task))
        updates, stores, targets = [], [], []
        for task in group.tasks:
            assert isinstance(task, Store)
            self.note_half(task.stored)
            if task.buffer in self.held:
                value = cast(self.name(task.value), task.value.dtype, task.stored)
                updates.append(f"{self._register(task.buffer)} = {value}")
                continue
            value = write(self.name(task.value), task.value.dtype, memory_type(task.stored))
            stores.append(f"{self._target(task)} = {value}")
            if task.buffer != HISTORY:
                targets.append((self.arrays[task.buffer], None))
        guarded = ["if thread == 0:", *indent(stores)] if stores else []
        return [*lines, *self.hazards.before(writes=targets), *updates, *guarded]

    def _target(self, task: Store) -> str:
        if task.buffer == HISTORY:
            return f"history[s * {len(self.plan.trace.scalars)} + {task.offset}]"
        return f"{self.arrays[task.buffer]}[{task.offset}]"

    def name(self, value: Value) -> str:
        """The text of a scalar that is known by now."""
        return literal(value) if isinstance(value, Literal) else self.scalars[value]

    def scalar_lines(self, values: Iterable[Value]) -> list[str]:
        """Assignments of the scalars among `values`, and of all that those need, but for folds."""
        found = ordered(values, self.kept.keys())
        wanted = [v for v in found if v.n == 1 and not isinstance(v, Literal)]
        wanted = [v for v in wanted if v not in self.scalars]
        loads = [v for v in wanted if isinstance(v, Element) and v.buffer not in self.held]
        loads = [v for v in loads if v not in self.kept]
        lines = self.hazards.before((self.arrays[v.buffer], None) for v in loads)
        for v in wanted:
            self.scalars[v] = f"rate{v.slot}" if isinstance(v, Rate) else f"w{len(self.scalars)}"
            lines.append(f"{self.scalars[v]} = {self._scalar(v)}")
        return lines

    def _scalar(self, v: Value) -> str:
        if v in self.kept:
            return read(self.kept[v], memory_type(v.dtype), v.dtype)
        if isinstance(v, Rate):
            return f"numbers[s * {self.plan.trace.slots} + {v.slot}]"
        if isinstance(v, Element):
            if v.buffer in self.held:
                return cast(self._register(v.buffer), v.stored, v.dtype)
            self.note_half(v.stored)
            return read(f"{self.arrays[v.buffer]}[{v.offset}]", memory_type(v.stored), v.dtype)
        assert isinstance(v, Apply), "a fold is used before it is computed"
        self.used |= calls([v])
        return applied(v, {a: self.name(a) for _, a in v.args}, names)

    def note_half(self, stored: str) -> None:
        if stored == "float16":
            self.used |= {("half_to_float", "float32"), ("float_to_half", "float32")}

    # Loops

    def loop(self, group: Group) -> list[str]:
        """A loop, and what all threads make of its folds."""
        places = Places(group, self.arrays, self.scalars)
        lines = self.scalar_lines(places.inputs)
        self.note(places)
        self.count += 1
        accs = places.accs
        write_loop = self._columns if places.partials else self._flat
        lines += [*places.starts, *write_loop(places)]
        results = [f"fold{self.count}_{j}" for j in range(len(accs))]
        meetings = [
            Meeting(acc, task.value.reduce, group.n, result)
            for acc, task, result in zip(accs, places.folds, results, strict=True)
        ]
        lines += self.trees.meet(meetings)
        self.scalars |= {
            task.value: result for task, result in zip(places.folds, results, strict=True)
        }
        return lines

    def note(self, places: Places) -> None:
        """Note the functions that a loop calls."""
        self.used |= calls(places.values)
        for stored in (
            *(v.stored for v in places.elements()),
            *(task.stored for task in places.stores),
            *(task.stored for task in places.partials),
        ):
            self.note_half(stored)

    def _flat(self, places: Places) -> list[str]:
        """Place i is done by thread i % threads."""
        return [
            *self.hazards.before(places.reads(True), places.writes(True)),
            *strided(places.lines, places.group.n, self.threads, ahead=places.ahead),
        ]

    def _columns(self, places: Places) -> list[str]:
        """Folds in part: `lanes` threads to each of the results, which are outer * inner."""
        outer, n, inner = places.extents
        outputs = outer * inner
        lanes, width = shared_out(outputs, n, self.threads)
        walk = [
            *row_and_column(inner),
            f"base = row * {n * inner} + column",
            *places.head,
            "along = lane",
            f"while along < {n}:",
            *indent([f"i = base + along * {inner}", *places.lines]),
            f"    along += {lanes}",
        ]
        head = self.hazards.before(places.reads(False), places.writes(False))
        if lanes == 1:
            stores = [self._stored_part(task, part) for part, task in places.parts.items()]
            body = [*places.part_starts, *walk, *stores, f"output += {width}"]
            return [*head, "lane, output = 0, thread", f"while output < {outputs}:", *indent(body)]
        return [
            *head,
            place_of(lanes, width, inner),
            *places.part_starts,
            f"if output < {outputs}:",
            *indent(walk),
            *self.meet_lanes(places, (lanes, width, outputs)),
        ]

    def _stored_part(self, task: Partial, part: str) -> str:
        """The store of a result that one thread folded."""
        total = cast(part, task.reduce.lane, task.reduce.total)
        return self.finished(task, total)

    def finished(self, task: Partial, total: str) -> str:
        """The store of a result, from its total."""
        value = final(task.reduce, total, task.extents[1])
        where = f"output + {task.offset}" if task.offset else "output"
        value = write(value, task.reduce.total, memory_type(task.stored))
        return f"{self.arrays[task.buffer]}[{where}] = {value}"

    def meet_lanes(self, places: Places, shape: tuple[int, int, int]) -> list[str]:
        """The first lane of each result folds what the others have."""
        lanes, width, outputs = shape
        pitch = 1 if places.extents[2] == 1 else width
        lines = []
        for part, task in places.parts.items():
            held = memory_type(task.reduce.lane)
            tree = self.trees.lanes(task.reduce.lane, 1)
            lines += [
                *self.hazards.before(writes=[(tree, None)]),
                f"{tree}[thread] = {cast(part, task.reduce.lane, held)}",
                *self.hazards.before([(tree, None)], [(self.arrays[task.buffer], None)]),
                f"if lane == 0 and output < {outputs}:",
                *indent(serial(task.reduce, f"{tree}[thread + j * {pitch}]", lanes)),
                f"    {self.finished(task, 'total')}",
            ]
        return lines


def block_source(plan: Plan, threads: int) -> tuple[Source, Block]:
    """The kernel that runs all steps in a block of `threads`, and who wrote it.

    It is written twice: what is open at the end of a step is open where the next one begins.
    """
    first = Block(plan, threads)
    first.source()
    block = Block(plan, threads, first.hazards)
    return block.source(), block
