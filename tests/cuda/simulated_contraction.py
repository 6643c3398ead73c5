"""Run by test_contraction with NUMBA_ENABLE_CUDASIM=1: matrix products against NumPy's.

Blocks have 8 threads and compute tiles of a few elements, so these sizes have several tiles in
each direction and ragged edges, and from 16 terms on a sum is split.
"""

from __future__ import annotations

import sys
from itertools import product
from typing import Any

import numpy as np
from microgrest.kernels import cache
from microgrest.kernels.cuda import kinds, memory
from microgrest.kernels.cuda.source.matrices.products import Types
from microgrest.kernels.cuda.source.matrices.tiles import Tile, tiled
from microgrest.kernels.kinds.matrices import tiling
from microgrest.kernels.kinds.matrices.product import PRODUCT
from microgrest.kernels.source.matrices import Matrix, problem

Array = np.ndarray[Any, Any]
RANDOM = np.random.default_rng(5)
SHAPES = [
    ((5, 3), (3, 7)), ((9, 30), (30, 13)), ((4, 2), (2, 2)), ((2, 50), (50, 2)),
    ((3, 40), (40, 1)), ((1, 40), (40, 6)), ((1, 3), (3, 1)), ((7, 33), (33,)),
    ((2, 3, 5), (2, 5, 4)), ((3, 2, 9), (3, 9, 1)), ((33,), (33,)),
    ((5, 0), (0, 6)), ((0, 3), (3, 4)), ((2, 0), (0,)), ((0,), (0,)),
]  # fmt: skip
LAYOUTS = ("contiguous", "transposed", "spread")


def numbers(shape: tuple[int, ...], dtype: Any) -> Array:
    """Small whole numbers, whose sums are exact; any number of type int8 or uint8."""
    if dtype == np.bool_:
        return RANDOM.random(shape) < 0.3
    low = 0 if np.dtype(dtype).kind == "u" else -9
    return RANDOM.integers(low, 120 if np.dtype(dtype).kind in "iu" else 9, shape).astype(dtype)


def device(array: Array) -> Any:
    """A flat copy in simulated device memory; float16 as bits."""
    stored = array.view(np.uint16) if array.dtype == np.float16 else array
    span = memory.allocator(stored.dtype)(stored.size)
    memory.from_host(span, np.ravel(stored))
    return span


def matrix(shape: tuple[int, ...], dtype: Any, layout: str) -> tuple[Array, Matrix]:
    """An operand as NumPy sees it, and the same in device memory."""
    if layout == "contiguous":
        whole = numbers(shape, dtype)
        return whole, (device(whole), 0, shape, None)
    if layout == "transposed":
        whole = numbers((*shape[:-2], *shape[-2:][::-1]), dtype)
        view = whole.swapaxes(-2, -1) if len(shape) > 1 else whole
        return view, (device(whole), 0, shape, steps(view))
    whole = numbers(tuple(2 * n + 1 for n in shape), dtype)
    view = whole[tuple(slice(1, 2 * n, 2) for n in shape)]
    offset = sum(s for s in steps(whole)) if view.size else 0
    return view, (device(whole), offset, shape, steps(view))


