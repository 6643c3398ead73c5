"""Steps of many kinds as native code, against the same steps in eager mode."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from programs import PROGRAMS

import microgrest as mg

TOLERANCES = {mg.float64: 1e-10, mg.float32: 2e-5, mg.float16: 2e-3}


def tensors(result: Any) -> list[Any]:
    """The tensors in nested containers."""
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, (list, tuple)):
        return [t for part in result for t in tensors(part)]
    return [result] if isinstance(result, mg.Tensor) else []


def expect_same(ours: list[Any], theirs: list[Any]) -> None:
    """Equal types, and values up to rounding, as a share of each tensor's largest element."""
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype is b.dtype and a.shape == b.shape
        x, y = a.detach().numpy().astype(np.float64), b.detach().numpy().astype(np.float64)
        largest = max(1.0, float(np.abs(y[np.isfinite(y)]).max(initial=0.0)))
        atol = TOLERANCES.get(a.dtype, 0.0) * largest
        np.testing.assert_allclose(x, y, rtol=0, atol=atol, equal_nan=True)


@pytest.mark.parametrize("name", PROGRAMS)
def test_native_steps_do_what_eager_ones_do(name: str) -> None:
    mg.manual_seed(1)
    eager, ours = PROGRAMS[name]()
    # Copies: some of the results are views of what the next step changes.
    found = [[t.clone() for t in tensors(eager())] for _ in range(6)]
    mg.manual_seed(1)
    fn, theirs = PROGRAMS[name]()
    step = mg.compile(fn)
    for expected in found:
        expect_same(tensors(step()), expected)
    expect_same(theirs, ours)
    assert step.recordings


def test_one_warning_of_many_different_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    from microgrest.kernels.steps import build

    monkeypatch.setattr(build, "MANY", 2)
    x = mg.ones(3)
    with pytest.warns(RuntimeWarning, match="2 different steps .* pad batches") as caught:
        for k in range(5):
            step = mg.compile(lambda k=k: x * (k + 0.5))
            step(), step()
    assert len(caught) == 1


def test_arrays_named_like_what_a_module_is_made_of() -> None:
    x, x_all, float32_at, int64_at = (mg.rand(2) for _ in range(4))

    @mg.compile
    def step() -> Any:
        return x.mul_(2) + x_all + float32_at + int64_at

    for _ in range(4):
        want = 2 * x + x_all + float32_at + int64_at
        assert step().tolist() == want.tolist()
    assert all(recording.native for recording in step.recordings)


@pytest.mark.parametrize("mean", [math.inf, -math.inf, math.nan])
def test_numbers_of_a_draw_that_have_no_literal(mean: float) -> None:
    x = mg.zeros(6)
    step = mg.compile(lambda: x.normal_(mean, 1.0).sum())
    for _ in range(4):
        found = step().item()
        assert found == mean or (math.isnan(found) and math.isnan(mean))
