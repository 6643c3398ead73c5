"""What modules of the package import, as their text says: inside functions too."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import microgrest

ROOT = Path(microgrest.__file__).parent


@cache
def imported(path: Path, module: str) -> frozenset[str]:
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
    return frozenset(found)


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
