"""Run by test_reduction with NUMBA_ENABLE_CUDASIM=1: folds and searches against NumPy's.

Blocks have 8 threads here, so one segment is 64 to 2048 elements long, and a few hundred elements
go through both stages.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from microgrest.kernels.cuda import kinds, memory, reduction
from microgrest.kernels.cuda.source.axis import reductions, segments as segments_of
from microgrest.kernels.kinds.search import SEARCH, Search
from microgrest.kernels.source.program import Input, Instr, Output, Program, Reduce

from microgrest.dispatch.families.reduction import program_of, result_type
from microgrest.ops import ROWS
from microgrest.types import dtypes

Array = np.ndarray[Any, Any]
RANDOM = np.random.default_rng(3)
# One segment by threads, by a few lanes, by a block; several segments; with and without columns.
SHAPES = [
    (1, 1, 1), (1, 7, 1), (3, 9, 1), (5, 40, 1), (1, 256, 1), (1, 257, 1), (2, 700, 1), (40, 1, 1),
    (1, 3, 5), (2, 9, 3), (1, 65, 2), (2, 70, 5), (1, 150, 9), (2, 5, 8), (3, 0, 1), (2, 0, 3),
    (0, 4, 1), (4, 3, 0),
]  # fmt: skip
NUMPY: dict[str, Callable[..., Any]] = {
    "sum": np.sum, "mean": np.mean, "prod": np.prod, "amax": np.max, "amin": np.min,
    "all": np.all, "any": np.any, "argmax": np.argmax, "argmin": np.argmin,
}  # fmt: skip


def device(array: Array) -> Any:
    """A copy in simulated device memory; float16 as bits."""
    stored = array.view(np.uint16) if array.dtype == np.float16 else array
    span = memory.allocator(stored.dtype)(stored.size)
    memory.from_host(span, np.ravel(stored))
    return span


def blank(n: int, dtype: str) -> Any:
    """An array for n results."""
    return memory.allocator(np.dtype("uint16" if dtype == "float16" else dtype))(n)


def host(span: Any, dtype: str) -> Array:
    """What `span` holds."""
    return memory.to_host(span).view(dtype)


def values(shape: tuple[int, ...], dtype: str) -> Array:
    """Small numbers of either sign, whose sums and products are exact or nearly."""
    if dtype == "bool":
        return RANDOM.random(shape) < 0.7
    low = 0 if dtype == "uint8" else -4
    drawn = RANDOM.integers(low, 5, shape)
    return (drawn + 0.5 if dtype.startswith("float") else drawn).astype(dtype)


def folded(name: str, dtype: str, x: Array) -> Array:
    """The kernel's fold of the middle axis."""
    d = dtypes.BY_NAME[dtype]
    result = result_type(ROWS[name], d)
    outer, n, inner = x.shape
    out = blank(outer * inner, result.name)
    reduction.fold(program_of(ROWS[name], d, result), device(x), out, outer, n, inner)
    return host(out, result.name).reshape(outer, inner)


def expect(name: str, x: Array, got: Array) -> None:
    """`got` is NumPy's fold of `x`, computed in float64."""
    wide = x.astype(np.float64) if x.dtype.kind == "f" else x
    want = NUMPY[name](wide, axis=1).astype(got.dtype)
    tolerance = {"float16": 2e-3, "float32": 1e-6, "float64": 1e-13}.get(got.dtype.name, 0)
    np.testing.assert_allclose(got, want, rtol=tolerance, err_msg=f"{name} {x.dtype} {x.shape}")


def shapes() -> None:
    for shape in SHAPES:
        x = values(shape, "float32")
        expect("sum", x, folded("sum", "float32", x))
    for shape in ((3, 9, 1), (2, 700, 1), (1, 150, 9)):
        x = values(shape, "float32")
        expect("mean", x, folded("mean", "float32", x))


