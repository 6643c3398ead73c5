"""The 27 NIST StRD sets: digits and evaluations of `curve_fit` beside SciPy's, as a table.

    python -m bench.nist             # prints it
    python -m bench.nist --write     # puts it into docs/fitting.md

Needs SciPy. Digits are those of the worst parameter, and of the worst standard error.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "fit"))
PAGE = ROOT / "docs" / "fitting.md"
BEGIN, END = "<!-- nist: written by bench/nist.py -->", "<!-- end of nist -->"


def solved(curve_fit: Any, one: Any, start: Any) -> tuple[float, float, int]:
    """Digits of parameters and of standard errors, and evaluations; zeros where it gave up."""
    from nist_sets import digits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            p, cov, info, *_ = curve_fit(one.model, one.x, one.y, start, full_output=True)
        except RuntimeError:
            return 0.0, 0.0, 0
    return digits(p, one.certified), digits(np.sqrt(np.diag(cov)), one.deviations), info["nfev"]


def table() -> list[str]:
    """The lines of the table, and what they come to."""
    from nist_sets import MODELS, load
    from scipy.optimize import curve_fit as scipys

    from microgrest.fit import curve_fit as ours

    lines = [
        "| set | start | digits | of errors | calls | SciPy: digits | of errors | calls |",
        "|---|---|---|---|---|---|---|---|",
    ]
    counts = np.zeros((2, 2), int)
    for name in MODELS:
        one = load(name)
        for k, start in enumerate(one.starts):
            found = [solved(fit, one, start) for fit in (ours, scipys)]
            counts[:, k] += [d >= 6 for d, _, _ in found]
            cells = [f"{d:.1f} | {e:.1f} | {n or 'gave up'}" for d, e, n in found]
            lines.append(f"| {name} | {k + 1} | {' | '.join(cells)} |")
    who = ("microgrest", "SciPy")
    said = (f"{w} {a} and {b}" for w, (a, b) in zip(who, counts, strict=True))
    return [
        *lines,
        "",
        f"Sets with six digits of every parameter, from start 1 and 2: {', '.join(said)}.",
    ]


def main() -> None:
    """Print the table, or write it."""
    text = "\n".join(table())
    if "--write" in sys.argv:
        page = PAGE.read_text(encoding="utf-8")
        before, rest = page.split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
