"""Tasks -> a plan: which of them share a loop, what is done once, which temporaries share memory.

A task joins the first loop over as many places that comes after all it waits for, on the CPU if the
two have memory in common: what has none gains nothing there, and equal loops that stay apart are
compiled once, but on a GPU it saves a launch, or a barrier. Two tasks of one
loop may touch the same buffer only if both walk it alike: an element is then read before it is
written, and what reads it after that takes what was stored from the register. What depends on
nothing that changes from step to step is done before the first step. A costly value that several
loops want is stored by the first.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from .. import trace as t
from .graph import Apply, Element, Folded, Graph, Shape, Value, Version, operands, ordered, refined
from .lifetimes import share_memory
from .plan import Folds, Group, Plan
from .steady import Steady, steady_values
from .tasks import HISTORY, Fold, Other, Partial, Store, Task, alive, reads_of, values_of

Walk = tuple[int, Shape, Shape]
NOWHERE: Walk = (-1, (), ())  # of what reads memory in its own way
# From this weight on a value is rather loaded than computed again.
COSTLY = 16
# As many elements are rather copied next to each other, once, than gathered in every step.
GATHERED = 1 << 16


def plan(trace: t.Trace, graph: Graph, tasks: list[Task], plainly: bool = False) -> Plan:
    """The plan of a step; `plainly`, each task by itself, in order, on memory of its own."""
    if plainly:
        groups = [_alone(task) for task in tasks]
    else:
        steady = steady_values(trace, tasks)
        tasks = _hoisted(trace, graph, tasks, steady)
        grouping = _Grouping(graph, steady, apart=not trace.device.startswith("cuda"))
        groups = _without_dead(trace, grouping.run(tasks))
        _store_shared(trace, graph, groups)
    found = Plan(trace, graph, [g for g in groups if g.once], [g for g in groups if not g.once])
    share_memory(found, not plainly)
    return found


def _alone(task: Task) -> Group:
    extents, folds = _space(task)
    return Group(extents, [task], False, folds)


def _without_dead(trace: t.Trace, groups: list[Group]) -> list[Group]:
    """The groups without stores that registers have made needless."""
    kept = set(alive(trace, [task for group in groups for task in group.tasks]))
    for group in groups:
        group.tasks = [task for task in group.tasks if task in kept]
    return [group for group in groups if group.tasks]


def _hoisted(trace: t.Trace, graph: Graph, tasks: list[Task], steady: Steady) -> list[Task]:
    """With stores, before all else, of the costly values that never change but meet what does."""
    found: dict[Value, Element] = {}
    before: list[Task] = []
    made = [task for task in tasks if steady.once(task)]
    rest = [task for task in tasks if not steady.once(task)]
    for task in rest:
        for value in _outermost(task, lambda v: (_costly(v) or _gathers(v)) and steady(v)):
            if value not in found:
                store, found[value] = stored_apart(trace, graph, value)
                steady.known[found[value]] = True
                before.append(store)
    return [*made, *before, *(_with(graph, task, found) for task in rest)]


def _outermost(task: Task, wanted: Callable[[Value], bool]) -> Iterator[Value]:
    """The wanted values of a task's places, but not those that they are computed from."""
    stack = list(values_of(task))
    seen = set(stack)
    while stack:
        value = stack.pop()
        if value.n > 1 and wanted(value):
            yield value
            continue
        fresh = [v for v in operands(value) if v not in seen]
        seen.update(fresh)
        stack += fresh


def _costly(value: Value) -> bool:
    return value.weight >= COSTLY


def _gathers(value: Value) -> bool:
    """Whether a few elements are loaded that do not lie next to each other."""
    return isinstance(value, Element) and value.strides[-1] not in (0, 1) and value.n <= GATHERED


