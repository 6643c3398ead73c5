"""Faults in the planner, planted one at a time, and who catches each.

`python planted_faults.py` plants all of them, each on a few steps, and fails where it is not caught
by those who are named, or by others; `find N` looks for the first random step that catches each.
In the order in which they come to see it:

    planner  its own assertions
    order    the checker: versions of memory, and loops whose places meet
    shared   the checker: loops of equal text, which are one function, are called with other arrays
    again    the checker: blocks that are done again
    flow     the checker: what is left in memory
    races    the checker: threads of a GPU's block that meet
    kernels  the checker: blocks of a GPU that meet, and kernels in another order
    steps    the step does not do what eager mode does, in the interpreter, with no checker
    random   neither does the random step of a seed

Whom a fault gets past, and why: `steps` sees nothing of races, which need threads; nor of a fault
that is harmless as the loops happen to run, which `order` refuses all the same.
"""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import overwritten
from microgrest.kernels.steps import build, cuda, proof, trace as t
from microgrest.kernels.steps.cpu import loops, module as cpu
from microgrest.kernels.steps.plan import graph, lifetimes, lower, memory, schedule, steady, tasks
from microgrest.kernels.steps.plan.graph import Folded
from microgrest.kernels.steps.proof import again, order, races, shared
from microgrest.kernels.steps.proof.tokens import flow
from programs import PROGRAMS
from random_steps import drawn
from twins import check

import microgrest as mg
from microgrest.compiler.call.step import Step

try:
    from microgrest.kernels.steps.cuda import block, several
    from microgrest.kernels.steps.cuda.threads import hazards
except ImportError:  # numba-cuda is not installed: no faults are planted in kernels of a GPU
    gpu = False
else:
    gpu = True

Patches = Iterator[None]
Plant = Callable[[], AbstractContextManager[None]]
THREADS = 8


class Fault(NamedTuple):
    """What is planted, on which steps it shows, who catches it, and a random step that does."""

    plant: Plant
    steps: tuple[str, ...]
    caught: set[str]
    seed: int | None


FAULTS: dict[str, Fault] = {}


def fault(steps: str, caught: str, seed: int | None = None) -> Callable[[Plant], Plant]:
    """Enter a fault."""

    def enter(plant: Plant) -> Plant:
        FAULTS[plant.__name__] = Fault(plant, tuple(steps.split()), set(caught.split()), seed)
        return plant

    return enter


# Steps on which faults show, beside those of `overwritten` and `programs`


def columns() -> Any:
    """Sums of columns that go back into what was summed; a loop that needs sines."""
    (a, b), (r,) = overwritten.numbers((5, 6), (6,)), overwritten.numbers((6,))

    def step() -> None:
        r.add_(a.sum(0) * 0.1)
        a.mul_(0.5).add_(r)
        b.copy_(mg.sin(b) * 1e12)

    return step, [a, b, r]


def equal_layers() -> Any:
    """Two loops of the same text over other memory."""
    (a, b) = overwritten.numbers((5, 6), (5, 6))

    def step() -> None:
        a.mul_(0.5).add_(1.0)
        b.mul_(0.5).add_(1.0)

    return step, [a, b]


def in_parts() -> Any:
    """What is written as a whole, and then in part."""
    (a, o, p) = overwritten.numbers((5,), (5,), (5,))

    def step() -> None:
        o.copy_(a * 2.0)
        o[1] = a.sum() * 0.1
        p.copy_(o + 1.0)
        a.mul_(0.9)

    return step, [a, o, p]


def both_sums() -> Any:
    """Sums of rows and of columns."""
    (a, r, c) = overwritten.numbers((4, 6), (4,), (6,))

    def step() -> None:
        r.add_(a.sum(1) * 0.1)
        c.add_(a.sum(0) * 0.1)
        a.mul_(0.9)

    return step, [a, r, c]


def many_loops() -> Any:
    """Temporaries that come and go."""
    (a, o) = overwritten.numbers((6, 6), (6, 6))

    def step() -> None:
        x = a.cumsum(0)
        y = x.t().cumsum(1) + x
        z = (y * 0.5).flip(1).cumsum(0)
        o.copy_((z + a.t()).cumsum(1) * 0.01)
        a.copy_(o.t() * 0.5)

    return step, [a, o]


