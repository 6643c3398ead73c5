"""The checker of plans: what it imports, what it accepts, and what it refuses."""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import overwritten
import pytest
from children import as_python
from microgrest.kernels.steps import proof, trace as t
from microgrest.kernels.steps.plan.graph import Element, Value
from microgrest.kernels.steps.plan.lower import lower
from microgrest.kernels.steps.plan.plan import Group, Plan
from microgrest.kernels.steps.plan.schedule import plan, replaced
from microgrest.kernels.steps.plan.tasks import HISTORY, Fold, Partial, Store
from microgrest.kernels.steps.proof import again, order, races
from microgrest.kernels.steps.proof.places import reached
from microgrest.kernels.steps.proof.tokens import flow
from microgrest.kernels.steps.proof.tokens.tokens import convert, formula, fresh, known
from microgrest.kernels.steps.proof.walks import Walk, disjoint, in_step
from planted_faults import FAULTS, STEPS, trace_of

import microgrest as mg

FOLDER = Path(proof.__file__).parent
# All that the checker may take from the step compiler: data.
DATA = {
    "plan.graph": {"Apply", "Element", "Folded", "Literal", "Rate", "Value"},
    "plan.plan": {"Group", "Plan"},
    "plan.tasks": {"HISTORY", "Fold", "Other", "Partial", "Store", "Task"},
    "trace": {"*"},
}
NAMES = ["momentum", "many_loops", "columns", "both_sums", "counted", "in_parts", "exchange"]
NAMES += ["round_of_three", "two_results_of_one_loop", "embedding", "many_kinds", "products"]


def test_it_shares_no_code_with_the_planner() -> None:
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not any(a.name.startswith("microgrest") for a in node.names), path
            if not isinstance(node, ast.ImportFrom) or node.level < 2:
                continue
            names = {a.name for a in node.names}
            if node.level == 2:
                allowed = DATA.get(node.module or "", set()) if node.module else {"trace"}
                assert names <= allowed, f"{path.name} imports {names - allowed}"
            else:
                assert node.module is None or "steps" not in node.module, path


def plan_of(trace: t.Trace) -> Plan:
    """The plan of a copy of a trace."""
    trace = copy.deepcopy(trace)
    return plan(trace, *lower(trace))


@pytest.fixture(scope="module")
def traces() -> dict[str, t.Trace]:
    """The traces of some steps."""
    return {name: trace_of(STEPS[name]) for name in NAMES}


def refused(found: Plan) -> bool:
    """Whether one of the two refuses a plan."""
    try:
        order.check(found)
        flow.check(found)
    except proof.Refused:
        return True
    return False


# Plans that somebody has meddled with

Meddling = Iterator[Callable[[], None]]


def groups_of(found: Plan) -> list[list[Group]]:
    """The lists in which groups are."""
    return [found.once, found.each]


def loops_swapped(found: Plan) -> Meddling:
    """A loop runs before one that it reads from."""
    for groups in groups_of(found):
        for i, (first, second) in enumerate(pairwise(groups)):
            made = {v for task in first.tasks for v in task.writes}
            folds = {task.value for task in first.tasks if isinstance(task, Fold)}
            if made & read_by(second) or folds & scalars_of(second):

                def swap(groups: list[Group] = groups, i: int = i) -> None:
                    groups[i], groups[i + 1] = groups[i + 1], groups[i]

                yield swap


def tasks_dropped(found: Plan) -> Meddling:
    """Something is not done."""
    for groups in groups_of(found):
        for group in groups:
            for task in group.tasks:

                def drop(
                    groups: list[Group] = groups, group: Group = group, task: Any = task
                ) -> None:
                    group.tasks.remove(task)
                    if not group.tasks:
                        groups.remove(group)

                yield drop


def versions_changed(found: Plan) -> Meddling:
    """A read names another version, or another buffer of the type."""
    for groups in groups_of(found):
        for group in groups:
            for task in group.tasks:
                for v in elements_of(task):
                    yield lambda task=task, v=v: read_instead(
                        found, task, v, v.buffer, v.version + 1
                    )
                    if v.version:
                        yield lambda task=task, v=v: read_instead(found, task, v, v.buffer, 0)


def other_elements(found: Plan) -> Meddling:
    """A read begins somewhere else."""
    for groups in groups_of(found):
        for group in groups:
            for task in group.tasks:
                for v in elements_of(task):
                    if found.trace.buffers[v.buffer].size > 1:
                        yield lambda task=task, v=v: read_instead(found, task, v, v.buffer, None)


