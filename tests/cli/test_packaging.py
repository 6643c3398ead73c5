"""What is installed is what is in the repository."""

from __future__ import annotations

import re
from pathlib import Path

from command_line import ROOT

import microgrest
from microgrest.version import __version__

PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def packages_in(folder: Path, name: str) -> set[str]:
    """The import names of `folder`, which is called `name`, and of all packages below it."""
    below = (path.parent.relative_to(folder).parts for path in folder.rglob("__init__.py"))
    return {".".join((name, *parts)) for parts in below}


def test_every_package_is_installed() -> None:
    block = re.search(r"^packages = \[\n(.*?)\]", PROJECT, re.MULTILINE | re.DOTALL)
    assert block is not None
    listed = set(re.findall(r'"(microgrest[\w.]*)"', block[1]))
    library = packages_in(ROOT / "microgrest", "microgrest")
    assert listed == library | packages_in(ROOT / "kernels", "microgrest.kernels")


def test_one_version() -> None:
    assert microgrest.__version__ == __version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(__version__)}\b", changelog, re.MULTILINE)


def test_the_measured_series_names_its_source() -> None:
    text = (ROOT / "examples" / "data" / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "examples" / "data").glob("*.csv"):
        assert path.name in text
    assert "public domain" in text
