"""Rprop: steps by the sign of the gradient, each element with a size of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...creation import full_like, zeros_like
from ...ops.pointwise.logic import maximum, minimum, where
from ...ops.pointwise.rounding import sign
from ...recording import aside
from ...tensor import Tensor
from ..fused import fused
from ..groups import Group, check_nonnegative
from ..optimizer import Optimizer, State, descent, plain


class Rprop(Optimizer):
    """`p -= size * sign(g)` (Riedmiller and Braun 1993).

    A size starts at `lr`; it is multiplied by the second of `etas` where g has the sign of the
    last step, and by the first, with no step at all, where it has the other. It stays within
    `step_sizes`.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_nonnegative(lr=lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _new_state(self, param: Tensor, group: Group) -> State:
        sizes = full_like(param, aside(lambda: float(plain(group["lr"]))))
        return {"step": 0, "prev": zeros_like(param), "step_size": sizes}

    def _numbers(self, group: Mapping[str, Any], step: Any) -> tuple[Any, ...]:
        return (*group["etas"], *group["step_sizes"])

    def _update(
        self, param: Tensor, grad: Tensor, state: State, group: Group, numbers: tuple[float, ...]
    ) -> None:
        tensors = (param, grad, state["prev"], state["step_size"])
        rprop(tensors, numbers, (group["maximize"],))


@fused
def rprop(
    param: Any,
    grad: Any,
    last: Any,
    size: Any,
    *,
    less: Any,
    more: Any,
    least: Any,
    most: Any,
    maximize: bool,
) -> tuple[Any, ...]:
    grad = descent(param, grad, maximize, None)
    agreement = grad * last
    factor = where(agreement > 0, more, where(agreement < 0, less, 1))
    size = minimum(maximum(size * factor, least), most)
    grad = where(agreement < 0, 0, grad)
    return param - sign(grad) * size, None, grad, size
