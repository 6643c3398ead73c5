"""The 27 NIST StRD sets from both starts, with defaults: six digits, and four of the errors."""

from __future__ import annotations

import numpy as np
import pytest
from nist_sets import MODELS, digits, load

from microgrest.fit import curve_fit

# Its residuals are of the size of rounding, 1e-13 of data of 14 digits: so are their digits.
FEW = {"Lanczos1": 2.0}
EACH = [(name, start) for name in MODELS for start in (0, 1)]


def solve(name: str, start: int) -> None:
    one = load(name)
    p, cov = curve_fit(one.model, one.x, one.y, one.starts[start])
    assert digits(p, one.certified) >= 6
    assert digits(np.sqrt(np.diag(cov)), one.deviations) >= FEW.get(name, 4)


@pytest.mark.parametrize(("name", "start"), EACH)
def test_by_python(name: str, start: int, by_python: None) -> None:
    solve(name, start)


@pytest.mark.parametrize(("name", "start"), [("BoxBOD", 0), ("Nelson", 1)])
def test_natively(name: str, start: int) -> None:
    solve(name, start)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "start"), EACH)
def test_all_natively(name: str, start: int) -> None:
    solve(name, start)


def test_there_are_all() -> None:
    assert len(MODELS) == 27
