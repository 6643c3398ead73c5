"""The table of NIST's sets in the docs is that of the newest result file, and that is not stale."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from nist_sets import MODELS, load

from microgrest.fit import curve_fit

ROOT = Path(__file__).parents[2]


@pytest.fixture
def nist(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    monkeypatch.setattr(sys, "path", [*sys.path])  # the script adds a folder
    monkeypatch.setenv("MICROGREST_FIRST_CALLS", "0")  # and a default
    import nist

    return nist


def test_the_docs_have_the_newest_table(nist: Any) -> None:
    page = nist.PAGE.read_text(encoding="utf-8")
    assert nist.inserted(page, nist.table(nist.newest())) == page


def test_every_set_from_both_starts_by_all(nist: Any) -> None:
    found = [nist.Result(**record) for record in nist.newest()["results"]]
    wanted = {
        (name, start, who)
        for name in MODELS
        for start in (1, 2)
        for who in ("microgrest", "SciPy", "lmfit")
    }
    assert len(found) == len(wanted) and {(r.set, r.start, r.fitter) for r in found} == wanted
    ours = [r for r in found if r.fitter == "microgrest"]
    assert min(r.digits for r in ours) >= 6
    assert min(r.error_digits for r in ours if r.set != "Lanczos1") >= 4


@pytest.mark.parametrize("name", ["Misra1a", "DanWood", "Rat42", "Eckerle4", "Kirby2"])
def test_fits_of_today_are_those_of_the_file(nist: Any, name: str, by_python: None) -> None:
    """By Python, whose roundings are others: of the last digits, and of when a fit ends."""
    found = [nist.Result(**record) for record in nist.newest()["results"]]
    before = {r.start: r for r in found if (r.set, r.fitter) == (name, "microgrest")}
    one = load(name)
    for k, start in enumerate(one.starts):
        now = nist._measured(one, k, start, "microgrest", nist.by_curve_fit(curve_fit))
        assert abs(min(now.digits, 7) - min(before[k + 1].digits, 7)) < 1
        assert abs(now.evaluations / before[k + 1].evaluations - 1) < 0.5
