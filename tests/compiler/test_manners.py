"""What compile takes besides a function, what a step does beyond calls, and what it says."""

from __future__ import annotations

from typing import Any

import pytest

import microgrest as torch
from microgrest import nn


@pytest.mark.parametrize("mode", [torch.set_grad_enabled, torch.set_default_dtype])
def test_a_mode_that_is_left_behind(mode: Any) -> None:
    grad = mode is torch.set_grad_enabled
    old, new = (True, False) if grad else (torch.float32, torch.float64)

    def step(x: Any) -> Any:
        mode(new)
        return x * 2

    compiled = torch.compile(step)
    try:
        compiled(torch.ones(3))
        mode(old)
        with pytest.raises(RuntimeError, match="grad mode and leaves it" if grad else "dtype and"):
            compiled(torch.ones(3, dtype=torch.float32))
    finally:
        mode(old)


@pytest.mark.parametrize("where", ["argument", "closure"])
def test_a_number_that_changes_in_every_call_warns_once(where: str) -> None:
    n, x = 0.0, torch.ones(3)

    def closed(x: Any) -> Any:
        nonlocal n
        n += 1
        return x * n

    step = torch.compile(closed if where == "closure" else lambda x, k: x * k)

    def call(k: int) -> Any:
        return step(x) if where == "closure" else step(x, float(k))

    for k in range(9):
        call(k)
    text = "n: value was" if where == "closure" else "k: value was"
    with pytest.warns(RuntimeWarning, match=f"(?s){text}.*0-d tensor") as caught:
        for k in range(9, 30):
            call(k)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_recordings_for_different_reasons_do_not_warn() -> None:
    step = torch.compile(lambda x, k, m: x * k * m)
    for i in range(20):
        assert step(torch.ones(3), float(i // 2), float((i + 1) // 2)).shape == (3,)


def test_a_number_where_a_mask_holds() -> None:
    w = torch.arange(6.0).reshape(3, 2).requires_grad_()

    def fn(rows: Any, all_of_them: Any) -> tuple[Any, Any]:
        w.grad = None
        y = w * 2
        y[rows] = 7
        y[all_of_them] = torch.tensor(-1.0)
        (y * y).sum().backward()
        return y, w.grad

    step = torch.compile(fn)
    rows, everywhere = torch.tensor([True, False, True]), w.detach() > 3
    for mask in (rows, rows, rows, ~rows):
        want = [t.clone() for t in fn(mask, everywhere)]
        for found, expected in zip(step(mask, everywhere), want, strict=True):
            assert torch.equal(found, expected)
    assert len(step.recordings) == 1


def test_hints_are_accepted() -> None:
    def fn(x: Any) -> Any:
        return x * 2

    hints: dict[str, Any] = {"mode": "max-autotune", "fullgraph": True, "dynamic": None}
    assert torch.compile(fn, **hints, backend="inductor", options={}).name == "fn"
    assert torch.compile(**hints)(fn).fn is fn
    assert torch.compile(fn, disable=True) is fn  # type: ignore[comparison-overlap]
    assert torch.compile(disable=True)(fn) is fn  # type: ignore[comparison-overlap]
    with pytest.raises(TypeError, match="unexpected keyword argument 'fullgraf'"):
        torch.compile(fn, fullgraf=True)


def test_a_compiled_module_has_the_modules_attributes() -> None:
    model = nn.Linear(3, 1)
    compiled = torch.compile(model)
    assert compiled.weight is model.weight
    assert [*compiled.parameters()] == [model.weight, model.bias]
    compiled.eval()
    assert not model.training
    assert not compiled.training
    assert compiled(torch.ones(2, 3)).shape == (2, 1)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = compiled.nonsense


def test_batches_besides_the_same_arguments() -> None:
    x = torch.ones(3)
    step = torch.compile(lambda x: x * 2)
    with pytest.raises(TypeError, match="batches follow the 1 arguments"):
        step.repeat(3, x, batches=[x])
    assert torch.equal(step.repeat(3, batches=[x]), x * 2)
