"""Adamax: momentum, divided by a decaying maximum of the gradient's size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ....creation import zeros_like
from ....ops.pointwise.logic import maximum
from ....ops.pointwise.rounding import abs as size_of
from ....tensor import Tensor
from ...fused import fused
from ...groups import Group, check_betas, check_nonnegative
from ...optimizer import Optimizer, State, descent


class Adamax(Optimizer):
    """Adam in the infinity norm: `p -= lr / (1 - beta1^t) * m / u` (Kingma and Ba 2015).

    `m` averages g with beta1, and `u = max(beta2 * u, |g| + eps)`. `weight_decay * p` is added to
    g.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_nonnegative(lr=lr, eps=eps, weight_decay=weight_decay)
        check_betas(betas)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _new_state(self, param: Tensor, group: Group) -> State:
        return {"step": 0, "exp_avg": zeros_like(param), "exp_inf": zeros_like(param)}

    def _numbers(self, group: Mapping[str, Any], step: Any) -> tuple[Any, ...]:
        beta1, beta2 = group["betas"]
        rate = group["lr"] / (1 - beta1**step)
        return rate, group["weight_decay"], 1 - beta1, beta2, group["eps"]

    def _update(
        self, param: Tensor, grad: Tensor, state: State, group: Group, numbers: tuple[float, ...]
    ) -> None:
        flags = (group["maximize"], group["weight_decay"] != 0)
        adamax((param, grad, state["exp_avg"], state["exp_inf"]), numbers, flags)


@fused
def adamax(
    param: Any,
    grad: Any,
    mean: Any,
    largest: Any,
    *,
    rate: Any,
    decay: Any,
    rest1: Any,
    beta2: Any,
    eps: Any,
    maximize: bool,
    decays: bool,
) -> tuple[Any, ...]:
    grad = descent(param, grad, maximize, decay if decays else None)
    mean = mean + rest1 * (grad - mean)
    largest = maximum(beta2 * largest, size_of(grad) + eps)
    return param - rate * (mean / largest), None, mean, largest
