"""Matrix products inside generated code, by BLAS and by loops, against NumPy."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product as combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from microgrest.kernels import cache as kernel_cache
from microgrest.kernels.libraries import blas, openblas
from processes import run

DTYPES = ("float32", "float64")
WAYS = ("gemm", "loops", "fortran")

CALLER = """
@njit
def multiply(gemm, sizes, a, x, b, y, out, z):
    batch, m, n, k = sizes
    product(
        gemm, batch, m, n, k, a, x[0], x[1], x[2], x[3],
        b, y[0], y[1], y[2], y[3], out, z[0], z[1], z[2], z[3],
    )
"""


class Operand(NamedTuple):
    """Flat memory, and where in it the matrices lie: at, batch, line, step."""

    memory: Any
    place: tuple[int, int, int, int]
    view: Any  # (batch, lines, terms)


def text(form: blas.Form) -> str:
    return "\n".join(blas.IMPORTS) + "\n\n" + blas.source(form) + CALLER


@cache
def compiled(form: blas.Form) -> Callable[..., None]:
    return kernel_cache.load(text(form), "blas").multiply  # type: ignore[no-any-return]


def fortran(dtype: str) -> int:
    """The address of gemm of the same library as Fortran calls it, or 0."""
    for library, prefix in combinations(openblas.libraries(), ("scipy_", "")):
        address = blas._address(library, f"{prefix}{blas.PREFIXES[dtype]}gemm_64_")
        if address:
            return address
    return 0


def multiply(way: str, m: int, n: int, k: int, a: Operand, b: Operand, out: Operand) -> None:
    dtype = a.memory.dtype.name
    form = blas.Form(True, 64) if way == "fortran" else blas.find().form
    address = {"gemm": blas.gemm, "loops": lambda _: 0, "fortran": fortran}[way](dtype)
    if way != "loops" and not address:
        pytest.skip("no BLAS of this form")
    sizes = (len(out.view), m, n, k)
    kernel = compiled(form)
    kernel(address, sizes, a.memory, a.place, b.memory, b.place, out.memory, out.place)


def layouts(lines: int, terms: int) -> dict[str, tuple[int, int]]:
    """Strides between lines and between terms."""
    return {
        "lines": (terms, 1),
        "terms": (1, lines),
        "wide": (terms + 3, 1),
        "wide terms": (1, lines + 2),
        "gaps": (2 * terms + 1, 2),
        "backwards": (-terms, 1),
    }


def shared(lines: int, terms: int) -> dict[str, tuple[int, int]]:
    """Strides that only what is read can have."""
    return {"one line": (0, 1), "one term": (1, 0), "one": (0, 0), "overlapping": (1, 1)}


def operand(
    dtype: str, batch: int, lines: int, terms: int, strides: tuple[int, int], repeat: bool = False
) -> Operand:
    """Random matrices in random memory, which begins before them and ends behind."""
    line, step = strides
    ends = [line * max(lines - 1, 0), step * max(terms - 1, 0)]
    low, high = (sum(f(e, 0) for e in ends) for f in (min, max))
    stride = 0 if repeat else max(high - low + 1, lines * abs(line))
    at = 5 - low
    size = 10 + max(batch, 1) * stride + high - low
    memory = np.random.default_rng(size).standard_normal(size).astype(dtype)
    item = memory.itemsize
    view = np.lib.stride_tricks.as_strided(
        memory[at:], (batch, lines, terms), (stride * item, line * item, step * item)
    )
    return Operand(memory, (at, stride, line, step), view)


def check(way: str, m: int, n: int, k: int, a: Operand, b: Operand, out: Operand) -> None:
    """The right result, and not a number changed beside it."""
    want = out.memory.astype("float64")
    kept = np.ones(want.size, bool)
    spots = np.lib.stride_tricks.as_strided(
        np.arange(want.size)[out.place[0] :],
        out.view.shape,
        tuple(8 * s for s in out.place[1:]),
    )
    kept[spots] = False
    x, y = a.view.astype("float64"), b.view.astype("float64").transpose(0, 2, 1)
    want[spots] = x @ y
    bound = np.abs(x) @ np.abs(y) * (k + 1) * np.finfo(out.memory.dtype).eps
    before = out.memory.copy()
    out.memory[~kept] = np.nan  # nothing of what was there may come through
    multiply(way, m, n, k, a, b, out)
    assert np.array_equal(out.memory[kept], before[kept])
    assert np.all(np.abs(out.memory[spots] - want[spots]) <= bound), (m, n, k)


def strides(lines: int, terms: int, written: bool = False) -> Iterator[tuple[int, int]]:
    yield from layouts(lines, terms).values()
    if not written:
        yield from shared(lines, terms).values()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("m, n, k", [(9, 10, 11), (3, 4, 5), (1, 9, 20), (12, 1, 8), (7, 40, 1)])
def test_any_strides(way: str, dtype: str, m: int, n: int, k: int) -> None:
    for s, t, u in combinations(strides(m, k), strides(n, k), strides(m, n, True)):
        a, b, out = (operand(dtype, 1, *args) for args in ((m, k, s), (n, k, t), (m, n, u)))
        check(way, m, n, k, a, b, out)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_extents_of_none_one_and_many(way: str, dtype: str) -> None:
    for m, n, k in combinations((0, 1, 2, 5, 33), repeat=3):
        for turned in (False, True):
            s = (1, m) if turned else (k, 1)
            a, b = operand(dtype, 1, m, k, s), operand(dtype, 1, n, k, (1, n))
            check(way, m, n, k, a, b, operand(dtype, 1, m, n, (n, 1)))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", [0, 1, 3])
def test_batches_and_broadcasting(way: str, dtype: str, batch: int) -> None:
    for m, n, k in [(2, 3, 4), (9, 10, 11), (1, 16, 30)]:
        a_strides, b_strides = [(k, 1), (1, m), (1, 0)], [(k, 1), (1, n), (0, 1)]
        for s, t, x, y in combinations(a_strides, b_strides, (False, True), (False, True)):
            a, b = operand(dtype, batch, m, k, s, x), operand(dtype, batch, n, k, t, y)
            check(way, m, n, k, a, b, operand(dtype, batch, m, n, (n, 1)))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 3, 16])
def test_nan_and_infinity(way: str, dtype: str, n: int) -> None:
    values = np.array([0.0, -0.0, 1.0, np.inf, -np.inf, np.nan], dtype)
    a, b, out = (operand(dtype, 1, n, n, (n, 1)) for _ in range(3))
    pick = np.random.default_rng(n)
    for _ in range(20):
        a.view[0, 0, 0] = pick.choice(values)
        b.view[0, 0, 0] = pick.choice(values)
        multiply(way, n, n, n, a, b, out)
        with np.errstate(invalid="ignore"):
            want = sum(a.view[0, :, t : t + 1] * b.view[0, :, t] for t in range(n))
        assert np.array_equal(np.isnan(out.view[0]), np.isnan(want))
        infinite = np.isinf(want)
        assert np.array_equal(out.view[0][infinite], want[infinite])


def test_under_the_interpreter() -> None:
    for m, n, k in [(2, 3, 5), (4, 1, 6), (1, 3, 2)]:
        for s, t in combinations([(k, 1), (1, m)], [(k, 1), (1, n)]):
            a, b = operand("float64", 2, m, k, s), operand("float64", 2, n, k, t, True)
            out = operand("float64", 2, m, n, (n, 1))
            blas.product(
                0, 2, m, n, k, a.memory, *a.place, b.memory, *b.place, out.memory, *out.place
            )
            assert np.allclose(out.view, a.view @ b.view.transpose(0, 2, 1), rtol=1e-14)


def test_machine_code_from_disk_calls_the_gemm_of_another_process(tmp_path: Path) -> None:
    program = f"""
