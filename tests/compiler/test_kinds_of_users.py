"""Kernel kinds that nobody but this file knows: eagerly, and in compiled steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from microgrest.kernels.source.kind import Kind, Operand, fixed

import microgrest as mg

# Each has a constant and a function of its own, of the same names.
POWERS = '''"""x to the power N."""

from numba import njit

N = {params}


@njit
def power(x):
    found = x
    for _ in range(N - 1):
        found *= x
    return found


@njit
def kernel(x, out):
    for i in range(out.size):
        out[i] = power(x[i])
'''
ROOTS = '''"""Square roots, of what has one."""

import math

from numba import njit


@njit
def kernel(x, out):
    for i in range(out.size):
        if x[i] < 0:
            return 2 if x[i] < -9 else 1
        out[i] = math.sqrt(x[i])
    return 0
'''
DIAGONAL = '''"""The diagonal of a square matrix."""

from numba import njit


@njit
def kernel(x, out, at, rows, columns, line, step):
    for i in range(rows):
        out[i] = x[at + i * (line + step)]
'''


def _power(params: int, x: Any, out: Any) -> None:
    out[:] = x**params


def _root(params: None, x: Any, out: Any) -> None:
    out[:] = np.sqrt(x)


def _diagonal(params: None, x: Any, out: Any) -> None:
    out[:] = np.diagonal(x)


POWER = Kind(
    name="power",
    operands=fixed(x="r", out="w"),
    oracle=_power,
    cpu=lambda params, names, threads: POWERS.format(params=params),
)
ROOT = Kind(
    name="root",
    operands=fixed(x="r", out="w"),
    oracle=_root,
    cpu=lambda params, names, threads: ROOTS,
    fails=("a number is negative", "a number is very negative"),
)
CORNERS = Operand("x", "r", True), Operand("out", "w")
CORNER = Kind(
    name="diagonal",
    operands=lambda params: CORNERS,
    oracle=_diagonal,
    cpu=lambda params, names, threads: DIAGONAL,
)
UNIQUE = Kind(
    name="unique",
    operands=fixed(x="r", out="w"),
    oracle=_root,
    cpu=lambda params, names, threads: ROOTS,
    eager_only="makes a shape that depends on values",
)


def called(kind: Kind, params: Any, x: Any) -> Any:
    """A tensor of what a kind makes of `x`."""
    out = mg.empty(x.shape)
    x._kind.kernels.kinds.run(kind, params, (x._flat, out._flat))
    return out


def test_two_kernels_keep_their_constants_in_one_step() -> None:
    x = mg.tensor([2.0, 3.0])

    @mg.compile
    def step() -> Any:
        x.mul_(1.0)
        return called(POWER, 3, x) + 1, called(POWER, 4, x)

    for _ in range(4):
        third, fourth = step()
        assert third.tolist() == [9.0, 28.0] and fourth.tolist() == [16.0, 81.0]
    source = step.recordings[0].native.source
    assert "call0_power_N = 3" in source and "call1_power_N = 4" in source


def test_a_failure_is_told_by_its_name() -> None:
    x = mg.tensor([4.0, 9.0])
    with pytest.raises(RuntimeError, match="a number is very negative"):
        called(ROOT, None, x - 50)

    @mg.compile
    def step() -> Any:
        x.sub_(1.0)
        return called(ROOT, None, x)

    for _ in range(4):
        step()
    assert x.tolist() == [0.0, 5.0]
    with pytest.raises(RuntimeError, match="step: a number is negative in the compiled step"):
        step.repeat(3)
    x.fill_(-20)
    with pytest.raises(RuntimeError, match="step: a number is very negative"):
        step()


def test_failures_and_indexes_out_of_range_are_told_apart() -> None:
    x, at = mg.tensor([4.0, 9.0]), mg.tensor([0, 1])

    @mg.compile
    def step() -> Any:
        return called(ROOT, None, x[at])

    for _ in range(4):
        assert step().tolist() == [2.0, 3.0]
    at[0] = 5
    with pytest.raises(IndexError, match="an index is out of range"):
        step()
    at[0] = 0
    x.fill_(-1)
    with pytest.raises(RuntimeError, match="a number is negative"):
        step()


def test_a_strided_operand_needs_no_copy() -> None:
    x = mg.arange(9.0).reshape(3, 3)

    def diagonal(x: Any) -> Any:
        out = mg.empty(3)
        given = x._storage.array, x._offset, x._shape, x._strides
        x._kind.kernels.kinds.run(CORNER, None, (given, out._flat))
        return out

    @mg.compile
    def step() -> Any:
        x.add_(1.0)
        return diagonal(x.t()), diagonal(x[1:, 1:])[:2]

    for k in range(1, 5):
        whole, part = step()
        assert whole.tolist() == [k, k + 4, k + 8] and part.tolist() == [k + 4, k + 8]


def test_a_kind_that_only_eager_execution_has_is_refused_by_name() -> None:
    x = mg.tensor([4.0, 9.0])
    assert called(UNIQUE, None, x).tolist() == [2.0, 3.0]
    step = mg.compile(lambda: called(UNIQUE, None, x))
    with pytest.raises(RuntimeError, match="unique makes a shape that depends on values"):
        step()
        step()
