"""Eager microgrest against eager PyTorch, interleaved in one process: `python bench/eager.py`.

Exits with status 1 if a bound was missed or the two compute different things, and with 2 where
PyTorch is not installed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import click
import numpy as np
import peers
import report
from cases import CASES, Case, Timed
from interleave import Comparison, compare

COLUMNS = {"case": 14, "n": 10, "microgrest": 10, "PyTorch": 10, "ratio": 6}
COLUMNS |= {"quartiles": 14, "best": 6, "bound": 6, "": 6}
ENOUGH = 15  # rounds for a verdict
QUIET = 0.5  # the load up to which one counts: a thread that finds its core taken is waited for
PAUSE = 0.02  # PyTorch's threads spin for about 6 ms after a parallel loop


@dataclass(frozen=True)
class Effort:
    """How many rounds, how many seconds each for one peer, and the largest n."""

    rounds: int = ENOUGH
    budget: float = 0.02
    largest: int = 10_000_000


@dataclass(frozen=True)
class Result:
    """One line of the table, one record of the file. Times are medians of the rounds."""

    case: str
    n: int
    microgrest_seconds: float
    torch_seconds: float
    ratio: float
    quartiles: tuple[float, float]
    best: float
    bound: float | None
    verdict: str

    @classmethod
    def of(cls, case: Case, found: Comparison) -> Result:
        """What `found` says about `case`."""
        return cls(
            case=case.name,
            n=case.n,
            microgrest_seconds=median(found.ours),
            torch_seconds=median(found.theirs),
            ratio=found.ratio,
            quartiles=found.quartiles,
            best=found.best,
            bound=case.bound,
            verdict=report.verdict(found.ratio, case.bound),
        )

    def cells(self) -> tuple[object, ...]:
        """The texts of the table's columns."""
        times = map(report.duration, (self.microgrest_seconds, self.torch_seconds))
        quartiles = "{:.2f} .. {:.2f}".format(*self.quartiles)
        bound = "" if self.bound is None else f"{self.bound:.2f}"
        ratios = f"{self.ratio:.2f}", quartiles, f"{self.best:.2f}"
        return self.case, self.n, *times, *ratios, bound, self.verdict


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=ENOUGH, show_default=True)
@click.option("--quick", is_flag=True, help="5 short rounds, at most 10,000 elements.")
@click.option("--only", metavar="TEXT", default="", help="Cases whose NAME-N contains TEXT.")
@click.option("--dtype", type=click.Choice(["float32", "float64"]), default="float32")
@click.option("--threads", type=click.IntRange(min=1), help="Of both.  [default: microgrest's own]")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path))
def main(
    rounds: int, quick: bool, only: str, dtype: str, threads: int | None, file: Path | None
) -> None:
    """Time eager microgrest and PyTorch side by side; bounds are ratios of their times."""
    if not peers.installed("torch"):
        raise click.UsageError("the peer is PyTorch, which is not installed: pip install torch")
    effort = Effort(5, 0.002, 10_000) if quick else Effort(rounds)
    settings = {
        "dtype": dtype,
        "rounds": effort.rounds,
        "threads": threads or peers.threads(),
        "load": peers.load_average(),
    }
    results = table(list(chosen(only, dtype, effort)), effort, settings)
    if file:
        report.write(file, "eager", settings, [asdict(result) for result in results])
    sys.exit(conclude(results, settings))


def table(cases: list[Case], effort: Effort, settings: dict[str, Any]) -> list[Result]:
    """Measure `cases`, printing each line as soon as it is known."""
    pair = (peers.load("microgrest"), peers.load("torch"))
    facts = ", ".join(f"{name} {value}" for name, value in settings.items())
    click.echo(f"PyTorch {pair[1].__version__}, {facts}; times are per call\n")
    click.echo(report.row(COLUMNS, COLUMNS.values()))
    results = []
    for case in cases:
        peers.use_threads(settings["threads"] if case.parallel else 1)
        results.append(measure(case, pair, effort))
        click.echo(report.row(results[-1].cells(), COLUMNS.values()))
    return results


def chosen(only: str, dtype: str, effort: Effort) -> Iterator[Case]:
    """The cases that both peers run, that were asked for, and that are not too large."""
    for case in CASES:
        common = {"microgrest", "torch"} <= set(case.peers)
        if common and only in case.id and case.n <= effort.largest:
            yield replace(case, dtype=dtype)


def measure(case: Case, pair: tuple[Any, Any], effort: Effort) -> Result:
    """Compare one case, after a look at whether the two compute the same."""
    ours, theirs = (case.on(module) for module in pair)
    check(case, ours, theirs)
    pause = PAUSE if case.parallel else 0.0
    return Result.of(case, compare(ours, theirs, effort.rounds, effort.budget, pause))


def check(case: Case, ours: Timed, theirs: Timed) -> None:
    """ClickException if the first answers differ by more than rounding."""
    answer, reference = (timed.once().detach().numpy() for timed in (ours, theirs))
    scale = float(np.abs(reference).max()) or 1.0
    if not np.allclose(answer, reference, rtol=1e-4, atol=1e-4 * scale):
        raise click.ClickException(f"{case.id}: microgrest has {answer}, PyTorch {reference}")


def conclude(results: list[Result], settings: dict[str, Any]) -> int:
    """Print the summary; the exit status."""
    missed = [f"{result.case}-{result.n}" for result in results if result.verdict == "MISSED"]
    bounded = sum(result.bound is not None for result in results)
    click.echo(f"\n{bounded - len(missed)} of {bounded} bounds hold")
    if missed:
        click.echo(f"missed: {', '.join(missed)}")
    if settings["rounds"] < ENOUGH or (settings["load"] or 0) > QUIET:
        click.echo(f"(a verdict needs {ENOUGH} rounds, on a machine whose load is below {QUIET})")
    return 1 if missed else 0


if __name__ == "__main__":
    main()
