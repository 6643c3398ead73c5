"""The training step of each program under examples/, compiled, does what the program does.

A step here is the body of the program's loop, by the program's own names.
"""

from __future__ import annotations

import math
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import microgrest as torch

EXAMPLES = Path(__file__).parents[2] / "examples"
START = [0.1, 0.2, 0.3, 0.4]
STEPS = 300

Made = tuple[Callable[[], Any], list[Any]]


def example(name: str) -> dict[str, Any]:
    """What the program defines."""
    return runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="example")


def data() -> tuple[Any, Any]:
    x = torch.linspace(-math.pi, math.pi, 2000, dtype=torch.float64)
    return x, torch.sin(x)


def cubic_autograd() -> Made:
    x, y = data()
    a, b, c, d = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in START)

    def step() -> Any:
        y_pred = a + b * x + c * x**2 + d * x**3
        loss = (y_pred - y).pow(2).sum()
        loss.backward()
        with torch.no_grad():
            for p in (a, b, c, d):
                p -= 1e-6 * p.grad
                p.grad = None
        return loss

    return step, [a, b, c, d]


def cubic_by_hand() -> Made:
    """The program gives its names to new tensors; a compiled step writes to those that are there.

    The number of the loss is taken where the step has ended.
    """
    x, y = data()
    a, b, c, d = (torch.tensor(v, dtype=torch.float64) for v in START)

    def step() -> Any:
        y_pred = a + b * x + c * x**2 + d * x**3
        loss = (y_pred - y).pow(2).sum()
        grad_y_pred = 2.0 * (y_pred - y)
        grad_a = grad_y_pred.sum()
        grad_b = (grad_y_pred * x).sum()
        grad_c = (grad_y_pred * x**2).sum()
        grad_d = (grad_y_pred * x**3).sum()
        for p, grad in ((a, grad_a), (b, grad_b), (c, grad_c), (d, grad_d)):
            p -= 1e-6 * grad
        return loss

    return step, [a, b, c, d]


def cubic_module() -> Made:
    x, y = data()
    model = example("cubic_module")["Cubic"]().to(torch.float64)
    with torch.no_grad():
        for p, value in zip(model.parameters(), START, strict=True):
            p.fill_(value)
    criterion = torch.nn.MSELoss(reduction="sum")
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)

    def step() -> Any:
        y_pred = model(x)
        loss = criterion(y_pred, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step, list(model.parameters())


def linear() -> tuple[Any, Any, Any, list[Any]]:
    """The model of two programs, its data, and views of its coefficients."""
    x, y = data()
    xx = x.unsqueeze(-1).pow(torch.tensor([1, 2, 3]))
    model = torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Flatten(0, 1)).to(torch.float64)
    with torch.no_grad():
        model[0].bias.fill_(START[0])
        model[0].weight.copy_(torch.tensor([START[1:]], dtype=torch.float64))
    weight = model[0].weight.detach()
    return model, xx, y, [model[0].bias, *(weight[:, i] for i in range(3))]


def cubic_sequential() -> Made:
    model, xx, y, coefficients = linear()
    loss_fn = torch.nn.MSELoss(reduction="sum")

    def step() -> Any:
        loss = loss_fn(model(xx), y)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for param in model.parameters():
                param -= 1e-6 * param.grad
        return loss

    return step, coefficients


def cubic_rmsprop() -> Made:
    model, xx, y, coefficients = linear()
    loss_fn = torch.nn.MSELoss(reduction="sum")
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)

    def step() -> Any:
        loss = loss_fn(model(xx), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step, coefficients


@pytest.mark.parametrize(
    "make", [cubic_autograd, cubic_by_hand, cubic_module, cubic_sequential, cubic_rmsprop]
)
def test_a_fit(make: Callable[[], Made]) -> None:
    expected = example(make.__name__)["fit"](START, torch.float64, STEPS)
    step, coefficients = make()
    loss = torch.compile(step).repeat(STEPS)
    found = [c.item() for c in coefficients]
    assert [*found, loss.item()] == pytest.approx(expected, rel=1e-10)


def test_gradient_descent(capsys: pytest.CaptureFixture[str]) -> None:
    x = torch.tensor(10.0, dtype=torch.float64, requires_grad=True)

    @torch.compile
    def step() -> None:
        y = x**2
        y.backward()
        x.data = x.data - 0.001 * x.grad
        x.grad.zero_()

    seen = []
    for first, last in ((0, 1), (1, 10), (10, 100), (100, 1000), (1000, 5000)):
        step.repeat(last - first)
        seen.append(f"step {last:4d}: x = {x.item():.10f}")
    example("gradient_descent")
    assert capsys.readouterr().out.splitlines()[:5] == seen


def test_accumulation() -> None:
    x = torch.tensor(10.0, requires_grad=True)

    @torch.compile
    def backward() -> Any:
        (x**2).backward()
        return x.grad

    assert [backward().item() for _ in range(4)] == [20.0, 40.0, 60.0, 80.0]
    x.grad.zero_()
    assert backward().item() == 20
    x.grad.data.zero_()
    assert backward().item() == 20
    x.grad = None
    assert [backward().item() for _ in range(3)] == [20.0, 40.0, 60.0]


def test_gradients() -> None:
    x1 = torch.tensor([10.0, 20.0], dtype=torch.float64, requires_grad=True)
    x2 = torch.tensor([30.0, 40.0], dtype=torch.float64, requires_grad=True)

    @torch.compile
    def step() -> Any:
        x1.grad = x2.grad = None
        y = (x1**2 + x2**2 + x1 * x2).mean()
        y.backward()
        return y

    assert step.repeat(4).item() == 2050
    assert (x1.grad.tolist(), x2.grad.tolist()) == ([25.0, 40.0], [35.0, 50.0])


def test_vector_outputs() -> None:
    x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([1.0, 0.1, 0.01], dtype=torch.float64)

    @torch.compile
    def step() -> Any:
        x.grad = None
        (x**2).backward(gradient=weights)
        weighted, x.grad = x.grad, None
        (weights * x**2).sum().backward()
        return weighted, x.grad

    for _ in range(4):
        weighted, same = step()
    assert weighted.tolist() == pytest.approx([2.0, 0.4, 0.06])
    assert same.tolist() == pytest.approx([2.0, 0.4, 0.06]) and same is x.grad


def test_every_example_is_here() -> None:
    tested = {name.removeprefix("test_") for name in globals()}
    without_steps = {"detach_and_numpy", "grad_modes", "pixels"}
    without_steps |= {"fit_decay", "fit_dose_response", "fit_peaks"}
    compile_their_own = {"own_ops", "memory_model"}
    pages = {path.stem for path in EXAMPLES.glob("*.py")}
    assert pages - tested == without_steps | compile_their_own
