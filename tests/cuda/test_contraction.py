"""Matrix products: our kernels simulated and compiled, and what cuBLAS is asked for."""

from __future__ import annotations

import ctypes
import gc
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checks import CAPABILITIES, by_capability, examine, simulate
from microgrest.kernels.cuda.source.matrices.products import Comb, Types, thin
from microgrest.kernels.cuda.source.matrices.tiles import tiled
from microgrest.kernels.kinds.matrices import tiling
from microgrest.kernels.source.kind import Launches, Room
from microgrest.kernels.source.matrices import Problem, problem

pytest.importorskip(
    "numba_cuda", reason="numba-cuda is not installed: pip install 'microgrest[cuda13]'"
)

from microgrest.kernels.cuda.driver import compile as compiler
from microgrest.kernels.libraries import cublas

Array = np.ndarray[Any, Any]
HERE = Path(__file__).parent
GEOMETRY = tiling.ON_GPU


@pytest.mark.parametrize(
    "check", ["layouts", "types", "expanded", "wrapping", "nan_stays_in_its_row"]
)
def test_simulated(check: str) -> None:
    simulate("simulated_contraction.py", check)


@pytest.mark.slow
def test_the_tiles_of_a_gpu_simulated() -> None:
    simulate("simulated_contraction.py", "tiles_of_a_gpu")


def check_product(source: compiler.Source, capability: tuple[int, int], most: int) -> None:
    """Compile, and check what a kernel must be."""
    kernel = examine(source, capability, "matmul", most)
    assert (kernel.doubles > 0) == ("float64" in source.signature)


def tiles_for(dtype: str) -> list[Any]:
    """The tiles that products of `dtype` have."""
    wide = Types.of(dtype).total.endswith("64")
    return [GEOMETRY.small, *([GEOMETRY.double] if wide else [GEOMETRY.large, GEOMETRY.medium])]


@by_capability
@pytest.mark.parametrize("along", [*product((True, False), repeat=2)], ids=str)
def test_tiles_compile(along: tuple[bool, bool], capability: tuple[int, int]) -> None:
    for tile in tiles_for("float32"):
        check_product(tiled(Types.of("float32"), tile, *along), capability, 128)


@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "int8", "bool"])
def test_tiles_of_other_types_compile(dtype: str) -> None:
    for tile, capability in zip(tiles_for(dtype), (*CAPABILITIES, CAPABILITIES[0]), strict=False):
        check_product(tiled(Types.of(dtype), tile, True, False), capability, 128)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "bool"])
def test_thin_kernels_compile(dtype: str) -> None:
    types = Types.of(dtype)
    check_product(thin(types, GEOMETRY.rows, 4), (7, 5), 64)
    check_product(thin(types, GEOMETRY.columns, 4), (9, 0), 64)
    check_product(thin(types.partial(), GEOMETRY.row, 1), (7, 5), 64)
    check_product(thin(types.combining(), GEOMETRY.columns, 0), (7, 5), 64)


def test_shared_memory_is_read_four_elements_at_a_time() -> None:
    source = tiled(Types.of("float32"), GEOMETRY.large, True, False)
    ptx = compiler._ptx(source, (9, 0), "matmul")
    assert "ld.shared.v4.f32" in ptx
    assert "ld.shared.f32" not in ptx
    assert "fma.rn.f32" in ptx


def by(rows: int, terms: int, columns: int, batch: int = 1) -> Problem:
    """The product of contiguous matrices."""
    shapes = (batch, rows, terms), (batch, terms, columns), (batch, rows, columns)
    return problem(*((0, shape, None) for shape in shapes))


def launches(what: Problem, dtype: str = "float32") -> Launches:
    """How a GPU computes a product."""
    return tiling.plan(what, dtype, Room(256, 1024))


def test_a_long_product_is_split_and_every_term_taken_once() -> None:
    for what in (by(64, 10**6 + 3, 64), by(1, 10**7, 1), by(3, 99_999, 1), by(1, 5000, 500)):
        (first, rest), scratch = launches(what)
        batch, m, n, k, total = first.arguments[3:8]
        assert (batch - 1) * k < total == what.k <= batch * k
        assert {m, n} == {what.m, what.n}
        assert scratch == {"parts": ("float32", batch * m * n)}
        assert rest.arguments[3:8] == (1, m * n, 1, batch, batch)
    for what in (by(64, 300, 64), by(4096, 4096, 4096), by(9, 10**6, 9, batch=500)):
        assert len(launches(what).stages) == 1


def test_tiles_fit_their_product() -> None:
    for what, dtype, tile in (
        (by(4096, 4096, 4096), "float32", GEOMETRY.large),
        (by(512, 512, 512), "float32", GEOMETRY.medium),
        (by(4096, 4096, 4096), "float64", GEOMETRY.double),
        (by(16, 16, 16, batch=1000), "float32", GEOMETRY.small),
    ):
        (stage,) = launches(what, dtype).stages
        assert stage.source == tiled(Types.of(dtype), tile, True, False)
    tall, flat = (launches(what).stages[0] for what in (by(4096, 4096, 2), by(2, 4096, 4096)))
    assert (tall.arguments[:2], flat.arguments[:2]) == (("a", "b"), ("b", "a"))
    assert flat.source == thin(Types.of("float32"), Comb(32, 8, False), 2)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The library of fake_cublas.c."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or sys.platform == "win32":
        pytest.skip("there is no C compiler to build fake_cublas.c")
    path = tmp_path_factory.mktemp("cublas") / "fake_cublas.so"
    source = HERE / "fake_cublas.c"
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(path), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    loaded = cublas.declared(ctypes.CDLL(str(path)))
    loaded.fake_cublas_stream.restype = ctypes.c_void_p
    for name in ("stream", "math_mode"):
        getattr(loaded, f"fake_cublas_{name}").argtypes = [ctypes.c_void_p]
    return loaded


