"""Imports go one way: a module imports from its own layer and those below, inside functions too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from package_imports import ROOT, imported, modules

# From the bottom up. A module is in the first layer that names it, a package, or a module.
LAYERS = [
    ["kernels"],
    ["version", "_checkout", "types", "recording", "cuda", "tensor.methods"],
    ["ops"],
    ["graph"],
    ["tensor"],
    ["dispatch"],
    ["autograd"],
    ["creation", "random", "functions", "interop", "return_types"],
    ["nn", "optim"],
    ["compiler"],
    ["cli", "stubs", "__main__", ""],
]


def layer(module: str) -> int:
    """The number of the layer that `module`, a dotted name inside the package, is in."""
    for i, names in enumerate(LAYERS):
        if any(module == n or (n and module.startswith(f"{n}.")) for n in names):
            return i
    raise AssertionError(f"microgrest.{module} is in no layer: add it to LAYERS")


# The package autograd itself is a facade, whose functions come when asked for.
@pytest.mark.parametrize(
    ("module", "path"),
    [(m, p) for m, p in modules() if m != "autograd"],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_imports_go_down(module: str, path: Path) -> None:
    above = {m for m in imported(path, module) if layer(m) > layer(module)}
    assert not above, f"microgrest.{module} imports from a layer above its own: {sorted(above)}"


def test_kernels_import_nothing_of_the_package() -> None:
    for module, path in modules():
        if layer(module) == 0:
            assert all(layer(m) == 0 for m in imported(path, module)), module


def test_nothing_imports_numba_at_import_time() -> None:
    code = "import sys, microgrest; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT.parent).returncode == 0