def stored_apart(trace: t.Trace, graph: Graph, value: Value) -> tuple[Store, Element]:
    """A store of `value` to a temporary of its own, and the element that reads it."""
    name = graph.origins.get(value, "").rpartition(": ")[2] or "value"
    trace.buffers.append(t.Buffer(value.dtype, value.n, t.TEMPORARY, name))
    b = len(trace.buffers) - 1
    walk = ((value.n,), (1,))
    element = graph.element((b, 1), 0, walk, value.dtype, value.dtype)
    assert isinstance(element, Element)
    return Store(value, b, 0, *walk, value.dtype, writes=((b, 1),)), element


def _with(graph: Graph, task: Task, found: Mapping[Value, Value]) -> Task:
    """A task whose values come from memory where that has them."""
    if isinstance(task, Fold):
        task.source = replaced(graph, task.source, found)
    elif isinstance(task, (Store, Partial)):
        task.value = replaced(graph, task.value, found)
    return task


def replaced(graph: Graph, value: Value, found: Mapping[Value, Value]) -> Value:
    """`value` over other operands."""
    new: dict[Value, Value] = {}
    for v in ordered([value]):
        if v in found:
            new[v] = found[v]
        elif isinstance(v, Apply):
            args = tuple((name, new[a]) for name, a in v.args)
            changed = args != v.args
            new[v] = graph.apply(v.formula, args, v.compute, v.dtype, v.kept) if changed else v
        else:
            new[v] = v
    return new[value]


# Loops


class _Grouping:
    """Puts tasks, in order, where they may run; `apart` are those that have no memory in common."""

    def __init__(self, graph: Graph, steady: Steady, apart: bool) -> None:
        self.graph, self.steady, self.apart = graph, steady, apart
        self.groups: list[Group] = []
        self.met: list[set[int]] = []  # the buffers that the places of each group meet
        self.made: dict[Version | Folded, int] = {}  # versions and folds: the group they come from
        self.stores: dict[Version, Store] = {}
        self.read: dict[Version, list[tuple[int, set[Walk]]]] = defaultdict(list)
        self.last: dict[int, int] = {}  # the group that wrote a buffer last

    def run(self, tasks: list[Task]) -> list[Group]:
        """The groups, in order; what is done once comes first."""
        for once in (True, False):
            start = len(self.groups)
            for task in tasks:
                if self.steady.once(task) is once:
                    self._place(task, once, start)
        return self.groups

    def _place(self, task: Task, once: bool, start: int) -> None:
        at = max(start, self._earliest(task))
        extents, folds = _space(task)
        met = _met(task)
        for k in range(at, len(self.groups)):
            related = not self.apart or not extents or met & self.met[k]
            if related and self._joins(self.groups[k], task, extents, folds, once):
                self._enter(k, task)
                self.met[k] |= met
                return
        self.groups.append(Group(extents, [task], once, folds))
        self.met.append(met)
        self._enter(len(self.groups) - 1, task)

    def _joins(
        self,
        group: Group,
        task: Task,
        extents: Shape,
        folds: Folds | None,
        once: bool,
    ) -> bool:
        """Let `task` share the loop of `group`, if it can."""
        n = math.prod(extents)
        if isinstance(task, Other) or group.other or group.n != n or group.once is not once:
            return False
        if folds and group.folds not in (None, folds):
            return False
        common = refined(group.extents, extents)
        if common is None:
            return False
        group.extents, group.folds = common, group.folds or folds
        return True

    def _earliest(self, task: Task) -> int:
        """The first group that comes after all that `task` waits for."""
        at = 0
        for key in _waits_for(task):
            if key in self.made:
                at = max(at, self.made[key] + (not self._passes(task, key)))
        for b, version in task.writes:
            if b in self.last:
                last = self.last[b]
                at = max(at, last if self._both_scalars(task, last) else last + 1)
            for group, walks in self.read[b, version - 1]:
                same = isinstance(task, Store) and walks <= {task.walk}
                same = same or self._both_scalars(task, group)
                at = max(at, group if same else group + 1)
        return at

    def _passes(self, task: Task, key: Version | Folded) -> bool:
        """Whether a task may take what was stored from a register, in the loop that stores it."""
        store = None if isinstance(key, Folded) else self.stores.get(key)
        if store is None or store.value.n != store.n or store.stored != store.value.dtype:
            return False
        return _walks(task, store.writes[0], scalars=True) == {store.walk}

    def _both_scalars(self, task: Task, k: int) -> bool:
        """Whether neither is a loop: scalars are all computed first, then stored in order."""
        group = self.groups[k]
        return isinstance(task, Store) and task.n == 1 == group.n and not group.other

    def _enter(self, k: int, task: Task) -> None:
        stored: dict[Value, Value] = {
            v: self.stores[v.buffer, v.version].value
            for v in ordered(values_of(task))
            if isinstance(v, Element) and self.made.get((v.buffer, v.version)) == k
        }
        if stored:
            _with(self.graph, task, stored)
        if task not in self.groups[k].tasks:
            self.groups[k].tasks.append(task)
        if isinstance(task, Fold):
            self.made[task.value] = k
        for version in task.writes:
            self.made[version] = k
            self.last[version[0]] = k
            if isinstance(task, Store):
                self.stores[version] = task
        for version in reads_of(task):
            self.read[version].append((k, _walks(task, version)))


