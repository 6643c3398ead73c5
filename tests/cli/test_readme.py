"""Every Python example in the README, CONTRIBUTING.md and docs/ runs, and prints what it says.

Those of docs/compile.md belong to each other, and have a test of their own.
"""

from __future__ import annotations

import re

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
def test_example(source: str) -> None:
    """In a process of its own, because one may add an op."""
    done = process(code=source)
    expected = re.findall(r"^print\(.*?\)  # (.+)$", source, re.MULTILINE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == expected
