"""The rooms of the step compiler: imports go one way, and through a room's `__init__` only."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from package_imports import ROOT, imported, modules

COMPILER = "compiler"
# Each room with those that it uses.
ROOMS = {
    "reach": [],
    "record": [],
    "guards": ["reach", "record"],
    "effects": ["guards", "reach", "record"],
    "replay": ["effects", "guards", "reach", "record"],
    "replicas": ["effects", "reach", "record", "replay"],
    "tell": ["effects", "reach", "record", "replay"],
    "call": ["effects", "guards", "reach", "record", "replay", "replicas", "tell"],
}
EVERY = dict(modules())
FILES = [(module, path) for module, path in EVERY.items() if module.startswith(f"{COMPILER}.")]


def room_of(module: str) -> str:
    """The room that a module of the compiler is in, or is."""
    return module.split(".")[1]


def rooms_of(module: str) -> set[str]:
    """What a module imports that is in a room of the compiler, or is one."""
    names = imported(EVERY[module], module)
    return {name for name in names if name.startswith(f"{COMPILER}.")}


def exported(room: str) -> set[str]:
    """What the `__init__` of a room gives to others."""
    tree = ast.parse((ROOT / COMPILER / room / "__init__.py").read_text(encoding="utf-8"))
    return {a.asname or a.name for a in names_imported(tree) if a.name != "annotations"}


def names_imported(tree: ast.AST, source: str | None = None) -> list[ast.alias]:
    """The names after `from ... import`, of `source` alone if one is given."""
    froms = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return [a for node in froms if source in (None, node.module) for a in node.names]


def test_every_file_is_in_a_room() -> None:
    folders = {path.parent.name for path in (ROOT / COMPILER).glob("*/__init__.py")}
    assert folders == set(ROOMS)
    assert [path.name for path in (ROOT / COMPILER).glob("*.py")] == ["__init__.py"]


def test_rooms_are_small_and_say_what_they_are_for() -> None:
    for room in ROOMS:
        files = {path.name for path in (ROOT / COMPILER / room).glob("*.py")} - {"__init__.py"}
        assert 2 <= len(files) <= 8, f"{room} has {len(files)} files"
        tree = ast.parse((ROOT / COMPILER / room / "__init__.py").read_text(encoding="utf-8"))
        said = " ".join((ast.get_docstring(tree) or "").split())
        assert all(text in said for text in ("In come", "Out come")), room


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_uses_those_that_are_stated(room: str) -> None:
    own = [module for module, _ in FILES if room_of(module) == room]
    used = {room_of(name) for module in own for name in rooms_of(module)} - {room}
    assert sorted(used) == ROOMS[room]


@pytest.mark.parametrize(("module", "path"), FILES, ids=[module for module, _ in FILES])
def test_rooms_are_entered_by_the_door(module: str, path: Path) -> None:
    others = {n for n in rooms_of(module) if room_of(n) != room_of(module)}
    inside = {name for name in others if name.count(".") > 1}
    assert not inside, f"microgrest.{module} goes past the __init__ of a room: {sorted(inside)}"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for room in map(room_of, others):
        assert {a.name for a in names_imported(tree, room)} <= exported(room)


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "call"])
def test_a_room_exports_what_others_use(room: str) -> None:
    outside = [path for module, path in FILES if room_of(module) != room]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in outside]
    used = {a.name for tree in trees for a in names_imported(tree, room)}
    assert exported(room) - used == set()


def test_the_package_sees_the_compiler_and_no_room() -> None:
    for module in EVERY:
        if not module.startswith(COMPILER):
            assert not rooms_of(module), f"microgrest.{module} uses a room of the compiler"


def test_no_file_needs_itself() -> None:
    graph = {module: rooms_of(module) for module, _ in FILES}
    list(TopologicalSorter(graph).static_order())  # CycleError names a circle


def test_what_people_are_told_is_loaded_when_they_ask() -> None:
    code = "import sys, microgrest.compiler; sys.exit('microgrest.compiler.tell' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT.parent).returncode == 0


def test_the_architecture_names_every_file() -> None:
    text = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(rf"`((?:{'|'.join(ROOMS)})/\w+\.py)`", text)
    files = (path.relative_to(ROOT / COMPILER).as_posix() for _, path in FILES)
    assert set(named) == {name for name in files if not name.endswith("__init__.py")}
