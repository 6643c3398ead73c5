"""The cases of test_composites beside PyTorch: values, derivatives of two orders, error types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from tests.test_composites import ERRORS, Composite, by_name, samples, several, total

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


def derivatives(library: Any, case: Composite) -> list[Any]:
    """Values, the gradients of their weighted sum, and those of the gradients' squares."""
    operands = [library.from_numpy(a).requires_grad_() for a in samples(case)]
    options = {"create_graph": True, "materialize_grads": True}
    first = library.autograd.grad(total(case, library, operands), operands, **options)
    squares = sum((g * g).sum() for g in first)
    second = library.autograd.grad(squares + 0 * sum(operands).sum(), operands)
    return [*several(case.op(library, *operands)), *first, *second]


@by_name
def test_values_and_derivatives(case: Composite) -> None:
    ours, theirs = derivatives(mg, case), derivatives(torch, case)
    for a, b in zip(ours, theirs, strict=True):
        got, want = a.detach().numpy(), b.detach().numpy(force=True)
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, 1e-9, 1e-9)


@pytest.mark.parametrize(("text", "error", "call"), ERRORS)
def test_errors(text: str, error: type[Exception], call: Callable[[Any, Any], Any]) -> None:
    """The types of errors are PyTorch's."""
    with pytest.raises(error):
        call(torch, torch.ones(3, 4))
