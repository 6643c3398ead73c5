"""Fits of many curves as CUDA kernels: to PTX, to a cubin, examined. No GPU is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from checks import by_capability, examine
from microgrest.kernels.fits.source import Shape

from microgrest.fit.reading import models

pytest.importorskip(
    "numba_cuda", reason="numba-cuda is not installed: pip install 'microgrest[cuda13]'"
)


def decay(x: Any, a: Any, k: Any, c: Any) -> Any:
    return a * np.exp(-k * x) + c


def waves(x: Any, a: Any, b: Any) -> Any:
    return a * np.sin(b * x[0]) * x[1], np.arctan(a * x[1]) + b


CASES = [
    pytest.param(decay, False, Shape(1, 1, 3), id="decay"),
    pytest.param(waves, True, Shape(2, 2, 2), id="waves", marks=pytest.mark.slow),
]


@by_capability
@pytest.mark.parametrize(("model", "rows", "shape"), CASES)
def test_a_fit_is_one_kernel_without_spills(
    model: Callable[..., Any], rows: bool, shape: Shape, capability: tuple[int, int]
) -> None:
    """A block of 64 threads, each with as many registers as there are at most."""
    from microgrest.kernels.fits import on_cuda

    program = models.program(model, models.Layout(rows, shape))
    kernel = examine(on_cuda.source(program, shape), capability, model.__name__, registers=255)
    assert kernel.cubin.startswith(b"\x7fELF")
