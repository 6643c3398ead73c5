"""README's table "How fast", made from a result file of `bench/steps.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import peers
import report
from step_cases import HAND, WORKLOADS
from step_peers import HAND_PARALLEL, OURS

README = peers.ROOT / "README.md"
RESULTS = peers.ROOT / "bench" / "results"
BEGIN, END = "<!-- how fast: python bench/steps.py --readme --write -->", "<!-- end of how fast -->"

# What readers see of the peers, in this order; the faster of the two loops by hand is one column.
SHOWN = {
    HAND: "Numba loop by hand",
    "NumPy": "NumPy",
    "JAX loop": "JAX `fori_loop`",
    "JAX step": "JAX jitted step",
    "PyTensor scan": "PyTensor scan",
    "torch while_loop": "torch.compile `while_loop`",
    "PyTorch eager": "PyTorch eager",
}

LEAD = (
    "An ordinary training step under `microgrest.compile`, repeated by `step.repeat(n)`, beside\n"
    "the loop that an expert would write by hand in Numba, and the strongest form of each peer:"
)

Times = dict[str, float]  # seconds per step of each peer


def newest() -> Path:
    """The result file with the latest date."""
    files = list(RESULTS.glob("steps-*.json"))
    if not files:
        raise click.UsageError(f"no steps-*.json in {RESULTS}: run bench/steps.py --json FILE")
    return max(files, key=lambda file: str(json.loads(file.read_text(encoding="utf-8"))["date"]))


def main(source: Path, write: bool) -> None:
    """Print the table of the file `source`, or put it into the README."""
    text = table(json.loads(source.read_text(encoding="utf-8")))
    if write:
        old = README.read_text(encoding="utf-8")
        README.write_text(inserted(old, text), encoding="utf-8", newline="\n")
    else:
        click.echo(text)


def inserted(readme: str, text: str) -> str:
    """`readme` with `text` between its two comments; they must be there, once each."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise click.UsageError(f"README.md needs the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def table(content: dict[str, Any]) -> str:
    """Markdown: a row a workload, a column a peer; before and after it, what it is and how made."""
    rows = [(w.title, found) for w in WORKLOADS if OURS in (found := times(content, w.name, w.n))]
    shown = [peer for peer in SHOWN if any(peer in found for _, found in rows)]
    head = ["per step", "microgrest", *(SHOWN[peer] for peer in shown)]
    body = [[title, *(cell(found, peer) for peer in (OURS, *shown))] for title, found in rows]
    lines = [head, ["---"] * len(head), *body]
    return "\n".join([LEAD, "", *(f"| {' | '.join(line)} |" for line in lines), "", facts(content)])


def times(content: dict[str, Any], step: str, n: int) -> Times:
    """The medians of one workload's peers."""
    records = [r for r in content["results"] if r.get("step") == step and r["n"] == n]
    found = {r["peer"]: r["seconds"] for r in records if r["seconds"] is not None}
    if HAND_PARALLEL in found:
        found[HAND] = min(found[HAND], found.pop(HAND_PARALLEL))
    return found


def cell(found: Times, peer: str) -> str:
    """A time, and how many of ours that is."""
    if peer not in found:
        return ""
    time = report.duration(found[peer])
    return f"**{time}**" if peer == OURS else f"{time} ({factor(found[peer] / found[OURS])})"


def factor(ratio: float) -> str:
    """How often ours fits into theirs, with two digits or all before the point."""
    return f"{ratio:.2g}x" if ratio < 100 else f"{ratio:,.0f}x"


def facts(content: dict[str, Any]) -> str:
    """Where and how the times of a file were taken."""
    machine, versions, settings = content["machine"], content["versions"], content["settings"]
    names = {"python": "Python", "numba": "Numba", "numpy": "NumPy", "torch": "PyTorch"}
    names |= {"jax": "JAX", "pytensor": "PyTensor"}
    used = ", ".join(f"{name} {versions[key]}" for key, name in names.items() if key in versions)
    return (
        f"Medians of {settings['rounds']} interleaved rounds on {machine['cores']} cores of a "
        f"{machine['cpu']} CPU, {content['date'][:10]}, with {used}. In brackets: how many times "
        "microgrest's time."
    )
