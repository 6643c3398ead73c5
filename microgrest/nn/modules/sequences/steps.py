"""What a recurrent layer does: one step, and one direction of one layer over all of them.

States lie here as columns, (hidden, batch), and so do the gates: a gate is then a run of memory,
which one elementwise kernel reads beside the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ....autograd.function import Function
from ....functions.outputs import cat, matmul
from ....graph.modes import state
from ....ops.pointwise.recurrent import gru_state, lstm_memory, lstm_output
from ....tensor import Tensor
from ... import functional as F

States = tuple[Tensor, ...]
# The gates by the input (gates * hidden, batch), the states, the weights: the new states.
Step = Callable[[Tensor, States, "Weights"], States]


class Weights(NamedTuple):
    """Those of one direction of one layer, or of a cell; None for what it does without."""

    ih: Tensor
    hh: Tensor
    b_ih: Tensor | None = None
    b_hh: Tensor | None = None
    hr: Tensor | None = None


class Cell(NamedTuple):
    """A kind of recurrent layer: how many gates and states it has, and its step.

    `apart` says that the gates by the state are not just added to those by the input.
    """

    gates: int
    states: int
    step: Step
    apart: bool = False


class _Pieces(Function):
    """Runs of columns or rows, all of whose gradients come back as one.

    As views each would bring a gradient of the whole, which is zero but for its run.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, sizes: tuple[int, ...], dim: int) -> tuple[Tensor, ...]:
        ctx.dim = dim
        return tuple([piece.clone() for piece in x.split(sizes, dim)])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        return cat(grads, ctx.dim), None, None


def pieces(x: Tensor, sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Parts of `sizes` along `dim`, one after the other."""
    if x._requires_grad and state.grad:
        return _Pieces.apply(x, tuple(sizes), dim)  # type: ignore[no-any-return]
    return x.split(tuple(sizes), dim)


def _gates(x: Tensor, n: int) -> tuple[Tensor, ...]:
    return pieces(x, [x._shape[0] // n] * n)


def _simple(activation: Callable[[Tensor], Tensor]) -> Step:
    def step(x: Tensor, states: States, w: Weights) -> States:
        return (activation(x + matmul(w.hh, states[0])),)

    return step


def _lstm(x: Tensor, states: States, w: Weights) -> States:
    h, c = states
    i, f, g, o = _gates(x + matmul(w.hh, h), 4)
    c = lstm_memory(i, f, g, c)
    h = lstm_output(o, c)
    return h if w.hr is None else matmul(w.hr, h), c


def _gru(x: Tensor, states: States, w: Weights) -> States:
    by_state = matmul(w.hh, states[0])
    if w.b_hh is not None:
        by_state = by_state + w.b_hh.unsqueeze(1)
    (r, z, n), (s, y, m) = _gates(x, 3), _gates(by_state, 3)
    return (gru_state(r, s, z, y, n, m, states[0]),)


CELLS = {
    "RNN_TANH": Cell(1, 1, _simple(F.tanh)),
    "RNN_RELU": Cell(1, 1, _simple(F.relu)),
    "LSTM": Cell(4, 2, _lstm),
    "GRU": Cell(3, 1, _gru, apart=True),
}


def by_input(cell: Cell, x: Tensor, w: Weights) -> Tensor:
    """The gates by inputs (*, features, batch), and what is added to them at every step."""
    gates = matmul(w.ih, x)
    if w.b_ih is None or w.b_hh is None:
        return gates
    return gates + (w.b_ih if cell.apart else w.b_ih + w.b_hh).unsqueeze(1)


def over_time(cell: Cell, inputs: Sequence[Tensor], states: States, w: Weights) -> list[States]:
    """The states after every step, for the gates by the input at each.

    The columns of a step are sequences, the longest first; one that has ended is in no later step,
    and, backwards in time, one that begins later in none before.
    """
    found, now = [], states
    for x in inputs:
        n = x._shape[1]
        have = now[0]._shape[1]
        if n < have:
            now = tuple(s[:, :n] for s in now)
        elif n > have:
            now = tuple(cat([s, first[:, have:n]], 1) for s, first in zip(now, states, strict=True))
        now = cell.step(x, now, w)
        found.append(now)
    return found


def last(found: Sequence[States]) -> States:
    """The states of every sequence after its last step, of steps whose columns become fewer."""
    parts: list[States] = []
    done = 0
    for states in reversed(found):
        n = states[0]._shape[1]
        if n > done:
            parts.append(tuple(s[:, done:] for s in states) if done else states)
            done = n
    if not parts:  # of no sequences
        return found[-1]
    return parts[0] if len(parts) == 1 else tuple(cat(p, 1) for p in zip(*parts, strict=True))
