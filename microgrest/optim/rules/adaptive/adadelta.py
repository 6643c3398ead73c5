"""Adadelta: steps as large as the last ones were, relative to gradients as large as the last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ....creation import zeros_like
from ....ops.pointwise.elementwise import sqrt
from ....tensor import Tensor
from ...fused import fused
from ...groups import Group, check_nonnegative
from ...optimizer import Optimizer, State, descent


class Adadelta(Optimizer):
    """`p -= lr * d` with `d = sqrt(a + eps) / sqrt(s + eps) * g` (Zeiler 2012).

    s and a average g^2 and d^2 with `rho`; the new s counts at once, the new a from the next step
    on. `weight_decay * p` is added to g.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_nonnegative(lr=lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_nonnegative(eps=eps, weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _new_state(self, param: Tensor, group: Group) -> State:
        return {"step": 0, "square_avg": zeros_like(param), "acc_delta": zeros_like(param)}

    def _numbers(self, group: Mapping[str, Any], step: Any) -> tuple[Any, ...]:
        rho = group["rho"]
        return group["lr"], group["weight_decay"], rho, 1 - rho, group["eps"]

    def _update(
        self, param: Tensor, grad: Tensor, state: State, group: Group, numbers: tuple[float, ...]
    ) -> None:
        averages = state["square_avg"], state["acc_delta"]
        flags = (group["maximize"], group["weight_decay"] != 0)
        adadelta((param, grad, *averages), numbers, flags)


@fused
def adadelta(
    param: Any,
    grad: Any,
    square: Any,
    moved: Any,
    *,
    lr: Any,
    decay: Any,
    rho: Any,
    rest: Any,
    eps: Any,
    maximize: bool,
    decays: bool,
) -> tuple[Any, ...]:
    grad = descent(param, grad, maximize, decay if decays else None)
    square = rho * square + rest * (grad * grad)
    delta = sqrt(moved + eps) / sqrt(square + eps) * grad
    return param - lr * delta, None, square, rho * moved + rest * (delta * delta)
