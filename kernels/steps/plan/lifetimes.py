"""Which temporaries of a step share memory: those whose lives do not overlap."""

from __future__ import annotations

from collections import defaultdict

from .. import trace as t
from .plan import Plan
from .tasks import HISTORY, reads_of


def share_memory(plan: Plan, shared: bool = True) -> None:
    """Give each temporary an array; those of one step whose lives do not overlap may share one."""
    lives = _lives(plan)
    free: dict[str, list[tuple[int, int]]] = defaultdict(list)  # dtype: (last use, array)
    for b, (begin, end) in sorted(lives.items(), key=lambda item: item[1]):
        buffer = plan.trace.buffers[b]
        candidates = [f for f in free[buffer.dtype] if shared and f[0] < begin]
        if candidates:
            best = max(candidates, key=lambda f: plan.arrays[f[1]][1])
            free[buffer.dtype].remove(best)
            array = best[1]
            plan.arrays[array] = buffer.dtype, max(buffer.size, plan.arrays[array][1])
        else:
            array = len(plan.arrays)
            plan.arrays.append((buffer.dtype, buffer.size))
        plan.scratch[b] = array
        free[buffer.dtype].append((end, array))


def _lives(plan: Plan) -> dict[int, tuple[int, int]]:
    """The first and the last group of a step that use each temporary."""
    lives: dict[int, tuple[int, int]] = {}
    groups = [*plan.once, *plan.each]
    for k, group in enumerate(groups):
        used = {b for task in group.tasks for b, _ in (*task.writes, *reads_of(task))}
        for b in used:
            if b != HISTORY and plan.trace.buffers[b].role == t.TEMPORARY:
                begin, _ = lives.get(b, (k, k))
                # What was made before the steps has to last through all of them.
                end = len(groups) if begin < len(plan.once) else k
                lives[b] = begin, end
    return lives
