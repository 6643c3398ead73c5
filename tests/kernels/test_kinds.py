"""Kernel kinds: what each declares, beside what its kernels do; and kinds that are made here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from microgrest.kernels.cpu import kinds
from microgrest.kernels.kinds import slices
from microgrest.kernels.kinds.draws import draw as draws
from microgrest.kernels.kinds.draws.sample import KEYS, SAMPLE
from microgrest.kernels.kinds.linalg import lapack
from microgrest.kernels.kinds.linalg.lapack import Form
from microgrest.kernels.kinds.linalg.lu import LU, Elimination
from microgrest.kernels.kinds.linalg.triangle import TRIANGLE, Half
from microgrest.kernels.kinds.linalg.triangular import SOLVE_TRIANGULAR, System
from microgrest.kernels.kinds.lines import LINES, TARGETS, Walk
from microgrest.kernels.kinds.matrices.linear import LINEAR, LINEAR_BACK, Back
from microgrest.kernels.kinds.matrices.product import PRODUCT
from microgrest.kernels.kinds.orders import move
from microgrest.kernels.kinds.orders.select import SELECT
from microgrest.kernels.kinds.orders.sort import Sort
from microgrest.kernels.kinds.scan import SCAN, Sweep
from microgrest.kernels.kinds.search import SEARCH, Search
from microgrest.kernels.kinds.windows import convolve, windows
from microgrest.kernels.kinds.windows.bands import BAND
from microgrest.kernels.kinds.windows.convolve import Convolution
from microgrest.kernels.kinds.windows.peaks import PEAKS, Peaks
from microgrest.kernels.source.draws import samples
from microgrest.kernels.source.kind import Kind, elements, word

from microgrest.dispatch.families.scan import program_of
from microgrest.ops import ROWS
from microgrest.ops.folds import normalization
from microgrest.types import dtypes
from tests.kernels.recurrence_calls import of_recurrences
from tests.line_programs import programs
from tests.op_info import KERNELS
from tests.row_calls import calls_of

RANDOM = np.random.default_rng(3)


class Called(NamedTuple):
    """A call to be tried: operands are arrays, or (array, offset, shape, strides)."""

    kind: Kind
    params: Any
    operands: tuple[Any, ...]
    sizes: tuple[int, ...] = ()
    values: tuple[Any, ...] = ()

    @property
    def stream(self) -> tuple[Any, ...]:
        """The seed and the counter of a kind that draws."""
        return (word(7), word(2**33)) if self.kind.draws else ()

    @property
    def metas(self) -> tuple[Any, ...]:
        """What is known without the memory."""
        return tuple(x[1:] if isinstance(x, tuple) else x.size for x in self.operands)

    def copied(self) -> Called:
        """The same on memory of its own."""
        new = [(x[0].copy(), *x[1:]) if isinstance(x, tuple) else x.copy() for x in self.operands]
        return self._replace(operands=tuple(new))

    def by_kernel(self) -> list[Any]:
        """Run the kernel; what is in the operands then."""
        own = self.copied()
        given = *own.operands, *self.stream, *self.sizes, *self.values
        kinds.kernel(self.kind, self.params)(*given)
        return [seen(x) for x in own.operands]

    def by_oracle(self) -> list[Any]:
        """Run the oracle; what is in the operands then."""
        own = self.copied()
        found = [seen(x) for x in own.operands]
        self.kind.oracle(self.params, *found, *self.stream, *self.sizes, *self.values)
        return found


def seen(x: Any) -> Any:
    """An operand as NumPy has it."""
    if not isinstance(x, tuple):
        return x
    array, offset, shape, strides = x
    size = array.itemsize
    return np.ndarray(shape, array.dtype, array, offset * size, [s * size for s in strides])


def numbers(n: int, dtype: str = "float32") -> Any:
    return (RANDOM.standard_normal(n) * 9).astype(dtype)


def calls() -> Iterator[Called]:
    """Calls of every kind."""
    at = np.array([3, 0, 3, 5, 1])
    for dtype in ("float32", "int64", "bool"):
        yield Called(move.GATHER, dtype, (numbers(6, dtype), at, numbers(5, dtype)))
        yield Called(move.PUT, dtype, (numbers(6, dtype), at, numbers(5, dtype)))
        for kind in (move.SCATTER_ADD, move.SCATTER_MUL, move.SCATTER_MAX, move.SCATTER_MIN):
            yield Called(kind, dtype, (numbers(6, dtype), at, numbers(5, dtype)))
    for dtype in ("float32", "int64", "bool"):
        for (outer, n, k, inner), of in (((2, 3, 4, 5), [2, 0, 2, 1]), ((1, 2, 3, 1), [1, 1, 0])):
            x, out = numbers(outer * n * inner, dtype), numbers(outer * k * inner, dtype)
            yield Called(slices.TAKE_SLICES, dtype, (x, np.array(of), out), (n, inner))
            yield Called(slices.SUM_SLICES, dtype, (out, np.array(of), x), (n, inner))
            for kind in (slices.ADD_SLICES, slices.PUT_SLICES):
                yield Called(kind, dtype, (x, np.array(of), out), (n, inner))
    for name in ("cumsum", "cumprod_before", "cummax", "logcumsumexp", "recurrence"):
        for reverse, (outer, n, inner) in ((False, (2, 5, 1)), (True, (2, 4, 3))):
            program = program_of(ROWS[name], dtypes.float32, reverse)
            size = outer * n * inner
            inputs = [numbers(size) for _ in program.inputs]
            outputs = [numbers(size, r.stored) for r in program.results]
            operands = *inputs, *outputs
            yield Called(SCAN, Sweep(program, inner != 1), operands, (outer, n, inner))
    better = ROWS["argmax"].extra["better"]
    x = np.array([1, 5, 5, 2, np.nan, 3, 0, -1, -1, 0, 0, 0], np.float32)
    for n, inner in ((4, 1), (12, 1), (4, 3), (2, 2), (1, 6)):
        params = Search("argmax", better, "float32", inner != 1, ROWS["argmax"].extra["vector"])
        found = numbers(12 // n), numbers(12 // n, "int64")
        yield Called(SEARCH, params, (x, *found), (n, inner))
    for dtype in ("float32", "float64", "int16", "bool"):
        for first, count, descending in ((0, 3, False), (2, 1, True), (0, 2, True)):
            x = np.where(RANDOM.random(1200) < 0.1, np.nan, numbers(1200))
            outputs = numbers(4 * count, dtype), numbers(4 * count, "int64")
            operands = x.astype(dtype) if dtype[0] == "f" else numbers(1200, dtype), *outputs
            yield Called(SELECT, Sort(dtype, descending), operands, (300, 2, first, count))
    for shapes in (((3, 4), (4, 2)), ((2, 3, 4), (2, 4, 2)), ((4,), (4, 2))):
        out = (*shapes[0][:-1], 2)
        yield Called(PRODUCT, "float32", tuple(matrix(s) for s in (*shapes, out)))
    for m, n, k in ((300, 5, 3), (7, 1, 4), (1, 3, 2), (4, 2, 1)):
        for dtype in ("float32", "float64"):
            sizes = n, m * k, n * k, m * n
            bias, x, weight, y = (whole(size).astype(dtype) for size in sizes)
            yield Called(LINEAR, dtype, (bias, x, weight, y))
            yield Called(LINEAR_BACK, Back(dtype, True), (y, x, weight, bias, x, weight))
            yield Called(LINEAR_BACK, Back(dtype, False), (y, x, bias, weight))
    for request in (
        draws.RAW,
        draws.uniform(np.dtype("float64"), -1.0, 2.0),
        draws.normal(np.dtype("float32")),
        draws.integers(-7, 9),
        draws.bernoulli(np.dtype("float32"), 0.3),
        draws.SHUFFLE,
    ):
        kind, params, values = request
        dtype = getattr(params, "dtype", "int64")
        yield Called(kind, params, (numbers(11, dtype),), (), values)


def lines() -> Iterator[Called]:
    """Walks along lines, in every form."""
    shapes = {"rows": (2, 70, 1), "short_rows": (5, 7, 1), "columns": (2, 4, 3)}
    for program in (*programs("float32"), normalization.forward("float64", True)):
        kind = TARGETS if program.position else LINES
        values: tuple[Any, ...] = (np.int64(2),) if program.position else ()
        values += tuple(np.dtype(program.dtype).type(2) for _ in program.values)
        for form, (outer, n, inner) in shapes.items():
            sizes = {"element": outer * n * inner, "line": outer * inner, "along": n}
            operands = tuple(
                RANDOM.integers(0, n - 1, sizes[a.where])
                if a.dtype
                else numbers(sizes[a.where], program.dtype)
                for a in program.arrays
            )
            yield Called(kind, Walk(program, form), operands, (n, inner), values)


def of_matrices() -> Iterator[Called]:
    """Calls of kinds of linear algebra, on stacks of two, as many numbers as they write."""

    def made(*sizes: int, dtype: str = "float64") -> tuple[Any, ...]:
        return tuple(numbers(n, dtype) for n in sizes)

    for lower in (True, False):
        yield Called(TRIANGLE, Half("float64", lower), made(24, 24), (3, 4, 1))
        for unit in (True, False):
            system = System("float64", lower, unit)
            yield Called(SOLVE_TRIANGULAR, system, made(18, 12, 12), (2, 3, 2))
    for m, n in ((3, 3), (4, 2), (2, 4)):
        k = min(m, n)
        for pivot in (True, False):
            counts = numbers(2 * k, "int32"), numbers(2 * m, "int64"), numbers(2, "int32")
            operands = *made(2 * m * n, 2 * m * n), *counts
            yield Called(LU, Elimination("float64", pivot), operands, (2, m, n))
        info = numbers(2, "int32")
        sizes = 2, m, n
        for kind, form, size in (
            (lapack.QR, Form("float64"), m * k + k * n),
            (lapack.SVD, Form("float64"), m * k + k + k * n),
            (lapack.SVD, Form("float64", whole=True), m * m + k + n * n),
            (lapack.SVD, Form("float64", vectors=False), k),
        ):
            yield Called(kind, form, (*made(2 * m * n, 2 * size), info), sizes)
    info = numbers(2, "int32")
    for kind, size in ((lapack.DET, 1), (lapack.SLOGDET, 2), (lapack.COFACTORS, 9)):
        yield Called(kind, Form("float64"), (*made(18, 2 * size), info), (2, 3, 3))
    for kind, form in (
        (lapack.EIGH, Form("float64", upper=True)),
        (lapack.CHOLESKY, Form("float64")),
    ):
        size = 24 if kind is lapack.EIGH else 18
        yield Called(kind, form, (*made(18, size), info), (2, 3, 3))
    yield Called(lapack.SOLVE, Form("float64"), (*made(18, 12, 12), info), (2, 3, 2))
    yield Called(lapack.PINV, Form("float64"), (*made(24, 2, 2, 24), info), (2, 3, 4))


def of_windows() -> Iterator[Called]:
    """Calls of the kinds that have windows: extents, kernel, counts, steps, pads and spread."""
    for sizes in (
        (1, 5, 4, 1, 2, 3, 1, 4, 2, 1, 1, 1, 0, 0, 0, 1, 1, 1),
        (1, 1, 9, 1, 1, 3, 1, 1, 4, 1, 1, 2, 0, 0, 1, 1, 1, 2),
        (3, 4, 5, 2, 3, 2, 2, 2, 6, 2, 2, 1, 1, 1, 1, 1, 2, 2),
    ):
        extent, taps, count = (int(np.prod(sizes[k : k + 3])) for k in (0, 3, 6))
        for dtype in ("float32", "float64", "int64"):
            columns, image = numbers(2 * taps * count, dtype), numbers(2 * extent, dtype)
            yield Called(windows.UNFOLD, dtype, (image, columns), sizes)
            yield Called(windows.FOLD, dtype, (columns, image), sizes)
            one = (*sizes[:15], 1, 1, 1)
            few = RANDOM.integers(0, 3, 2 * extent).astype(dtype)  # of which many are equal
            if dtype != "int64":
                few[RANDOM.random(few.size) < 0.2] = np.nan
            for x in (image, few):
                yield Called(PEAKS, Peaks(dtype, True), found(x, 2 * count), one)
                yield Called(PEAKS, Peaks(dtype, False), found(x, 2 * count), sizes)
        for groups, channels, outputs in ((1, 2, 3), (2, 1, 2)):
            counts = 3, groups, channels, outputs
            x, y = (whole(3 * groups * n) for n in (channels * extent, outputs * count))
            weight = whole(groups * channels * outputs * taps)
            plain, biased = Convolution("float32"), Convolution("float32", True)
            last, first = whole(groups * outputs), whole(groups * channels)
            yield Called(convolve.CONVOLVE, plain, (x, weight, y), sizes + counts)
            yield Called(convolve.CONVOLVE, biased, (x, weight, last, y), sizes + counts)
            yield Called(convolve.SPREAD, plain, (y, weight, x), sizes + counts)
            yield Called(convolve.SPREAD, biased, (y, weight, first, x), sizes + counts)
            yield Called(convolve.CORRELATE, plain, (x, y, weight), sizes + counts)
    low, count = np.array([0, 1, 1, 4]), np.array([2, 3, 0, 1])
    for dtype, inner in (("float32", 1), ("float64", 3), ("int64", 2)):
        x, out = numbers(2 * 5 * inner, dtype), numbers(2 * 4 * inner, dtype)
        yield Called(BAND, dtype, (x, low, count, numbers(12, dtype), out), (5, 4, inner, 3))


def whole(n: int) -> Any:
    """Whole numbers, the sums of whose products are exact."""
    return np.round(numbers(n))


def found(image: Any, n: int) -> tuple[Any, Any, Any]:
    """An image of few numbers, some of them NaN, and room for n values and places."""
    few = np.round(image / 4)
    if image.dtype.kind == "f":
        few[::5] = np.nan
    return few.astype(image.dtype), numbers(n, image.dtype.name), numbers(n, "int64")


def of_samplers() -> Iterator[Called]:
    """Calls of draws by rejection, and of the slope of gamma numbers."""
    keys = RANDOM.integers(0, KEYS, 12)
    shapes = np.array([0.05, 0.3, 1.0, 1.7, 12.0, 300.0] * 2)
    out = numbers(12, "float64")
    yield Called(SAMPLE, samples.GAMMA, (keys, shapes, out))
    yield Called(SAMPLE, samples.GAMMA_SLOPE, (RANDOM.gamma(shapes), shapes, out))
    yield Called(SAMPLE, samples.POISSON, (keys, shapes * 3, out))
    counts, chances = np.floor(shapes * 5), RANDOM.random(12)
    yield Called(SAMPLE, samples.BINOMIAL, (keys, counts, chances, out))


def of_rows() -> Iterator[Called]:
    """Calls that the rows of kinds make."""
    for info in KERNELS:
        for dtype in ("float32", "float16", "int64"):
            for shape in ((7,), (2, 3, 4), (2, 90)):
                for call in calls_of(info, shape, dtype):
                    yield Called(*call)._replace(operands=tuple(call.operands))


def matrix(shape: tuple[int, ...]) -> Any:
    """A strided operand, its last two dimensions exchanged in memory."""
    n = int(np.prod(shape))
    steps = [int(np.prod(shape[d + 1 :])) for d in range(len(shape))]
    if len(shape) > 1:
        steps[-1], steps[-2] = shape[-2], 1
    return numbers(n + 2), 1, shape, tuple(steps)


CALLS = [
    *calls(),
    *lines(),
    *of_matrices(),
    *of_windows(),
    *of_samplers(),
    *(Called(*call) for call in of_recurrences()),
    *of_rows(),
]


def named(call: Called) -> str:
    """Which call it is."""
    return f"{call.kind}-{call.kind.label(call.params)}-{'x'.join(map(str, call.sizes))}"


every_call = pytest.mark.parametrize("call", CALLS, ids=named)


@every_call
def test_a_kernel_does_what_its_kind_means(call: Called) -> None:
    with np.errstate(over="ignore"):
        wanted = call.by_oracle()
    for x, y in zip(call.by_kernel(), wanted, strict=True):
        if call.kind.exact(call.params):
            np.testing.assert_array_equal(x, y)
        else:
            # What cancels has the error of its terms, which are as large as other results.
            largest = np.abs(y, where=np.isfinite(y), out=np.zeros(y.shape)).max(initial=1)
            np.testing.assert_allclose(x, y, rtol=1e-5, atol=max(1e-6, 1e-8 * largest))


@every_call
def test_an_operand_is_read_and_written_as_declared(call: Called) -> None:
    """What is read only stays; what is written only does not depend on what was there."""
    roles = call.kind.operands(call.params)
    other = call.copied()
    for operand, x in zip(roles, other.operands, strict=True):
        if operand.role == "w":
            (x[0] if isinstance(x, tuple) else x)[...] = 1
    first, second = call.by_kernel(), other.by_kernel()
    for operand, before, x, y in zip(roles, call.operands, first, second, strict=True):
        np.testing.assert_array_equal(x, y)
        if operand.role == "r":
            np.testing.assert_array_equal(x, seen(before))


@pytest.mark.parametrize("call", [c for c in CALLS if c.kind.needs], ids=named)
def test_an_element_comes_of_what_it_is_said_to_need(call: Called) -> None:
    """It stays as it is whatever else changes; positions are left, for they would be elsewhere."""
    kind, roles = call.kind, call.kind.operands(call.params)
    assert kind.needs is not None
    positions = {index for index, _ in kind.indices}
    read = [(k, o) for k, o in enumerate(roles) if o.reads]
    written = [k for k, o in enumerate(roles) if o.writes]
    first = call.by_kernel()
    for w, k in enumerate(written):
        for at in range(elements(call.metas[k])):
            needed = kind.needs(call.params, call.metas, call.sizes, w, np.array([at]))
            other = call.copied()
            for (j, operand), run in zip(read, needed, strict=True):
                if run is None or operand.name in positions:
                    continue
                start, count = (int(np.ravel(x)[0]) for x in (run.start, run.count))
                kept = start + run.step * np.arange(count)
                view = seen(other.operands[j])
                changed = np.setdiff1d(np.arange(view.size), kept)
                places = np.unravel_index(changed, view.shape)
                view[places] = np.roll(seen(call.operands[j])[places], 1) + view.dtype.type(1)
            np.testing.assert_array_equal(other.by_kernel()[k].flat[at], first[k].flat[at])
