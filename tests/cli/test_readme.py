"""Every Python example in the README, CONTRIBUTING.md and docs/ runs, and prints what it says.

Those of docs/compile.md belong to each other, and have a test of their own.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command_line import ROOT, process

BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
OWN = ROOT / "docs" / "compile.md"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = [
    pytest.param(match[1], id=f"{page.name}-{number}")
    for page in PAGES
    if page != OWN
    for number, match in enumerate(BLOCK.finditer(page.read_text(encoding="utf-8")))
]


def test_pages_have_examples() -> None:
    assert OWN in PAGES
    assert {str(example.id).rpartition("-")[0] for example in EXAMPLES} >= {
        "README.md",
        "architecture.md",
    }


@pytest.mark.parametrize("source", EXAMPLES)
def test_example(source: str, tmp_path: Path) -> None:
    """In a process of its own, because one may add an op, and from a file, which has source."""
    path = tmp_path / "example.py"
    path.write_text(source, encoding="utf-8")
    done = process(code=f"import runpy; runpy.run_path({str(path)!r}, run_name='__main__')")
    expected = re.findall(r"^print\(.*?\)  # (.+)$", source, re.MULTILINE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == expected