def memory_merged(found: Plan) -> Meddling:
    """Two temporaries that live at one time share memory."""
    lives: dict[int, tuple[int, int]] = {}
    for k, group in enumerate([*found.once, *found.each]):
        for b in {b for task in group.tasks for b, _ in task.writes} | {
            b for b, _ in read_by(group)
        }:
            lives[b] = lives.get(b, (k, k))[0], k
    for b, k in found.scratch.items():
        for other, j in found.scratch.items():
            same = found.arrays[k][0] == found.arrays[j][0] and k != j
            (begin, end), (first, last) = lives[b], lives[other]
            if same and begin < first < end and first < last:

                def share(b: int = b, other: int = other) -> None:
                    k, j = found.scratch[b], found.scratch[other]
                    size = max(found.arrays[k][1], found.arrays[j][1])
                    found.arrays[k] = found.arrays[k][0], size
                    found.scratch[other] = k

                yield share


def done_once(found: Plan) -> Meddling:
    """What changes, or needs what changes, is done before the steps."""
    changing = {b for group in found.each for task in group.tasks for b, _ in task.writes}
    for group in found.each:
        written = {b for task in group.tasks for b, _ in task.writes}
        if not (changing - written) & {b for b, _ in read_by(group)}:
            continue

        def hoist(group: Group = group) -> None:
            found.each.remove(group)
            found.once.append(group)

        yield hoist


def stores_moved(found: Plan) -> Meddling:
    """What is written goes to the next element."""
    for groups in groups_of(found):
        for group in groups:
            for task in group.tasks:
                if isinstance(task, (Store, Partial)) and task.buffer != HISTORY:

                    def move(task: Any = task) -> None:
                        task.offset += 1

                    yield move


MEDDLINGS = [
    loops_swapped,
    tasks_dropped,
    versions_changed,
    other_elements,
    memory_merged,
    done_once,
    stores_moved,
]


def read_instead(found: Plan, task: Any, v: Element, b: int, version: int | None) -> None:
    """Let a task read something else in the place of `v`."""
    offset = v.offset if version is not None else v.offset + 1 - 2 * bool(v.offset)
    at = b, v.version if version is None else version
    new = found.graph.element(at, offset, (v.extents, v.strides), v.stored, v.dtype)
    name = "source" if isinstance(task, Fold) else "value"
    setattr(task, name, replaced(found.graph, getattr(task, name), {v: new}))


def elements_of(task: Any) -> list[Element]:
    """What a task reads, of the values that matter."""
    return [v for v in reached(task) if isinstance(v, Element)]


def read_by(group: Group) -> set[tuple[int, int]]:
    """The versions that a group reads."""
    found = {(v.buffer, v.version) for task in group.tasks for v in elements_of(task)}
    return found | set(group.other.reads if group.other else ())


def scalars_of(group: Group) -> set[Value]:
    """The values that a group needs."""
    return {v for task in group.tasks for v in reached(task)}


@pytest.mark.parametrize("meddle", MEDDLINGS)
def test_plans_that_somebody_meddled_with_are_refused(
    meddle: Callable[[Plan], Meddling], traces: dict[str, t.Trace]
) -> None:
    tried = 0
    for name, trace in traces.items():
        found = plan_of(trace)
        assert not refused(found), name
        count = len([*meddle(found)])
        for k in random.Random(name).sample(range(count), min(count, 6)):
            changed = copy.deepcopy(found)
            [*meddle(changed)][k]()
            assert refused(changed), f"{name}, {k}"
            tried += 1
    assert tried >= 10


# Faults of the planner


def test_planted_faults_are_caught() -> None:
    as_python("planted_faults.py")
    assert len(FAULTS) >= 15


def test_a_plan_that_is_refused_makes_room_for_a_plain_one() -> None:
    fault = FAULTS["nothing_is_set_aside_nor_asserted"].plant
    (eager, theirs), (fn, ours) = (overwritten.exchange_of_transposed() for _ in range(2))
    step = mg.compile(fn)
    with fault(), pytest.warns(RuntimeWarning, match="was refused, since version 0 of .*report"):
        for _ in range(4):
            eager()
            step()
    assert overwritten.distance(ours, theirs) <= overwritten.EXACT


def test_an_assertion_of_the_planner_makes_room_for_a_plain_plan() -> None:
    fn, _ = overwritten.exchange_of_transposed()
    step = mg.compile(fn)
    with FAULTS["nothing_is_set_aside"].plant():
        step()
        with pytest.warns(RuntimeWarning, match="memory has changed since"):
            step()


