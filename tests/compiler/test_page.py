"""docs/compile.md does what it says: its examples run, in order, and its refusals are raised."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

import microgrest as torch

PAGE = (Path(__file__).parents[2] / "docs" / "compile.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| `([^`]+)` \| `([^`]+)` \|", re.MULTILINE)
REFUSED = ROW.findall(PAGE)


def test_examples(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "fit", raising=False)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for match in BLOCK.finditer(PAGE):
        source = match[1]
        exec(compile(source, str(tmp_path / "example.py"), "exec"), namespace)
        expected = re.findall(r"^print\(.*?\)  # (.+)$", source, re.MULTILINE)
        assert capsys.readouterr().out.splitlines() == expected


def test_there_are_refusals() -> None:
    assert len(REFUSED) > 8


@pytest.mark.parametrize(("code", "message"), REFUSED, ids=[code for code, _ in REFUSED])
def test_refused(code: str, message: str) -> None:
    p = torch.ones(3, requires_grad=True)
    rule = torch.optim.SGD([p], lr=0.1)
    names: dict[str, Any] = {
        "torch": torch,
        "p": p,
        "rule": rule,
        "plateau": torch.optim.lr_scheduler.ReduceLROnPlateau(rule),
        "inner": torch.compile(lambda x: x * 2),
        "kept": [torch.zeros(())],
    }
    step = torch.compile(eval(f"lambda x: {code}", names))
    step(torch.arange(3.0))
    with pytest.raises(RuntimeError, match=f"^{re.escape(message)}"):
        step(torch.arange(3.0))
