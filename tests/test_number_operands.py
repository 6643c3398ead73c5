"""Numbers among the operands: a gradient is the same to the last digits recorded or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from microgrest.dispatch.api import FUNCTIONS
from microgrest.ops.row import ROWS, Row

pytestmark = pytest.mark.devices

# Exact in no float32, and integers, which become floats where they are divided.
NUMBERS = (0.3, 0.7, 3, True)
SEVERAL = [
    row
    for row in ROWS.values()
    if row.kind == "elementwise" and row.differentiable and len(row.args) > 1
    if not row.extra.get("symbols") and not row.unpromoted
]


def arguments(row: Row, number: Any, dtype: mg.dtype) -> list[list[Any]]:
    """The operands of `row` with the number in each place that is not the only tensor's."""
    made = []
    for place in range(len(row.args)):
        if row.args[place] in row.tensors and len(row.args) > 1:
            continue
        given = [mg.tensor(0.25 + 0.125 * i, dtype=dtype) for i in range(len(row.args))]
        given = [row.defaults.get(n, t) for n, t in zip(row.args, given, strict=True)]
        given[place] = number
        made.append(given)
    return made


def gradients(function: Callable[..., Any], given: list[Any], recorded: bool) -> list[mg.Tensor]:
    """The gradients of the tensors among the operands."""
    leaves = [a.detach().requires_grad_() if isinstance(a, mg.Tensor) else a for a in given]
    wanted = [a for a in leaves if isinstance(a, mg.Tensor)]
    found = function(*leaves)
    options = {"create_graph": recorded, "materialize_grads": True}
    return list(mg.autograd.grad(found, wanted, mg.ones_like(found), **options))


@pytest.mark.parametrize("row", SEVERAL, ids=lambda row: row.name)
@pytest.mark.parametrize("dtype", [mg.float64, mg.float32], ids=str)
def test_recorded_gradients_are_as_exact(row: Row, dtype: mg.dtype) -> None:
    tried = 0
    for number in NUMBERS:
        for given in arguments(row, number, dtype):
            try:
                plain = gradients(FUNCTIONS[row.name], given, False)
            except (RuntimeError, TypeError):  # no such number there
                continue
            tried += 1
            for a, b in zip(gradients(FUNCTIONS[row.name], given, True), plain, strict=True):
                assert a.dtype is b.dtype is dtype
                spacing = np.finfo(a.detach().cpu().numpy().dtype).eps
                np.testing.assert_allclose(
                    a.detach().cpu().numpy(), b.cpu().numpy(), 8 * spacing, 8 * spacing
                )
    assert tried or row.extra.get("internal") or len(row.tensors) == len(row.args)
