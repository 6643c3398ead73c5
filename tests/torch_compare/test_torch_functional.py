"""nn.functional beside PyTorch: values, derivatives of two orders, types, and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgrest as mg
from tests.nn.functional_cases import CASES, WRONG, Case

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore::UserWarning")]

by_name = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def derivatives(library: Any, case: Case, dtype: str) -> list[Any]:
    """Values, the gradients of their weighted sum, and those of the gradients' squares."""
    operands = [library.from_numpy(a.copy()).requires_grad_() for a in case.arrays(dtype)]
    y = case.call(library, *operands)
    weights = library.from_numpy(np.linspace(0.5, 1.5, y.numel(), dtype=dtype))
    first = library.autograd.grad(
        (y.reshape(-1) * weights).sum(), operands, create_graph=case.second, materialize_grads=True
    )
    found = [y, *first]
    if case.second:
        squares = sum((g * g).sum() for g in first) + 0 * sum(x.sum() for x in operands)
        found += library.autograd.grad(squares, operands)
    return [t.detach().numpy() for t in found]


@by_name
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_values_and_derivatives(case: Case, dtype: str) -> None:
    tolerance = 1e-9 if dtype == "float64" else 3e-4
    ours, theirs = derivatives(mg, case, dtype), derivatives(torch, case, dtype)
    for got, want in zip(ours, theirs, strict=True):
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        np.testing.assert_allclose(got, want, tolerance, tolerance)


@pytest.mark.parametrize(("text", "error", "call"), WRONG)
def test_errors(text: str, error: type[Exception], call: Any) -> None:
    """The types of errors are PyTorch's."""
    with pytest.raises(error, match=text):
        call(torch)
    with pytest.raises(error, match=text):
        call(mg)