def steps(array: Array) -> tuple[int, ...]:
    """Strides in elements."""
    return tuple(s // array.itemsize for s in array.strides)


def expected(a: Array, b: Array) -> Array:
    """What NumPy makes of it; of float16 in float32."""
    if a.dtype != np.float16:
        return np.asarray(np.matmul(a, b))
    return np.asarray(np.matmul(a.astype(np.float32), b.astype(np.float32))).astype(np.float16)


def multiplied(a: Matrix, b: Matrix, out: Matrix) -> None:
    """Run a product."""
    kinds.run(PRODUCT, out[0].dtype.name, (a, b, out))


def check(shapes: tuple[tuple[int, ...], ...], dtype: Any, layouts: tuple[str, ...]) -> None:
    """One product, and that what lies around its result stays as it was."""
    (a, left), (b, right) = (matrix(s, dtype, x) for s, x in zip(shapes, layouts, strict=True))
    result = expected(a, b)
    around = numbers((result.size + 4,), dtype)
    out = device(around)
    multiplied(left, right, (out[2:-2], 0, result.shape, None))
    found = memory.to_host(out).view(dtype)
    np.testing.assert_array_equal(found[2:-2].reshape(result.shape), result, f"{shapes} {layouts}")
    np.testing.assert_array_equal(found[[0, 1, -2, -1]], around[[0, 1, -2, -1]])


def layouts() -> None:
    for shapes, both in product(SHAPES, product(LAYOUTS, repeat=2)):
        check(shapes, np.float32, both)


def types() -> None:
    kinds = (np.float16, np.float64, np.int8, np.uint8, np.int16, np.int32, np.int64, np.bool_)
    for dtype, shapes in product(kinds, SHAPES[::2]):
        check(shapes, dtype, ("contiguous", "transposed"))


def expanded() -> None:
    """Stride 0: one column for all, one matrix for a whole batch."""
    column, b = numbers((5, 1), np.float32), numbers((1, 6, 7), np.float32)
    out = memory.allocator(np.dtype(np.float32))(3 * 5 * 7)
    left: Matrix = device(column), 0, (3, 5, 6), (0, 1, 0)
    multiplied(left, (device(b), 0, (3, 6, 7), (0, 7, 1)), (out, 0, (3, 5, 7), None))
    found = memory.to_host(out).reshape(3, 5, 7)
    np.testing.assert_array_equal(found, np.matmul(np.broadcast_to(column, (3, 5, 6)), b))


def wrapping() -> None:
    """Integers keep their low bits, as NumPy's."""
    a = np.full((6, 40), 2**40 + 7, np.int64)
    for dtype in (np.int64, np.int32, np.uint8):
        x = a.astype(dtype) if dtype == np.int64 else np.full((6, 40), 99, dtype) * dtype(1)
        y = np.ascontiguousarray(x.T)
        out = memory.allocator(np.dtype(dtype))(36)
        multiplied(
            (device(x), 0, (6, 40), None), (device(y), 0, (40, 6), None), (out, 0, (6, 6), None)
        )
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(memory.to_host(out).reshape(6, 6), x @ y)


def nan_stays_in_its_row() -> None:
    """Edges of tiles are zeros, which must not meet an infinity beside them."""
    a, b = np.ones((5, 3), np.float32), np.full((3, 7), np.inf, np.float32)
    b[:, 1:] = 1
    a[4] = np.nan
    out = memory.allocator(np.dtype(np.float32))(35)
    multiplied((device(a), 0, (5, 3), None), (device(b), 0, (3, 7), None), (out, 0, (5, 7), None))
    np.testing.assert_array_equal(memory.to_host(out).reshape(5, 7), a @ b)


def tiles_of_a_gpu() -> None:
    """The tiles that a GPU has, by 256 threads; the simulator knows no alignment."""
    a, b = numbers((130, 19), np.float32), numbers((19, 70), np.float32)
    what = problem((0, (130, 19), None), (0, (19, 70), None), (0, (130, 70), None))
    geometry = tiling.ON_GPU
    for tile in (geometry.large, geometry.medium, geometry.double, geometry.small):
        out = np.full((130, 70), np.nan, np.float32)
        run(tile, (a, b, out), what.numbers, True, False)
        np.testing.assert_array_equal(out, a @ b)
        turned = what._replace(
            a=what.a._replace(line=1, step=130), b=what.b._replace(line=19, step=1)
        )
        out[:] = np.nan
        run(tile, (a.T.copy(), b.T.copy(), out), turned.numbers, False, True)
        np.testing.assert_array_equal(out, a @ b)


def run(tile: Tile, arrays: tuple[Array, ...], numbers: Any, along_a: bool, along_b: bool) -> None:
    """Two blocks of a kernel by tiles."""
    source = tiled(Types.of("float32"), tile, along_a, along_b)
    text = source.text.replace(", alignment=16", "")
    kernel: Any = cache.load(text, "matmul").kernel
    kernel[2, tile.threads](*(x.ravel() for x in arrays), *numbers)


CHECKS = [layouts, types, expanded, wrapping, nan_stays_in_its_row]

if __name__ == "__main__":
    for function in (globals()[name] for name in sys.argv[1:]) if sys.argv[1:] else CHECKS:
        function()