def chosen() -> Any:
    """Steps with numbers of which something is left."""
    (a, o) = overwritten.numbers((9,), (9,))

    def step() -> Any:
        o.copy_(a**3 + mg.where(mg.ones(9, dtype=mg.float64) > 0.5, a, -a))
        a.mul_(0.9)
        return (a * 4.0).sum() + (2.0 * o).mean()

    return step, [a, o]


def counted() -> Any:
    """What changes from step to step, and what does not."""
    (a, fixed) = overwritten.numbers((8,), (8, 8))
    w = overwritten.numbers((8,))[0].requires_grad_()
    rule = mg.optim.Adam([w], lr=0.01)

    def step() -> Any:
        rule.zero_grad()
        loss = ((mg.sin(mg.exp(fixed)) @ w) - mg.tanh(mg.sin(mg.exp(a)))).square().sum()
        loss.backward()
        rule.step()
        a.add_(mg.rand(8, dtype=mg.float64) * 0.1)
        return loss

    return step, [a, w]


STEPS: dict[str, Callable[[], Any]] = {
    make.__name__: make
    for make in (
        columns,
        equal_layers,
        in_parts,
        both_sums,
        many_loops,
        chosen,
        counted,
        *overwritten.IN_PLACE,
    )
} | PROGRAMS


# Faults of lowering


@contextmanager
def _unasserted() -> Patches:
    """With no assertion where a task is emitted."""

    def emit(self: Any, task: Any) -> None:
        task.origin = self.graph.origin
        self.tasks.append(task)

    with patch.object(memory.Memory, "emit", emit):
        yield


@fault("exchange_of_transposed", "planner random", 0)
@contextmanager
def nothing_is_set_aside() -> Patches:
    """What is in flight is not stored apart when what it reads is overwritten: this fault."""
    with patch.object(memory.Memory, "set_aside", lambda self, b: None):
        yield


@fault("exchange_of_transposed", "order flow steps random", 2)
@contextmanager
def nothing_is_set_aside_nor_asserted() -> Patches:
    """The same, with the planner's own assertion gone."""
    with _unasserted(), nothing_is_set_aside():
        yield


@fault("strided_after_a_write", "order flow steps random", 27)
@contextmanager
def contents_are_not_protected() -> Patches:
    """Values that wait in buffers do not see that memory which they read is overwritten."""

    def protect(self: Any, b: int) -> None:
        self.contents.pop(b, None)

    with _unasserted(), patch.object(memory.Memory, "protect", protect):
        yield


@fault("in_parts", "flow steps random", 6)
@contextmanager
def contents_outlive_a_write_to_a_part() -> Patches:
    """A buffer's value is kept when a part of the buffer is written."""
    protect = memory.Memory.protect

    def keep(self: Any, b: int) -> None:
        value = self.contents.get(b)
        protect(self, b)
        if value is not None:
            self.contents[b] = value

    with patch.object(memory.Memory, "protect", keep):
        yield


@fault("many_loops", "flow steps random", 10)
@contextmanager
def any_walk_covers() -> Patches:
    """A view that goes through a buffer in another order is taken for the buffer."""

    def covers(self: Any, b: int, extents: Any, strides: Any) -> bool:
        return bool(np.prod(extents) == self.buffers[b].size)

    with patch.object(memory.Memory, "_covers", covers):
        yield


@fault("itself_transposed", "order steps random", 30)
@contextmanager
def in_place_by_another_walk() -> Patches:
    """A loop may write what it reads elsewhere."""
    with patch.object(memory.Memory, "_alike", lambda *_: True):
        yield


@fault("momentum", "order random", 0)
@contextmanager
def a_version_too_old() -> Patches:
    """Reads name the version before the one that is there."""
    read = memory.Memory._read

    def stale(self: Any, reading: Any) -> Any:
        b = reading.view.buffer
        shift = self.versions[b] > 0
        self.versions[b] -= shift
        value = read(self, reading)
        self.versions[b] += shift
        return value

    with _unasserted(), patch.object(memory.Memory, "_read", stale):
        yield


@fault("chosen", "flow steps random", 0)
@contextmanager
def two_is_one() -> Patches:
    """2 * x is x."""
    same = graph._is

    def near(value: Any, number: float) -> bool:
        return same(value, number) or same(value, number + 1)

    with patch.object(graph, "_is", near):
        yield


