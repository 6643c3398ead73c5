"""The first calls of a kernel, by NumPy: the bits of the compiled one, and then its place."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import product
from random import Random
from typing import Any

import numpy as np
import pytest
from microgrest.kernels.cpu import elementwise, first_calls, reduction
from microgrest.kernels.cpu.elementwise import Wanted
from microgrest.kernels.cpu.first_calls import FirstOfColumns, FirstOfMap
from microgrest.kernels.cpu.reduction import WantedFold
from microgrest.kernels.source.program import Input, Instr, Output, Program, Reduce

import microgrest as mg

Array = np.ndarray[Any, Any]
TINY, LARGE = (1e-45, -1e-40), (1e38, -3e38, np.inf, -np.inf, np.nan)
SPECIAL = [0.0, -0.0, 1.0, -1.0, 3.0, 0.1, -7.7, *TINY, *LARGE]
INTEGERS = [0, 1, -1, 2, 7, -13, 2**31 - 1, -(2**31)]
OPERATIONS = [*first_calls.OF_ANY, *first_calls.OF_FLOATS]


@pytest.fixture(autouse=True)
def sixteen(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy does sixteen calls, whatever the suite was told."""
    monkeypatch.setattr(first_calls, "number", lambda: 16)


def values(dtype: str, seed: int) -> Array:
    """Elements of which every pair meets, in an order of their own."""
    some = SPECIAL if dtype.startswith("float") else INTEGERS
    pairs = np.array([*product(some, repeat=2)], dtype)
    return pairs[:, seed % 2].copy()


def program(dtype: str, *formulas: str, operands: tuple[tuple[int, ...], ...] = ()) -> Program:
    """A chain of operations: each on the one before and on the second input, or on `operands`."""
    body: list[Instr] = []
    for i, formula in enumerate(formulas):
        names = first_calls._NAMES.findall(formula)
        of = operands[i] if operands else ((1 + i if body else 0), 1)
        args = tuple(zip(sorted(set(names)), of, strict=False))
        result = "bool" if formula in first_calls.COMPARISONS else dtype
        body.append(Instr(formula, args, dtype, result))
    inputs = (Input("x", dtype, dtype), Input("y", dtype, dtype))
    return Program("chain", inputs, tuple(body), (Output(1 + len(body), body[-1].dtype),))


def same(program: Program, layout: str, *operands: Any, ndim: int = 0) -> None:
    """NumPy and the compiled kernel leave the same in all arrays."""
    wanted, found = Wanted(program, layout, ndim), []
    for run in (FirstOfMap(wanted)._run, wanted.load()):
        mine = [x.copy() if isinstance(x, np.ndarray) else x for x in operands]
        run(*mine)
        found.append([x for x in mine if isinstance(x, np.ndarray)])
    for ours, compiled in zip(*found, strict=True):
        alike(ours, compiled)


def alike(ours: Array, compiled: Array) -> None:
    """Both hold the same, zeros of the same sign, NaN of any."""
    np.testing.assert_array_equal(ours, compiled)
    if ours.dtype.kind == "f":  # which knows no sign of zero
        real = ~np.isnan(ours)
        np.testing.assert_array_equal(np.signbit(ours[real]), np.signbit(compiled[real]))


@pytest.mark.parametrize("dtype", first_calls.ANY)
@pytest.mark.parametrize("formula", OPERATIONS)
def test_an_operation(formula: str, dtype: str) -> None:
    p = program(dtype, formula)
    if not first_calls.served(p):
        assert formula in first_calls.OF_FLOATS and dtype.startswith("int")
        return
    x, y = values(dtype, 0), values(dtype, 1)
    out = np.empty(x.size, p.outputs[0].dtype)
    same(p, "vvv", x, y, out)
    same(p, "vev", x, y[-1:], out)
    same(p, "xvv", x[3:4], y, out)
    if p.outputs[0].dtype == dtype:
        same(p, "vv0", x, y)
        same(p, "vv1", x, y)
    number = 2**53 + 1 if dtype == "int64" else 2.7 if dtype.startswith("float") else 3
    same(p, "fvv" if isinstance(number, float) else "ivv", number, y, out)
    if dtype.startswith("float"):
        same(p, "vfv", x, 1e300, out)
        same(p, "viv", x, 2**62 + 1, out)


