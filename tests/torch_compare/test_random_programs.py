"""Random programs give the same in both libraries, down to dtypes, strides, gradients and errors.

They run as plain Python (NUMBA_DISABLE_JIT), where a kernel takes no time to compile and every line
of it is the same; a few run as machine code. 500 are always the same, and 100 are another day's:
these only print what they find. With MICROGREST_RANDOM_PROGRAMS=20000 there are as many as you say
in place of the 500, with MICROGREST_RANDOM_PROGRAMS=7000-9000 those of these seeds.
"""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
from pathlib import Path

import pytest

import microgrest as mg

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from tests.torch_compare import (  # noqa: E402 - they need PyTorch
    random_ops,
    random_programs,
    side_by_side,
)

ROOT = Path(__file__).parents[2]


def in_python(first: int, last: int) -> tuple[bool, str]:
    """Run the programs from first to last - 1 in a process that compiles nothing."""
    done = subprocess.run(
        [sys.executable, "-m", random_programs.__name__, str(first), str(last)],
        cwd=ROOT,
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0, done.stdout + done.stderr[-3000:]


def seeds() -> tuple[int, int]:
    """The seeds that the environment asks for."""
    first, _, last = os.environ.get("MICROGREST_RANDOM_PROGRAMS", "500").rpartition("-")
    return int(first or 0), int(last)


def test_of_fixed_seeds() -> None:
    passed, report = in_python(*seeds())
    assert passed, report


def test_of_the_day(capsys: pytest.CaptureFixture[str]) -> None:
    today = datetime.date.today().toordinal() * 1000
    passed, report = in_python(today, today + 100)
    if not passed:
        with capsys.disabled():
            print(f"\n{report}\nrandom programs of the day: differences, which fail no test yet")


@pytest.mark.parametrize("seed", range(8))
def test_as_machine_code(seed: int) -> None:
    found = random_programs.check(seed)
    assert found is None, str(found)


def test_a_fault_is_found_and_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mg.Tensor, "sin", mg.Tensor.cos)
    program = [
        "a = torch.tensor([0.5, 1.5])",
        "b = a * 2",
        "c = torch.zeros(3).exp()",
        "d = b.sin()",
        "e = d + 1",
    ]
    found = side_by_side.difference(program)
    assert found is not None
    less = side_by_side.shrunk(found)
    assert less.kind == "values"
    assert less.statements == [program[0], program[1], program[3]]


@pytest.mark.parametrize(
    ("statements", "kind"),
    [
        (["a = torch.tensor([1, 2]) -> .double()"], "dtype"),
        (["a = torch.ones(2)", "b = a.t() -> .clone()"], "memory"),
        (["a = torch.ones(2, requires_grad=True).view(2) -> .detach()"], "requires_grad"),
        (["a = torch.ones(2).view(2, 1) -> .t()"], "shape"),
        (["a = torch.ones(2) -> .item()"], "only microgrest raises RuntimeError"),
    ],
)
def test_each_kind_of_difference_is_seen(
    statements: list[str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement that only microgrest ends with one more call."""
    plain = side_by_side.execute

    def execute(library: object, statement: str, names: side_by_side.Names) -> Exception | None:
        text, _, more = statement.partition(" -> ")
        return plain(library, text + more * (library is mg), names)

    monkeypatch.setattr(side_by_side, "execute", execute)
    found = side_by_side.difference(statements)
    assert found is not None
    assert found.kind == kind


def test_every_op_joins() -> None:
    """Every public function and method that PyTorch has, too, but those that are left out."""
    joined = {(op.prefix, op.name) for op in random_ops.OPS}
    left_out = random_ops.OUTSIDE
    for name in dir(mg):
        if callable(getattr(mg, name)) and not isinstance(getattr(mg, name), (type, mg.dtype)):
            public = not name.startswith("_") and hasattr(torch, name)
            assert not public or name in left_out or ("torch.", name) in joined, name
    assert {"add_", "view", "masked_fill_"} <= {name for prefix, name in joined if not prefix}
