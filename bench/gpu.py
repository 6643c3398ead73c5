"""Everything that is to be shown on a GPU, by one command: `python bench/gpu.py`.

Writes `gpu-NAME-DATE.json` and `.txt`: the machine and its versions, the tests that need a GPU, the
eager step, host times, bandwidths, products and transfers beside PyTorch in the same run, from how
many points on the GPU pays, and what compute-sanitizer says. What is not installed is named and
left out. `--smoke` runs all of it at tiny sizes under Numba's simulator.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import traceback
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click
import gpu_figures
import gpu_steps
import peers
import report
from gpu_figures import SMOKE, Figure, Sizes

COLUMNS = {"": 30, "microgrest": 14, "PyTorch": 14, "share": 14, "goal": 10, " ": 6}
PACKAGES = ("numba-cuda", "cuda-core", "cuda-bindings", "nvidia-cublas", "nvidia-nvjitlink")
TESTS = ("-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider")
SANITIZERS = ("memcheck", "racecheck")
QUERY = "driver_version,clocks.sm,clocks.mem,power.limit"


class Report:
    """What was found: lines for a reader, as they come, and records for a file."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.records: list[dict[str, Any]] = []
        self.failed: list[str] = []

    def say(self, line: str = "") -> None:
        """A line of text, printed at once."""
        click.echo(line)
        self.lines.append(line)

    def note(self, section: str, text: str, **facts: Any) -> None:
        """A finding in words."""
        self.say(f"{section}: {text}")
        self.records.append({"section": section, "text": text, **facts})

    def table(self, title: str, figures: Iterable[Figure]) -> None:
        """Figures in a table, line by line."""
        self.say(f"\n{title}")
        self.say(report.row(COLUMNS, COLUMNS.values()))
        for figure in figures:
            self.say(report.row(figure.cells(), COLUMNS.values()))
            self.records.append(asdict(figure))


@click.command()
@click.option("--smoke", is_flag=True, help="Tiny sizes, under Numba's simulator.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="For the files.")
def main(smoke: bool, out: Path | None) -> None:
    """Measure on this machine's GPU; exits with status 1 if a part failed."""
    if smoke and "NUMBA_ENABLE_CUDASIM" not in os.environ:
        simulator = os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}
        sys.exit(subprocess.run([sys.executable, *sys.argv], env=simulator).returncode)
    mg = peers.load("microgrest")
    if mg.cuda.problem():
        raise click.UsageError(f"no GPU can be used: {mg.cuda.problem()}")
    found, sizes = Report(), SMOKE if smoke else Sizes()
    device = machine(found, mg)
    torch = gpu_figures.torch_on_gpu()
    if torch is None:
        found.note("PyTorch", "not installed, or without a GPU: nothing is compared with it")
    for section in (*gpu_figures.SECTIONS, gpu_steps.steps):
        attempt(found, section.__name__, lambda s=section: measured(found, s, sizes, mg, torch))
    attempt(found, "break-even", lambda: break_even(found, sizes))
    attempt(found, "tests", lambda: tests(found, smoke))
    attempt(found, "exercise", lambda: exercise(found))
    attempt(found, "sanitizer", lambda: sanitize(found))
    write(found, out or peers.ROOT / "bench" / "results", device)
    sys.exit(bool(found.failed))


def attempt(found: Report, name: str, part: Any) -> None:
    """Do a part; where it fails, say how, and go on to the next."""
    try:
        part()
    except Exception as error:
        found.failed.append(name)
        click.echo(
            traceback.format_exc(), err=True
        )  # not to the file: it names this machine's paths
        found.note(name, f"FAILED: {type(error).__name__}: {error}".replace(str(peers.ROOT), ""))


def measured(found: Report, section: Any, sizes: Sizes, mg: Any, torch: Any) -> None:
    """The table of one section."""
    found.table(section.__doc__, section(sizes, mg, torch))


def machine(found: Report, mg: Any) -> str:
    """Say what this is measured on; the GPU's name."""
    facts = vars(mg.cuda.get_device_properties(0))
    facts |= {"versions": dict(versions()), "driver": driver()}
    name = str(mg.cuda.get_device_name(0))
    found.note("machine", f"{name}, {facts['driver']}", **facts)
    for package, number in facts["versions"].items():
        found.say(f"  {package} {number}")
    return name


def versions() -> Iterable[tuple[str, str]]:
    """The CUDA packages that are installed."""
    for package in PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            yield package, "not installed"


def driver() -> str:
    """What nvidia-smi tells of driver and clocks."""
    if shutil.which("nvidia-smi") is None:
        return "nvidia-smi not found"
    command = ["nvidia-smi", f"--query-gpu={QUERY}", "--format=csv,noheader", "--id=0"]
    return f"{QUERY}: " + subprocess.run(command, capture_output=True, text=True).stdout.strip()


def break_even(found: Report, sizes: Sizes) -> None:
    """From how many points on a step is faster on the GPU."""
    command = ["cli.py", "fit", "--device", "cuda", "--sweep", sizes.sweep, "--json", "--quiet"]
    done = run([sys.executable, *command])
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-2000:])
    swept = json.loads(done.stdout)
    points = swept["break_even_points"]
    text = "none of these sizes" if points is None else f"{points:,.0f} points"
    found.say()
    found.note("break-even", f"the GPU is faster from {text} on", **swept)


def tests(found: Report, smoke: bool) -> None:
    """The closing line of the tests that need a GPU."""
    if smoke:
        found.note("tests", "left out: the simulator is no GPU")
        return
    done = run([sys.executable, *TESTS])
    found.note("tests", done.stdout.strip().splitlines()[-1], status=done.returncode)
    if done.returncode not in (0, 5):  # 5: there was nothing to run
        raise RuntimeError(done.stdout[-4000:])


def exercise(found: Report) -> None:
    """Every kind of kernel at small sizes, beside the CPU."""
    done = run(program())
    found.note("exercise", done.stdout.strip().replace("\n", ", "), status=done.returncode)
    if done.returncode:
        raise RuntimeError(f"results are not the CPU's {done.stderr[-2000:]}")


def program() -> list[str]:
    """The command of the exercise, small enough for the simulator where that is in use."""
    size = ["9"] if "NUMBA_ENABLE_CUDASIM" in os.environ else []
    return [sys.executable, "bench/exercise.py", *size]


def sanitize(found: Report) -> None:
    """The exercise under compute-sanitizer, where that is on the path."""
    tool = shutil.which("compute-sanitizer")
    if tool is None:
        found.note("compute-sanitizer", "not on the path")
        return
    for kind in SANITIZERS:
        done = run([tool, "--tool", kind, "--error-exitcode", "9", *program()])
        lines = [line for line in done.stdout.splitlines() if line.startswith("=========")]
        found.note(kind, lines[-1] if lines else "no result", status=done.returncode)
        if done.returncode:
            found.failed.append(kind)


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """A program in the checkout, with its output."""
    return subprocess.run(command, cwd=peers.ROOT, capture_output=True, text=True)


def write(found: Report, folder: Path, device: str) -> None:
    """The two files."""
    folder.mkdir(parents=True, exist_ok=True)
    slug = re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-")
    path = folder / f"gpu-{slug}-{date.today()}.json"
    report.write(path, "gpu", {"failed": found.failed}, found.records)
    path.with_suffix(".txt").write_text("\n".join([*found.lines, ""]), encoding="utf-8")
    click.echo(f"\nwritten: {path.name} and .txt")


if __name__ == "__main__":
    main()
