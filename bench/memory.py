"""What a step of the fit asks of the system's memory: `python bench/memory.py`.

Temporaries that go back to the system after each step come again page by page, zeroed; a pool that
keeps them pays for a page once. Each figure comes from a process of its own. Linux and macOS only:
Windows counts differently.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import peers
import report
from cases import fit_autograd

STEPS, WARM_UP = 10, 5
SIZES = (100_000, 1_000_000, 10_000_000)
COLUMNS = {"peer": 12, "points": 10, "faults/step": 12, "peak MiB": 10}


@click.command()
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--measure", type=(str, int), hidden=True, help="What a child process does.")
def main(file: Path | None, measure: tuple[str, int] | None) -> None:
    """Page faults of a step, and the largest resident size above that of the bare library."""
    if sys.platform == "win32":
        raise click.UsageError("page faults are counted on Linux and macOS only")
    if measure is not None:
        click.echo(json.dumps(faults(*measure)))
        return
    click.echo(report.row(COLUMNS, COLUMNS.values()))
    results = []
    for n in SIZES:
        for peer in filter(peers.installed, ("microgrest", "torch")):
            results.append({"peer": peer, "n": n, **in_a_process(peer, n)})
            click.echo(report.row(results[-1].values(), COLUMNS.values()))
    if file:
        report.write(file, "memory", {"steps": STEPS, "dtype": "float32"}, results)


def in_a_process(peer: str, n: int) -> dict[str, float]:
    """What `faults` returns in a new process."""
    command = [sys.executable, __file__, "--measure", peer, str(n)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, float] = json.loads(answer)
    return found


def faults(peer: str, n: int) -> dict[str, float]:
    """Page faults of one of STEPS steps, once warm, and the peak of memory in MiB."""
    torch: Any = peers.load(peer)
    fit_autograd(torch, 100, torch.float32).once()  # the library itself, with its kernels
    bare = peak()
    timed = fit_autograd(torch, n, torch.float32)
    for _ in range(WARM_UP):
        timed.once()
    before = usage().ru_minflt
    for _ in range(STEPS):
        timed.once()
    return {
        "faults_per_step": (usage().ru_minflt - before) / STEPS,
        "peak_mib": round(peak() - bare, 1),
    }


def peak() -> float:
    """The largest resident size so far, in MiB; macOS counts bytes, Linux KiB."""
    return float(usage().ru_maxrss) / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def usage() -> Any:
    """What this process has used."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF)


if __name__ == "__main__":
    main()
