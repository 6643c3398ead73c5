"""Imports go one way: a module imports from its own layer and those below, inside functions too."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import microgrest

ROOT = Path(microgrest.__file__).parent
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


def imported(path: Path, module: str) -> set[str]:
    """The modules of the package that `path` imports, as dotted names inside it."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {inside(a.name) for a in node.names if a.name.startswith("microgrest")}
        elif isinstance(node, ast.ImportFrom) and (node.level or is_ours(node.module)):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, *inside(node.module or "").split(".")]
            base = [part for part in base if part]
            for alias in node.names:
                deeper = [*base, alias.name]
                found.add(".".join(deeper if exists(deeper) else base))
    return found


def is_ours(module: str | None) -> bool:
    """Whether a module named in an import is of the package."""
    return module is not None and module.partition(".")[0] == "microgrest"


def inside(module: str) -> str:
    """A dotted name without the package's own."""
    return module.removeprefix("microgrest").strip(".")


def exists(parts: list[str]) -> bool:
    """Whether there is such a module."""
    folder = ROOT.joinpath(*parts)
    if parts[0] == "kernels":
        folder = Path(microgrest.kernels.__file__).parent.joinpath(*parts[1:])  # type: ignore[attr-defined]
    return folder.with_suffix(".py").exists() or (folder / "__init__.py").exists()


def modules() -> list[tuple[str, Path]]:
    """Every module of the package with its file."""
    found = [(ROOT, "")]
    kernels = Path(microgrest.kernels.__file__).parent  # type: ignore[attr-defined]
    if kernels.parent != ROOT:
        found.append((kernels, "kernels"))
    result = []
    for root, prefix in found:
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            result.append((".".join(filter(None, [prefix, *parts])), path))
    return result


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
    import subprocess
    import sys

    code = "import sys, microgrest; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT.parent).returncode == 0