def types() -> None:
    for dtype in ("float64", "float16", "int64", "int32", "int8", "uint8", "bool"):
        for name in ("sum", "amax", "amin", "all", "any"):
            x = values((3, 5, 2), dtype)
            expect(name, x, folded(name, dtype, x))
        for name in ("sum", "amax", "any"):
            x = values((1, 300, 1), dtype)
            expect(name, x, folded(name, dtype, x))
    for dtype in ("float64", "float32", "float16", "int64", "bool"):
        x = values((2, 6, 3), dtype)
        expect("prod", x, folded("prod", dtype, x))


def extremes() -> None:
    for dtype in ("int64", "int32", "int16", "int8"):
        limits = np.iinfo(dtype)
        for name, end in (("amax", limits.min), ("amin", limits.max)):
            x = np.full((2, 12, 1), end, dtype)
            expect(name, x, folded(name, dtype, x))
    for dtype in ("float32", "float64"):
        for name, end in (("amax", -np.inf), ("amin", np.inf)):
            x = np.full((2, 12, 1), end, dtype)
            expect(name, x, folded(name, dtype, x))


def nothing_to_fold() -> None:
    for name, want in (("sum", 0), ("prod", 1), ("mean", np.nan), ("all", True), ("any", False)):
        got = folded(name, "float32", np.empty((2, 0, 3), np.float32))
        np.testing.assert_array_equal(got, np.full((2, 3), want))


def nan_wins() -> None:
    for shape in ((1, 30, 1), (2, 400, 1), (2, 30, 3)):
        for place in (0, shape[1] - 1):
            x = values(shape, "float32")
            x[0, place, 0] = np.nan
            for name in ("amax", "amin"):
                expect(name, x, folded(name, "float32", x))


def accuracy() -> None:
    """A lane adds few numbers, and partials meet in float64."""
    x = np.full((1, 2500, 1), 0.1, np.float32)
    error = folded("sum", "float32", x)[0, 0] - x.astype(np.float64).sum()
    assert abs(error) < 3e-7 * 250


def searched(name: str, x: Array) -> tuple[Array, Array]:
    """Values and positions that the kernel finds along the middle axis."""
    outer, n, inner = x.shape
    best, at = blank(outer * inner, x.dtype.name), blank(outer * inner, "int64")
    params = Search(name, ROWS[name].extra["better"], x.dtype.name, inner != 1)
    kinds.run(SEARCH, params, (device(x), best, at), (n, inner))
    return (
        host(best, x.dtype.name).reshape(outer, 1, inner),
        host(at, "int64").reshape(outer, 1, inner),
    )


COLUMNS = (1, 1, 3), (2, 7, 5), (1, 40, 9), (1, 400, 2), (2, 3, 0)


def searches() -> None:
    for dtype in ("float32", "float64", "int64", "int8", "bool"):
        for shape in ((1, 1, 1), (4, 7, 1), (3, 40, 1), (1, 400, 1), (0, 3, 1), *COLUMNS):
            x = values(shape, dtype)
            for name in ("argmax", "argmin"):
                best, at = searched(name, x)
                wanted = NUMPY[name](x, axis=1, keepdims=True)
                np.testing.assert_array_equal(at, wanted, f"{name} {dtype} {shape}")
                np.testing.assert_array_equal(best, np.take_along_axis(x, at, 1))


def first_of_equals() -> None:
    for n in (5, 50, 300):
        for places in ((), (n - 1, 2), (0, 4)):
            x = np.zeros((2, n), np.float32)
            x[0, list(places)] = np.nan
            for name in ("argmax", "argmin"):
                for lines in (x[:, :, None], x.T[None]):
                    best, at = searched(name, lines)
                    assert at.ravel().tolist() == [min(places, default=0), 0]
                    np.testing.assert_array_equal(best.ravel(), x[[0, 1], at.ravel()])


SUM = Reduce("0", "{acc} + {x}", "float32", "float64")
MOST = Reduce("-inf", "{x} if {x} > {acc} else {acc}", "float32", "float32")