def test_a_bool_among_numbers() -> None:
    inputs = (Input("x", "bool", "float32"), Input("y", "float32", "float32"))
    body = (Instr("{a} * {b}", (("a", 0), ("b", 1)), "float32", "float32"),)
    p = Program("masked", inputs, body, (Output(2, "float32"),))
    y = values("float32", 0)
    assert first_calls.served(p)
    same(p, "vvv", np.arange(y.size) % 3 == 0, y, np.empty_like(y))


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [((3, 4), (4, 1), 0), ((4, 3), (1, 4), 0), ((2, 3), (-4, 2), 6), ((3, 4), (0, 1), 2)],
)
def test_strides(shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> None:
    x = np.arange(20, dtype=np.float32)
    places = [(offset, strides), (0, (0, 1)), (1, (shape[1], 1))]
    geometry, layout, ndim, _ = elementwise._plan(shape, tuple(places))
    assert ndim
    same(
        program("float32", "{a} - {b}"), layout, geometry, x, x + 0.5, np.zeros(20, "f"), ndim=ndim
    )


@pytest.mark.parametrize("seed", range(150))
def test_chains_that_are_served(seed: int) -> None:
    """Whatever is taken for the same bits has them: products that LLVM may draw into sums, too."""
    random = Random(seed)
    dtype = random.choice(first_calls.FLOATS)
    formulas = [random.choice([f for f in OPERATIONS if f not in first_calls.COMPARISONS])]
    places: list[tuple[int, ...]] = [(0, 1)]
    for i in range(random.randrange(1, 5)):
        formulas.append(
            random.choice(OPERATIONS if i == 3 else ["{a} * {b}", *formulas, "{a} + {b}"])
        )
        places.append((random.randrange(2 + len(formulas) - 1), len(formulas)))
    p = program(dtype, *formulas, operands=tuple(places))
    if first_calls.served(p):
        x, y = values(dtype, 0), values(dtype, 1)
        same(p, "vvv", x, y, np.empty(x.size, p.outputs[0].dtype))


def test_what_is_not_served() -> None:
    """What rounds once more or less than NumPy does, what folds, halves, and other functions."""
    assert first_calls.served(program("float32", "{a} + {b}", "{a} * {b}"))
    assert not first_calls.served(program("float32", "{a} * {b}", "{a} + {b}"))
    assert not first_calls.served(program("float32", "{x} * {x}", "-{x}", "{a} - {b}"))
    assert not first_calls.served(program("float32", "exp({x})"))
    assert not first_calls.served(program("float16", "{a} + {b}"))


def test_contracted_sums_differ() -> None:
    """Why a product in a sum is not served: the compiled kernel rounds once."""
    p = program("float32", "{a} * {b}", "{a} + {b}")
    x, y = np.array([1 + 2**-12], "f"), np.array([1 + 2**-12], "f")
    out = np.empty(1, "f")
    Wanted(p, "vvv").load()(x, y, out)
    assert out[0] == np.float32(np.float64(x[0]) * y[0] + y[0])


def fold(stored: str, loaded: str, total: str, dtype: str, final: str = "{acc}") -> Program:
    """A sum, or a mean, as reductions make it."""
    output = Output(0, dtype, Reduce("0", "{acc} + {x}", loaded, total, final))
    return Program("sum", (Input("x", stored, loaded),), (), (output,))


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 0, 3), (3, 5, 2), (1, 40, 300), (2, 300, 1)])
@pytest.mark.parametrize(
    "types",
    [
        ("float32", "float32", "float64", "float32"),
        ("float64", "float64", "float64", "float64"),
        ("int32", "int32", "int64", "int64"),
        ("bool", "bool", "int64", "int64"),
    ],
)
@pytest.mark.parametrize("final", ["{acc}", "{acc} / {n}"])
def test_sums_of_columns(shape: tuple[int, ...], types: tuple[str, ...], final: str) -> None:
    if final != "{acc}" and types[2] == "int64":
        types = (*types[:2], "float64", "float64")
    p = fold(*types, final)
    assert first_calls.adds_columns(p)
    outer, n, inner = shape
    some = np.random.default_rng(n).choice(values(types[0], 0), size=shape).ravel()
    found = []
    for run in (FirstOfColumns(WantedFold(p, "columns"))._run, WantedFold(p, "columns").load()):
        out = np.full(outer * inner, 7, types[3])
        run(some, out, n, inner)
        found.append(out)
    alike(*found)


