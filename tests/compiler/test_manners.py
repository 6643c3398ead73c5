"""What compile takes besides a function, what a step does beyond calls, and what it says."""

from __future__ import annotations

import functools
from pathlib import Path
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
    own = "n: value was.*the step itself changes it: count outside of the step"
    text = own if where == "closure" else "k: value was.*pass it as a 0-d tensor"
    with pytest.warns(RuntimeWarning, match=f"(?s){text}") as caught:
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


def test_attributes_are_set_where_they_are_read() -> None:
    class Scaled(nn.Module):
        scale = 2.0

        def forward(self, x: Any) -> Any:
            return x * self.scale if self.training else x

    model, x = Scaled(), torch.ones(2)
    compiled = torch.compile(model)
    assert [compiled(x).tolist() for _ in range(3)] == [[2.0, 2.0]] * 3
    compiled.scale = 3.0
    assert (model.scale, compiled.scale, compiled(x).tolist()) == (3.0, 3.0, [3.0, 3.0])
    del compiled.scale
    assert "scale" not in vars(model) and compiled(x).tolist() == [2.0, 2.0]
    compiled.training = False
    assert not model.training and compiled(x).tolist() == [1.0, 1.0]
    compiled.weight = nn.Parameter(x)
    assert [*model.parameters()] == [compiled.weight]
    compiled.name = "mine"  # the step has one of its own
    assert (compiled.name, hasattr(model, "name")) == ("mine", False)


def test_attributes_of_a_compiled_function_are_its_own() -> None:
    def fn(x: Any) -> Any:
        return x

    compiled = torch.compile(fn)
    compiled.note = 1
    assert compiled.note == 1 and not hasattr(fn, "note")
    del compiled.note
    assert not hasattr(compiled, "note")


def yields(x: Any) -> Any:
    yield x * 2


async def waits(x: Any) -> Any:
    return x * 2


async def both(x: Any) -> Any:
    yield x * 2


class Lazy(nn.Module):
    def forward(self, x: Any) -> Any:
        yield x


@pytest.mark.parametrize("fn", [yields, waits, both, Lazy(), functools.partial(yields)])
def test_generators_and_coroutines_are_refused(fn: Any) -> None:
    with pytest.raises(TypeError, match=r"no generator or coroutine.*between two yields"):
        torch.compile(fn)
    assert torch.compile(fn, disable=True) is fn


@pytest.mark.parametrize("late", [lambda x: (x * i for i in (1, 2)), lambda x: map(abs, [x])])
def test_results_that_are_made_later_are_refused(late: Any) -> None:
    with pytest.raises(TypeError, match="cannot make later: return a list"):
        torch.compile(late)(torch.ones(2))


def test_a_recording_that_is_asked_for_has_to_be_there(tmp_path: Path) -> None:
    step = torch.compile(lambda x: x * 2)
    for _ in range(3):
        step(torch.ones(2))
    for given in ((torch.ones(3),), (3,)):
        for ask in (step.explain, functools.partial(step.export, tmp_path / "no.py")):
            with pytest.raises(RuntimeError, match="call it with such arguments twice first"):
                ask(*given)
    assert not (tmp_path / "no.py").exists()
    step.export(tmp_path / "latest.py")
    step.export(tmp_path / "given.py", torch.zeros(2))
    assert (tmp_path / "latest.py").exists() and (tmp_path / "given.py").exists()
    assert step.explain().ops == step.explain(torch.zeros(2)).ops


def test_the_latest_recording_of_a_method() -> None:
    class Own:
        def __init__(self) -> None:
            self.w = torch.zeros(3)

        @torch.compile
        def step(self, x: Any) -> Any:
            self.w += x
            return self.w.sum()

    own: Any = Own()
    for _ in range(3):
        own.step(torch.ones(3))
    assert own.step.explain().ops == own.step.explain(torch.zeros(3)).ops
    with pytest.raises(RuntimeError, match="no recording for such a call"):
        own.step.explain(torch.zeros(4))


def test_batches_besides_the_same_arguments() -> None:
    x = torch.ones(3)
    step = torch.compile(lambda x: x * 2)
    with pytest.raises(TypeError, match="batches follow the 1 arguments"):
        step.repeat(3, x, batches=[x])
    assert torch.equal(step.repeat(3, batches=[x]), x * 2)
