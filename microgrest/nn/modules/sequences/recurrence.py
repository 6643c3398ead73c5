"""One direction of one recurrent layer over all steps: one kernel, and one for the way back."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from ....autograd.function import Function
from ....autograd.gradients import grad
from ....creation import tensor
from ....dispatch.writes.memory import flat
from ....functions.outputs import cat, matmul
from ....graph.modes import state
from ....kernels.kinds.recurrence.recurrence import RECURRENCE, RECURRENCE_BACK, Recurrence
from ....kernels.source.kind import Kind
from ....tensor import Tensor
from ....types.dtypes import float32, float64, int64
from .steps import CELLS, States, Weights, last, over_time, pieces


class Way(NamedTuple):
    """The cell, how many steps there are, of how many sequences each if that differs, and whether
    they are gone backwards in time."""

    mode: str
    steps: int
    sizes: tuple[int, ...] | None
    back: bool


def recurrent(way: Way, gates: Tensor, states: States, w: Weights) -> tuple[Tensor, ...]:
    """Outputs (rows, shown) and the last states (batch, *) of gates by the input (rows, *).

    Rows are those of all steps, one step after the other. The gates have the biases of both, but
    where the cell has them apart.
    """
    given = gates, w.hh, w.b_hh if CELLS[way.mode].apart else None, w.hr, *states
    for t in given:
        if t is not None and (t.dtype is not gates.dtype or t.device != gates.device):
            raise RuntimeError(
                "Input, hidden states and weights have to be of one dtype, on one device: found "
                f"{gates.dtype!r} on {gates.device} and {t.dtype!r} on {t.device}"
            )
    if gates.dtype not in (float32, float64):
        return _by_steps(way, given)
    found: tuple[Tensor, ...] = _Recurrent.apply(way, *given)
    return found


class _Recurrent(Function):
    """Its gradient is a kernel, too; where that is differentiated in turn it goes step by step."""

    @staticmethod
    def forward(ctx: Any, way: Way, *given: Any) -> tuple[Tensor, ...]:
        gates, hh, b_hh, hr, *states = given
        p = Recurrence(way.mode, gates.dtype.name, way.sizes is not None, hr is not None)
        hidden, shown = gates._shape[1] // p.cell.gates, hh._shape[1]
        rows, batch = gates._shape[0], states[0]._shape[0]
        bias = gates.new_zeros(hh._shape[0]) if p.cell.apart and b_hh is None else b_hh
        starts = _starts(way.sizes, gates)
        ends = [gates.new_empty(s._shape) for s in states]
        y, before = gates.new_empty(rows, shown), gates.new_empty(rows, shown)
        kept = gates.new_empty(rows, p.cell.kept * hidden)
        c_before = gates.new_empty(rows, hidden) if p.cell.memory else None
        m = gates.new_empty(rows, hidden) if p.projected else None
        ctx.call = p, (way.steps, batch, hidden, shown, int(way.back)), way
        read = gates, hh, bias, starts, hr, *states
        _run(RECURRENCE, ctx.call, (*read, y, *ends, before, kept, c_before, m))
        ctx.save_for_backward(*given, before, kept, c_before, m, starts)
        return y, *ends

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        return None, *(_again if state.grad else _gradients)(ctx, *grads)


def _gradients(ctx: Any, dy: Tensor, *ends: Tensor) -> tuple[Any, ...]:
    """Those of the gates, the weights and the states."""
    p, saved = ctx.call[0], ctx.saved_tensors
    gates, hh, _, hr = saved[:4]
    before, kept, c_before, m, starts = saved[-5:]
    dgates = gates.new_empty(gates._shape)
    dstate = gates.new_empty(gates._shape) if p.cell.apart else None
    begins = [g.new_empty(g._shape) for g in ends]
    dshown = dy.new_empty(dy._shape) if p.projected else None
    read = dy, *ends, hh, starts, hr, kept, c_before, before if p.cell.apart else None
    _run(RECURRENCE_BACK, ctx.call, (*read, dgates, dstate, *begins, dshown))
    by_state = dgates if dstate is None else dstate
    _, _, of_hh, of_bias, of_hr, *_ = ctx.needs_input_grad
    return (
        dgates,
        matmul(by_state.t(), before) if of_hh else None,
        by_state.sum(0) if of_bias else None,
        matmul(dshown.t(), m) if of_hr and dshown is not None else None,
        *begins,
    )


def _again(ctx: Any, *grads: Tensor) -> Sequence[Any]:
    """The same by ops that are recorded."""
    # Aliases: a gradient that goes on from one of them to another, as from a state to the weights
    # of an earlier call that gave it, would count what is behind it twice.
    given: list[Any] = [None if t is None else t.view(t._shape) for t in ctx.saved_tensors[:-5]]
    wanted = [i for i, needed in enumerate(ctx.needs_input_grad[1:]) if needed]
    found = _by_steps(ctx.call[2], given)
    pairs = [(y, g) for y, g in zip(found, grads, strict=True) if y._requires_grad]
    outputs, cotangents = zip(*pairs, strict=True)
    variables = [given[i] for i in wanted]
    bars = grad(outputs, variables, cotangents, create_graph=True, allow_unused=True)
    of = dict(zip(wanted, bars, strict=True))
    return [of.get(i) for i in range(len(given))]


def _by_steps(way: Way, given: Sequence[Any]) -> tuple[Tensor, ...]:
    """The same, op by op."""
    gates, hh, b_hh, hr, *states = given
    sizes = (states[0]._shape[0],) * way.steps if way.sizes is None else way.sizes
    steps = pieces(gates.t(), sizes, 1)
    w, first = Weights(hh, hh, None, b_hh, hr), tuple(s.t() for s in states)
    found = over_time(CELLS[way.mode], steps[::-1] if way.back else steps, first, w)
    ends = found[-1] if way.back else last(found)
    shown = [s[0] for s in (found[::-1] if way.back else found)]
    return cat(shown, 1).t(), *(s.t() for s in ends)


def _starts(sizes: Sequence[int] | None, like: Tensor) -> Tensor | None:
    """Where the rows of each step begin."""
    if sizes is None:
        return None
    return tensor([0, *accumulate(sizes)], dtype=int64, device=like.device)


def _run(kind: Kind, call: tuple[Any, ...], tensors: Sequence[Tensor | None]) -> None:
    operands = [t._flat if t._flat is not None else flat(t) for t in tensors if t is not None]
    assert tensors[0] is not None
    tensors[0]._kind.kernels.kinds.run(kind, call[0], operands, call[1])
