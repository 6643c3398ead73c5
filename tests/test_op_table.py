"""docs/ops.md has every op, and says of each what a call of it shows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import microgrest as mg
from microgrest.op_table import page as op_table

TEXT = op_table.PAGE.read_text(encoding="utf-8")
LINES = {line.split(" | ")[0][2:]: line for line in TEXT.splitlines() if line.startswith("| `")}
OPS = [pair for _, found in op_table.sections() for pair in found]
STALE = "run `NUMBA_DISABLE_JIT=1 python -m microgrest.op_table`"


def title(names: list[str]) -> str:
    """The first column of an op's line."""
    return ", ".join(f"`{name}`" for name in names)


def test_every_op_has_a_line() -> None:
    assert [title(names) for names, _ in OPS] == [*LINES], STALE


@pytest.mark.slow
@pytest.mark.parametrize(("names", "op"), OPS[::48], ids=lambda v: v[0] if type(v) is list else "")
def test_lines_say_what_calls_show(names: list[str], op: Callable[..., Any]) -> None:
    """Some of them; all are compared below."""
    assert str(op_table.entry(names, op)) == LINES[title(names)], STALE


@pytest.mark.slow
def test_current() -> None:
    """The whole page, as plain Python."""
    command = [
        sys.executable,
        "-c",
        "from microgrest.op_table.page import page; print(page(), end='')",
    ]
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    found = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert found.stdout == TEXT, STALE


# What a false claim would look like: each column finds what is not there.


def test_trials_find_what_is_missing() -> None:
    def rounded(x: mg.Tensor) -> mg.Tensor:
        """Reads a value, takes no integers, and has no gradient."""
        if x.dtype is not mg.float64:
            raise NotImplementedError(x.dtype)
        return mg.tensor(float(x.detach().sum()))

    line = op_table.entry(["rounded"], rounded)
    assert line == ("`rounded`", "float64", "-", False, False, False, "kernel")


def test_a_fault_is_no_claim() -> None:
    """An error that no op refuses by ends the page, and is not printed as "not supported"."""

    def faulty(x: mg.Tensor) -> mg.Tensor:
        return x if x.dtype is mg.float64 else x.misspelled  # type: ignore[attr-defined]

    with pytest.raises(AttributeError, match="misspelled"):
        op_table.entry(["faulty"], faulty)


def test_a_single_derivative_is_told_from_all() -> None:
    class Once(mg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: mg.Tensor) -> mg.Tensor:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @mg.autograd.function.once_differentiable
        def backward(ctx: Any, g: mg.Tensor) -> mg.Tensor:
            (x,) = ctx.saved_tensors
            return 2 * g * x

    assert op_table.entry(["once"], Once.apply).derivatives == "1"
    assert op_table.entry(["cube"], lambda x: x**3).derivatives == "every"
