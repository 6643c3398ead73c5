"""RMSprop: the gradient divided by a running root mean square of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ....creation import zeros_like
from ....ops.pointwise.elementwise import sqrt
from ....tensor import Tensor
from ...fused import fused
from ...groups import Group, check_nonnegative
from ...optimizer import Optimizer, State, descent


class RMSprop(Optimizer):
    """`p -= lr * g / (sqrt(s) + eps)` with `s = alpha * s + (1 - alpha) * g^2` (Hinton 2012).

    `centered` subtracts the square of g's running mean from s (Graves 2013, without his eps
    inside the root). Momentum accumulates the quotients. `weight_decay * p` is added to g.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_nonnegative(lr=lr, eps=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _new_state(self, param: Tensor, group: Group) -> State:
        state: State = {"step": 0, "square_avg": zeros_like(param)}
        if group["momentum"] > 0:
            state["momentum_buffer"] = zeros_like(param)
        if group["centered"]:
            state["grad_avg"] = zeros_like(param)
        return state

    def _numbers(self, group: Mapping[str, Any], step: Any) -> tuple[Any, ...]:
        alpha, decay = group["alpha"], group["weight_decay"]
        return group["lr"], decay, alpha, 1 - alpha, group["eps"], group["momentum"]

    def _update(
        self, param: Tensor, grad: Tensor, state: State, group: Group, numbers: tuple[float, ...]
    ) -> None:
        averages = state["square_avg"], state.get("grad_avg"), state.get("momentum_buffer")
        flags = (group["maximize"], group["weight_decay"] != 0)
        rmsprop((param, grad, *averages), numbers, flags)


@fused
def rmsprop(
    param: Any,
    grad: Any,
    square: Any,
    mean: Any,
    velocity: Any,
    *,
    lr: Any,
    decay: Any,
    alpha: Any,
    rest: Any,
    eps: Any,
    momentum: Any,
    maximize: bool,
    decays: bool,
) -> tuple[Any, ...]:
    grad = descent(param, grad, maximize, decay if decays else None)
    variance = square = alpha * square + rest * (grad * grad)
    if mean is not None:
        mean = mean + rest * (grad - mean)
        variance = square - mean * mean
    step = grad / (sqrt(variance) + eps)
    if velocity is not None:
        step = velocity = momentum * velocity + step
    return param - lr * step, None, square, mean, velocity
