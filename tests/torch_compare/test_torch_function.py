"""Function beside PyTorch's: values, derivatives of two orders, error types."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgrest as mg
from tests.own_functions import OURS, Program, by_case, by_error, derivatives, functions, leaf_of

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


@by_case
def test_derivatives(case: Any) -> None:
    ours, theirs = derivatives(mg, OURS, case), derivatives(torch, functions(torch), case)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-12, 1e-12)


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@by_error
def test_errors(call: Program, error: type[Exception], message: str) -> None:
    """The types of errors are PyTorch's."""
    with pytest.raises(error):
        call(torch, functions(torch), leaf_of(torch))
