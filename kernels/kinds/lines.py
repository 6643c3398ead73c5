"""Folds and maps along lines, one after the other; see `source.axis.lines`.

`sizes` are n, the length of a line, and inner, the distance of its elements; `params` a Lines, and
the form that the CPU's kernel has: "rows" or "short_rows" where inner is 1, else "columns".
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..source.axis.lines import TILE, Lines, Phase
from ..source.axis.reductions import COLUMN_BLOCK
from ..source.axis.scans import operands as names_in
from ..source.kind import (
    VALUES,
    Cost,
    Kind,
    Launches,
    Metas,
    Operand,
    Room,
    Run,
    Sizes,
    Stage,
    elements,
)
from .meaning import evaluated

# Elements of a line up to which several are done at once.
SHORT = TILE // 4


class Walk(NamedTuple):
    """What is done along lines, and the form of the CPU's kernel."""

    program: Lines
    form: str

    @property
    def name(self) -> str:
        """The program's."""
        return self.program.name


def form_of(n: int, inner: int) -> str:
    """The form for lines of n elements."""
    if inner != 1:
        return "columns"
    return "short_rows" if n <= SHORT else "rows"


def _operands(params: Walk) -> tuple[Operand, ...]:
    return tuple(Operand(a.name, a.role) for a in params.program.arrays)


def _cpu(params: Walk, names: Any, threads: bool) -> str:
    from ..source.axis import line_forms

    text: str = getattr(line_forms, params.form)(params.program, names, parallel=threads)
    return text


def _tasks(x: Any, *others: Any) -> int:
    numbers = [size for size in others if isinstance(size, int)]
    n, inner = numbers[:2]
    lines: int = x.size // max(n * inner, 1)
    return lines * -(-inner // COLUMN_BLOCK)


def _counted(params: Walk, metas: Metas, sizes: Sizes) -> int:
    """How many lines there are."""
    for array, meta in zip(params.program.arrays, metas, strict=True):
        if array.where == "line":
            return elements(meta)
    return elements(metas[0]) // max(sizes[0], 1)


# CUDA


def _others(params: Walk) -> tuple[str, ...]:
    """What a kernel takes after its sizes."""
    if params.program.position:
        return "status", "failure", VALUES
    return (VALUES,) if params.program.values else ()


def _each(params: Walk, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    """A thread for each line."""
    from ..cuda import names
    from ..cuda.source.axis import lines

    count = _counted(params, metas, sizes)
    source = lines.each(params.program, names)
    given = [a.name for a in params.program.arrays]
    numbers = (*given, count, *sizes, *_others(params))
    stage = Stage(source, room.blocks_for(count), room.threads, numbers)
    return Launches((stage,) if count else ())


def _grid(params: Walk, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    """A block for a line of many elements."""
    from ..cuda import names
    from ..cuda.source.axis import lines

    n, inner = sizes
    count = _counted(params, metas, sizes)
    if not count or inner > 1 or n <= 32:
        return _each(params, metas, sizes, room)
    threads = min(room.threads, 1 << (n // 4).bit_length())
    source = lines.together(params.program, names, threads)
    given = [a.name for a in params.program.arrays]
    most = max(room.blocks * room.threads // threads, 1)
    numbers = (*given, count, *sizes, *_others(params))
    return Launches((Stage(source, min(count, most), threads, numbers),))


# What it means


def _needs(params: Walk, metas: Metas, sizes: Sizes, k: int, at: Any) -> tuple[Run | None, ...]:
    """The whole line, or what there is for it."""
    n, inner = sizes
    written = [a for a in params.program.arrays if a.role == "w"]
    line = at if written[k].where == "line" else at // (n * inner) * inner + at % inner
    first = line // inner * n * inner + line % inner
    runs = {"element": Run(first, inner, n), "line": Run(line), "along": Run(at * 0, 1, n)}
    return tuple(runs[a.where] for a in params.program.arrays if a.role == "r")


def _oracle(params: Walk, *given: Any) -> None:
    """In float64, whole arrays at once."""
    program = params.program
    count = len(program.arrays)
    arrays, (n, inner), numbers = given[:count], given[count : count + 2], given[count + 2 :]
    names = [*program.values, *(["ignored"] if program.position else [])]
    values: dict[str, Any] = {"n": n, **dict(zip(names, map(float, numbers), strict=True))}
    shapes = {"element": (-1, n, inner), "line": (-1, 1, inner), "along": (1, n, 1)}
    outs = {}
    for array, x in zip(program.arrays, arrays, strict=True):
        shape = shapes[array.where] if x.size else (0, *shapes[array.where][1:])
        seen = x.reshape(shape)
        if array.role == "w":
            outs[array.name] = seen
        else:
            values[array.name] = seen.astype(np.float64)
    at = values.get(program.position)
    values["at"] = None if at is None else np.clip(at, 0, n - 1).astype(np.int64)
    for phase in program.phases:
        _phase(phase, values, outs)


def _mapped(formula: str, values: dict[str, Any]) -> Any:
    """A formula for every element of arrays that broadcast."""
    names = sorted(names_in(formula) & values.keys())
    each = np.vectorize(
        lambda *own: evaluated(formula, dict(zip(names, own, strict=True))), otypes=[np.float64]
    )
    return each(*(values[name] for name in names))


def _phase(phase: Phase, values: dict[str, Any], outs: dict[str, Any]) -> None:
    folds: dict[str, Any] = {
        "sum": np.sum,
        "max": lambda x, **how: np.fmax.reduce(x, initial=-math.inf, **how),
    }
    for name, formula in phase.values:
        values[name] = _mapped(formula, values)
    for name, formula in phase.stores:
        outs[name][...] = _mapped(formula, values)
        values[name] = outs[name]
    for fold in phase.folds:
        values[fold.name] = folds[fold.how](_mapped(fold.formula, values), axis=1, keepdims=True)
    for name, array in phase.picks:
        values[name] = np.take_along_axis(values[array], values["at"], 1)
    for number in phase.then:
        values[number.name] = _mapped(number.formula, values)
        if number.name in outs:
            outs[number.name][...] = values[number.name]
    for name, formula in phase.puts:
        old = np.take_along_axis(outs[name], values["at"], 1)
        new = _mapped(formula, values | {name: old})
        np.put_along_axis(outs[name], values["at"], new, 1)


def _cost(params: Walk, metas: Metas, sizes: Sizes) -> Cost:
    n = max(map(elements, metas))
    return Cost(10 * n * len(params.program.phases), n * len(params.program.phases), barriers=10)


LINES = Kind(
    name="lines",
    operands=_operands,
    oracle=_oracle,
    exact=lambda params: False,
    cpu=_cpu,
    tasks=_tasks,
    grid=_grid,
    block=_each,
    needs=_needs,
    cost=_cost,
)

TARGETS = replace(LINES, name="targets", fails=("a target is out of bounds",))