@fault("chosen", "flow steps random", 2)
@contextmanager
def a_power_of_two_is_lost() -> Patches:
    """The sum of 4 * x is that of x."""
    split = lower.split
    with patch.object(lower, "split", lambda *args: (1.0, split(*args)[1])):
        yield


@fault("chosen", "flow steps")
@contextmanager
def the_other_arm() -> Patches:
    """A condition that is known chooses what it is not for."""
    choose = graph._chosen

    def other(graph: Any, tree: Any, values: Any, compute: str) -> Any:
        tree = copy.copy(tree)
        tree.body, tree.orelse = tree.orelse, tree.body
        return choose(graph, tree, values, compute)

    with patch.object(graph, "_chosen", other):
        yield


# Faults of the schedule


@fault("momentum exchange", "flow steps random", 0)
@contextmanager
def a_store_is_dropped() -> Patches:
    """The last store to something that outlives the step counts as dead."""
    alive = lower.alive

    def fewer(trace: Any, found: Any) -> Any:
        kept = alive(trace, found)
        stores = [k for k in kept if isinstance(k, tasks.Store) and k.buffer != tasks.HISTORY]
        return [k for k in kept if k is not stores[-1]]

    with patch.object(lower, "alive", fewer):
        yield


@fault("sum_with_a_transposed itself_transposed", "order flow steps random", 0)
@contextmanager
def two_loops_swapped() -> Patches:
    """Loops run in another order."""
    run = schedule._Grouping.run

    def swapped(self: Any, found: Any) -> Any:
        groups = run(self, found)
        return [*groups[:-2], groups[-1], groups[-2]]

    with patch.object(schedule._Grouping, "run", swapped):
        yield


@fault("both_sums exchange_of_transposed", "order flow steps random", 16)
@contextmanager
def readers_are_forgotten() -> Patches:
    """Who overwrites does not wait for who reads."""
    earliest = schedule._Grouping._earliest

    def early(self: Any, task: Any) -> int:
        self.read.clear()
        return int(earliest(self, task))

    with patch.object(schedule._Grouping, "_earliest", early):
        yield


@fault("exchange_of_transposed", "order steps random", 16)
@contextmanager
def readers_by_other_walks_share_the_loop() -> Patches:
    """A loop may overwrite what it reads in another order."""
    walks = schedule._walks

    def none(task: Any, version: Any, scalars: bool = False) -> Any:
        return walks(task, version, scalars) if scalars else set()

    with patch.object(schedule, "_walks", none):
        yield


@fault("embedding", "order flow steps random", 1)
@contextmanager
def folds_are_not_waited_for() -> Patches:
    """What needs a fold may run before it."""
    with patch.object(schedule, "_waits_for", lambda task: iter(tasks.reads_of(task))):
        yield


@fault("many_loops sum_with_a_transposed", "flow steps random", 10)
@contextmanager
def registers_of_other_places() -> Patches:
    """What a loop has stored is taken from the register, wherever it is read."""

    def passes(self: Any, task: Any, key: Any) -> bool:
        store = None if isinstance(key, Folded) else self.stores.get(key)
        walks = [] if store is None else schedule._walks(task, key, scalars=True)
        return any(math_prod(extents) == store.n for _, extents, _ in walks)

    with patch.object(schedule._Grouping, "_passes", passes):
        yield


def math_prod(extents: tuple[int, ...]) -> int:
    """The number of places."""
    return int(np.prod(extents, dtype=np.int64))


@fault("both_sums", "order steps")
@contextmanager
def folds_of_other_places_share_a_loop() -> Patches:
    """Loops that fold rows and columns are merged."""
    joins = schedule._Grouping._joins

    def join(self: Any, group: Any, task: Any, extents: Any, folds: Any, once: bool) -> bool:
        found = joins(self, group, task, extents, None, once)
        group.folds = folds or group.folds
        return bool(found)

    with patch.object(schedule._Grouping, "_joins", join):
        yield


# Faults of what is done once


@fault("many_loops counted", "order flow steps random", 0)
@contextmanager
def inputs_never_change() -> Patches:
    """What is computed from an input that steps write is done once."""
    once = steady.Steady._of

    def always(self: Any, v: Any) -> bool:
        return True if isinstance(v, graph.Element) else bool(once(self, v))

    with patch.object(steady.Steady, "_of", always):
        yield


