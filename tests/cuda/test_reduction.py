"""Folds and searches on CUDA: in the simulator against NumPy, and compiled, with no GPU needed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from checks import by_capability, examine, simulate
from microgrest.kernels.cuda import names
from microgrest.kernels.cuda.source import folds
from microgrest.kernels.cuda.source.axis import reductions
from microgrest.kernels.source.program import Program, Reduce

from microgrest.dispatch.families.reduction import program_of, result_type
from microgrest.dispatch.forms import sum_of
from microgrest.ops import ROWS
from microgrest.ops.trace import Lowering, Symbol
from microgrest.types import dtypes

pytest.importorskip(
    "numba_cuda", reason="numba-cuda is not installed: pip install 'microgrest[cuda13]'"
)

# Of float64 in the PTX of the second stage of a float32 sum, unrolled for long rows.
DOUBLES = {"rows": 24, "long_rows": 60, "columns": 24}


def test_against_numpy() -> None:
    simulate("simulated_reduction.py")


def program(fold: str, dtype: str) -> Program:
    """The Program of a fold of elements of `dtype`."""
    row, d = ROWS[fold], dtypes.BY_NAME[dtype]
    return program_of(row, d, result_type(row, d))


def stages(p: Program) -> Iterator[tuple[str, Program]]:
    """The Programs of the kernels that a fold takes."""
    yield "whole", folds.whole(p)
    yield "partial", folds.partial(p)
    for out in p.outputs:
        if out.reduce:
            yield "rest", folds.rest(p, out)


@pytest.mark.parametrize("dtype", ["float64", "int64", "int8", "bool"])
@pytest.mark.parametrize("fold", ["sum", "amax", "any"])
def test_folds_compile(fold: str, dtype: str) -> None:
    for _, staged in stages(program(fold, dtype)):
        for shape in reductions.SHAPES:
            examine(reductions.fold(staged, shape, names, 256))


@by_capability
@pytest.mark.parametrize("shape", reductions.SHAPES)
@pytest.mark.parametrize(
    ("fold", "dtype"),
    [(fold, "float32") for fold in ("sum", "mean", "prod", "amax", "amin", "all")]
    + [("sum", "float16"), ("amax", "float16")],
)
def test_float64_in_the_second_stage_only(
    fold: str, dtype: str, shape: str, capability: tuple[int, int]
) -> None:
    for stage, staged in stages(program(fold, dtype)):
        kernel = examine(reductions.fold(staged, shape, names, 256), capability)
        assert (kernel.doubles > 0) == (stage == "rest" and fold in ("sum", "mean", "prod"))
        assert kernel.doubles <= DOUBLES[shape]


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("shape", ["rows", "long_rows"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_searches_compile(dtype: str, shape: str, last: bool) -> None:
    better = ROWS["argmax"].extra["better"]
    source = reductions.search("argmax", better, dtype, shape, names, 256, last=last)
    kernel = examine(source)
    assert (kernel.doubles > 0) == (dtype == "float64")


def backward(dtype: str) -> Program:
    """Of a product of a and b: a gradient as it is, one summed, and the sum of g * a * b."""
    d = dtypes.BY_NAME[dtype]
    g, a, b = (Symbol(name) for name in "gab")
    typed = [(s, d, dtypes.BY_NAME["float32"] if dtype == "float16" else d) for s in (g, a, b)]
    bars = [(g * b, d, None), (g * a, d, sum_of(d)), (g * a * b, d, sum_of(d))]
    return Lowering(typed).program("product_backward", bars)


@pytest.mark.parametrize("layout", ["vvvvrr", "vvv0rr", "vevvrr", "xvfvrr", "vvivrr"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_folds_beside_maps_compile(dtype: str, layout: str) -> None:
    for stage, staged in stages(backward(dtype)):
        if stage == "rest":
            continue
        kernel = examine(folds.flat(staged, layout, names, 256))
        assert (kernel.doubles > 0) == (dtype == "float64")


def test_the_error_of_a_lane_does_not_show() -> None:
    """As the kernels add: the longest lanes in float32, a tree of 256, partials in float64."""
    fold = Reduce("0", "{acc} + {x}", "float32", "float64")
    assert program("sum", "float32").outputs[0].reduce == fold
    for value in (0.1, 0.7, 1 / 3):
        lane = np.add.accumulate(np.full(128, value, np.float32))[-1]
        assert abs(float(lane) / (128 * float(np.float32(value))) - 1) < 1e-6
