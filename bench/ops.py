"""Ops beside PyTorch's, interleaved in one process, one thread each: `python bench/ops.py`.

Exits as `eager.py` does. Times are of the processor, not of the clock, so that other processes
matter little; n is the number of elements, of windows the pixels of an image.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

# Before NumPy reads it: a thread of its library's that waits takes time of the processor, too.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import click
import eager
import interleave
import peers
import report
from op_cases import CASES


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=eager.ENOUGH, show_default=True)
@click.option("--budget", type=float, default=0.01, show_default=True, help="Seconds a round.")
@click.option("--only", metavar="TEXT", default="", help="Cases whose NAME-N contains TEXT.")
@click.option("--dtype", type=click.Choice(["float32", "float64"]), default="float32")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path))
def main(rounds: int, budget: float, only: str, dtype: str, file: Path | None) -> None:
    """Time microgrest's ops and PyTorch's side by side; bounds are ratios of their times."""
    if not peers.installed("torch"):
        raise click.UsageError("the peer is PyTorch, which is not installed: pip install torch")
    interleave.CLOCK = time.process_time
    effort = eager.Effort(rounds, budget)
    load = peers.load_average()
    settings = {"dtype": dtype, "rounds": rounds, "threads": 1, "load": load, "clock": "process"}
    cases = [replace(case, dtype=dtype, serial=True) for case in CASES if only in case.id]
    results = eager.table(cases, effort, settings)
    if file:
        report.write(file, "ops", settings, [asdict(result) for result in results])
    sys.exit(eager.conclude(results, settings))


if __name__ == "__main__":
    main()
