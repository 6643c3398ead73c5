"""Functions of tensors as `scipy.optimize` takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.gradients import grad
from ..creation.data import tensor
from ..graph.modes import enable_grad
from ..tensor import Tensor
from ..types.dtypes import float64

Array = Any


class ScipyFunction:
    """A function of a float64 tensor that gives one number, as `minimize` takes it with `jac=True`.

        f = as_scipy(lambda x: ((1 - x[:-1]) ** 2 + 100 * (x[1:] - x[:-1] ** 2) ** 2).sum())
        scipy.optimize.minimize(f, x0, jac=True, method="trust-ncg", hessp=f.hessp)

    Called with an array of n numbers, it gives (value, gradient): a float and an array of n.
    `hess` gives an n by n matrix, `hessp` the product of that with a vector.
    """

    def __init__(self, fun: Callable[..., Tensor]) -> None:
        self.fun = fun

    def __call__(self, x: Any, *args: Any) -> tuple[float, Array]:
        """The value at x, and the gradient there."""
        value, u = self._value(x, args)
        (g,) = grad((value,), (u,), allow_unused=True)
        return float(value.item()), _array(g, u).reshape(np.shape(x))

    def hessp(self, x: Any, p: Any, *args: Any) -> Array:
        """The second derivatives at x times the vector `p`."""
        value, u = self._value(x, args)
        (g,) = grad((value,), (u,), create_graph=True, allow_unused=True)
        along = tensor(np.asarray(p, float).reshape(u.shape), dtype=float64)
        return self._second(g, u, along).reshape(np.shape(p))

    def hess(self, x: Any, *args: Any) -> Array:
        """The matrix of second derivatives at x."""
        value, u = self._value(x, args)
        (g,) = grad((value,), (u,), create_graph=True, allow_unused=True)
        n = u.numel()
        units = np.eye(n).reshape(n, *u.shape)
        rows = [self._second(g, u, tensor(unit, dtype=float64)).ravel() for unit in units]
        return np.stack(rows) if rows else np.empty((0, 0))

    def _value(self, x: Any, args: tuple[Any, ...]) -> tuple[Tensor, Tensor]:
        with enable_grad():
            u = tensor(np.array(x, dtype=float), dtype=float64, requires_grad=True)
            value = self.fun(u, *args)
        if not isinstance(value, Tensor) or value.numel() != 1:
            kind = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else value
            raise TypeError(
                f"as_scipy takes a function that returns a tensor of one number, not {kind}"
            )
        if not value.requires_grad:
            raise RuntimeError("the function does not compute its result from x by tensors")
        return value, u

    def _second(self, g: Tensor | None, u: Tensor, along: Tensor) -> Array:
        if g is None or not g.requires_grad:
            return np.zeros(u.shape)
        (found,) = grad((g,), (u,), (along,), retain_graph=True, allow_unused=True)
        return _array(found, u)


def _array(found: Tensor | None, u: Tensor) -> Array:
    return np.zeros(u.shape) if found is None else found.detach().cpu().numpy().copy()


def as_scipy(fun: Callable[..., Tensor]) -> ScipyFunction:
    """What `scipy.optimize.minimize(f, x0, jac=True, hess=f.hess)` takes, of a function of tensors.

    `fun(x, *args)` takes a float64 tensor and returns a tensor of one number. All that is given to
    SciPy is float64.
    """
    return ScipyFunction(fun)