def test_a_step_without_any_plan_that_is_proved_does_not_run() -> None:
    fn, tensors = overwritten.exchange()
    before = [x.clone() for x in tensors]
    step = mg.compile(fn)
    step()
    fn_refused = patch.object(flow, "check", side_effect=proof.Refused("it is wrong"))
    with (
        fn_refused,
        pytest.warns(RuntimeWarning, match="it is wrong"),
        pytest.raises(RuntimeError, match="cannot be compiled: no plan of it is proved, since it"),
    ):
        step()
    assert overwritten.distance(tensors, before) > 0


def test_what_was_proved_is_looked_at_again_only_if_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[int] = []
    monkeypatch.setattr(proof, "always", False)
    monkeypatch.setattr(flow, "check", lambda found, more: looked.append(more))
    scale = float(np.random.default_rng().random())  # of which nothing was proved before

    def calls(verify: int) -> None:
        x = mg.ones(3)
        step = mg.compile(lambda: x * scale, verify=verify)
        for _ in range(3):
            step()

    calls(0)
    calls(0)
    assert len(looked) == 1
    calls(1)
    assert len(looked) == 2 and looked[1] > looked[0]


# What is right


def test_memory_that_nobody_has_written() -> None:
    (a,) = overwritten.numbers((40,))

    def step() -> Any:
        x, y = mg.empty(40, dtype=mg.float64), mg.empty(3, dtype=mg.float64)
        x[3:] = a[3:]
        return x, y, y[1:] * x[:2], x[3:].sum()

    found = plan_of(trace_of(lambda: (step, [])))
    assert not refused(found)


def test_folds_of_nothing() -> None:
    x, e = mg.zeros(0, 3), mg.zeros(3, 0)
    found = plan_of(trace_of(lambda: (lambda: (x.sum(0) + 1, x.sum(), e.sum(1), x.t() @ x), [])))
    assert not refused(found)


def test_an_element_that_is_written_twice_at_once() -> None:
    a, b, o = overwritten.numbers((1,), (1,), (1,))

    def step() -> None:
        x = a * 0.9
        a.copy_(b + 0.5)
        b.copy_(x)
        o.copy_(b.cumsum(0))
        a.copy_(x * 2.0)

    found = plan_of(trace_of(lambda: (step, [])))
    written = [b for b, _ in (w for task in found.each[0].tasks for w in task.writes)]
    assert len(written) > len({*written})  # the last is what stays
    assert not refused(found)
    found.each[0].tasks.reverse()
    assert refused(found)


# Its parts


def test_walks_meet_where_their_elements_do() -> None:
    chance = random.Random(0)
    for _ in range(1500):
        n = [chance.choice([1, 2, 3, 4]) for _ in range(chance.randint(0, 3))]
        one, other = (
            Walk(chance.randint(0, 20), tuple(n), tuple(chance.randint(-6, 6) for _ in n))
            for _ in range(2)
        )
        a, b = (
            [w.offset + int(np.dot(i, w.strides)) for i in np.ndindex(*n)] for w in (one, other)
        )
        assert one.all().tolist() == a == one.plain.all().tolist()
        assert one.ends == (min(a), max(a))
        assert one.apart == (len({*a}) == len(a))
        assert disjoint(one, other) == ({*a}.isdisjoint(b))
        alone = len({*a}) == len(a)
        meets = any(x == y for i, x in enumerate(a) for j, y in enumerate(b) if i != j)
        assert in_step(one, other) == (disjoint(one, other) or (alone and not meets)) or not alone
        elements = np.arange(-80, 100)
        places = one.find(elements)
        assert {int(x) for x in elements[places >= 0]} == {*a}
        assert all(
            a[p] == x for x, p in zip(elements.tolist(), places.tolist(), strict=True) if p >= 0
        )


def value(text: str, **given: Any) -> Any:
    """The tokens of a formula in float32."""
    tokens = {
        k: known(x) if isinstance(x, float) else fresh(x, np.arange(3)) for k, x in given.items()
    }
    return formula(text, "float32")(tokens)


def same(one: Any, other: Any) -> bool:
    """Whether tokens are equal."""
    return bool((one.code == other.code).all())


