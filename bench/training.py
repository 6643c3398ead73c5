"""Programs that people train, beside PyTorch on one thread: `python bench/training.py`.

Each step eagerly and compiled, by calls from Python. Times are of the processor, so that others on
the machine count little. Rounds alternate between all peers, and a ratio is the median of the
rounds'. Exits with status 1 if a bound was missed.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

# Before any library reads them. A thread that waits for another measures who else uses the machine.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"

import click  # noqa: E402
import interleave  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402
import training_cases as cases  # noqa: E402
from cases import Timed  # noqa: E402
from interleave import alternate, quartiles  # noqa: E402

COLUMNS = {"case": 14, "peer": 12, "time": 9, "of PyTorch's": 12, "quartiles": 13, "bound": 7}
COLUMNS |= {"": 6}


@dataclass(frozen=True)
class Case:
    """A program, and the most of PyTorch's time that it may take, eagerly and compiled."""

    make: Callable[[Any], cases.Step]
    eager: float
    compiled: float | None = None
    jax: Callable[[], cases.Step] | None = None


CASES = (
    Case(cases.small_net, 0.7, 0.2),
    Case(cases.digits, 1.2, None, cases.digits_by_jax),
    Case(cases.transformer, 1.2, 0.6),
    Case(cases.lstm, 1.5, 0.5),
    Case(cases.lstm_alone, 1.5, 0.5),
    Case(cases.optimizer, 0.7),
    Case(cases.loader, 0.5),
)


@dataclass(frozen=True)
class Result:
    """One line of the table, one record of the file; of a bound by JAX, `ratio` is by JAX's."""

    case: str
    peer: str
    seconds: float
    ratio: float | None
    quartiles: tuple[float, float] | None
    bound: float | None
    verdict: str

    def cells(self) -> tuple[object, ...]:
        """The texts of the table's columns."""
        low_high = "" if self.quartiles is None else "-".join(f"{q:.2f}" for q in self.quartiles)
        ratio, bound = ("" if x is None else f"{x:.2f}" for x in (self.ratio, self.bound))
        time = report.duration(self.seconds)
        return self.case, self.peer, time, ratio, low_high, bound, self.verdict


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=9, show_default=True)
@click.option("--budget", default=0.1, show_default=True, help="Seconds of a part of a round.")
@click.option("--only", default="", help="Cases whose name has this in it.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path))
def main(rounds: int, budget: float, only: str, file: Path | None) -> None:
    """Steps of training, medians of ROUNDS; needs PyTorch, and JAX for one bound."""
    ours, theirs = peers.load("microgrest"), peers.load("torch")
    peers.use_threads(1)
    interleave.CLOCK = time.process_time
    settings = {"rounds": rounds, "budget": budget, "threads": 1, "load": peers.load_average()}
    click.echo(report.row(COLUMNS, COLUMNS.values()))
    results: list[Result] = []
    for case in CASES:
        if only in case.make.__name__:
            for result in measured(case, ours, theirs, rounds, budget):
                click.echo(report.row(result.cells(), COLUMNS.values()))
                results.append(result)
    if file:
        report.write(file, "training", settings, [asdict(r) for r in results])
    sys.exit(any(result.verdict == "MISSED" for result in results))


def measured(case: Case, ours: Any, theirs: Any, rounds: int, budget: float) -> list[Result]:
    """All peers' times of a case."""
    steps = {"PyTorch": case.make(theirs), "eager": case.make(ours)}
    if case.compiled or case.jax:
        steps["compiled"] = ours.compile(case.make(ours))
    if case.jax and peers.installed("jax"):
        steps["JAX, jitted"] = case.jax()
    times = alternate([Timed(step) for step in steps.values()], rounds, budget, 0.0)
    samples = dict(zip(steps, times, strict=True))
    bounds = {"eager": case.eager, "compiled": case.compiled}
    results = [judged(case, peer, samples, bounds.get(peer), "PyTorch") for peer in steps]
    if "JAX, jitted" in steps:
        results.append(judged(case, "compiled", samples, 1.0, "JAX, jitted"))
    return results


def judged(
    case: Case, peer: str, samples: dict[str, tuple[float, ...]], bound: float | None, of: str
) -> Result:
    """The time of `peer` beside that of another."""
    ratios = [a / b for a, b in zip(samples[peer], samples[of], strict=True)]
    alone = peer == of
    name = peer if of == "PyTorch" else f"{peer}/JAX"
    ratio = None if alone else median(ratios)
    verdict = "" if ratio is None else report.verdict(ratio, bound)
    seconds, spread = median(samples[peer]), None if alone else quartiles(ratios)
    return Result(case.make.__name__, name, seconds, ratio, spread, bound, verdict)


if __name__ == "__main__":
    main()
