"""Which of the two: one block that runs all steps in a single launch, or kernels for all blocks.

A launch that waits for the one before takes a GPU about 2.5 us from end to end, however little it
does; within a block a barrier takes 0.03 us. But a block has one multiprocessor, of which a GPU has
some hundred. So the times of both are estimated from what a step has to do, at the rates at which
a multiprocessor works by NVIDIA's tables (CUDA programming guide, arithmetic instructions; H100
white paper), and the shorter one is taken. They depend on the step alone, never on the GPU at hand,
so that results are the same on all.
"""

from __future__ import annotations

from typing import NamedTuple

from .. import trace as t
from ..plan.graph import Apply, Element, cost, ordered
from ..plan.plan import Group, Plan
from ..plan.tasks import Fold, Partial, Store, values_of
from .calls import fits

LARGEST = 1 << 16  # places: 128 to each of 512 threads, which is as long as float32 lanes get
LAUNCH = 2.5  # us, of a kernel that waits for the one before
BARRIER = 0.03  # us
ACCESSES = 32 * 1.5e3  # elements a us that one multiprocessor loads or stores
OPERATIONS = 128 * 1.5e3  # operations a us of its lanes
STEPS = 0.03  # us: a load that depends on the one before, as in loops over one line
MULTIPROCESSORS = 100
FEWEST, MOST = 128, 512  # threads of a block
FEW = 8  # loops, beyond which addresses take more registers than 512 threads can have


class Choice(NamedTuple):
    """What was chosen, and why: estimated times of a step in us, and the largest loop."""

    one_block: bool
    block: float
    grid: float
    places: int

    def __str__(self) -> str:
        if self.places > LARGEST:
            return f"a loop of {self.places:,} places is more than one block does"
        return f"a step takes one block about {self.block:.1f} us, kernels {self.grid:.1f} us"


def choose(plan: Plan) -> Choice:
    """Whether one block is to run the steps."""
    places = max((group.n for group in plan.each), default=1)
    fit = all(fits(g.other.op) for g in (*plan.once, *plan.each) if g.other)
    works = [_work(group) for group in plan.each]
    block = sum(BARRIER + work for work in works)
    grid = LAUNCH * launches(plan) + sum(works) / MULTIPROCESSORS
    return Choice(fit and places <= LARGEST and block <= grid, block, grid, places)


def launches(plan: Plan) -> int:
    """About how many kernels a step is, where it is not one block."""
    count, scalars = 0, False
    for group in plan.each:
        if group.n == 1 and not group.other:
            count, scalars = count + (not scalars), True
            continue
        if group.other:
            op = group.other.op
            count += op.kind.cost_of(op.params, op.metas, op.sizes).launches
            scalars = False
            continue
        folds = any(isinstance(task, Fold) for task in group.tasks)
        count, scalars = count + 1 + folds, folds
    return count


def threads_of(plan: Plan) -> int:
    """The threads of the one block: about four places to each in the largest loop."""
    most = MOST if len(plan.each) <= FEW else MOST // 2
    groups = (*plan.once, *plan.each)
    places = max((max(group.n, _results(group)) for group in groups), default=1)
    wanted = 1 << max(-(-places // 4) - 1, 0).bit_length()
    return min(max(wanted, FEWEST), most)


def _results(group: Group) -> int:
    """The most elements that a call writes to an operand."""
    if not group.other:
        return 1
    op = group.other.op
    pairs = zip(op.kind.operands(op.params), op.operands, strict=True)
    return max((x.size for o, x in pairs if o.writes), default=1)


def _work(group: Group) -> float:
    """About the time of a group on one multiprocessor, in us."""
    if group.other:
        return _of_call(group.other.op)
    values = list(ordered(v for task in group.tasks for v in values_of(task)))
    operations = sum(cost(v.formula) * v.n for v in values if isinstance(v, Apply))
    accesses = sum(v.n for v in values if isinstance(v, Element))
    accesses += sum(task.n for task in group.tasks if isinstance(task, Store))
    folds = sum(isinstance(task, (Fold, Partial)) for task in group.tasks)
    meeting = 10 * BARRIER if folds else 0.0
    return accesses / ACCESSES + (operations + folds * group.n) / OPERATIONS + meeting


def _of_call(op: t.Call) -> float:
    takes = op.kind.cost_of(op.params, op.metas, op.sizes)
    shared = max(takes.accesses / ACCESSES, takes.operations / OPERATIONS)
    return shared + takes.waits * STEPS + takes.barriers * BARRIER