@fault("counted", "order flow steps random", 5)
@contextmanager
def draws_never_change() -> Patches:
    """Random numbers are drawn once."""
    with patch.object(steady, "_draws", lambda op: False):
        yield


# Faults of memory


@fault("embedding", "order steps random", 7)
@contextmanager
def memory_is_shared_a_loop_too_early() -> Patches:
    """A temporary makes room for another in the loop before its last."""
    lives = lifetimes._lives

    def short(plan: Any) -> Any:
        return {b: (begin, max(begin, end - 1)) for b, (begin, end) in lives(plan).items()}

    with patch.object(lifetimes, "_lives", short):
        yield


@fault("counted", "order flow steps random", 0)
@contextmanager
def what_is_done_once_makes_room() -> Patches:
    """Memory of what was done before the steps is used in them."""
    lives = lifetimes._lives

    def short(plan: Any) -> Any:
        last = len(plan.once)
        return {b: (i, min(j, last) if i < last else j) for b, (i, j) in lives(plan).items()}

    with patch.object(lifetimes, "_lives", short):
        yield


# Faults of what writes the loops


@fault("columns", "again steps")
@contextmanager
def a_block_is_done_again_in_place() -> Patches:
    """A loop is done again after it has overwritten its input."""

    def guarded(self: Any) -> bool:
        return any(self.names.vector(f, d) for f, d in loops.calls(self._inner()))

    with patch.object(loops.Loop, "guarded", property(guarded)):
        yield


@fault("equal_layers", "shared steps")
@contextmanager
def calls_take_the_arrays_of_others() -> Patches:
    """A call of a function that loops share takes the arrays of another call."""
    written = cpu.Module._groups

    def exchanged(self: Any, groups: Any) -> list[str]:
        lines = written(self, groups)
        met: dict[str, int] = {}
        for k, line in enumerate(lines):
            first = met.setdefault(line.partition("(")[0], k)
            if line.startswith("loop") and lines[first] != line:
                lines[k] = lines[first]
        return lines

    with patch.object(cpu.Module, "_groups", exchanged):
        yield


@fault("momentum columns", "races kernels")
@contextmanager
def no_barrier_after_a_write() -> Patches:
    """Threads of a block read what others write with no barrier in between."""
    before = hazards.Hazards.before

    def writes_alone(self: Any, reads: Any = (), writes: Any = ()) -> Any:
        return before(self, (), writes)

    with patch.object(hazards.Hazards, "before", writes_alone):
        yield


@fault("momentum", "races")
@contextmanager
def no_barrier_between_steps() -> Patches:
    """What is open at the end of a step is not where the next begins."""
    with patch.object(hazards.Hazards, "join", lambda self, other: None):
        yield


@fault("momentum both_sums", "kernels")
@contextmanager
def two_kernels_swapped() -> Patches:
    """The last two kernels of a step run in another order."""
    queued = several.Several._queued

    def swapped(self: Any, groups: Any) -> Any:
        items = queued(self, groups)
        return [*items[:-2], *reversed(items[-2:])]

    with patch.object(several.Several, "_queued", swapped):
        yield


@fault("counted", "kernels")
@contextmanager
def scalars_too_late() -> Patches:
    """What a kernel leaves for others comes after these."""
    close = several.Several._close

    def late(self: Any) -> None:
        if sys._getframe(1).f_code.co_name == "_queued":
            close(self)

    with patch.object(several.Several, "_close", late):
        yield


@fault("one_element_of_many", "kernels")
@contextmanager
def blocks_read_what_others_overwrite() -> Patches:
    """Scalars that a loop of many blocks overwrites are not kept for it."""
    with patch.object(several, "overwritten", lambda places: []):
        yield


# Who catches them


def trace_of(make: Callable[[], Any]) -> t.Trace:
    """What a step does."""
    found: list[t.Trace] = []

    def note(trace: t.Trace) -> t.Native:
        found.append(copy.deepcopy(trace))
        return t.Native()

    step = Step(make()[0], build=note)
    step()
    step()
    return found[-1]


