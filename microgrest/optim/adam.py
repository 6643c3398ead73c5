"""Adam: momentum, divided by a running root mean square, both corrected for their start at zero."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..creation import zeros_like
from ..tensor import Tensor
from .groups import check_betas, check_nonnegative
from .optimizer import Group, Optimizer, State, descent


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015), `weight_decay * p` being added to the gradient.

    `m` and `v` average g and g^2 with `betas`; after t steps
    `p -= lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)`. `amsgrad` takes the largest
    v so far (Reddi et al. 2018); `decoupled_weight_decay` shrinks p by `lr * weight_decay * p`
    instead of changing g (Loshchilov and Hutter 2019).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        check_nonnegative(lr=lr, eps=eps, weight_decay=weight_decay)
        check_betas(betas)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def _new_state(self, param: Tensor, group: Group) -> State:
        state = {"step": 0, "exp_avg": zeros_like(param), "exp_avg_sq": zeros_like(param)}
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = zeros_like(param)
        return state

    def _update(self, param: Tensor, grad: Tensor, state: State, group: Group) -> None:
        state["step"] += 1
        grad = descent(param, grad, group)
        (beta1, beta2), step, lr = group["betas"], state["step"], group["lr"]
        mean = state["exp_avg"].lerp_(grad, 1 - beta1)
        variance = state["exp_avg_sq"].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        if group["amsgrad"]:
            largest = state["max_exp_avg_sq"]
            variance = largest.copy_(largest.maximum(variance))
        scale = variance.sqrt().div_((1 - beta2**step) ** 0.5).add_(group["eps"])
        param.addcdiv_(mean, scale, value=-lr / (1 - beta1**step))
