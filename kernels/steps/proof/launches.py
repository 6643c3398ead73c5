"""Launches: whether kernels that follow one another do a plan's groups in the plan's order.

Each kernel's source is read for the arrays that it reads and writes. A group is done by the first
kernel, from that of the group before on, which writes what the group writes and reads what its
places read; results of folds in part may come from the kernel after it. What kernels leave for one
another, scalars and parts of folds, is written before it is read.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from ..plan.graph import Element
from ..plan.plan import Group
from ..plan.tasks import HISTORY, Other, Partial, Store
from .places import Refused, reached

_LEFT = re.compile(r"(kept|left|part)_\w+")


class Touched(NamedTuple):
    """What a kernel reads and writes; elements that are left by their numbers, `kept[3]`."""

    read: frozenset[str]
    written: frozenset[str]


@cache
def touched(source: str) -> Touched:
    """What the kernel of a module touches."""
    read: set[str] = set()
    written: set[str] = set()
    (kernel,) = (
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name == "kernel"
    )
    for node in ast.walk(kernel):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            name = node.value.id
            if _LEFT.fullmatch(name) and isinstance(node.slice, ast.Constant):
                name = ast.unparse(node)
            (written if isinstance(node.ctx, ast.Store) else read).add(name)
    return Touched(frozenset(read), frozenset(written))


Item = str | Other  # the source of a kernel, or an op


def check(
    groups: Sequence[tuple[Sequence[Group], Sequence[Item]]], names: Mapping[int, str]
) -> None:
    """Refused, if items do not do their groups in order: pairs of what is done once, and in each
    step. `names` are those of the buffers' arrays."""
    left: set[str] = set()
    for some, items in groups:
        found = [touched(item) if isinstance(item, str) else item for item in items]
        at = 0
        for group in some:
            at = _done(group, found, at, names)
        for item in found:
            if isinstance(item, Touched):
                missing = {name for name in item.read - left if _LEFT.match(name)}
                if missing:
                    raise Refused(f"a kernel reads {min(missing)}, which none before it has left")
                left |= item.written


def _done(group: Group, items: Sequence[Touched | Other], at: int, names: Mapping[int, str]) -> int:
    """The item, from `at` on, that does a group."""
    known = {**names, HISTORY: "history"}
    places = [v for task in group.tasks for v in reached(task) if isinstance(v, Element)]
    read = {known[v.buffer] for v in places if v.n > 1}
    stored = {known[task.buffer] for task in group.tasks if isinstance(task, Store)}
    parts = {known[task.buffer] for task in group.tasks if isinstance(task, Partial)}
    for k in range(at, len(items)):
        item = items[k]
        if group.other or isinstance(item, Other):
            if item is group.other:
                return k
            continue
        after = items[k + 1] if k + 1 < len(items) else item
        if read <= item.read and stored <= item.written:
            if parts <= item.written:
                return k
            if isinstance(after, Touched) and parts <= after.written:
                return k + 1
    raise Refused("a kernel comes before what it waits for")
