"""`microgrest fit --sweep`: the time of a step at many sizes, and from which size a GPU pays."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import click

from ..version import __version__
from . import gpu
from .settings import Settings
from .show import report
from .terminal.errors import INTERRUPTED
from .terminal.interrupts import Held
from .terminal.streams import tell
from .train import baseline
from .train.job import Job, pose
from .train.timing import in_modes, repeated, seconds_a_step


def run(settings: Settings) -> None:
    """Time steps at each of `settings.sweep` points; print a table, and save it as JSON."""
    if settings.save is not None:
        report.check(settings.save)
    device = gpu.choose(settings.device)
    with Held() as stopped:
        rows = list(_rows(settings, device, stopped))
        if rows:
            _deliver(settings, build(settings, device, rows))
    wanted = len(settings.sweep or ())
    if len(rows) < wanted:
        tell(f"interrupted after {len(rows)} of {wanted} sizes")
        sys.exit(INTERRUPTED)


def _rows(settings: Settings, device: str, stopped: Held) -> Iterator[dict[str, Any]]:
    """A row for each size, up to that in which Ctrl-C comes."""
    try:
        for points in settings.sweep or ():
            if stopped():
                return
            with stopped.lifted():
                row = _row(settings, points, device)
            yield row
    except KeyboardInterrupt:
        return


def _deliver(settings: Settings, result: dict[str, Any]) -> None:
    """Print and save: each, whatever becomes of the other."""
    with ExitStack() as last_first:
        if settings.save is not None:
            last_first.callback(report.save, report.as_json(result), settings.save)
        text = report.as_json(result) if settings.json else "\n".join(as_text(result))
        last_first.callback(click.echo, text)


def build(settings: Settings, device: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The sweep as JSON-ready values; times in seconds."""
    found: dict[str, Any] = {
        "microgrest": __version__,
        "target": settings.target,
        "degree": settings.degree,
        "optimizer": settings.optimizer,
        "dtype": settings.dtype,
        "device": device,
        "mode": settings.mode,
        "gpu": None,
        "sweep": rows,
        "interrupted": len(rows) < len(settings.sweep or rows),
    }
    from microgrest import cuda

    if device == "cuda":
        found["gpu"] = cuda.get_device_name()
        found["break_even_points"] = break_even(
            [row["points"] for row in rows], [row["speedup"] for row in rows]
        )
    elif settings.device == "auto":
        found["no_gpu"] = cuda.problem()
    return found


def _row(settings: Settings, points: int, device: str) -> dict[str, Any]:
    if not settings.quiet:
        tell(f"{points} points")
    sized = replace(settings, points=points)
    job = pose(sized, None)
    modes = in_modes(job.begin, job.mode, device)
    timed = modes[job.mode] if device == "cuda" else _beside_numpy(sized, job, modes[job.mode])
    eager = None if job.mode == "eager" else modes["eager"]
    return {"points": points, **timed, "eager": eager}


def _beside_numpy(settings: Settings, job: Job, ours: dict[str, Any]) -> dict[str, Any]:
    steps = {
        name: baseline.stepper(name, job.problem, job.start, settings, job.lr)[1]
        for name in baseline.FORMS
    }
    forms = {name: seconds_a_step(repeated(step)) for name, step in steps.items()}
    return {"cpu_step_seconds": ours["step_seconds"], "numpy_step_seconds": forms}


def break_even(points: Sequence[int], speedups: Sequence[float]) -> float | None:
    """The number of points from which the GPU is the faster, interpolated between two sizes.

    The smallest size if the GPU is the faster at all of them; None if it is not at the largest.
    Between sizes, points and speedup are taken to follow a power law.
    """
    slower = [i for i, speedup in enumerate(speedups) if speedup < 1]
    if not slower:
        return float(points[0])
    i = slower[-1]
    if i + 1 == len(points):
        return None
    low, high = math.log(speedups[i]), math.log(speedups[i + 1])
    weight = -low / (high - low)
    return float(points[i] * (points[i + 1] / points[i]) ** weight)


def as_text(result: dict[str, Any]) -> Iterator[str]:
    """The lines for a reader."""
    where = "the CPU" if result["gpu"] is None else f"{result['gpu']} and the CPU"
    yield (
        f"microseconds a step on {where}: degree {result['degree']}, {result['target']}(x), "
        f"{result['optimizer']}, {result['dtype']}, {result['mode']}"
    )
    yield ""
    yield from _beside_cpu(result) if result["device"] == "cuda" else _numpy_table(result)
    if result.get("no_gpu"):
        yield f"no GPU: {result['no_gpu']}"


def _beside_cpu(result: dict[str, Any]) -> Iterator[str]:
    rows = result["sweep"]
    both = all(row["eager"] for row in rows)
    eager = f"{'CPU eager':>12s}{'GPU eager':>12s}" if both else ""
    head = f"{'points':>10s}{'CPU':>12s}{'GPU':>12s}{'speedup':>10s}{'launches':>10s}{'host':>8s}"
    yield head + eager
    for row in rows:
        line = (
            f"{row['points']:10d}{_micro(row['cpu_step_seconds'])}{_micro(row['step_seconds'])}"
            f"{row['speedup']:10.2f}{row['launches']:10.4g}{row['host_share']:8.0%}"
        )
        times = [row["eager"][key] for key in ("cpu_step_seconds", "step_seconds")] if both else []
        yield line + "".join(map(_micro, times))
    yield ""
    yield _verdict(rows, result["break_even_points"])


def _verdict(rows: list[dict[str, Any]], points: float | None) -> str:
    first, last = rows[0]["points"], rows[-1]["points"]
    if points is None:
        return f"break-even: none up to {last} points, where the GPU is the slower"
    if points == first:
        return f"break-even: below {first} points; the GPU is the faster at every size"
    return f"break-even: about {points:.0f} points; at fewer, the GPU is the slower"


def _numpy_table(result: dict[str, Any]) -> Iterator[str]:
    both = all(row["eager"] for row in result["sweep"])
    yield (
        f"{'points':>10s}{'CPU':>12s}"
        + f"{'eager':>12s}{'ratio':>10s}" * both
        + "".join(f"{f'NumPy {name}':>15s}{'speedup':>10s}" for name in baseline.FORMS)
    )
    for row in result["sweep"]:
        ours = row["cpu_step_seconds"]
        eager = row["eager"]["step_seconds"] if both else ours
        beside = f"{_micro(eager)}{eager / ours:10.2f}" if both else ""
        yield f"{row['points']:10d}{_micro(ours)}{beside}" + "".join(
            f"{theirs * 1e6:15.1f}{theirs / ours:10.2f}"
            for theirs in row["numpy_step_seconds"].values()
        )


def _micro(seconds: float) -> str:
    """Microseconds in a column, small ones with more digits."""
    return f"{seconds * 1e6:12.{3 if seconds < 1e-5 else 1}f}"
