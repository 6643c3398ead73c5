"""Every elementwise op beside PyTorch's: values, gradients, names in the graph, methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from microgrest.ops.row import ROWS
from tests.op_info import ELEMENTWISE, Array, OpInfo

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

DIFFERENTIABLE = [info for info in ELEMENTWISE if info.gradient]
every = pytest.mark.parametrize("info", ELEMENTWISE, ids=str)
every_gradient = pytest.mark.parametrize("info", DIFFERENTIABLE, ids=str)
# Where PyTorch itself computes a float64 with constants of float32, or cancels.
LOOSE = {"celu": 1e-7, "hardsigmoid": 1e-7, "sinc": 1e-6}
PUBLIC = sorted(
    name
    for name, row in ROWS.items()
    if row.kind == "elementwise" and not row.extra.get("internal")
)


def results(library: Any, info: OpInfo, arrays: Sequence[Array], *, grad: bool) -> list[Any]:
    """The op's value and, with `grad`, the gradient of its sum for each floating operand."""
    operands = [library.from_numpy(a.copy()) for a in arrays]
    if not grad:
        return [info.find(library)(*operands)]
    wanted = [t.requires_grad_() for t in operands if t.is_floating_point()]
    y = info.find(library)(*operands)
    return [y, *library.autograd.grad(y.sum(), wanted)]


def compare(info: OpInfo, arrays: Sequence[Array], tolerance: float, *, grad: bool) -> None:
    """Equal where PyTorch has a number; where it has NaN, so has the value, and a gradient may."""
    ours = results(mg, info, arrays, grad=grad)
    theirs = results(torch, info, arrays, grad=grad)
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        got, want = a.detach().numpy(), b.detach().numpy(force=True)
        assert got.dtype == want.dtype
        keep = ~np.isnan(want) if i else np.ones(want.shape, bool)
        np.testing.assert_allclose(got[keep], want[keep], tolerance, tolerance)


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values(info: OpInfo, dtype: str) -> None:
    compare(info, info.samples((50,), dtype), 5e-6 if dtype == "float32" else 1e-11, grad=False)


@every_gradient
def test_gradients(info: OpInfo) -> None:
    compare(info, info.samples((50,)), LOOSE.get(info.name, 1e-10), grad=True)


@every
def test_extreme_values(info: OpInfo) -> None:
    compare(info, info.extreme("float64"), LOOSE.get(info.name, 1e-11), grad=False)


@every_gradient
def test_extreme_gradients(info: OpInfo) -> None:
    compare(info, info.extreme("float64"), LOOSE.get(info.name, 1e-10), grad=True)


@every_gradient
def test_names_in_the_graph(info: OpInfo) -> None:
    arrays = info.samples((3,))
    name = results(mg, info, arrays, grad=True)[0].grad_fn.name()
    assert name == results(torch, info, arrays, grad=True)[0].grad_fn.name()


@pytest.mark.parametrize("name", PUBLIC)
def test_methods(name: str) -> None:
    row = ROWS[name]
    assert row.method == hasattr(torch.Tensor, name)
    assert hasattr(torch.Tensor, f"{name}_") or not row.inplace
    for alias in row.extra.get("aliases", ()):
        assert hasattr(torch, alias)
        assert hasattr(mg, alias)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "pow", "maximum", "div"])
def test_saved_tensors_may_be_written_where_pytorch_allows_it(name: str) -> None:
    """An in-place write on the result is only an error where the rule needs the result."""

    def written(library: Any) -> bool:
        a = library.tensor([1.5, 2.5]).requires_grad_()
        y = getattr(library, name)(a, library.tensor([2.0, 3.0]))
        y += 1
        try:
            y.sum().backward()
        except RuntimeError:
            return False
        return True

    assert written(mg) == written(torch)


@pytest.mark.parametrize("name", [n for n in PUBLIC if n in mg.__dict__ and len(ROWS[n].args) == 1])
def test_saved_tensors_of_unary_ops(name: str) -> None:
    def written(library: Any, *, result: bool) -> bool:
        a = library.tensor([0.3, 0.6]).requires_grad_()
        x = a * 1
        y = getattr(library, name)(x)
        if not y.requires_grad:
            return True
        target = y if result else x
        target += 1
        try:
            y.sum().backward()
        except RuntimeError:
            return False
        return True

    for result in (True, False):
        assert written(mg, result=result) >= written(torch, result=result)
