"""Every Python example in README.md and CONTRIBUTING.md runs, and prints what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command_line import ROOT

BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = ("README.md", "CONTRIBUTING.md")
EXAMPLES = [
    pytest.param(match[1], id=f"{page}-{number}")
    for page in PAGES
    for number, match in enumerate(BLOCK.finditer((ROOT / page).read_text(encoding="utf-8")))
]


def test_readme_has_examples() -> None:
    assert EXAMPLES


@pytest.mark.parametrize("source", EXAMPLES)
def test_example(source: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    exec(compile(source, str(tmp_path / "example.py"), "exec"), {"__name__": "__main__"})
    expected = re.findall(r"^print\(.*?\)  # (.+)$", source, re.MULTILINE)
    assert capsys.readouterr().out.splitlines() == expected