def _space(task: Task) -> tuple[Shape, Folds | None]:
    """The extents of a task's loop, and what it folds in part."""
    if isinstance(task, Other):
        return (), None
    extents: Shape = ()
    if isinstance(task, Partial):
        extents = tuple(n for n in task.extents if n > 1)
    elif isinstance(task, Store):
        extents = task.extents
    for value in values_of(task):
        both = refined(extents, value.extents) if extents and value.extents else None
        extents = both or extents or value.extents
    return extents, task.extents if isinstance(task, Partial) else None


def _met(task: Task) -> set[int]:
    """The buffers that a task's places read and write."""
    places = (v for v in ordered(values_of(task)) if isinstance(v, Element) and v.n > 1)
    return {v.buffer for v in places} | {b for b, _ in task.writes}


def _waits_for(task: Task) -> Iterable[Version | Folded]:
    yield from reads_of(task)
    for value in ordered(values_of(task)):
        if isinstance(value, Folded):
            yield value


def _walks(task: Task, version: Version, scalars: bool = False) -> set[Walk]:
    """How a task walks a buffer that it reads; scalars are known before its loop begins."""
    if isinstance(task, Other):
        return {NOWHERE}
    return {
        (v.offset, v.extents, v.strides)
        for v in ordered(values_of(task))
        if isinstance(v, Element) and (v.buffer, v.version) == version and (scalars or v.n > 1)
    }


def _store_shared(trace: t.Trace, graph: Graph, groups: list[Group]) -> None:
    """Costly values that a later loop wants too are stored by the first that computes them."""
    first: dict[Value, int] = {}
    writers = Counter(b for group in groups for task in group.tasks for b, _ in task.writes)
    for k, group in enumerate(groups):
        apart: dict[Value, Element] = {}
        for task in group.tasks:
            for value in _outermost(task, lambda v: _costly(v) and v in first):
                if value not in apart:
                    apart[value] = _home(trace, graph, groups[first[value]], value, writers)
        group.tasks = [_with(graph, task, apart) for task in group.tasks]
        for value in ordered(v for task in group.tasks for v in values_of(task)):
            first.setdefault(value, k)


def _home(
    trace: t.Trace, graph: Graph, group: Group, value: Value, writers: Counter[int]
) -> Element:
    """The element that reads `value` from where `group` stores it, or stores it from now on."""
    for task in group.tasks:
        if isinstance(task, Store) and task.value is value and task.stored == value.dtype:
            b = task.buffer
            whole = b != HISTORY and task.linear and task.n == trace.buffers[b].size
            if whole and writers[b] == 1 and trace.buffers[b].role == t.TEMPORARY:
                walk = task.extents, task.strides
                found = graph.element(task.writes[0], 0, walk, task.stored, value.dtype)
                assert isinstance(found, Element)
                return found
    store, found = stored_apart(trace, graph, value)
    group.tasks.append(store)
    return found
