"""Adagrad: the gradient divided by the root of the sum of all its squares so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ....creation import full_like
from ....ops.pointwise.elementwise import sqrt
from ....tensor import Tensor
from ...fused import fused
from ...groups import Group, check_nonnegative
from ...optimizer import Optimizer, State, descent


class Adagrad(Optimizer):
    """`s += g^2`, then `p -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)`.

    Duchi et al. 2011. s starts at `initial_accumulator_value`, when the optimizer is made.
    `weight_decay * p` is added to g.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_nonnegative(
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
        )
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for param in group["params"]:
                self._begin(param, group)

    def _new_state(self, param: Tensor, group: Group) -> State:
        # As in PyTorch a group has no say in it.
        return {"step": 0, "sum": full_like(param, self.defaults["initial_accumulator_value"])}

    def _numbers(self, group: Mapping[str, Any], step: Any) -> tuple[Any, ...]:
        rate = group["lr"] / (1 + (step - 1) * group["lr_decay"])
        return rate, group["weight_decay"], group["eps"]

    def _update(
        self, param: Tensor, grad: Tensor, state: State, group: Group, numbers: tuple[float, ...]
    ) -> None:
        flags = (group["maximize"], group["weight_decay"] != 0)
        adagrad((param, grad, state["sum"]), numbers, flags)


@fused
def adagrad(
    param: Any,
    grad: Any,
    total: Any,
    *,
    rate: Any,
    decay: Any,
    eps: Any,
    maximize: bool,
    decays: bool,
) -> tuple[Any, ...]:
    grad = descent(param, grad, maximize, decay if decays else None)
    total = total + grad * grad
    return param - rate * (grad / (sqrt(total) + eps)), None, total
