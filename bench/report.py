"""Results as text and as files: units, verdicts, one JSON format for every script here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import peers

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))


def duration(seconds: float) -> str:
    """`seconds` in the unit that leaves one to three digits before the point."""
    scale, unit = next((u for u in UNITS if seconds >= u[0]), UNITS[-1])
    return f"{seconds / scale:.3g} {unit}" if seconds < 1000 else f"{seconds:.0f} s"


def verdict(value: float, bound: float | None) -> str:
    """`ok` or `MISSED`, and nothing where no bound was set."""
    if bound is None:
        return ""
    return "ok" if value <= bound else "MISSED"


def row(cells: Iterable[object], widths: Iterable[int]) -> str:
    """One line of a table: the first cell to the left, the others to the right."""
    first, *others = zip(cells, widths, strict=True)
    texts = [f"{first[0]!s:<{first[1]}}", *(f"{cell!s:>{width}}" for cell, width in others)]
    return "  ".join(texts).rstrip()


def write(path: Path, benchmark: str, settings: dict[str, Any], results: list[Any]) -> None:
    """Write a result file: what was run and how, machine, versions, and one record a result."""
    content = {"benchmark": benchmark, "settings": settings, **peers.facts(), "results": results}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
