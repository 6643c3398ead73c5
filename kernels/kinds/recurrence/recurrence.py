"""All steps of one direction of one recurrent layer, and the way back through them.

Rows of all steps lie one after the other: at step t those of `batch` sequences, or, packed, rows
starts[t] to starts[t + 1], of the longest sequences. Units are `hidden`, states as they are shown
`shown`; `reverse` goes backwards in time. A state that has no step yet, or no more, stays.

    gates  (rows, G hidden)    by the input, with the bias of both but where a cell has them apart
    weight (G hidden, shown)   of the state;     project (shown, hidden)
    h0, h  (batch, shown)      and of an LSTM c0, c (batch, hidden): before, and at the end
    y      (rows, shown)       before (rows, shown), c_before (rows, hidden): the states before
    kept   (rows, K hidden)    m (rows, hidden): what is projected

and the way back gives dgates, for a cell that has them apart dstate, those of the gates by the
state, dh and dc, of the first states, and dshown (rows, shown), of what was projected.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...source.kind import Cost, Kind, Launches, Metas, Operand, Room, Sizes, elements
from ..meaning import evaluated
from .cells import CELLS as CELLS
from .text import Recurrence as Recurrence

Array = np.ndarray[Any, Any]


def _operands(read: str, written: str, p: Recurrence) -> tuple[Operand, ...]:
    """Those of a call: of a name with a condition, c0:memory, where that holds."""
    facts = {"packed": p.packed, "projected": p.projected, "apart": p.cell.apart}
    facts |= {"memory": p.cell.memory, "": True}
    found = []
    for role, names in (("r", read), ("w", written)):
        for name, _, condition in (word.partition(":") for word in names.split()):
            if facts[condition]:
                found.append(Operand(name, role))
    return tuple(found)


def _forward_operands(p: Recurrence) -> tuple[Operand, ...]:
    read = "gates weight bias:apart starts:packed project:projected h0 c0:memory"
    return _operands(read, "y h c:memory before kept c_before:memory m:projected", p)


def _backward_operands(p: Recurrence) -> tuple[Operand, ...]:
    read = "dy dh_n dc_n:memory weight starts:packed project:projected kept c_before:memory"
    return _operands(f"{read} before:apart", "dgates dstate:apart dh dc:memory dshown:projected", p)


# What it means


def _named(operands: tuple[Operand, ...], given: Any, sizes: Sizes) -> dict[str, Array]:
    """The operands by name, as matrices."""
    _, _, hidden, shown, _ = sizes
    width = dict.fromkeys(("h0", "h", "y", "before", "dy", "dh_n", "dh", "dshown"), shown)
    width |= {"weight": shown, "project": hidden}
    found = {o.name: x for o, x in zip(operands, given, strict=True)}
    return {
        name: x if name in ("starts", "bias") else x.reshape(-1, width.get(name, hidden))
        for name, x in found.items()
    }


def _steps(a: dict[str, Array], sizes: Sizes, backwards: bool) -> list[slice]:
    """The rows of each step, in order."""
    steps, batch = sizes[:2]
    starts = a.get("starts", np.arange(steps + 1) * batch)
    found = [slice(starts[t], starts[t + 1]) for t in range(steps)]
    return found[::-1] if backwards else found


def _forward_oracle(p: Recurrence, *given: Any) -> None:
    operands, sizes, cell = _forward_operands(p), given[-5:], p.cell
    a = _named(operands, given[:-5], sizes)
    a["h"][:] = a["h0"]
    if cell.memory:
        a["c"][:] = a["c0"]
    bias = a["bias"].reshape(cell.gates, -1) if cell.apart else np.zeros((cell.gates, 1))
    gates = a["gates"].reshape(-1, cell.gates, sizes[2])
    kept = a["kept"].reshape(-1, cell.kept, sizes[2])
    for rows in _steps(a, sizes, bool(sizes[4])):
        h, n = a["h"], rows.stop - rows.start
        a["before"][rows] = h[:n]
        by_state = (h[:n] @ a["weight"].T).reshape(n, cell.gates, -1)
        values: dict[str, Any] = {"h": h[:n]} if cell.apart else {}
        for k in range(cell.gates):
            values |= {f"x_{k}": gates[rows, k], f"s_{k}": by_state[:, k], f"b_{k}": bias[k]}
        if cell.memory:
            a["c_before"][rows] = values["c"] = a["c"][:n]
        values = _each(cell.forward, values)
        for k in range(cell.kept):
            kept[rows, k] = values[f"k_{k}"]
        if cell.memory:
            a["c"][:n] = values["c"]
        if p.projected:
            a["m"][rows] = values["m"]
        h[:n] = a["y"][rows] = values["m"] @ a["project"].T if p.projected else values["m"]


def _backward_oracle(p: Recurrence, *given: Any) -> None:
    operands, sizes, cell = _backward_operands(p), given[-5:], p.cell
    a = _named(operands, given[:-5], sizes)
    a["dh"][:] = a["dh_n"]
    if cell.memory:
        a["dc"][:] = a["dc_n"]
    kept = a["kept"].reshape(-1, cell.kept, sizes[2])
    for rows in _steps(a, sizes, not sizes[4]):
        dh, n = a["dh"], rows.stop - rows.start
        d = dh[:n] + a["dy"][rows]
        if p.projected:
            a["dshown"][rows] = d
            d = d @ a["project"]
        values = {f"k_{k}": kept[rows, k] for k in range(cell.kept)} | {"d": d}
        if cell.apart:
            values["h"] = a["before"][rows]
        if cell.memory:
            values |= {"c": a["c_before"][rows], "dc": a["dc"][:n]}
        values = _each(cell.backward, values)
        for name, letter in (("dgates", "g"), ("dstate", "a")):
            if name in a:
                a[name].reshape(-1, cell.gates, sizes[2])[rows] = np.stack(
                    [values[f"{letter}_{k}"] for k in range(cell.gates)], 1
                )
        if cell.memory:
            a["dc"][:n] = values["dc"]
        found = a["dstate" if cell.apart else "dgates"].reshape(-1, cell.gates * sizes[2])[rows]
        dh[:n] = found @ a["weight"] + values.get("direct", 0)


def _each(formulas: tuple[tuple[str, str], ...], values: dict[str, Any]) -> dict[str, Any]:
    """Formulas one after the other, elementwise."""
    found = dict(values)
    for name, formula in formulas:
        names, arrays = [*found], np.broadcast_arrays(*found.values())
        out = np.empty_like(arrays[0])
        for at in np.ndindex(out.shape):
            own = {n: x[at] for n, x in zip(names, arrays, strict=True)}
            out[at] = evaluated(formula, own)
        found[name] = out
    return found


def _cost(p: Recurrence, metas: Metas, sizes: Sizes) -> Cost:
    steps, batch, hidden, shown, _ = sizes
    work = 2 * steps * batch * p.cell.gates * hidden * shown
    return Cost(work, work + sum(map(elements, metas)), barriers=2 * steps)


def _gemm(p: Recurrence) -> Any:
    from ...libraries.blas import Gemm

    return Gemm(p.dtype)


def _kind(name: str, way: str, operands: Any, oracle: Any) -> Kind:
    """A kind whose kernels are what `on_cpu` and `on_cuda` write for a way, forward or backward."""

    def cpu(p: Recurrence, names: Any, threads: bool) -> str:
        from . import on_cpu

        text: str = getattr(on_cpu, way)(p, [o.name for o in operands(p)], names)
        return text

    def launches(p: Recurrence, metas: Metas, sizes: Sizes, room: Room) -> Launches:
        from . import on_cuda

        found: Launches = getattr(on_cuda, way)(p, [o.name for o in operands(p)], sizes, room)
        return found

    return Kind(
        name=name,
        operands=operands,
        oracle=oracle,
        exact=lambda params: False,
        cpu=cpu,
        routine=_gemm,
        brief=True,
        grid=launches,
        block=launches,
        cost=_cost,
    )


RECURRENCE = _kind("recurrence", "forward", _forward_operands, _forward_oracle)
RECURRENCE_BACK = _kind("recurrence_back", "backward", _backward_operands, _backward_oracle)
