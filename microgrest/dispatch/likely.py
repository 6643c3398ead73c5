"""The kernels that most programs need some time, for a new machine: see `kernels.cpu.guesses`.

Arithmetic as layers, losses and measures write it, sums and means, and the functions of the usual
networks, of the default dtype. The largest come first, of which most is to be gained. What goes
back through them is known when they are recorded, and is no guess.
"""

from __future__ import annotations

from typing import Any

from ..kernels import cpu
from ..kernels.cpu import guesses
from ..ops.activation import relu
from ..ops.elementwise import add, div, exp, log, mul, neg, sub, tanh
from ..ops.logic import eq, gt
from ..ops.reduction import mean, sum
from ..ops.row import Row
from ..ops.special import sigmoid
from ..tensor import Tensor
from ..tensor.storage import kind_of
from ..types.device import device
from ..types.dtypes import float16, get_default_dtype
from .families.reduction import program_of, result_type
from .forms import form_of

FOLDS = (mean, sum)
# A matrix and a row that meets each of its own.
BROADCAST = (add, sub)
# By the letters of operands: a tensor, a Python float, a Python int.
MAPS = {
    "v": (tanh, sigmoid, log, relu, exp, neg),
    "vv": (sub, div, mul, add, eq),
    "vf": (div, add, gt, sub, mul),
    "iv": (sub,),
}


def likely() -> None:
    """Have them compiled when there is nothing better to do."""
    dtype = get_default_dtype()
    if dtype is float16:
        return
    example = {"v": Tensor._empty((1,), kind_of(dtype, device("cpu"))), "f": 1.0, "i": 1}
    for row in FOLDS:
        program = program_of(row, dtype, result_type(row, dtype))
        cpu.reduction.guess(program, "columns")
        cpu.elementwise.guess(program, "vr")
    for row in BROADCAST:
        cpu.elementwise.guess(_program(row, "vv", example), "ccc", 2)
    for letters, rows in MAPS.items():
        for row in rows:
            cpu.elementwise.guess(_program(row, letters, example), letters + "v")


def _program(row: Row, letters: str, example: dict[str, Any]) -> Any:
    return form_of(row, [example[letter] for letter in letters]).program


guesses.expect(likely)
