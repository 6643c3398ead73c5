"""The first minute on a new machine, beside PyTorch's: `python bench/first_minute.py`.

A first program, and `fit`, each in a process of its own with an empty kernel cache, and with the
one that a run before has filled. Rounds alternate between all of them. Wall-clock time is what one
waits; processor time, of the process and of those that it started, is what the machine did.
Exits with status 1 if a bound was missed.
"""

from __future__ import annotations

import resource
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
from startup import FIT, environment

# A classifier as a newcomer writes it. The peer's name stands for PEER.
PROGRAM = """
import math
import PEER as torch
from PEER import nn, optim

torch.manual_seed(0)
n = 200
angle = torch.rand(2 * n) * (2 * math.pi)
radius = torch.cat([torch.ones(n), 2 * torch.ones(n)])
x = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1) + 0.1 * torch.randn(2 * n, 2)
y = torch.cat([torch.zeros(n, 1), torch.ones(n, 1)])
x = (x - x.mean(0)) / x.std(0)

model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = optim.Adam(model.parameters(), lr=0.01)
for step in range(300):
    p = torch.sigmoid(model(x))
    loss = -(y * torch.log(p + 1e-7) + (1 - y) * torch.log(1 - p + 1e-7)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
right = ((p > 0.5).float() == y).float().mean()
print(f"loss {loss.item():.3f}, {right.item():.0%} right")
"""
COLUMNS = {"process": 34, "wall": 9, "processor": 9, "bound": 9, "": 6}


@dataclass(frozen=True)
class Process:
    """A Python process; `share` of the wall time of PyTorch's first program is its bound."""

    name: str
    arguments: tuple[str, ...]
    cold: bool = False
    share: float | None = None


@dataclass(frozen=True)
class Result:
    """One line of the table, one record of the file: medians, in seconds."""

    process: str
    wall_seconds: float
    processor_seconds: float
    bound: float | None
    verdict: str

    def cells(self) -> tuple[object, ...]:
        """The texts of the table's columns."""
        bound = "" if self.bound is None else report.duration(self.bound)
        times = map(report.duration, (self.wall_seconds, self.processor_seconds))
        return self.process, *times, bound, self.verdict


def first(peer: str) -> tuple[str, str]:
    """The arguments of the first program on `peer`."""
    return "-c", PROGRAM.replace("PEER", peer)


TORCH = Process("first program, torch", first("torch"))
OURS = (
    Process("first program, empty cache", first("microgrest"), cold=True, share=1.0),
    Process("cli.py fit, empty cache", FIT, cold=True, share=0.5),
    Process("first program, warm cache", first("microgrest")),
    Process("cli.py fit, warm cache", FIT),
    Process("cli.py --help", ("cli.py", "--help")),
    Process("import microgrest", ("-c", "import microgrest")),
)


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True)
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path))
def main(rounds: int, file: Path | None) -> None:
    """Whole processes, from start to end; medians of ROUNDS."""
    processes = [*([TORCH] if peers.installed("torch") else []), *OURS]
    with TemporaryDirectory() as warm:
        for process in processes:  # leaves bytecode, and kernels
            run(process, warm)
        times = [[measure(process, warm) for process in processes] for _ in range(rounds)]
    results = judged(processes, list(zip(*times, strict=True)))
    for cells in (COLUMNS, *(result.cells() for result in results)):
        click.echo(report.row(cells, COLUMNS.values()))
    if file:
        report.write(file, "first_minute", {"rounds": rounds}, [asdict(r) for r in results])
    sys.exit(any(result.verdict == "MISSED" for result in results))


def judged(processes: list[Process], times: list[tuple[tuple[float, float], ...]]) -> list[Result]:
    """Medians, beside what they may be."""
    results = []
    for process, samples in zip(processes, times, strict=True):
        wall, processor = (median(values) for values in zip(*samples, strict=True))
        theirs = results[0].wall_seconds if results and processes[0] is TORCH else None
        bound = theirs * process.share if theirs and process.share else None
        results.append(Result(process.name, wall, processor, bound, report.verdict(wall, bound)))
    return results


def measure(process: Process, warm: str) -> tuple[float, float]:
    """Wall-clock and processor time of one run, with the filled cache or an empty one."""
    if not process.cold:
        return run(process, warm)
    with TemporaryDirectory() as empty:
        return run(process, empty)


def run(process: Process, cache: str) -> tuple[float, float]:
    """Seconds from start to end of one process, and those that processors worked for it."""
    started, before = time.perf_counter(), processor()
    subprocess.run(
        [sys.executable, *process.arguments],
        cwd=peers.ROOT,
        env=environment(cache),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - started, processor() - before


def processor() -> float:
    """Seconds that processes which this one has waited for have worked, with their own."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
