"""The third call of an MLP's training step, which compiles it: `python bench/step_compile.py`.

Each call is the third of a new process, by an empty kernel cache (cold) and by the one that was
left (warm). Medians of wall and CPU time; how many functions the step's module has, and how many
calls of loops became how many different ones. Exits with status 1 if a bound was missed.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import peers
import report
import startup

COLUMNS = {"hidden layers, optimizer": 26, "cold": 8, "cold CPU": 8, "warm": 8, "warm CPU": 8}
COLUMNS |= {"functions": 9, "calls": 6, "loops": 6, "bound": 6, "": 6}
POINTS, WIDTH = 500, 16
BOUNDS = {2: 1.5, 30: 4.0}  # seconds, cold


@dataclass(frozen=True)
class Measured:
    """What one process found."""

    wall: float
    cpu: float
    functions: int
    calls: int
    loops: int


@dataclass(frozen=True)
class Result:
    """One line of the table, one record of the file; times are in seconds."""

    hidden: int
    optimizer: str
    cold: float
    cold_cpu: float
    warm: float
    warm_cpu: float
    functions: int
    calls: int
    loops: int
    bound: float | None
    verdict: str

    def cells(self) -> tuple[object, ...]:
        """The texts of the table's columns."""
        times = map(report.duration, (self.cold, self.cold_cpu, self.warm, self.warm_cpu))
        bound = "" if self.bound is None else f"{self.bound:g} s"
        counts = self.functions, self.calls, self.loops
        return f"{self.hidden}, {self.optimizer}", *times, *counts, bound, self.verdict


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--child", nargs=2, hidden=True, help="HIDDEN OPTIMIZER: measure one third call.")
def main(rounds: int, file: Path | None, child: tuple[str, str] | None) -> None:
    """Time the third call of compiled MLP steps of 2, 10 and 30 hidden layers."""
    if child:
        click.echo(json.dumps(asdict(third_call(int(child[0]), child[1]))))
        return
    settings = {"rounds": rounds, "load": peers.load_average()}
    click.echo(", ".join(f"{name} {value}" for name, value in settings.items()) + "\n")
    click.echo(report.row(COLUMNS, COLUMNS.values()))
    results = []
    for hidden, optimizer in ((2, "Adam"), (2, "SGD"), (10, "Adam"), (30, "Adam"), (30, "SGD")):
        results.append(measured(hidden, optimizer, rounds))
        click.echo(report.row(results[-1].cells(), COLUMNS.values()))
    if file:
        report.write(file, "step_compile", settings, [asdict(result) for result in results])
    sys.exit(any(result.verdict == "MISSED" for result in results))


def measured(hidden: int, optimizer: str, rounds: int) -> Result:
    """The medians of `rounds` pairs of processes."""
    pairs = []
    for _ in range(rounds):
        with TemporaryDirectory() as cache:
            pairs.append([in_process(hidden, optimizer, cache) for _ in range(2)])
    cold, warm = zip(*pairs, strict=True)
    found = median(m.wall for m in cold)
    bound = BOUNDS.get(hidden)
    return Result(
        hidden,
        optimizer,
        found,
        median(m.cpu for m in cold),
        median(m.wall for m in warm),
        median(m.cpu for m in warm),
        cold[0].functions,
        cold[0].calls,
        cold[0].loops,
        bound,
        report.verdict(found, bound),
    )


def in_process(hidden: int, optimizer: str, cache: str) -> Measured:
    """What a new process finds, whose kernels are in the folder `cache`."""
    answer = subprocess.run(
        [sys.executable, __file__, "--child", str(hidden), optimizer],
        env=startup.environment(cache),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Measured(**json.loads(answer.stdout))


def third_call(hidden: int, optimizer: str) -> Measured:
    """The third call in this process."""
    step = compiled_step(peers.load("microgrest"), hidden, optimizer)
    step()
    step()
    wall, cpu = time.perf_counter(), time.process_time()
    step()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    text = step.source()
    calls = re.findall(r"\b(loop\d+)(?:_threads|_near)?\(", text.partition("def run(")[2])
    return Measured(wall, cpu, len(re.findall("^def ", text, re.M)), len(calls), len({*calls}))


def compiled_step(torch: Any, hidden: int, optimizer: str) -> Any:
    """A step of 2-16-...-16-1 with tanh and mean squared error on as many points as `POINTS`."""
    nn, widths = torch.nn, (2, *[WIDTH] * hidden, 1)
    layers = [layer for pair in pairwise(widths) for layer in (nn.Linear(*pair), nn.Tanh())]
    model, loss_fn = nn.Sequential(*layers[:-1]), nn.MSELoss()
    options = {"lr": 0.05, "momentum": 0.9} if optimizer == "SGD" else {}
    rule = getattr(torch.optim, optimizer)(model.parameters(), **options)
    random = np.random.default_rng(0)
    x = torch.tensor(random.uniform(-1, 1, (POINTS, 2)).astype(np.float32))
    y = x[:, :1] * x[:, 1:]

    def step() -> Any:
        loss = loss_fn(model(x), y)
        rule.zero_grad()
        loss.backward()
        rule.step()
        return loss

    return torch.compile(step)


if __name__ == "__main__":
    main()
