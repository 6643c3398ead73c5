"""Adam: momentum, divided by a running root mean square, both corrected for their start at zero."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ....creation import zeros_like
from ....ops.pointwise.elementwise import sqrt
from ....ops.pointwise.logic import maximum
from ....tensor import Tensor
from ...fused import fused
from ...groups import Group, check_betas, check_nonnegative
from ...optimizer import Optimizer, State, descent


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

    def _numbers(self, group: Mapping[str, Any], step: Any) -> tuple[Any, ...]:
        (beta1, beta2), lr, decay = group["betas"], group["lr"], group["weight_decay"]
        rate, root = lr / (1 - beta1**step), (1 - beta2**step) ** 0.5
        return rate, decay, 1 - beta1, beta2, 1 - beta2, root, group["eps"], 1 - lr * decay

    def _update(
        self, param: Tensor, grad: Tensor, state: State, group: Group, numbers: tuple[float, ...]
    ) -> None:
        decay = group["weight_decay"]
        shrinks = decay != 0 and group["decoupled_weight_decay"]
        moments = state["exp_avg"], state["exp_avg_sq"], state.get("max_exp_avg_sq")
        flags = (group["maximize"], decay != 0 and not shrinks, shrinks)
        adam((param, grad, *moments), numbers, flags)


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameter and leaves the gradient alone.

    `p -= lr * weight_decay * p`, then Adam's step (Loshchilov and Hutter 2019).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )


@fused
def adam(
    param: Any,
    grad: Any,
    mean: Any,
    square: Any,
    largest: Any,
    *,
    rate: Any,
    decay: Any,
    rest1: Any,
    beta2: Any,
    rest2: Any,
    root: Any,
    eps: Any,
    shrink: Any,
    maximize: bool,
    decays: bool,
    shrinks: bool,
) -> tuple[Any, ...]:
    grad = descent(param, grad, maximize, decay if decays else None)
    mean = mean + rest1 * (grad - mean)
    square = variance = beta2 * square + rest2 * (grad * grad)
    if largest is not None:
        variance = largest = maximum(largest, square)
    kept = shrink * param if shrinks else param
    return kept - rate * (mean / (sqrt(variance) / root + eps)), None, mean, square, largest
