"""The programs under examples/ with their import line changed back to PyTorch's."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest
from test_example_pages import NEEDED, PAGES

import microgrest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
CUBICS = sorted(path.stem for path in EXAMPLES.glob("cubic_*.py"))
# Those of which PyTorch has no like: own ops, fits, replicas.
OURS_ALONE = ["own_ops", "fit_decay", "fit_dose_response", "fit_peaks", "pixels", "memory_model"]
PRINTING = sorted(
    path.stem for path in EXAMPLES.glob("*.py") if path.stem not in [*CUBICS, *OURS_ALONE]
)
OURS = "import microgrest as torch\n"
START = [0.1, 0.2, 0.3, 0.4]


def run(name, line):
    """The globals and the output of an example, with `line` in place of its import."""
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    assert text.count(OURS) == 1
    names = {"__name__": "__main__" if name in PRINTING else name}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(text.replace(OURS, line), name, "exec"), names)
    return names, out.getvalue()


@pytest.mark.parametrize("name", PRINTING)
def test_prints_what_pytorch_prints(name):
    _, ours = run(name, OURS)
    _, theirs = run(name, "import torch\n")
    assert ours.replace("microgrest.", "torch.") == theirs


@pytest.mark.parametrize("name", CUBICS)
def test_fits_as_pytorch_does(name):
    ours, theirs = run(name, OURS)[0]["fit"], run(name, "import torch\n")[0]["fit"]
    for steps in (1, 10, 500):
        mine = ours(START, microgrest.float64, steps)
        assert mine == pytest.approx(theirs(START, torch.float64, steps), abs=1e-9, rel=1e-9)


@pytest.mark.parametrize("name", PAGES)
def test_pages_come_to_the_same_in_pytorch(name):
    """As far as other random numbers let them."""
    if name in NEEDED:
        pytest.importorskip(NEEDED[name])
    path = EXAMPLES / f"{name}.py"
    text = path.read_text(encoding="utf-8").replace(OURS, "import torch\n")
    text = text.replace("from microgrest", "from torch")
    assert "microgrest" not in text
    names = {"__name__": "example", "__file__": str(path)}
    exec(compile(text, str(path), "exec"), names)
    short, holds = PAGES[name]
    found = names["main"](**short)
    assert holds(found), found
