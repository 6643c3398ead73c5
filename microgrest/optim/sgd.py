"""Stochastic gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..tensor import Tensor
from .groups import check_nonnegative
from .optimizer import Group, Optimizer, State, descent


class SGD(Optimizer):
    """`p -= lr * g`, where momentum turns g into `v = momentum * v + (1 - dampening) * g`.

    The first v is g itself. Nesterov's form steps by `g + momentum * v` (Sutskever et al. 2013,
    with the learning rate outside v). `weight_decay * p` is added to g; `maximize` ascends.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_nonnegative(lr=lr, momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def _update(self, param: Tensor, grad: Tensor, state: State, group: Group) -> None:
        grad = descent(param, grad, group)
        momentum = group["momentum"]
        if momentum != 0:
            velocity = self._velocity(grad, state, group)
            grad = grad.add(velocity, alpha=momentum) if group["nesterov"] else velocity
        param.add_(grad, alpha=-group["lr"])

    def _velocity(self, grad: Tensor, state: State, group: Group) -> Tensor:
        velocity: Tensor | None = state.get("momentum_buffer")
        if velocity is None:
            state["momentum_buffer"] = velocity = grad.clone()
            return velocity
        return velocity.mul_(group["momentum"]).add_(grad, alpha=1 - group["dampening"])
