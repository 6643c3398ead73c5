"""docs/architecture.md names files and folders that are there, and every room."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`([\w./]*\w/|[\w./]+\.pyi?)`", TEXT)))
TOPS = ("microgrest", "kernels", "tests", ".ci", "bench", "docs")
PATHS = [path for top in TOPS for path in (ROOT / top).rglob("*") if "__pycache__" not in str(path)]
# With a slash before and after, so that a name that stands at the end of a path is whole.
ENDS = {f"/{path.relative_to(ROOT).as_posix()}/" for path in PATHS} | {f"/{top}/" for top in TOPS}


@pytest.mark.parametrize("name", NAMED)
def test_what_is_named_is_there(name: str) -> None:
    assert any(path.endswith(f"/{name.rstrip('/')}/") for path in ENDS)


def test_every_room_is_named() -> None:
    rooms = {path.parent.name for path in (ROOT / "microgrest").glob("*/__init__.py")}
    assert {f"{room}/" for room in rooms} <= set(NAMED)