def program(*outputs: Output) -> Program:
    """p = a * b, q = p - g, over float32 a, b and g."""
    inputs = tuple(Input(name, "float32", "float32") for name in "abg")
    product = Instr("{a} * {b}", (("a", 0), ("b", 1)), "float32", "float32")
    difference = Instr("{p} - {g}", (("p", 3), ("g", 2)), "float32", "float32")
    return Program("simulated", inputs, (product, difference), outputs)


def folds_beside_maps() -> None:
    """Layouts with several folds, maps, in-place stores, one element, numbers."""
    summed, most, stored = (
        Output(3, "float32", SUM),
        Output(4, "float32", MOST),
        Output(4, "float32"),
    )
    mean = Output(3, "float32", Reduce("0", "{acc} + {x}", "float32", "float64", "{acc} / {n}"))
    for n in (0, 1, 100, 257, 600):
        a, b, g = (values((n,), "float32") for _ in range(3))
        p, q = a * b, a * b - g
        total, top = p.sum(dtype=np.float64), q.max(initial=-np.inf)

        x, out = device(a), [blank(1, "float32") for _ in range(2)]
        reduction.folding(program(summed, stored, most), "vvvr0r")(x, device(b), device(g), *out)
        np.testing.assert_allclose([host(o, "float32")[0] for o in out], [total, top], rtol=1e-6)
        np.testing.assert_array_equal(host(x, "float32"), q)

        y = blank(n, "float32")
        operands = device(b), 0.5, device(a), y, out[0]
        reduction.folding(program(stored, summed), "vfvvr")(*operands)
        np.testing.assert_array_equal(host(y, "float32"), b * np.float32(0.5) - a)
        np.testing.assert_allclose(host(out[0], "float32"), 0.5 * b.sum(dtype=float), rtol=1e-6)

        if n:
            reduction.folding(program(mean), "exvr")(device(a), device(b), device(g), out[0])
            np.testing.assert_allclose(host(out[0], "float32"), a[0] * b[0], rtol=1e-6)
            want = p.mean(dtype=np.float64)
            reduction.folding(program(mean), "vver")(device(a), device(b), device(g), out[0])
            np.testing.assert_allclose(host(out[0], "float32"), want, rtol=1e-6)


def all_elements() -> None:
    for n in (1, 300):
        x, out = values((n,), "float32"), blank(1, "float32")
        d = dtypes.float32
        reduction.folding(program_of(ROWS["mean"], d, d), "vr")(device(x), out)
        np.testing.assert_allclose(host(out, "float32"), x.mean(dtype=float), rtol=1e-6)


def geometry() -> None:
    """Every element belongs to one lane of one segment, at the sizes of a GPU too."""
    for threads in (8, 256):
        reduction.THREADS = threads
        reduction.plan.cache_clear()
        for outer, n, inner in [
            *SHAPES,
            (1, 10**9, 1),
            (3, 10**6, 70),
            (10**5, 300, 1),
            (1, 64, 64),
        ]:
            for split in (True, False):
                shape, blocks, segments, numbers = reduction.plan(outer, n, inner, split)
                names = reductions.SHAPES[shape].numbers
                known = {"lanes": threads, "width": 1} | dict(zip(names, numbers, strict=True))
                outputs, length = known["outputs"], known["length"]
                lanes, width = known["lanes"], known["width"]
                assert outputs == outer * segments * inner
                assert (segments - 1) * length < max(n, 1) <= max(segments * length, 1)
                assert 1 <= lanes * width <= threads
                assert shape == "columns" or lanes * width == threads
                assert blocks <= math.ceil(outputs / width)
                assert split is False or length <= lanes * segments_of.MOST


CHECKS = [
    shapes, types, extremes, nothing_to_fold, nan_wins, accuracy, searches, first_of_equals,
    folds_beside_maps, all_elements, geometry,
]  # fmt: skip

if __name__ == "__main__":
    for check in CHECKS:
        if check.__name__ in (sys.argv[1:] or [check.__name__]):
            check()