def caught(found: t.Trace, make: Callable[[], Any]) -> set[str]:
    """Who sees that the plan of a trace is wrong."""
    trace = copy.deepcopy(found)
    try:
        plan = schedule.plan(trace, *lower.lower(trace))
    except AssertionError:
        return {"planner"}
    except Exception as error:  # it cannot be finished
        return {f"planner {error!r}"}
    seen = set()
    if _refused(lambda: order.check(plan)):
        seen.add("order")
    if _refused(lambda: flow.check(plan)):
        seen.add("flow")
    with suppress(AssertionError, KeyError):  # of those who would write it
        source, _ = cpu.source(plan, False)
        if _refused(lambda: again.check(source)):
            seen.add("again")
        if _refused(lambda: shared.check(plan, source)):
            seen.add("shared")
        if gpu and _refused(lambda: races.check(block.block_source(plan, THREADS)[0].text)):
            seen.add("races")
        if gpu and _refused(lambda: cuda.check(several.Several(plan))):
            seen.add("kernels")
    return seen | ({"steps"} if _differs(make) else set())


def _refused(look: Callable[[], None]) -> bool:
    try:
        look()
    except proof.Refused:
        return True
    return False


def _differs(make: Callable[[], Any]) -> bool:
    """Whether a step, called and repeated, does other than eager mode does, or nothing at all."""
    mg.manual_seed(1)
    eager, theirs = make()
    expected = [_arrays([eager(), theirs]) for _ in range(7)][-1]
    mg.manual_seed(1)
    fn, ours = make()
    with patch.object(proof, "check", lambda *_: None):
        step = Step(fn, build=_unchecked)
        try:
            for _ in range(4):
                step()
            found = _arrays([step.repeat(3), ours])
        except Exception:
            return True
    pairs = zip(_flat(found), _flat(expected), strict=True)
    return not all(np.allclose(x, y, rtol=1e-5, atol=1e-7, equal_nan=True) for x, y in pairs)


def _random_differs(seed: int) -> bool:
    """Whether the random step of a seed, with no checker, does other than eager mode does."""
    with patch.object(proof, "check", lambda *_: None):
        return check(drawn(seed), lambda fn: Step(fn, build=_unchecked)).failed


def _unchecked(trace: t.Trace) -> t.Native:
    """What runs a plan, wrong as it may be."""
    return build._built(trace, False, False)


def found_by_random_steps(last: int) -> None:
    """Print, for each fault, the first seed before `last` that catches it."""
    right = [seed for seed in range(last) if not _random_differs(seed)]
    for name, fault in FAULTS.items():
        with fault.plant():
            print(name, next(filter(_random_differs, right), None), flush=True)


def _arrays(value: Any) -> Any:
    if isinstance(value, dict):
        value = [*value.values()]
    if isinstance(value, (list, tuple)):
        return [_arrays(v) for v in value]
    return value.detach().numpy().astype(float) if isinstance(value, mg.Tensor) else []


def _flat(value: Any) -> list[Any]:
    return [x for v in value for x in _flat(v)] if isinstance(value, list) else [value]


def main(names: list[str]) -> None:
    """Plant them."""
    np.seterr(all="ignore")
    warnings.simplefilter("ignore")
    wrong = []
    traces: dict[str, t.Trace] = {}
    for seed in {fault.seed for fault in FAULTS.values()} - {None}:
        assert not _random_differs(seed), f"seed {seed} is wrong with no fault at all"
    for name in names or FAULTS:
        plant, steps, wanted, seed = FAULTS[name]
        if not gpu and wanted <= {"races", "kernels"}:
            continue
        for step in steps:
            traces[step] = traces.get(step) or trace_of(STEPS[step])
            assert not caught(traces[step], STEPS[step]), f"{step} is wrong with no fault at all"
        with plant():
            found = {step: caught(traces[step], STEPS[step]) for step in steps}
            by_chance = seed is not None and _random_differs(seed)
        together = set().union(*found.values(), {"random"} if by_chance else ())
        print(f"{name}: {found}")
        if together != wanted:
            wrong.append(f"{name} is caught by {together or None}, not {wanted}: {found}")
    assert not wrong, "\n".join(wrong)


if __name__ == "__main__":
    if sys.argv[1:2] == ["find"]:
        found_by_random_steps(int(sys.argv[2]))
    else:
        main(sys.argv[1:])