def test_tokens_follow_the_rules_of_algebra() -> None:
    given = {"x": 1, "y": 2, "k": 0.5}
    equal = [
        ("({x} + {y}) * {x}", "{x} * {x} + {y} * {x}"),
        ("pow({x}, 3)", "{x} * {x} * {x}"),
        ("({x} * {k}) / {y}", "{x} / ({y} * 2)"),
        ("-(-{x})", "{x}"),
        ("{x} / 0.1", "{x} * (1 / 0.1)"),
        ("{x} if {k} > 0.25 else {y}", "{x}"),
        ("exp({x} + {y})", "exp({y} + {x})"),
    ]
    for one, other in equal[:4] + equal[5:]:
        assert same(value(one, **given), value(other, **given)), one
    different = [
        "{x} + {y}",
        "{x} - {y}",
        "{x} * {y}",
        "exp({x})",
        "log({x})",
        "{x} < {y}",
        "{x} > {y}",
    ]
    different += ["{x} if {y} > 0 else {k}", "max({x}, {y})", "pow({x}, {y})", "{x}", "{y}", "{k}"]
    codes = [value(text, **given).code for text in different]
    assert len({int(code[0]) for code in codes}) == len(different)


def test_numbers_are_computed_with_as_their_type_does() -> None:
    total = value("{a} + {b}", a=0.1, b=0.2)
    assert total.number[0] == float(np.float32(0.1) + np.float32(0.2))
    assert total.number[0] != 0.1 + 0.2
    assert convert(known(2.7), "float64", "int64").number[0] == 2
    assert convert(known(2.0), "int64", "bool").number[0] == 1
    assert same(value("{x} * {a}", x=1, a=1.0), value("{x}", x=1))
    assert not same(convert(fresh(1, np.arange(1)), "float32", "int64"), fresh(1, np.arange(1)))


@pytest.mark.parametrize("name", ["momentum", "both_sums", "columns", "many_kinds"])
def test_no_barrier_is_left_out(name: str, traces: dict[str, t.Trace]) -> None:
    pytest.importorskip(
        "numba_cuda", reason="numba-cuda is not installed: pip install 'microgrest[cuda13]'"
    )
    from microgrest.kernels.steps.cuda.block import block_source

    text = block_source(plan_of(traces[name]), 8)[0].text
    races.check(text)
    lines = text.splitlines()
    barriers = [k for k, line in enumerate(lines) if line.strip() == "cuda.syncthreads()"]
    with pytest.raises(proof.Refused, match="threads meet in"):
        races.check("\n".join(line for line in lines if line.strip() != "cuda.syncthreads()"))
    seen = 0
    for k in barriers:
        try:
            races.check("\n".join(lines[:k] + lines[k + 1 :]))
        except proof.Refused:
            seen += 1
    # Some are there to be safe: where each thread finds what it left, none would be needed.
    assert seen > len(barriers) / 2


KERNEL = """
LAUNCH_BOUNDS = 8
def kernel(steps, x, y):
    thread = np.int64(cuda.threadIdx.x)
    {0}
"""


@pytest.mark.parametrize(
    ("lines", "meets"),
    [
        ("x[thread] = 1; y[thread] = x[thread]", False),
        ("x[thread] = 1; y[thread] = x[thread + 1]", True),
        ("x[thread] = 1; y[thread] = x[thread + 8]", False),
        ("x[thread // 2] = 1; y[thread] = x[thread // 2]", True),
        ("x[thread] = 1; cuda.syncthreads(); y[thread] = x[thread + 1]", False),
        ("x[0] = 1; y[thread] = x[0]", True),
        ("x[1] = 1; y[thread] = x[0]", False),
    ],
)
def test_threads_that_meet(lines: str, meets: bool) -> None:
    text = KERNEL.format("\n    ".join(lines.split("; ")))
    if not meets:
        races.check(text)
        return
    with pytest.raises(proof.Refused, match="threads meet in x"):
        races.check(text)


def test_blocks_know_no_barriers() -> None:
    text = KERNEL.format("x[thread] = 1\n    cuda.syncthreads()\n    y[thread] = x[thread + 1]")
    races.check(text, blocks=1)
    with pytest.raises(proof.Refused, match="threads meet in x"):
        races.check(text, blocks=2)


def test_a_barrier_that_some_threads_never_meet() -> None:
    text = KERNEL.format("if thread == 0:\n        cuda.syncthreads()")
    with pytest.raises(proof.Refused, match="not all threads"):
        races.check(text)


def test_a_block_that_is_done_again() -> None:
    loop = "def loop0_near(start, stop, x, y):\n    y[0] = x[0]\n"
    text = loop + "def run(a, b):\n    loop0_near(0, 1, {0}, b)"
    again.check(text.format("a"))
    with pytest.raises(proof.Refused, match="may be done again, and writes b"):
        again.check(text.format("b"))
