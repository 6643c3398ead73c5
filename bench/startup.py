"""Whole processes, from start to end: `python bench/startup.py`.

Kernels go to a cache directory of this script's own: empty for a cold run, filled by the run
before for a warm one. Exits with status 1 if a bound was missed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click
import peers
import report
from microgrest.kernels.cpu import first_calls

FIT = ("cli.py", "fit", "--no-compare", "--quiet")
COLUMNS = {"process": 28, "median": 9, "best": 9, "bound": 6, "": 6}


@dataclass(frozen=True)
class Process:
    """A Python process with these arguments; `bound` is in seconds."""

    name: str
    arguments: tuple[str, ...]
    bound: float | None = None
    cold: bool = False


@dataclass(frozen=True)
class Result:
    """One line of the table, one record of the file."""

    process: str
    median_seconds: float
    best_seconds: float
    bound: float | None
    verdict: str

    def cells(self) -> tuple[object, ...]:
        """The texts of the table's columns."""
        times = map(report.duration, (self.median_seconds, self.best_seconds))
        bound = "" if self.bound is None else f"{self.bound:g} s"
        return self.process, *times, bound, self.verdict


def processes() -> list[Process]:
    """What is started; peers where they are installed."""
    others = filter(peers.installed, ("numpy", "numba", "torch"))
    return [
        Process("python, nothing else", ("-c", "pass")),
        *(Process(f"import {peer}", ("-c", f"import {peer}")) for peer in others),
        Process("import microgrest", ("-c", "import microgrest"), 0.2),
        Process("cli.py --help", ("cli.py", "--help"), 0.2),
        Process("cli.py fit, warm cache", FIT, 1.2),
        Process("cli.py fit, empty cache", FIT, 3.5, cold=True),
    ]


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=15, show_default=True)
@click.option("--cold-rounds", type=click.IntRange(min=1), default=5, show_default=True)
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path))
def main(rounds: int, cold_rounds: int, file: Path | None) -> None:
    """Wall-clock time of whole processes; fits run 2000 steps and print nothing but the result."""
    click.echo(report.row(COLUMNS, COLUMNS.values()))
    results = []
    for process in processes():
        results.append(measure(process, cold_rounds if process.cold else rounds))
        click.echo(report.row(results[-1].cells(), COLUMNS.values()))
    if file:
        settings = {"rounds": rounds, "cold_rounds": cold_rounds}
        report.write(file, "startup", settings, [asdict(result) for result in results])
    sys.exit(any(result.verdict == "MISSED" for result in results))


def measure(process: Process, rounds: int) -> Result:
    """Run `process` `rounds` times, after once that leaves bytecode, and kernels, behind."""
    take = cold if process.cold else warm
    times = take(process, rounds)
    judged = report.verdict(median(times), process.bound)
    return Result(process.name, median(times), min(times), process.bound, judged)


def warm(process: Process, rounds: int) -> list[float]:
    """Seconds of each run; all share one cache, which a first run fills."""
    with TemporaryDirectory() as cache:
        run(process, cache)
        return [run(process, cache) for _ in range(rounds)]


def cold(process: Process, rounds: int) -> list[float]:
    """Seconds of each run, each with an empty cache."""
    times = []
    for _ in range(rounds):
        with TemporaryDirectory() as cache:
            times.append(run(process, cache))
    return times


def run(process: Process, cache: str) -> float:
    """Seconds from start to end of one process, in the checkout."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, *process.arguments],
        cwd=peers.ROOT,
        env=environment(cache),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - started


def environment(cache: str) -> dict[str, str]:
    """This process's, but for the folder of kernels; they are compiled when a user's are."""
    own = {"MICROGREST_CACHE_DIR": cache, "MICROGREST_FIRST_CALLS": str(first_calls.USUAL)}
    return os.environ | own


if __name__ == "__main__":
    main()