def test_columns_that_are_not_added() -> None:
    """Products, and what float16 holds as bits."""
    times = Output(0, "float32", Reduce("1", "{acc} * {x}", "float32", "float64"))
    assert not first_calls.adds_columns(
        Program("prod", (Input("x", *2 * ("float32",)),), (), (times,))
    )
    assert not first_calls.adds_columns(fold("float16", "float32", "float64", "float16"))


def test_many_rows_are_not_added_one_by_one() -> None:
    p = fold("float32", "float32", "float64", "float32")
    x, out = np.ones(2 * 1025, "f"), np.empty(2, "f")
    run, sizes = reduction.ready(p, 1, 1025, 2)
    run(x, out, *sizes)
    assert p.kernels["columns", False] is not run and out.tolist() == [1025, 1025]


def test_sums_of_columns_are_compiled_when_they_are_many() -> None:
    p = fold("float32", "float32", "float64", "float32")
    x, out = np.ones(40 * 3, "f"), np.empty(3, "f")
    run, sizes = reduction.ready(p, 1, 40, 3)
    for _ in range(16):
        run(x, out, *sizes)
    assert p.kernels["columns", False] is run
    while p.kernels["columns", False] is run:  # the child may be at it
        run(x, out, *sizes)
    assert out.tolist() == [40, 40, 40]


def test_often_called_kernels_are_compiled() -> None:
    p = program("float32", "{a} + {b}")
    kernel = elementwise.compiled(p, "vvv")
    assert elementwise.compiled(p, "vvv") is kernel and isinstance(kernel, FirstOfMap)
    told = []
    first_calls.when_compiled(lambda: told.append(1))
    x, out = np.ones(3, "f"), np.empty(3, "f")
    for _ in range(16):
        kernel(x, x, out)
    assert kernel.kernel is None and not told
    while kernel.kernel is None:  # the child may be at it
        kernel(x, x, out)
    first_calls._watchers.pop()
    assert told == [1] and out.tolist() == [2, 2, 2]
    assert elementwise.compiled(p, "vvv") is kernel.kernel


def test_who_measures_kernels_has_them_compiled() -> None:
    kernel = FirstOfMap(Wanted(program("float32", "{a} - {b}"), "vvv"))
    x, out = np.ones(3, "f"), np.empty(3, "f")
    kernel(x, x, out)
    assert kernel.kernel is None
    first_calls.settle()
    kernel(x, x, out)
    assert kernel.kernel is not None


def test_many_elements_count_as_calls() -> None:
    kernel = FirstOfMap(Wanted(program("float32", "{a} + {b}"), "vvv"))
    x = np.ones(16 * first_calls.ELEMENTS, "f")
    kernel(x, x, np.empty_like(x))
    assert kernel.left < 0


def test_nothing_of_numpys_place_is_kept() -> None:
    """The short path of an op calls the compiled kernel itself, once there is one."""
    x = mg.ones(3, requires_grad=True)
    before = len(first_calls._watchers)
    for _ in range(20):
        y = (x * 3.0 - x / 7.0) * x
        y.backward(mg.ones(3))
    assert before == len(first_calls._watchers) > 0
    np.testing.assert_allclose(x.grad.numpy(), 20 * 2 * (3 - 1 / 7), rtol=1e-6)


PROGRAM = """
import microgrest as mg
from microgrest.kernels.cache import elsewhere, entries

elsewhere._cores = lambda: 1
x = mg.ones(3)
for _ in range(4):
    y = x + x
print(y.tolist())
print(sum("add" in entry.name for entry in entries()))
"""


def run(program: str, calls: str, directory: object) -> subprocess.CompletedProcess[str]:
    """A program in a process of its own, with an empty cache and a number of first calls."""
    own = {"MICROGREST_FIRST_CALLS": calls, "MICROGREST_CACHE_DIR": str(directory)}
    command = [sys.executable, "-c", program]
    return subprocess.run(
        command, env=os.environ | own, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("calls", "compiled"), [("0", 1), ("16", 0), ("2", 1)])
def test_how_many(calls: str, compiled: int, tmp_path: object) -> None:
    found = run(PROGRAM, calls, tmp_path)
    assert found.stdout.split("\n")[:2] == ["[2.0, 2.0, 2.0]", str(compiled)], found.stderr


def test_a_number_that_is_none(tmp_path: object) -> None:
    found = run("import microgrest as mg; mg.ones(3) + 1", "many", tmp_path)
    assert "MICROGREST_FIRST_CALLS must be a number of calls, got 'many'" in found.stderr
