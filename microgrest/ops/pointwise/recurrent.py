"""What recurrent cells do between their matrix products, each step one kernel.

They are internal: `nn` has the cells. Names of operands are those of the gates, before their
activation.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..row import elementwise
from .elementwise import tanh
from .special import sigmoid

cell = partial(elementwise, integer="!", method=False, extra={"internal": True})

lstm_memory = cell(
    "lstm_memory",
    lambda enter, stay, fresh, memory: sigmoid(stay) * memory + sigmoid(enter) * tanh(fresh),
    args=("enter", "stay", "fresh", "memory"),
    doc="The new memory of an LSTM: of the old one what stays, and what enters.",
)
lstm_output = cell(
    "lstm_output",
    lambda show, memory: sigmoid(show) * tanh(memory),
    args=("show", "memory"),
    doc="What an LSTM shows of its memory.",
)


def _gru(ra: Any, rb: Any, za: Any, zb: Any, na: Any, nb: Any, h: Any) -> Any:
    fresh, stay = tanh(na + sigmoid(ra + rb) * nb), sigmoid(za + zb)
    return fresh + stay * (h - fresh)


gru_state = cell(
    "gru_state",
    _gru,
    args=("ra", "rb", "za", "zb", "na", "nb", "h"),
    doc="The new state of a GRU: a is what gates r, z, n have by the input, b what by the state.",
)
