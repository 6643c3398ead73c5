"""Gather, scatter and sort on a GPU: the CPU's results, however often a position comes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from checks import by_capability, examine
from microgrest.kernels.cpu import kinds as cpu
from microgrest.kernels.cuda.source import moves, radix
from microgrest.kernels.kinds.orders import words as sorting
from microgrest.kernels.kinds.orders.move import PUT
from microgrest.kernels.kinds.orders.select import SELECT
from microgrest.kernels.kinds.orders.sort import Sort
from microgrest.kernels.source.kind import Launches, Room, Stage

from tests.kernel_calls import MOVES, moved

Array = np.ndarray[Any, Any]
RANDOM = np.random.default_rng(5)
DTYPES = ["float32", "float64", "int8", "uint8", "int32", "int64", "bool", "uint16"]
# Positions drawn from a range: none, one, all equal, few and often, mostly once.
DRAWN = [(0, 5), (1, 1), (1, 90), (19, 1), (40, 3), (67, 1000)]
FUNCTIONS = [
    (name, dtype)
    for name in MOVES
    for dtype in DTYPES
    if (name[:8], dtype) != ("scatter_", "uint16")  # the bits of float16
]


@pytest.fixture
def gpu(request: pytest.FixtureRequest) -> Any:
    """`microgrest.kernels.cuda`, where there is a GPU or its simulator."""
    if request.config.getoption("--device") == "cpu":
        pytest.skip("needs a GPU: try pytest --device simulator")
    from microgrest.kernels import cuda

    return cuda


def on(gpu: Any, array: Array) -> Any:
    """A copy in device memory."""
    span = gpu.memory.allocator(array.dtype)(array.size)
    gpu.memory.from_host(span, array)
    return span


def numbers(n: int, dtype: str) -> Array:
    """Numbers whose sums depend on their order, if they can."""
    return (RANDOM.standard_normal(n) * 50).astype(dtype)


def check(gpu: Any, name: str, x: Array, index: Array, values: Array) -> None:
    """Call both functions of that name, and compare all that they may have written to."""
    spans = [on(gpu, a) for a in (x, index, values)]
    moved(cpu, name, x, index, values)
    moved(gpu.kinds, name, *spans)
    for span, expected in zip(spans, (x, index, values), strict=True):
        np.testing.assert_array_equal(gpu.memory.to_host(span), expected)


def words(n: int, extent: int, low: int) -> Array:
    """Keys below `extent` from bit `low` on, each with its position."""
    keys = RANDOM.integers(0, extent, n).astype(np.uint64)
    return keys << np.uint64(low) | np.arange(n, dtype=np.uint64)


@pytest.mark.devices
@pytest.mark.parametrize(("name", "dtype"), FUNCTIONS)
def test_the_same_as_on_the_cpu(gpu: Any, name: str, dtype: str) -> None:
    for n, extent in DRAWN:
        index = RANDOM.integers(0, extent, n)
        check(gpu, name, numbers(extent, dtype), index, numbers(n, dtype))


@pytest.mark.devices
def test_a_position_that_comes_more_often_than_sums_are_unrolled(gpu: Any) -> None:
    index = np.sort(RANDOM.integers(0, 3, 50))[RANDOM.permutation(50)]
    check(gpu, "scatter_add", numbers(3, "float32"), index, numbers(50, "float32"))


@pytest.mark.devices
def test_more_pairs_than_a_word_can_tell_apart_are_refused(gpu: Any) -> None:
    assert PUT.grid is not None
    with pytest.raises(RuntimeError, match="cannot scatter 17 elements to 1152921504606846976"):
        PUT.grid("float32", (2**60, 17, 17), (), gpu.kinds.ROOM)


def ordered(gpu: Any, function: str, unsorted: Array, low: int, high: int) -> Any:
    """The words sorted by stages of `kinds.words`."""
    n, room = unsorted.size, gpu.kinds.ROOM
    found = getattr(sorting, function)("words", n, low, high, room)
    copy = Stage(
        moves.source("gather", "int64"), 1, room.threads, (found.result, "index", "out", n)
    )
    launches = Launches((*found.stages, copy), found.scratch)
    names, arrays = ["words", "index", "out"], [unsorted, np.arange(n), np.empty(n, np.uint64)]
    spans = [on(gpu, array) for array in arrays]
    gpu.kinds.bound(launches, names, "sort")(spans, (None,) * 4, ())
    return gpu.memory.to_host(spans[2])


@pytest.mark.devices
@pytest.mark.parametrize("function", ["sorting", "by_digits"])
@pytest.mark.parametrize(("n", "extent"), [(1, 1), (64, 2), (65, 16), (150, 100)])
def test_sort(gpu: Any, function: str, n: int, extent: int) -> None:
    unsorted = words(n, extent, 10)
    found = ordered(gpu, function, unsorted, 10, 10 + (extent - 1).bit_length())
    np.testing.assert_array_equal(found, np.sort(unsorted))


@pytest.mark.devices
@pytest.mark.parametrize("function", ["sorting", "by_digits"])
def test_sort_is_stable(gpu: Any, function: str) -> None:
    unsorted = RANDOM.permutation(np.arange(70, dtype=np.uint64))
    found = ordered(gpu, function, unsorted, 5, 7)
    expected = unsorted[np.argsort(unsorted >> np.uint64(5), kind="stable")]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.devices
@pytest.mark.large
@pytest.mark.parametrize("extent", [1, 16, 5000, 10**7])
def test_many(gpu: Any, extent: int) -> None:
    n = 1_000_003
    unsorted = words(n, extent, 20)
    found = ordered(gpu, "sorting", unsorted, 20, 20 + (extent - 1).bit_length())
    np.testing.assert_array_equal(found, np.sort(unsorted))
    for name in MOVES:
        index = RANDOM.integers(0, extent, n)
        check(gpu, name, numbers(extent, "float32"), index, numbers(n, "float32"))


@by_capability
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "uint8"])
def test_machine_code_of_selections(dtype: str, capability: tuple[int, int]) -> None:
    pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
    assert SELECT.grid is not None
    metas, room = (300, 30, 30), Room(256, 64)
    (stage,) = SELECT.grid(Sort(dtype, True), metas, (10, 5, 2, 1), room).stages
    assert not examine(stage.source, capability, "select").doubles or dtype == "float64"


@by_capability
@pytest.mark.parametrize(("name", "dtype"), [*FUNCTIONS, ("pair", "int64")])
def test_machine_code(name: str, dtype: str, capability: tuple[int, int]) -> None:
    pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
    kernel = examine(moves.source(name, dtype), capability, name)
    assert (kernel.doubles > 0) == (dtype == "float64")


@by_capability
@pytest.mark.parametrize("name", ["count", "sums", "move", "few"])
def test_machine_code_of_sort(name: str, capability: tuple[int, int]) -> None:
    pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
    assert not examine(radix.source(name, 256), capability, name).doubles
