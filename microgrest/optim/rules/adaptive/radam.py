"""RAdam: Adam that waits with its division until enough gradients were seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ....creation import zeros_like
from ....ops.pointwise.elementwise import sqrt
from ....ops.pointwise.logic import where
from ....tensor import Tensor
from ...fused import fused
from ...groups import Group, check_betas, check_nonnegative
from ...optimizer import Optimizer, State, descent


class RAdam(Optimizer):
    """Adam whose step is multiplied by r_t, and not divided while r_t is unknown.

    Liu et al. 2020. With `R = 2 / (1 - beta2) - 1` and `q = R - 2 t beta2^t / (1 - beta2^t)` it is
    known where q > 5, `r_t^2 = (q - 4)(q - 2) R / ((R - 4)(R - 2) q)`. `weight_decay * p` is added
    to g, or, with `decoupled_weight_decay`, p shrinks by `lr * weight_decay * p`.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_nonnegative(lr=lr, eps=eps, weight_decay=weight_decay)
        check_betas(betas)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _new_state(self, param: Tensor, group: Group) -> State:
        return {"step": 0, "exp_avg": zeros_like(param), "exp_avg_sq": zeros_like(param)}

    def _numbers(self, group: Mapping[str, Any], step: Any) -> tuple[Any, ...]:
        (beta1, beta2), lr, decay = group["betas"], group["lr"], group["weight_decay"]
        rate, adapted = lr / (1 - beta1**step), _rectified(beta2, step)
        return rate, decay, 1 - beta1, beta2, 1 - beta2, adapted, group["eps"], 1 - lr * decay

    def _update(
        self, param: Tensor, grad: Tensor, state: State, group: Group, numbers: tuple[float, ...]
    ) -> None:
        decays, decoupled = group["weight_decay"] != 0, group["decoupled_weight_decay"]
        flags = (group["maximize"], decays and not decoupled, decays and decoupled)
        radam((param, grad, state["exp_avg"], state["exp_avg_sq"]), numbers, flags)


def _rectified(beta2: Any, step: Any) -> Any:
    """`r_t * sqrt(1 - beta2^t)`, or 0 where r_t is unknown."""
    power = beta2**step
    full = 2 / (1 - beta2) - 1
    length = full - 2 * step * power / (1 - power)
    known = length > 5
    above = np.where(known, (length - 4) * (length - 2) * full * (1 - power), 0.0)
    return (above / np.where(known, (full - 4) * (full - 2) * length, 1.0)) ** 0.5


@fused
def radam(
    param: Any,
    grad: Any,
    mean: Any,
    square: Any,
    *,
    rate: Any,
    decay: Any,
    rest1: Any,
    beta2: Any,
    rest2: Any,
    adapted: Any,
    eps: Any,
    shrink: Any,
    maximize: bool,
    decays: bool,
    shrinks: bool,
) -> tuple[Any, ...]:
    grad = descent(param, grad, maximize, decay if decays else None)
    mean = mean + rest1 * (grad - mean)
    square = beta2 * square + rest2 * (grad * grad)
    scale = where(adapted > 0, adapted / (sqrt(square) + eps), 1)
    kept = shrink * param if shrinks else param
    return kept - rate * mean * scale, None, mean, square
