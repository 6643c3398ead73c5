"""The memory model of `examples/memory_model.py`, beside PyTorch: `python bench/memory_model.py`.

What it takes to have it: megabytes to install, the time of the import and, in a process of its own,
of the first fit of a learner, with an empty kernel cache and with a filled one; and what a fit
takes then, of one learner, and of each of many at once: by `step.replicas`, and by
`torch.func.vmap`. Times are wall clock and of processors; rounds alternate.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import click
import peers
import report
from first_minute import processor
from memory_child import FEW, STEPS, example, fit, fit_many
from startup import environment

COLUMNS = {"": 36, "microgrest": 11, "processor": 11, "PyTorch": 11, "processor ": 11}
Pair = tuple[float, float]  # seconds: wall clock, processors


@dataclass(frozen=True)
class Result:
    """One line of the table: seconds, or megabytes, of both; NaN where PyTorch is not there."""

    what: str
    ours: float
    ours_processor: float
    theirs: float
    theirs_processor: float

    def cells(self) -> tuple[object, ...]:
        """The texts of the table's columns."""
        if self.what.endswith("MB"):
            return self.what, f"{self.ours:.0f}", "", f"{self.theirs:.0f}", ""
        values = self.ours, self.ours_processor, self.theirs, self.theirs_processor
        return self.what, *("" if v != v else report.duration(v) for v in values)


def timed(run: Callable[[], Any]) -> Pair:
    """One call."""
    began, used = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - began, time.process_time() - used


# Whole processes


def process(arguments: tuple[str, ...], cache: str) -> Pair:
    """One Python process, from start to end."""
    began, before = time.perf_counter(), processor()
    subprocess.run(
        [sys.executable, *arguments],
        cwd=peers.ROOT,
        env=environment(cache),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - began, processor() - before


def megabytes(package: str) -> float:
    """What a package and all that it requires take on disk, without optional extras."""
    found: set[str] = set()
    _require(package, found)
    total = sum(_size(name) for name in found)
    return total / 1e6


def _require(name: str, found: set[str]) -> None:
    name = re.sub(r"[-_.]+", "-", name).lower()
    if name in found:
        return
    if name == "microgrest":
        wanted = [re.split(r"[<>=!~ ]", r)[0] for r in ("numba", "numpy", "click")]
    else:
        try:
            wanted = distribution(name).requires or []
        except PackageNotFoundError:  # for another system
            return
    found.add(name)
    for text in wanted:
        if "extra ==" not in text:
            _require(re.split(r"[^\w.-]", text.strip())[0], found)


def _size(name: str) -> int:
    """Bytes of the files of a package, those of its folder where it is this checkout."""
    if name == "microgrest":
        return sum(
            file.stat().st_size
            for folder in ("microgrest", "kernels")
            for file in (peers.ROOT / folder).rglob("*.py*")
            if "__pycache__" not in file.parts
        )
    files = [Path(str(f.locate())) for f in distribution(name).files or []]
    return sum(f.stat().st_size for f in files if f.is_file() and f.suffix != ".pyc")


# The table


def measure(rounds: int, learners: int) -> list[Result]:
    """All lines."""
    both = ["microgrest", *(["torch"] if peers.installed("torch") else [])]
    sizes = [megabytes(p) for p in both]
    found = {"installed, MB": [(s, s) for s in sizes]}
    samples: dict[str, list[list[Pair]]] = {}
    with TemporaryDirectory() as warm:
        process(_first("microgrest"), warm)
        runs = {p: fit(p, example(p)) for p in both}
        manys = {p: fit_many(p, example(p), learners) for p in both}
        for run in (*runs.values(), *manys.values()):  # calls that compile
            run()
        for _ in range(rounds):
            lines = {
                "import": [process(("-c", f"import {p}"), warm) for p in both],
                "first fit, empty cache": [_cold(p) for p in both],
                "first fit, warm cache": [process(_first(p), warm) for p in both],
                "a fit": [timed(runs[p]) for p in both],
                f"a fit, of {learners:,} at once": [_of_many(p, manys[p], learners) for p in both],
            }
            for name, pairs in lines.items():
                samples.setdefault(name, []).append(pairs)
    for name, rows in samples.items():
        columns = list(zip(*rows, strict=True))
        found[name] = [
            (median(w for w, _ in column), median(c for _, c in column)) for column in columns
        ]
    nothing = (float("nan"), float("nan"))
    return [Result(name, *pairs[0], *[*pairs, nothing][1]) for name, pairs in found.items()]


def _first(peer: str) -> tuple[str, str]:
    """The arguments of a process with one fit."""
    return "bench/memory_child.py", peer


def _cold(peer: str) -> Pair:
    with TemporaryDirectory() as empty:
        return process(_first(peer), empty)


def _of_many(peer: str, run: Callable[[], Any], learners: int) -> Pair:
    """Of one of them, and of `STEPS` steps."""
    share = learners * (1 if peer == "microgrest" else FEW / STEPS)
    wall, used = timed(run)
    return wall / share, used / share


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True)
@click.option("--learners", type=click.IntRange(min=1), default=500, show_default=True)
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path))
def main(rounds: int, learners: int, file: Path | None) -> None:
    """Medians of ROUNDS."""
    results = measure(rounds, learners)
    for cells in (COLUMNS, *(result.cells() for result in results)):
        click.echo(report.row(cells, COLUMNS.values()))
    if file:
        settings = {"rounds": rounds, "learners": learners, "steps": STEPS}
        report.write(file, "memory_model", settings, [asdict(r) for r in results])


if __name__ == "__main__":
    main()
