"""What compiled steps cost beside their arithmetic: calls, compilation, start-up, memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import click
import interleave
import numpy as np
import peers
import report
import startup
from step_cases import Arrays, Program, Runner, Workload, sgd
from step_measure import sampled
from step_peers import CALL, OURS, called, repeated, use_threads

COLUMNS = {"cost": 44, "median": 9, "quartiles": 20, "bound": 8, "": 6}
CHILD = Path(__file__).with_name("step_child.py")
PARAMETERS = (4, 8, 16)
COLD_ROUNDS = 5
MIB = 2**20


@dataclass(frozen=True)
class Cost:
    """One line of the table, one record of the file; `value`, a median, is in `unit`."""

    cost: str
    value: float
    quartiles: tuple[float, float]
    unit: str
    bound: float | None
    verdict: str

    @classmethod
    def of(cls, cost: str, values: list[float], bound: float | None, unit: str = "s") -> Cost:
        """The median of `values` against a bound that it may not exceed."""
        value = median(values)
        judged = report.verdict(value, bound)
        return cls(cost, value, interleave.quartiles(values), unit, bound, judged)

    def cells(self) -> tuple[object, ...]:
        """The texts of the table's columns."""
        bound = "" if self.bound is None else self.text(self.bound)
        spread = " .. ".join(map(self.text, self.quartiles))
        return self.cost, self.text(self.value), spread, bound, self.verdict

    def text(self, value: float) -> str:
        """A value with its unit."""
        if self.unit == "bytes":
            return f"{value / MIB:.2f} MiB"
        return report.duration(value) if value >= 0 else f"-{report.duration(-value)}"


def table(rounds: int, budget: float, quick: bool, different: int) -> list[Cost]:
    """Measure, printing each line as soon as it is known; with `quick` processes start once."""
    if not hasattr(peers.load("microgrest"), "compile"):
        click.echo("without costs: this version has no microgrest.compile")
        return []
    click.echo(report.row(COLUMNS, COLUMNS.values()))
    found = []
    processes = (1, 1) if quick else (COLD_ROUNDS, rounds)
    parts = calls(rounds, budget), compilations(*processes), fits(*processes)
    for cost in chain(*parts, memory(10 if quick else different)):
        found.append(cost)
        click.echo(report.row(cost.cells(), COLUMNS.values()))
    return found


# ---- one call per step ---------------------------------------------------------------------------


def calls(rounds: int, budget: float) -> Iterator[Cost]:
    """A call from Python over the same step repeated natively, by the number of parameters."""
    found = {}
    for count in PARAMETERS:
        found[count] = overheads(polynomial_workload(count), rounds, budget)
        bound = 5e-6 if count == PARAMETERS[0] else None
        yield Cost.of(f"a call over its arithmetic, {count} parameters", found[count], bound)
    fewest, most = PARAMETERS[0], PARAMETERS[-1]
    pairs = zip(found[fewest], found[most], strict=True)
    further = [(b - a) / (most - fewest) for a, b in pairs]
    yield Cost.of("the same, of a further parameter", further, 0.3e-6)


def overheads(workload: Workload, rounds: int, budget: float) -> list[float]:
    """Seconds, one value a round."""
    use_threads(workload)
    runners: dict[str, Runner] = {OURS: repeated(workload), CALL: called(workload)}
    samples = sampled(workload, runners, rounds, budget)
    return [call - step for call, step in zip(samples[CALL], samples[OURS], strict=True)]


def polynomial_workload(count: int) -> Workload:
    """A polynomial of `count` coefficients, each a tensor of its own, fitted to 2000 points."""

    def make(n: int) -> tuple[Arrays, Arrays]:
        x = np.linspace(-1, 1, n, dtype=np.float32)
        return (x, np.sin(x)), (np.zeros((), np.float32),) * count

    return Workload("polynomial", 2000, make, polynomial, no_loss, sgd)


def no_loss(xp: Any, parameters: Any, data: Any) -> Any:
    """No library of functions takes part here."""
    raise NotImplementedError


def polynomial(torch: Any, workload: Workload) -> Program:
    """The step of the cubic fit, of any degree."""
    (x, y), start = workload.make(workload.n)
    powers = [torch.tensor(x**k) for k in range(len(start))]
    target = torch.tensor(y)
    parameters = tuple(torch.tensor(v, requires_grad=True) for v in start)

    def step() -> Any:
        terms = [p * power for p, power in zip(parameters, powers, strict=True)]
        loss = (sum(terms) - target).pow(2).sum()
        loss.backward()
        with torch.no_grad():
            for p in parameters:
                p -= 1e-5 * p.grad
                p.grad = None
        return loss

    return Program(step, parameters)


# ---- processes -----------------------------------------------------------------------------------


def compilations(cold: int, warm: int) -> Iterator[Cost]:
    """From `compile` to the first compiled call, with an empty kernel cache and with a full one."""
    empty = []
    for _ in range(cold):
        with TemporaryDirectory() as cache:
            empty.append(child(cache, "compile"))
    yield Cost.of("compiling the cubic's step, empty cache", empty, 2.5)
    with TemporaryDirectory() as cache:
        child(cache, "compile")
        full = [child(cache, "compile") for _ in range(warm)]
    yield Cost.of("compiling the cubic's step, full cache", full, 0.3)


def fits(cold: int, warm: int) -> Iterator[Cost]:
    """The whole process of `cli.py fit --no-compare`."""
    once = startup.Process("fit", startup.FIT)
    yield Cost.of("cli.py fit --no-compare, empty cache", startup.cold(once, cold), 3.5)
    yield Cost.of("cli.py fit --no-compare, full cache", startup.warm(once, warm), 1.2)


def memory(count: int) -> Iterator[Cost]:
    """What one of `count` different steps adds to its process."""
    if sys.platform == "win32":
        click.echo("without memory: it is counted on Linux and macOS only")
        return
    with TemporaryDirectory() as cache:
        used = child(cache, "memory", str(count))
    yield Cost.of(f"memory of one of {count:,} different steps", [used], 1.5 * MIB, "bytes")


def child(cache: str, *arguments: str) -> float:
    """The number that a new process prints; its kernels go to the folder `cache`."""
    answer = subprocess.run(
        [sys.executable, str(CHILD), *arguments],
        env=startup.environment(cache),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(answer.stdout)
