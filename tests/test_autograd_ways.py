"""Gradients of every op are the same where what is saved is packed, or computed again."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

import microgrest as mg
from tests.autograd.named_expressions import expressions, result

pytestmark = pytest.mark.devices

Ways = dict[str, Callable[[], AbstractContextManager[Any]]]
hooks = mg.autograd.graph.saved_tensors_hooks


def gapped(t: Any) -> Any:
    """The same numbers, of which the neighbors lie apart."""
    return mg.stack([t, t], -1)[..., 0]


WAYS: Ways = {
    "packed": lambda: hooks(lambda t: [t.clone()], lambda packed: packed[0]),
    "gapped": lambda: hooks(lambda t: t, gapped),
    "on the host": mg.autograd.graph.save_on_cpu,
    "looked at": lambda: mg.autograd.set_detect_anomaly(True, check_nan=False),
}


def gradients(expression: str, way: AbstractContextManager[Any]) -> list[Any]:
    """The first and second derivatives of an expression for x, as numbers."""
    names: dict[str, Any] = {}
    with way:
        y = result(mg, expression, names)
    xs = [names[name] for name in "xymvsbc"]
    first = mg.autograd.grad((y * y).sum(), xs, create_graph=True, materialize_grads=True)
    total = sum((g * g).sum() for g in first)
    second = mg.autograd.grad(total, xs, materialize_grads=True) if total.requires_grad else ()
    return [g.tolist() for g in (*first, *second)]


SOME = pytest.mark.parametrize(
    "some",
    [expressions()[::9], pytest.param(expressions(), marks=[pytest.mark.slow, pytest.mark.large])],
    ids=["some", "all"],
)


@SOME
@pytest.mark.parametrize("way", WAYS)
def test_gradients_are_the_same(way: str, some: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for expression in some:
            mg.manual_seed(1)
            wanted = gradients(expression, nullcontext())
            mg.manual_seed(1)
            assert gradients(expression, WAYS[way]()) == wanted, expression


@SOME
def test_gradients_are_the_same_within_a_checkpoint(some: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for expression in some:
            found = []
            for again in (False, True):
                mg.manual_seed(1)
                names: dict[str, Any] = {}
                result(mg, "x", names)
                xs = [names[name] for name in "xymvsbc"]

                def run(*given: Any, e: str = expression) -> Any:
                    return result(mg, e, dict(zip("xymvsbc", given, strict=True)))

                checkpoint = mg.utils.checkpoint.checkpoint
                y = checkpoint(run, *xs, use_reentrant=False) if again else run(*xs)
                g = mg.autograd.grad((y * y).sum(), xs, materialize_grads=True)
                found.append([t.tolist() for t in g])
            assert found[0] == found[1], expression
