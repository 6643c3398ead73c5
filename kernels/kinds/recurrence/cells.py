"""What a recurrent layer does to one unit in one step, and its derivative, as formulas.

Of a unit j and its gates k a step knows

    x_k, s_k    gate k by the input and by the state, before its activation; b_k, its bias
    h, c        the state before the step, and the memory of an LSTM

and it leaves the new state m, the new c, and what the way back reads, k_0, k_1, ... That knows d,
the gradient of m, and of c the one that comes from later steps, dc; it leaves the gradients g_k of
the gates, a_k of what is by the state where that is another, dc of the memory before, and the part
`direct` of the gradient of h that goes through no gate. Each line may use those above it.
"""

from __future__ import annotations

from typing import NamedTuple

Lines = tuple[tuple[str, str], ...]


class Cell(NamedTuple):
    """`gates` and `kept`: how many of a unit; `memory`: has c; `apart`: has b_k, a_k, direct."""

    gates: int
    kept: int
    forward: Lines
    backward: Lines
    memory: bool = False
    apart: bool = False


def _sigmoid(text: str) -> str:
    return f"1 / (1 + exp(-({text})))"


CELLS = {
    "RNN_TANH": Cell(
        1,
        1,
        (("m", "tanh({x_0} + {s_0})"), ("k_0", "{m}")),
        (("g_0", "{d} * (1 - {k_0} * {k_0})"),),
    ),
    "RNN_RELU": Cell(
        1,
        1,
        (("z", "{x_0} + {s_0}"), ("m", "0 if {z} < 0 else {z}"), ("k_0", "{m}")),
        (("g_0", "0 if {k_0} <= 0 else {d}"),),
    ),
    "LSTM": Cell(  # gates i, f, g, o
        4,
        4,
        (
            ("k_0", _sigmoid("{x_0} + {s_0}")),
            ("k_1", _sigmoid("{x_1} + {s_1}")),
            ("k_2", "tanh({x_2} + {s_2})"),
            ("k_3", _sigmoid("{x_3} + {s_3}")),
            ("c", "{k_1} * {c} + {k_0} * {k_2}"),
            ("m", "{k_3} * tanh({c})"),
        ),
        (
            ("t", "tanh({k_1} * {c} + {k_0} * {k_2})"),
            ("e", "{dc} + {d} * {k_3} * (1 - {t} * {t})"),
            ("g_0", "{e} * {k_2} * {k_0} * (1 - {k_0})"),
            ("g_1", "{e} * {c} * {k_1} * (1 - {k_1})"),
            ("g_2", "{e} * {k_0} * (1 - {k_2} * {k_2})"),
            ("g_3", "{d} * {t} * {k_3} * (1 - {k_3})"),
            ("dc", "{e} * {k_1}"),
        ),
        memory=True,
    ),
    "GRU": Cell(  # gates r, z, n; k_3 is what r lets through, or not
        3,
        4,
        (
            ("k_0", _sigmoid("{x_0} + ({s_0} + {b_0})")),
            ("k_1", _sigmoid("{x_1} + ({s_1} + {b_1})")),
            ("k_3", "{s_2} + {b_2}"),
            ("k_2", "tanh({x_2} + {k_0} * {k_3})"),
            ("m", "{k_2} + {k_1} * ({h} - {k_2})"),
        ),
        (
            ("g_2", "{d} * (1 - {k_1}) * (1 - {k_2} * {k_2})"),
            ("g_1", "{d} * ({h} - {k_2}) * {k_1} * (1 - {k_1})"),
            ("g_0", "{g_2} * {k_3} * {k_0} * (1 - {k_0})"),
            ("a_0", "{g_0}"),
            ("a_1", "{g_1}"),
            ("a_2", "{g_2} * {k_0}"),
            ("direct", "{d} * {k_1}"),
        ),
        apart=True,
    ),
}
