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
# PyTorch's `positive` is no op at all, its `tanhshrink` and `ndtr` are several, of which one saves
# tanh(x).
every_node = pytest.mark.parametrize(
    "info",
    [i for i in DIFFERENTIABLE if i.name not in ("positive", "tanhshrink", "special.ndtr")],
    ids=str,
)
# Where PyTorch itself computes a float64 with constants of float32, or cancels.
LOOSE = {"digamma": 1e-8, "celu": 1e-7, "hardsigmoid": 1e-7, "sinc": 1e-6}
# Where PyTorch's values, or derivatives, of numbers far out are NaN or infinite for no reason.
FAR = ("i0", "special.i1", "special.i0e", "special.i1e", "special.log_ndtr", "digamma")
every_near = pytest.mark.parametrize("info", [i for i in ELEMENTWISE if i.name not in FAR], ids=str)
every_near_gradient = pytest.mark.parametrize(
    "info", [i for i in DIFFERENTIABLE if i.name not in FAR], ids=str
)
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
    """Equal values; equal gradients where PyTorch has a number.

    The gradient of a NaN, and the sign of an infinite one at -0.0, differ between PyTorch's vector
    and scalar code, so they are left out.
    """
    ours = results(mg, info, arrays, grad=grad)
    theirs = results(torch, info, arrays, grad=grad)
    number = ~np.any([np.isnan(a) for a in arrays], axis=0)
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        got, want = a.detach().numpy(), b.detach().numpy(force=True)
        assert got.dtype == want.dtype
        if i:
            keep = number & ~np.isnan(want)
            got, want = (np.where(np.isinf(t), np.inf, t)[keep] for t in (got, want))
        np.testing.assert_allclose(got, want, tolerance, tolerance)


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values(info: OpInfo, dtype: str) -> None:
    compare(info, info.samples((50,), dtype), 5e-6 if dtype == "float32" else 1e-11, grad=False)


@every_gradient
def test_gradients(info: OpInfo) -> None:
    compare(info, info.samples((50,)), LOOSE.get(info.name, 1e-10), grad=True)


@every_near
def test_extreme_values(info: OpInfo) -> None:
    compare(info, info.extreme("float64"), LOOSE.get(info.name, 1e-11), grad=False)


@every_near_gradient
def test_extreme_gradients(info: OpInfo) -> None:
    compare(info, info.extreme("float64"), LOOSE.get(info.name, 1e-10), grad=True)


@every_node
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


def survives(library: Any, info: OpInfo, target: int) -> bool:
    """Whether backward runs after a write to the op's result (-1) or one of its operands."""
    operands = [library.from_numpy(a) for a in info.samples((3,))]
    wanted = [t.requires_grad_() if t.is_floating_point() else t for t in operands]
    taken = [t * 1 if t.is_floating_point() else t for t in wanted]
    y = info.find(library)(*taken)
    written = [*taken, y][target]
    if written.is_floating_point():
        written += 1
    try:
        y.sum().backward()
    except RuntimeError:
        return False
    return True


@every_node
def test_writes_are_allowed_where_pytorch_allows_them(info: OpInfo) -> None:
    """A rule saves no operand or result that PyTorch's does not."""
    for target in range(-1, len(info.domain)):
        assert survives(mg, info, target) >= survives(torch, info, target)
