"""The memory model of examples/, beside PyTorch: `python bench/memory_model.py`.

How large what has to be installed is, and of new processes: how long an import takes, how long it
is to the end of the first fit, and how long a further fit takes, alone and as one of many. Times
are of the processor, of a process and its children, so that others on the machine count little.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click
import peers
import report
from memory_model_child import STEPS
from startup import environment

COLUMNS = {"what": 46, "microgrest": 12, "PyTorch": 12, "ratio": 8}


@dataclass(frozen=True)
class Result:
    """One line of the table, one record of the file: MB, or seconds of the processor."""

    what: str
    unit: str
    microgrest: float
    pytorch: float | None

    def cells(self) -> tuple[object, ...]:
        """The texts of the table's columns."""
        told = report.duration if self.unit == "s" else "{:.0f} MB".format
        theirs = "" if self.pytorch is None else told(self.pytorch)
        ratio = "" if self.pytorch is None else f"{self.microgrest / self.pytorch:.3f}"
        return self.what, told(self.microgrest), theirs, ratio


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True)
@click.option("--learners", type=click.IntRange(min=1), default=2000, show_default=True)
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path))
def main(rounds: int, learners: int, file: Path | None) -> None:
    """Fits of 200 steps each; medians of ROUNDS processes of either library, in turns."""
    results = [Result("installed, with what is needed", "MB", installed_ours(), installed("torch"))]
    found: dict[str, list[dict[str, float]]] = {"microgrest": [], "cold": [], "torch": []}
    with TemporaryDirectory() as warm:
        child("microgrest", learners, warm)
        for _ in range(rounds):
            found["microgrest"].append(child("microgrest", learners, warm))
            with TemporaryDirectory() as empty:
                found["cold"].append(child("microgrest", 0, empty))
            if peers.installed("torch"):
                found["torch"].append(child("torch", learners, warm))
    lines = {
        "import": ("import", "microgrest"),
        "process to the end of the first fit": ("first", "microgrest"),
        "the same on a new machine, no kernel compiled": ("first", "cold"),
        "a further fit": ("fit", "microgrest"),
        f"a fit as one of {learners}": ("one of many", "microgrest"),
    }
    for what, (key, ours) in lines.items():
        theirs = [times[key] for times in found["torch"]]
        mine = median(times[key] for times in found[ours])
        results.append(Result(what, "s", mine, median(theirs) if theirs else None))
    click.echo(report.row(COLUMNS, COLUMNS.values()))
    for result in results:
        click.echo(report.row(result.cells(), COLUMNS.values()))
    if file:
        settings = {"rounds": rounds, "learners": learners, "steps": STEPS}
        report.write(file, "memory_model", settings, [asdict(result) for result in results])


def child(library: str, many: int, cache: str) -> dict[str, float]:
    """The times of a process that imports `library` and fits, with kernels in `cache`."""
    program = Path(__file__).with_name("memory_model_child.py")
    done = subprocess.run(
        [sys.executable, str(program), library, str(many)],
        env=environment(cache) | {"PYTHONPATH": str(peers.ROOT)},
        stdout=subprocess.PIPE,
        check=True,
    )
    times: dict[str, float] = json.loads(done.stdout)
    return times


def installed(*names: str, seen: set[str] | None = None) -> float:
    """Megabytes of packages with all that they need."""
    seen = set() if seen is None else seen
    total = 0.0
    for name in names:
        try:
            package = distribution(name)
        except PackageNotFoundError:  # of another system or Python
            continue
        if package.name.lower() not in seen:
            seen.add(package.name.lower())
            total += sum(size(Path(str(file.locate()))) for file in package.files or ())
            wanted = [r for r in package.requires or () if "extra ==" not in r]
            needed = (re.match(r"[\w.-]+", r) for r in wanted)
            total += installed(*(match[0] for match in needed if match), seen=seen)
    return total


def installed_ours() -> float:
    """Those of microgrest, which need not be installed itself."""
    text = (peers.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r"^dependencies = \[(.*)\]", text, re.MULTILINE)
    needed = re.findall(r'"([\w.-]+)', found[1] if found else "")
    own = (f for folder in ("microgrest", "kernels") for f in (peers.ROOT / folder).rglob("*.py*"))
    return installed(*needed) + sum(size(f) for f in own if f.suffix != ".pyc")


def size(file: Path) -> float:
    """Megabytes of a file; 0 where it is none."""
    return file.stat().st_size / 1e6 if file.is_file() else 0.0


if __name__ == "__main__":
    main()
