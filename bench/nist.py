"""The 27 NIST StRD sets: digits and evaluations of `curve_fit`, beside SciPy and lmfit in one run.

    python bench/nist.py                 # prints the table
    python bench/nist.py --json FILE     # keeps what was found
    python bench/nist.py --docs --write  # the table of docs/fitting.md anew, from the newest file

Everyone fits with defaults, from both of NIST's starts. Digits are those of the worst parameter,
and of the worst standard error; at most 11 are certified.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import peers
import report

sys.path.insert(0, str(peers.ROOT / "tests" / "fit"))
from nist_sets import MODELS, Set, digits, load

PAGE = peers.ROOT / "docs" / "fitting.md"
RESULTS = peers.ROOT / "bench" / "results"
BEGIN, END = "<!-- nist: python bench/nist.py --docs --write -->", "<!-- end of nist -->"
ENOUGH = 6  # digits of every parameter, with which a set is solved

# Values, standard errors, evaluations.
Answer = tuple[Any, Any, int]


@dataclass(frozen=True)
class Result:
    """What one fitter made of one set from one start; zeros where it gave up."""

    set: str
    start: int
    fitter: str
    digits: float = 0.0
    error_digits: float = 0.0
    evaluations: int = 0


def by_curve_fit(curve_fit: Callable[..., Any]) -> Callable[[Set, Any], Answer]:
    """SciPy's function, or ours."""

    def fit(one: Set, start: Any) -> Answer:
        p, covariance, info, *_ = curve_fit(one.model, one.x, one.y, start, full_output=True)
        return p, np.sqrt(np.diag(covariance)), info["nfev"]

    return fit


def by_lmfit(one: Set, start: Any) -> Answer:
    """`lmfit.Model(f).fit`."""
    import lmfit

    model = lmfit.Model(one.model)
    found = model.fit(one.y, x=one.x, **dict(zip(model.param_names, start, strict=True)))
    if not found.success:
        raise RuntimeError(found.message)
    values = [found.params[name] for name in model.param_names]
    errors = [np.nan if p.stderr is None else p.stderr for p in values]
    return np.array([p.value for p in values]), np.array(errors), found.nfev


def fitters() -> dict[str, Callable[[Set, Any], Answer]]:
    """All that are here, by name."""
    from microgrest.fit import curve_fit

    found = {"microgrest": by_curve_fit(curve_fit)}
    if peers.installed("scipy"):
        from scipy.optimize import curve_fit as scipys

        found["SciPy"] = by_curve_fit(scipys)
    if peers.installed("lmfit"):
        found["lmfit"] = by_lmfit
    return found


def measured() -> Iterator[Result]:
    """Each set from each start by each fitter."""
    here = fitters()
    for name in MODELS:
        one = load(name)
        for k, start in enumerate(one.starts):
            for fitter, fit in here.items():
                yield _measured(one, k, start, fitter, fit)


def _measured(one: Set, k: int, start: Any, fitter: str, fit: Callable[..., Answer]) -> Result:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            p, errors, calls = fit(one, start)
        except (RuntimeError, ValueError):
            return Result(one.name, k + 1, fitter)
    right = digits(p, one.certified), digits(errors, one.deviations)
    return Result(one.name, k + 1, fitter, *right, int(calls))


def table(content: dict[str, Any]) -> str:
    """Markdown: a row for each set and start, a column for each fitter, and what they come to."""
    found = [Result(**record) for record in content["results"]]
    names = list(dict.fromkeys(r.fitter for r in found))
    by = {(r.set, r.start, r.fitter): r for r in found}
    lines = [["set", "start", *names], ["---"] * (2 + len(names))]
    for name, start in dict.fromkeys((r.set, r.start) for r in found):
        lines.append([name, str(start), *(_cell(by[name, start, who]) for who in names)])
    said = ", ".join(f"{who} {' and '.join(_solved(found, who))}" for who in names)
    versions = content["versions"]
    used = ", ".join(f"{who} {versions[who.lower()]}" for who in names)
    return "\n".join(
        [
            *(f"| {' | '.join(line)} |" for line in lines),
            "",
            f"Sets with six digits of every parameter, from start 1 and 2: {said}. With {used}, "
            f"{content['date'][:10]}.",
        ]
    )


def _cell(one: Result) -> str:
    if not one.evaluations:
        return "gave up"
    return f"{one.digits:.1f} / {one.error_digits:.1f} / {one.evaluations}"


def _solved(found: list[Result], who: str) -> list[str]:
    """How many sets one fitter solved from each start."""
    return [
        str(sum(r.digits >= ENOUGH for r in found if (r.fitter, r.start) == (who, start)))
        for start in (1, 2)
    ]


def newest() -> dict[str, Any]:
    """The result file with the latest date."""
    files = [json.loads(path.read_text("utf-8")) for path in RESULTS.glob("nist-*.json")]
    if not files:
        raise click.UsageError("no bench/results/nist-*.json: run bench/nist.py --json FILE")
    return dict(max(files, key=lambda content: content["date"]))


def inserted(page: str, text: str) -> str:
    """`page` with `text` between its two comments."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise click.UsageError(f"docs/fitting.md needs the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


@click.command()
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--docs", is_flag=True, help="Measure nothing: take the newest result file.")
@click.option("--write", is_flag=True, help="With --docs: put the table into docs/fitting.md.")
def main(file: Path | None, docs: bool, write: bool) -> None:
    """Fit NIST's sets by microgrest, and by SciPy and lmfit where they are installed."""
    if docs:
        content = newest()
    else:
        results = [asdict(result) for result in measured()]
        content = {**peers.facts(), "results": results}
        if file:
            report.write(file, "nist", {"defaults": True}, results)
    if write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(inserted(page, table(content)), encoding="utf-8", newline="\n")
    else:
        click.echo(table(content))


if __name__ == "__main__":
    main()
