"""Compiled training steps against the loop an expert writes by hand, and against the peers.

    python bench/steps.py                   # everything but what takes torch.compile
    python bench/steps.py --quick           # a look: short rounds, nothing above 10,000 points
    python bench/steps.py --readme --write  # README's table anew, from the newest result file

Exits with status 1 if a bound was missed, or if microgrest computes something else than its peers.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import peers
import report
import step_costs
import step_table
from eager import ENOUGH, QUIET
from step_cases import WORKLOADS, Workload
from step_measure import Result, measure
from step_peers import PEERS, Peer

COLUMNS = {"step": 14, "peer": 25, "per step": 8, "quartiles": 18, "microgrest /": 12}
COLUMNS |= {"quartiles ": 16, "bound": 6, "": 12}


@dataclass(frozen=True)
class Effort:
    """How many rounds, how many seconds each for one peer, the largest n; whether slow peers."""

    rounds: int = ENOUGH
    budget: float = 0.02
    largest: int = 10_000_000
    slow: bool = False


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=ENOUGH, show_default=True)
@click.option("--quick", is_flag=True, help="5 short rounds, at most 10,000 points, few processes.")
@click.option("--slow", is_flag=True, help="With the peers that compile for many seconds.")
@click.option("--only", metavar="TEXT", default="", help="Steps whose NAME-N contains TEXT.")
@click.option("--costs/--no-costs", default=True, help="Calls, compilation, start-up, memory.")
@click.option(
    "--different",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="Steps compiled in one process, to see what one takes of memory.",
)
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--readme", is_flag=True, help="Measure nothing: print README's table.")
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The result file for --readme.  [default: the newest]",
)
@click.option("--write", is_flag=True, help="With --readme: put the table into README.md.")
def main(quick: bool, only: str, costs: bool, file: Path | None, **options: Any) -> None:
    """Time training steps, microgrest's and the peers', in alternating rounds of one run."""
    if options["readme"] or options["write"]:
        step_table.main(options["source"] or step_table.newest(), options["write"])
        return
    slow: bool = options["slow"]
    effort = Effort(5, 0.002, 10_000, slow) if quick else Effort(options["rounds"], slow=slow)
    settings = {"rounds": effort.rounds, "threads": peers.threads(), "load": peers.load_average()}
    found: list[Any] = [*table(chosen(only, effort), effort, settings)]
    if costs and not only:
        found += step_costs.table(effort.rounds, effort.budget, quick, options["different"])
    if file:
        report.write(file, "steps", settings, [asdict(result) for result in found])
    sys.exit(conclude(found, settings))


def chosen(only: str, effort: Effort) -> list[Workload]:
    """The workloads that were asked for and are not too large."""
    return [w for w in WORKLOADS if only in w.id and w.n <= effort.largest]


def taking_part(slow: bool) -> list[Peer]:
    """The peers that are here; the others are named."""
    here = []
    for peer in PEERS:
        why = peer.missing or ("asks for --slow" if peer.slow and not slow else "")
        if why:
            click.echo(f"without {peer.name}: {why}")
        else:
            here.append(peer)
    return here


def table(workloads: list[Workload], effort: Effort, settings: dict[str, Any]) -> list[Result]:
    """Measure, printing the lines of each workload as soon as they are known."""
    here = taking_part(effort.slow)
    click.echo(", ".join(f"{name} {value}" for name, value in settings.items()) + "\n")
    click.echo(report.row(COLUMNS, COLUMNS.values()))
    results = []
    for workload in workloads:
        for result in measure(workload, here, effort.rounds, effort.budget):
            results.append(result)
            click.echo(report.row(result.cells(), COLUMNS.values()))
        click.echo()
    return results


def conclude(results: list[Any], settings: dict[str, Any]) -> int:
    """Print the summary; the exit status."""
    judged = [result for result in results if result.verdict in ("ok", "MISSED")]
    missed = [result for result in judged if result.verdict == "MISSED"]
    click.echo(f"\n{len(judged) - len(missed)} of {len(judged)} bounds hold")
    for result in missed:
        click.echo("missed: " + ", ".join(str(cell) for cell in result.cells()[:-1] if cell))
    if settings["rounds"] < ENOUGH or (settings["load"] or 0) > QUIET:
        click.echo(f"(a verdict needs {ENOUGH} rounds, on a machine whose load is below {QUIET})")
    return 1 if missed else 0


if __name__ == "__main__":
    main()
