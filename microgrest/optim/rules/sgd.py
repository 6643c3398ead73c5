"""Stochastic gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...creation import zeros_like
from ...tensor import Tensor
from ..fused import fused
from ..groups import Group, check_nonnegative
from ..optimizer import Optimizer, State, descent


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

    def _first_state(self, param: Tensor, group: Group) -> State:
        if group["momentum"] and group["dampening"]:
            raise RuntimeError(
                "SGD with dampening begins with a step of another rule, undampened: take a step "
                "before there are replicas of it"
            )
        return {"momentum_buffer": zeros_like(param)}

    def _numbers(self, group: Mapping[str, Any], step: Any) -> tuple[Any, ...]:
        return group["lr"], group["weight_decay"], group["momentum"], 1 - group["dampening"]

    def _update(
        self, param: Tensor, grad: Tensor, state: State, group: Group, numbers: tuple[float, ...]
    ) -> None:
        momentum, whole = group["momentum"], False
        velocity = state.get("momentum_buffer") if momentum else None
        if momentum and velocity is None:
            # The first velocity is the gradient itself, which dampening must not change.
            velocity = state["momentum_buffer"] = zeros_like(param)
            whole = group["dampening"] != 0
        flags = (group["maximize"], group["weight_decay"] != 0, group["nesterov"], whole)
        sgd((param, grad, velocity), numbers, flags)


@fused
def sgd(
    param: Any,
    grad: Any,
    velocity: Any,
    *,
    lr: Any,
    decay: Any,
    momentum: Any,
    keep: Any,
    maximize: bool,
    decays: bool,
    nesterov: bool,
    whole: bool,
) -> tuple[Any, ...]:
    grad = descent(param, grad, maximize, decay if decays else None)
    if velocity is None:
        return param - lr * grad, None, None
    velocity = momentum * velocity + (grad if whole else keep * grad)
    step = grad + momentum * velocity if nesterov else velocity
    return param - lr * step, None, velocity
