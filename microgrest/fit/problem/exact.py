"""Exact Jacobians of functions of arrays, by tensors: slower than a traced model, as right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd.gradients import grad
from ...creation.data import tensor
from ...graph.modes import enable_grad
from ...tensor import Tensor
from ...types.dtypes import float64

Array = Any


class NotExact(Exception):
    """The function does not keep to operations that are differentiated."""


def jacobian(fun: Callable[[Tensor], Any], x: Array) -> tuple[Array, Array]:
    """(values, Jacobian) of `fun`, which takes a float64 tensor like `x`; NotExact if it cannot."""
    with enable_grad():
        u = tensor(x, dtype=float64, device="cpu", requires_grad=True)
        try:
            values = _column(fun(u))
        except Exception as error:
            raise NotExact(str(error)) from error
        m, n = values.numel(), u.numel()
        if m < n:
            rows = [_grad(values[i], u, i + 1 < m) for i in range(m)]
            found = np.stack([r.detach().numpy() for r in rows]) if rows else np.empty((0, n))
        else:
            found = _columns(values, u)
    return values.detach().numpy().copy(), found


def _column(values: Any) -> Tensor:
    """What `fun` gave, flat."""
    if not isinstance(values, Tensor) or not values.requires_grad:
        raise NotExact("the result does not depend on the parameters by operations on tensors")
    return values.reshape(-1).to(float64)


def _columns(values: Tensor, u: Tensor) -> Array:
    """By the derivative of J'd by d, one column of J after the other."""
    d = tensor(np.zeros(values.numel()), device="cpu", requires_grad=True)
    (pulled,) = grad((values,), (u,), (d,), create_graph=True, allow_unused=True)
    if pulled is None or not pulled.requires_grad:
        raise NotExact("the result does not depend on the parameters")
    n = u.numel()
    columns = [_grad(pulled[j], d, j + 1 < n) for j in range(n)]
    return np.stack([c.detach().numpy() for c in columns], 1)


def _grad(value: Tensor, by: Tensor, keep: bool) -> Tensor:
    (found,) = grad((value,), (by,), retain_graph=True, allow_unused=True)
    return tensor(np.zeros(by.shape), device="cpu") if found is None else found


def agrees(
    fun: Callable[[Array], Array], x: Array, values: Array, found: Array, bounds: Any = None
) -> bool:
    """Whether the Jacobian fits a difference of `fun`: it does not where values left the graph."""
    step = 1e-7 * np.maximum(1.0, np.abs(x)) * np.where(np.arange(x.size) % 2, 0.7, 1.0)
    if bounds is not None:
        step = np.where(x + step > bounds[1], -step, step)
    with np.errstate(all="ignore"):
        try:
            actual = np.ravel(fun(x + step)) - values
        except Exception:
            return False
        predicted = found @ step
        size = np.abs(found) @ np.abs(step)
        noise = 1e-9 * (np.abs(values) + np.abs(values + actual))
        wrong = np.abs(actual - predicted) > 1e-2 * size + noise
    return not bool(wrong.any())
