"""The cases of test_movement beside PyTorch: values, strides of views, gradients, error types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from tests.test_movement import ERRORS, VIEWS, Case, by_name, sample, several, weighted

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:The use of `x.T` on tensors:UserWarning"),
]


def results(library: Any, case: Case, *, grad: bool) -> tuple[list[Any], Any]:
    """What the op returns and, with `grad`, the gradient of a weighted sum of it."""
    x = library.from_numpy(sample(case.shape, 0)).requires_grad_(grad)
    found = several(case.op(library, x))
    if not grad or not sum(y.numel() for y in found):
        return found, None
    weights = [library.from_numpy(sample(tuple(y.shape), 1)) for y in found]
    return found, library.autograd.grad(weighted(found, weights), x)[0]


@by_name
def test_values_and_gradients(case: Case) -> None:
    ours, gradient = results(mg, case, grad=True)
    theirs, expected = results(torch, case, grad=True)
    assert len(ours) == len(theirs)
    for y, reference in zip(ours, theirs, strict=True):
        assert y.requires_grad == reference.requires_grad
        np.testing.assert_array_equal(y.detach().numpy(), reference.detach().numpy())
    if expected is not None:
        np.testing.assert_array_equal(gradient.numpy(), expected.numpy())


@pytest.mark.parametrize("case", VIEWS, ids=lambda case: case.name)
def test_geometry_of_views(case: Case) -> None:
    ours, _ = results(mg, case, grad=False)
    theirs, _ = results(torch, case, grad=False)
    for y, reference in zip(ours, theirs, strict=True):
        seen = [s for s, n in zip(y.stride(), y.shape, strict=True) if n > 1]
        assert seen == [s for s, n in zip(reference.stride(), y.shape, strict=True) if n > 1]
        assert not y.numel() or y.storage_offset() == reference.storage_offset()


@pytest.mark.parametrize(("text", "error", "call"), ERRORS)
def test_errors(text: str, error: type[Exception], call: Callable[[Any, Any], Any]) -> None:
    """The types of errors are PyTorch's."""
    with pytest.raises(error):
        call(torch, torch.arange(12.0).reshape(3, 4))
