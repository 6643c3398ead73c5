"""The changes that CONTRIBUTING.md shows add an op each, with all that comes with one."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ROOT

DIFF = re.compile(r"^```diff\n(.*?)^```", re.MULTILINE | re.DOTALL)
PARTS = ("microgrest", "kernels", "tests", "pyproject.toml")
CHANGES = [
    ("gaussian", ["tests/test_elementwise_rows.py"]),
    ("fill_gaps", ["tests/test_kernel_rows.py", "tests/kernels/test_kinds.py"]),
]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("git") is None, reason="needs git to apply a diff")
@pytest.mark.parametrize(("name", "files"), CHANGES, ids=[name for name, _ in CHANGES])
def test_what_is_shown_adds_an_op(name: str, files: list[str], tmp_path: Path) -> None:
    """One row and one test row; one kind, one row and one test row."""
    found = DIFF.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    (change,) = (diff for diff in found if name in diff)
    for part in PARTS:
        source = ROOT / part
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / part)
    subprocess.run(["git", "apply"], input=change, text=True, cwd=tmp_path, check=True)
    command = [sys.executable, "-m", "pytest", *files, "-k", f"{name} or every_row"]
    tests = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    passed = re.search(r"(\d+) passed", tests.stdout)
    assert tests.returncode == 0, tests.stdout
    assert passed is not None and int(passed[1]) >= 10