def views(shape: tuple[int, ...], dtype: Any) -> Iterator[Array]:
    """Operands of one shape: contiguous, transposed, part of a larger one, one for the batch."""
    numbers = np.random.default_rng(3).integers(-9, 9, [max(shape) + 2] * len(shape)).astype(dtype)
    inner = numbers[tuple(slice(1, n + 1) for n in shape)]
    yield np.ascontiguousarray(inner)
    yield np.ascontiguousarray(inner.swapaxes(-2, -1)).swapaxes(-2, -1)
    yield inner
    yield numbers.swapaxes(-2, -1)[tuple(slice(1, n + 1) for n in shape)]
    if len(shape) == 3:
        yield np.broadcast_to(inner[:1], shape)


def seen(array: Array) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """An array's place relative to its own first element."""
    return 0, array.shape, tuple(s // array.itemsize for s in array.strides)


def address(array: Array) -> int:
    found: int = array.ctypes.data
    return found


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize(
    "shapes",
    [
        ((5, 7), (7, 6)),
        ((5, 1), (1, 6)),
        ((1, 7), (7, 6)),
        ((5, 7), (7, 1)),
        ((3, 5, 7), (3, 7, 6)),
    ],
    ids=str,
)
def test_cublas_is_asked_for_the_product(shapes: Any, dtype: str, library: Any) -> None:
    handle = cublas.Handle(library)
    for a, b in product(views(shapes[0], dtype), views(shapes[1], dtype)):
        out = np.full((*a.shape[:-1], b.shape[-1]), 77, dtype)
        what = problem(seen(a), seen(b), seen(out))
        assert cublas.arguments(what) is not None
        handle.multiply(what, dtype, address(a), address(b), address(out))
        np.testing.assert_array_equal(out, np.matmul(a, b))


def test_cublas_starts_at_offsets(library: Any) -> None:
    a, b = np.arange(20.0).reshape(4, 5), np.arange(30.0).reshape(5, 6)
    out = np.zeros((4, 6))
    what = problem((5, (2, 5), (5, 1)), (12, (5, 3), (1, 5)), (6, (2, 3), None))
    cublas.Handle(library).multiply(what, "float64", address(a), address(b), address(out))
    np.testing.assert_array_equal(
        out.ravel()[6:12].reshape(2, 3), a[1:3] @ b.ravel()[12:27].reshape(3, 5).T
    )


def test_strides_that_cublas_cannot_have() -> None:
    whole: Any = (0, (4, 4), None)
    for strides in ((8, 2), (0, 1), (1, 0), (2, 1), (1, 3)):
        assert cublas.arguments(problem((0, (4, 4), strides), whole, whole)) is None
        assert cublas.arguments(problem(whole, (0, (4, 4), strides), whole)) is None
    assert cublas.arguments(problem((0, (4, 4), (4, 1)), whole, whole)) is not None


def test_a_handle_knows_its_stream_and_precision(library: Any) -> None:
    before = library.fake_cublas_alive()
    handle = cublas.Handle(library)
    handle.work_in(1234)
    assert library.fake_cublas_stream(handle.handle) == 1234
    assert library.fake_cublas_math_mode(handle.handle) == 16
    assert library.fake_cublas_alive() == before + 1
    del handle
    gc.collect()
    assert library.fake_cublas_alive() == before


def test_a_forked_process_does_not_destroy_handles(
    library: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle, alive = cublas.Handle(library), library.fake_cublas_alive()
    monkeypatch.setattr("os.getpid", lambda: -1)
    del handle
    gc.collect()
    assert library.fake_cublas_alive() == alive


def test_what_cublas_refuses_is_named(library: Any) -> None:
    handle = cublas.Handle(library)
    with pytest.raises(RuntimeError, match=r"CUBLAS_STATUS_INVALID_VALUE .*CUBLAS=0"):
        handle.multiply(by(-1, 2, 2), "float32", 0, 0, 0)


def test_cublas_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROGREST_CUBLAS", "0")
    cublas.problem.cache_clear()
    try:
        assert "MICROGREST_CUBLAS=0" in (cublas.problem() or "")
    finally:
        cublas.problem.cache_clear()


def test_without_cublas_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise OSError("no such library\nat all")

    monkeypatch.setattr(cublas, "_library", missing)
    monkeypatch.delenv("MICROGREST_CUBLAS", raising=False)
    cublas.problem.cache_clear()
    try:
        assert cublas.problem() == (
            "cuBLAS is not installed: pip install 'nvidia-cublas' (no such library)"
        )
    finally:
        cublas.problem.cache_clear()