import numpy as np
from microgrest.kernels import cache
from microgrest.kernels.libraries import blas, openblas
multiply = cache.load({text(blas.find().form)!r}, "blas").multiply
a = np.arange(1024.0)
out = np.empty(1024)
place = (0, 0, 32, 1)
multiply(blas.gemm("float64"), (1, 32, 32, 32), a, place, a, place, out, place)
x = a.reshape(32, 32)
print(np.array_equal(out.reshape(32, 32), x @ x.T))
"""
    environment = {"MICROGREST_CACHE_DIR": tmp_path}
    assert run(program, **environment) == "True"
    first = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nbc")}
    assert first
    assert run(program, **environment) == "True"
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nbc")} == first


def test_the_library_of_a_numpy_wheel_is_found() -> None:
    built: Any = np.show_config(mode="dicts")
    name = built["Build Dependencies"]["blas"]["name"]
    if name not in ("scipy-openblas", "accelerate"):
        pytest.skip(f"this NumPy is built on {name!r}")
    assert all(blas.gemm(dtype) for dtype in DTYPES)
    assert blas.described() in {description for _, _, description in blas.NAMES}
    assert blas.gemm("int64") == 0


def test_without_a_library_there_are_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openblas, "libraries", lambda: iter(()))
    monkeypatch.setitem(sys.modules, "scipy.linalg.cython_blas", None)
    assert blas.find.__wrapped__() is blas.NOTHING


def test_scipys_library_is_the_second_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    new = ctypes.pythonapi.PyCapsule_New
    monkeypatch.setattr(new, "restype", ctypes.py_object)
    monkeypatch.setattr(new, "argtypes", [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p])
    name = ctypes.c_char_p(b"void (char *, ...)")
    capsules = {"sgemm": new(1000, name, None), "dgemm": new(2000, name, None)}
    module = SimpleNamespace(__pyx_capi__=capsules)
    monkeypatch.setitem(sys.modules, "scipy.linalg.cython_blas", module)
    monkeypatch.setattr(openblas, "libraries", lambda: iter(()))
    found = blas.find.__wrapped__()
    assert found.addresses == {"float32": 1000, "float64": 2000}
    assert found.form.fortran
