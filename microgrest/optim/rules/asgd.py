"""ASGD: stochastic gradient descent whose steps shrink, and the average of where it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ...creation import full, zeros_like
from ...ops.pointwise.logic import where
from ...tensor import Tensor
from ..fused import fused
from ..groups import Group, check_nonnegative
from ..optimizer import Optimizer, State, descent
from .adaptive.nadam import number_type


class ASGD(Optimizer):
    """Averaged SGD (Polyak and Juditsky 1992).

    Step t has the rate `eta = lr / (1 + lambd lr (t - 1))^alpha`: `p -= eta (lambd p + g)`. The
    state's "ax" is the average of p over the steps after `t0`, before that p itself. `weight_decay`
    adds `weight_decay * p` to g.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_nonnegative(lr=lr, weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _new_state(self, param: Tensor, group: Group) -> State:
        own, lr = {"dtype": number_type(), "device": param.device}, group["lr"]
        return {
            "step": 0,
            "eta": lr.detach().clone().to(**own) if isinstance(lr, Tensor) else full((), lr, **own),
            "mu": full((), 1.0, **own),
            "ax": zeros_like(param),
        }

    def _numbers(self, group: Mapping[str, Any], step: Any) -> tuple[Any, ...]:
        (eta, mu), (later, share) = _rates(group, step - 1), _rates(group, step)
        return eta, mu, group["weight_decay"], 1 - group["lambd"] * eta, later, share

    def _update(
        self, param: Tensor, grad: Tensor, state: State, group: Group, numbers: tuple[float, ...]
    ) -> None:
        eta, mu, decay, shrink, later, share = numbers
        kind = type(numbers)  # which may say that nothing is done
        flags = (group["maximize"], group["weight_decay"] != 0)
        asgd((param, grad, state["ax"]), kind((eta, mu, decay, shrink)), flags)
        remember((state["eta"], state["mu"]), kind((later, share)))


def _rates(group: Mapping[str, Any], step: Any) -> tuple[Any, Any]:
    """A step's length and the average's share after `step` steps, rounded as the state has them."""
    lr, kind = group["lr"], number_type().numpy.type
    eta = lr / (1 + group["lambd"] * lr * step) ** group["alpha"]
    mu = 1 / np.maximum(1, step - group["t0"])
    return kind(eta).astype(np.float64), kind(mu).astype(np.float64)


@fused
def asgd(
    param: Any,
    grad: Any,
    average: Any,
    *,
    eta: Any,
    mu: Any,
    decay: Any,
    shrink: Any,
    maximize: bool,
    decays: bool,
) -> tuple[Any, ...]:
    grad = descent(param, grad, maximize, decay if decays else None)
    param = shrink * param - eta * grad
    return param, None, where(mu == 1, param, average + mu * (param - average))


@fused
def remember(eta: Any, mu: Any, *, later: Any, share: Any) -> tuple[Any, ...]:
    return 0 * eta + later, 0 * mu + share
