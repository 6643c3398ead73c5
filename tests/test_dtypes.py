"""dtypes and their promotion, by PyTorch's own tables."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrest as mg

pytestmark = pytest.mark.devices

NAMES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
SHORT = dict(zip(["b1", "u1", "i1", "i2", "i4", "i8", "f2", "f4", "f8"], NAMES, strict=True))

# Rows and columns in the order of NAMES, as PyTorch 2.13 has them.
PROMOTED = """
b1 u1 i1 i2 i4 i8 f2 f4 f8
u1 u1 i2 i2 i4 i8 f2 f4 f8
i1 i2 i1 i2 i4 i8 f2 f4 f8
i2 i2 i2 i2 i4 i8 f2 f4 f8
i4 i4 i4 i4 i4 i8 f2 f4 f8
i8 i8 i8 i8 i8 i8 f2 f4 f8
f2 f2 f2 f2 f2 f2 f2 f4 f8
f4 f4 f4 f4 f4 f4 f4 f4 f8
f8 f8 f8 f8 f8 f8 f8 f8 f8
"""
# Rows: a tensor with dimensions; columns: a 0-d tensor.
WITH_ZERO_DIM = """
b1 u1 i1 i2 i4 i8 f2 f4 f8
u1 u1 u1 u1 u1 u1 f2 f4 f8
i1 i1 i1 i1 i1 i1 f2 f4 f8
i2 i2 i2 i2 i2 i2 f2 f4 f8
i4 i4 i4 i4 i4 i4 f2 f4 f8
i8 i8 i8 i8 i8 i8 f2 f4 f8
f2 f2 f2 f2 f2 f2 f2 f2 f2
f4 f4 f4 f4 f4 f4 f4 f4 f4
f8 f8 f8 f8 f8 f8 f8 f8 f8
"""
DIVIDED = """
f4 f4 f4 f4 f4 f4 f2 f4 f8
f4 f4 f4 f4 f4 f4 f2 f4 f8
f4 f4 f4 f4 f4 f4 f2 f4 f8
f4 f4 f4 f4 f4 f4 f2 f4 f8
f4 f4 f4 f4 f4 f4 f2 f4 f8
f4 f4 f4 f4 f4 f4 f2 f4 f8
f2 f2 f2 f2 f2 f2 f2 f4 f8
f4 f4 f4 f4 f4 f4 f4 f4 f8
f8 f8 f8 f8 f8 f8 f8 f8 f8
"""
# Columns: True, 1 and 1.0.
WITH_NUMBER = """
b1 i8 f4
u1 u1 f4
i1 i1 f4
i2 i2 f4
i4 i4 f4
i8 i8 f4
f2 f2 f2
f4 f4 f4
f8 f8 f8
"""
# Columns: sum, exp.
REDUCED = """
i8 f4
i8 f4
i8 f4
i8 f4
i8 f4
i8 f4
f2 f2
f4 f4
f8 f8
"""


def entries(table: str) -> list[tuple[str, int, str]]:
    """(row's dtype, column, dtype) for each entry of a table."""
    rows = zip(NAMES, table.strip().splitlines(), strict=True)
    return [(name, i, SHORT[d]) for name, row in rows for i, d in enumerate(row.split())]


def dtype(name: str) -> Any:
    return getattr(mg, name)


def nothing(name: str) -> Any:
    """A tensor with a dimension but no elements: its type shows without a kernel."""
    return mg.zeros(0, dtype=dtype(name))


@pytest.mark.parametrize(("a", "i", "want"), entries(PROMOTED))
def test_promotion(a: str, i: int, want: str) -> None:
    b = NAMES[i]
    assert mg.promote_types(dtype(a), dtype(b)) is dtype(want)
    assert (nothing(a) + nothing(b)).dtype is dtype(want)
    assert mg.where(nothing("bool"), nothing(a), nothing(b)).dtype is dtype(want)
    assert mg.cat([nothing(a), nothing(b)]).dtype is dtype(want)
    assert (nothing(a) < nothing(b)).dtype is mg.bool


@pytest.mark.parametrize(("a", "i", "want"), entries(WITH_ZERO_DIM))
def test_zero_dim_tensors_do_not_widen(a: str, i: int, want: str) -> None:
    scalar = mg.ones((), dtype=dtype(NAMES[i]))
    assert (nothing(a) * scalar).dtype is dtype(want)
    assert (scalar * nothing(a)).dtype is dtype(want)


@pytest.mark.parametrize(("a", "i", "want"), entries(DIVIDED))
def test_division_is_floating(a: str, i: int, want: str) -> None:
    assert (nothing(a) / nothing(NAMES[i])).dtype is dtype(want)


@pytest.mark.parametrize(("a", "i", "want"), entries(WITH_NUMBER))
def test_python_numbers_do_not_widen(a: str, i: int, want: str) -> None:
    number = (True, 1, 1.0)[i]
    assert (nothing(a) + number).dtype is dtype(want)
    assert (number + nothing(a)).dtype is dtype(want)


@pytest.mark.parametrize(("a", "i", "want"), entries(REDUCED))
def test_sums_and_functions(a: str, i: int, want: str) -> None:
    result = (nothing(a).sum(), nothing(a).exp())[i]
    assert result.dtype is dtype(want)


@pytest.mark.parametrize("op", [operator.iadd, operator.imul, operator.itruediv])
def test_an_in_place_result_must_fit(op: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(RuntimeError, match=r"result type .*float32 can't be cast to .*int64"):
        op(mg.tensor([1, 2]), 1.5)
    x = mg.tensor([1.0, 2.0])
    assert op(x, mg.tensor([2.0, 4.0], dtype=mg.float64)) is x
    assert x.dtype is mg.float32


def test_the_default_dtype() -> None:
    assert mg.get_default_dtype() is mg.float32
    mg.set_default_dtype(mg.float64)
    try:
        assert mg.tensor(1.5).dtype is mg.zeros(1).dtype is mg.float64
        assert (mg.tensor([1]) / 2).dtype is mg.float64
        assert (mg.tensor([1]) + 0.5).dtype is mg.float64
    finally:
        mg.set_default_dtype(mg.float32)
    assert (mg.tensor([1]) / 2).dtype is (mg.tensor([1]) + 0.5).dtype is mg.float32
    with pytest.raises(TypeError, match="only floating-point types"):
        mg.set_default_dtype(mg.int64)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_dtype_says(name: str) -> None:
    d, twin = dtype(name), np.dtype(name)
    assert repr(d) == f"microgrest.{name}"
    assert (d.itemsize, d.is_floating_point, d.is_signed, d.is_complex) == (
        twin.itemsize,
        twin.kind == "f",
        twin.kind in "if",
        False,
    )


def test_aliases() -> None:
    assert (mg.half, mg.float, mg.double) == (mg.float16, mg.float32, mg.float64)
    assert (mg.short, mg.int, mg.long) == (mg.int16, mg.int32, mg.int64)


@pytest.mark.parametrize("name", NAMES)
def test_limits(name: str) -> None:
    if name == "bool":
        with pytest.raises(TypeError, match="integer type"):
            mg.iinfo(mg.bool)
    elif dtype(name).is_floating_point:
        ours, theirs = mg.finfo(dtype(name)), np.finfo(name)
        for fact in ("eps", "max", "min", "tiny", "bits"):
            assert getattr(ours, fact) == getattr(theirs, fact)
        with pytest.raises(TypeError, match="use finfo"):
            mg.iinfo(dtype(name))
    else:
        ours, theirs = mg.iinfo(dtype(name)), np.iinfo(name)
        assert (ours.min, ours.max, ours.bits) == (theirs.min, theirs.max, theirs.bits)
        with pytest.raises(TypeError, match="use iinfo"):
            mg.finfo(dtype(name))


@pytest.mark.parametrize("source", NAMES)
@pytest.mark.parametrize("target", NAMES)
def test_conversion_is_numpys(source: str, target: str) -> None:
    values = np.array([0, 1, 2, 100, 3.75]).astype(source)
    x = mg.tensor(values)
    y = x.to(dtype(target))
    assert y.dtype is dtype(target)
    np.testing.assert_array_equal(y.cpu().numpy(), values.astype(target))
    assert (y is x) == (source == target)


@pytest.mark.parametrize("bad", ["float32", np.float32, "x", 3, np.dtype("f4")])
def test_what_is_no_dtype(bad: Any) -> None:
    with pytest.raises(TypeError, match=r"dtype must be a microgrest.dtype"):
        mg.zeros(1, dtype=bad)
