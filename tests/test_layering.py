"""No file needs itself, and no folder: by imports of any kind, nor by names that are attached.

In every folder the files and the folders have an order. Imports inside functions count, and those
for types alone; names that are attached to classes from above count where they are used
(`attached_names.py`). There are no exceptions.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from attached_names import Attached, Edges
from leading_programs import PROGRAMS
from package_imports import ROOT, imported, modules

import microgrest
from microgrest.graph import engine
from microgrest.graph.engine import Sums

FILES = dict(modules())
MOST = 10  # files of a room, beside its `__init__.py` and `__main__.py`
# The rooms, each with those that it may use, from the bottom up. A loose module is a room of its
# own; `rest` stands for all that came before.
rest = "..."
ROOMS: dict[str, list[str]] = {
    "kernels": [],
    "version": [],
    "_checkout": [],
    "types": [],
    "recording": [],
    "cuda": ["kernels", "types"],
    "ops": ["kernels", "types"],
    "graph": ["recording"],
    "tensor": ["kernels", "types", "recording", "cuda", "ops", "graph"],
    "dispatch": ["kernels", "types", "recording", "ops", "graph", "tensor"],
    "creation": ["kernels", "types", "cuda", "dispatch", "tensor"],
    "backends": ["kernels", "types", "cuda", "creation"],
    "cpu": [],
    "mps": [],
    "xpu": [],
    "accelerator": ["types", "cuda", "cpu"],
    "random": ["kernels", "types", "recording", "ops", "graph", "tensor", "dispatch", "creation"],
    "return_types": ["ops", "tensor"],
    "functions": [rest],
    "linalg": [rest],
    "special": [rest],
    "autograd": [rest],
    "interop": ["types", "recording", "ops", "tensor", "dispatch", "creation", "functions"],
    "distributions": [rest],
    "nn": [rest],
    "saving": [rest],
    "optim": [rest],
    "func": [rest],
    "utils": [rest],
    "compiler": [rest],
    "own": [rest],
    "fit": [rest],
    "": [rest],
    "stubs": [rest],
    "op_table": [rest],
    "cli": [rest],
    "__main__": ["cli"],
}


def room_of(module: str) -> str:
    """The room that a module is in."""
    return module.partition(".")[0]


def folder_of(module: str) -> str:
    """The folder that a module's file is in, or is the `__init__.py` of, as a name."""
    return ".".join(_file(module)[:-1])


@pytest.fixture(scope="module")
def attached() -> Attached:
    """All files are parsed for it, once."""
    return Attached(microgrest.Tensor, FILES)


@pytest.fixture(scope="module")
def edges(attached: Attached) -> Edges:
    """Every module with what it needs, by import or by an attached name."""
    found: Edges = defaultdict(set)
    for kind in (attached.imports, attached.in_text(), attached.in_calls(PROGRAMS)):
        for module, names in kind.items():
            found[module] |= names - {module}
    return found


def circles(edges: Mapping[str, set[str]]) -> list[str]:
    """A circle of files and folders for each folder that has one, as text."""
    levels: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for module, names in edges.items():
        for name in names:
            folder, here, there = _parted(module, name)
            if here != there:
                levels[folder][here].add(there)
    return [found for folder, graph in levels.items() if (found := _circle(folder, graph))]


def _parted(module: str, other: str) -> tuple[str, str, str]:
    """The folder that holds both modules, and what of it each is in."""
    a, b = _file(module), _file(other)
    n = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return "/".join(a[:n]), a[n] if n < len(a) else "", b[n] if n < len(b) else ""


def _file(module: str) -> list[str]:
    """The folders on the way to a module's file, and the file."""
    parts = [part for part in module.split(".") if part]
    return [*parts, "__init__"] if FILES[module].name == "__init__.py" else parts


def _circle(folder: str, graph: Mapping[str, set[str]]) -> str:
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return f"in microgrest/{folder}: {' <- '.join(error.args[1])}"
    return ""


def test_nothing_needs_itself(edges: Edges) -> None:
    assert circles(edges) == []


def test_a_room_uses_those_that_are_stated(edges: Edges) -> None:
    for module, names in edges.items():
        room = room_of(module)
        before = list(ROOMS)[: list(ROOMS).index(room)]
        given = {room, *(before if rest in ROOMS[room] else ROOMS[room])}
        above = {name for name in names if room_of(name) not in given}
        assert not above, f"microgrest.{module} uses {sorted(above)}"


def test_rooms_stand_above_what_they_use() -> None:
    order = list(ROOMS)
    for i, room in enumerate(order):
        assert set(ROOMS[room]) - {rest} <= set(order[:i])
    assert set(map(room_of, FILES)) == set(order)


def test_rooms_are_small() -> None:
    files = Counter(folder_of(name) for name, path in FILES.items() if path.stem[:2] != "__")
    crowded = {room: count for room, count in files.items() if count > MOST}
    assert not crowded, "give some of the files a room of their own"


def test_a_circle_is_found() -> None:
    assert not circles({"tensor.shape": {"types.dtypes"}, "types.dtypes": {"recording.signals"}})
    assert circles({"tensor.tensor": {"tensor.shape"}, "tensor.shape": {"tensor.tensor"}})
    folders = {"tensor.shape": {"types.dtypes"}, "types.device": {"tensor.storage"}}
    assert circles(folders) == ["in microgrest/: tensor <- types <- tensor"]


def test_a_planted_name_is_seen_in_the_text(tmp_path: Path) -> None:
    below = tmp_path / "below.py"
    below.write_text("def total(x):\n    return x.unsqueeze(0).sum()\n")
    attached = Attached(microgrest.Tensor, {**FILES, "types.below": below})
    assert attached.in_text(["types.below"])["types.below"] == {"functions.views.shapes"}


def test_planted_names_are_seen_in_calls(
    attached: Attached, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hooked(self: Sums, hooks: object, g: microgrest.Tensor) -> microgrest.Tensor:
        return -g.reciprocal().nansum() if g.numel() else g

    path = Path(engine.__file__)
    code = hooked.__code__.replace(co_filename=str(path))
    monkeypatch.setattr(Sums, "hooked", lambda *args: None)
    Sums.hooked.__code__ = code  # as if the engine itself called the methods of tensors

    def program() -> None:
        x = microgrest.ones(3, requires_grad=True)
        x.register_hook(lambda g: g)
        x.sum().backward()

    seen = attached.in_calls([program])["graph.engine"]
    assert seen == {"dispatch.api", "functions.reductions.statistics", "ops.value"}
    assert circles({"dispatch.api": {"graph.engine"}, "graph.engine": seen})


def test_no_package_imports_a_namesake_of_a_module_of_its_own() -> None:
    """Whichever of the two is imported last would be what the name means."""
    for module, path in FILES.items():
        if path.name == "__init__.py":
            for name in imported(path, module):
                own = f"{module}.{name.rpartition('.')[2]}"
                assert own not in FILES or own == name, f"{module} imports {name}"


def test_nothing_imports_numba_at_import_time() -> None:
    code = "import sys, microgrest; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT.parent).returncode == 0
