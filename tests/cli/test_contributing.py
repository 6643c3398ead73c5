"""The change that CONTRIBUTING.md shows adds an op, with all that comes with one."""

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
ROWS = "tests/test_elementwise_rows.py"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("git") is None, reason="needs git to apply a diff")
def test_one_row_and_one_test_row_add_an_op(tmp_path: Path) -> None:
    found = DIFF.search((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert found is not None
    for part in PARTS:
        source = ROOT / part
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / part)
    subprocess.run(["git", "apply"], input=found[1], text=True, cwd=tmp_path, check=True)
    command = [sys.executable, "-m", "pytest", ROWS, "-k", "gaussian"]
    tests = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    passed = re.search(r"(\d+) passed", tests.stdout)
    assert tests.returncode == 0, tests.stdout
    assert passed is not None and int(passed[1]) >= 10
