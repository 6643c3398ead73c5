"""The cases of picking_cases beside PyTorch: values, types, ties, derivatives of two orders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgrest as mg
from tests.picking_cases import CASES, Array, Case, several
from tests.picking_errors import ERRORS

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:The reduce argument", "ignore:index_reduce"),
]


def attempt(library: Any, case: Case, arrays: list[Array]) -> Any:
    """The results, or the error, of a call."""
    try:
        return several(case.op(library, *(library.from_numpy(a.copy()) for a in arrays)))
    except Exception as error:
        return error


def compare(case: Case, arrays: list[Array]) -> None:
    """Values, shapes and types are PyTorch's; where it raises, so do we."""
    ours, theirs = (attempt(library, case, arrays) for library in (mg, torch))
    if isinstance(theirs, Exception):
        assert isinstance(ours, Exception), f"PyTorch raises {theirs!r}"
        return
    if isinstance(ours, Exception):
        raise ours
    assert len(ours) == len(theirs)
    for y, wanted in zip(ours, theirs, strict=True):
        assert (y.numpy().dtype, y.shape) == (wanted.numpy().dtype, wanted.shape)
        np.testing.assert_allclose(y.numpy(), wanted.numpy(), 2e-6, 1e-6)


@pytest.mark.parametrize(("case", "dtype"), [(c, d) for c in CASES for d in c.dtypes], ids=str)
def test_values(case: Case, dtype: str) -> None:
    compare(case, case.operands(dtype))
    if case.tied:
        compare(case, case.repeated(dtype))


def derivatives(library: Any, case: Case, arrays: list[Array]) -> list[Any]:
    """The gradients of the weighted sum of squares, and those of the sum of their squares."""
    leaves = [library.from_numpy(a.copy()).requires_grad_() for a in arrays]
    results = [y for y in several(case.op(library, *leaves)) if y.is_floating_point()]
    total = sum((y * y * (library.arange(y.numel()) + 1).reshape(y.shape)).sum() for y in results)
    options = {"create_graph": True, "materialize_grads": True}
    first = library.autograd.grad(total, leaves, **options)
    if case.orders == 1:
        return list(first)
    squares = sum((g * g * (k + 1)).sum() for k, g in enumerate(first)) + 0 * sum(
        x.sum() for x in leaves
    )
    return [*first, *library.autograd.grad(squares, leaves)]


@pytest.mark.parametrize("case", [c for c in CASES if c.orders], ids=str)
def test_derivatives(case: Case) -> None:
    arrays = case.operands()
    ours, theirs = (derivatives(library, case, arrays) for library in (mg, torch))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-8, 1e-8)


@pytest.mark.parametrize(("text", "error", "call"), ERRORS)
def test_errors(text: str, error: type[Exception], call: Any) -> None:
    """The types of errors are PyTorch's."""
    with pytest.raises(error):
        call(torch, torch.ones(3, 4))
