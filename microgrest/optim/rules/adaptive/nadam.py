"""NAdam: Adam with Nesterov's momentum, which looks a step ahead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from ....creation import ones, zeros_like
from ....ops.pointwise.elementwise import sqrt
from ....tensor import Tensor
from ....types.dtypes import float32, float64, get_default_dtype
from ...fused import fused
from ...groups import Group, check_betas, check_nonnegative
from ...optimizer import Optimizer, State, descent


class NAdam(Optimizer):
    """NAdam (Dozat 2016): a step along the momentum of the next step.

    With `mu_t = beta1 (1 - 0.96^(t psi) / 2)`, psi being `momentum_decay`, and their product M_t,
    `p -= lr (mu_(t+1) m / (1 - M_(t+1)) + (1 - mu_t) g / (1 - M_t)) / (sqrt(v / (1 - beta2^t)) +
    eps)`. `weight_decay * p` is added to g, or, with `decoupled_weight_decay`, p shrinks by
    `lr * weight_decay * p`.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_nonnegative(lr=lr, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay)
        check_betas(betas)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _new_state(self, param: Tensor, group: Group) -> State:
        return {
            "step": 0,
            "mu_product": ones((), dtype=number_type(), device=param.device),
            "exp_avg": zeros_like(param),
            "exp_avg_sq": zeros_like(param),
        }

    def _numbers(self, group: Mapping[str, Any], step: Any) -> tuple[Any, ...]:
        (beta1, beta2), lr, decay = group["betas"], group["lr"], group["weight_decay"]
        now, ahead = (_momentum(beta1, group["momentum_decay"], step + k) for k in (0, 1))
        product = _product(beta1, group["momentum_decay"], step)
        along = lr * (1 - now) / (1 - product)
        beyond = lr * ahead / (1 - product * ahead)
        root = (1 - beta2**step) ** 0.5
        rest = 1 - beta1, beta2, 1 - beta2, root, group["eps"], 1 - lr * decay
        return along, beyond, decay, now, *rest

    def _update(
        self, param: Tensor, grad: Tensor, state: State, group: Group, numbers: tuple[float, ...]
    ) -> None:
        along, beyond, decay, now, *rest = numbers
        decays, decoupled = group["weight_decay"] != 0, group["decoupled_weight_decay"]
        flags = (group["maximize"], decays and not decoupled, decays and decoupled)
        tensors = (param, grad, state["exp_avg"], state["exp_avg_sq"])
        kind = type(numbers)  # which may say that nothing is done
        nadam(tensors, kind((along, beyond, decay, *rest)), flags)
        multiply((state["mu_product"],), kind((now,)))


def number_type() -> Any:
    """The type in which PyTorch keeps an optimizer's numbers."""
    return float64 if get_default_dtype() is float64 else float32


def _momentum(beta1: Any, decay: Any, step: Any) -> Any:
    return beta1 * (1 - 0.5 * 0.96 ** (step * decay))


def _product(beta1: Any, decay: Any, step: Any) -> Any:
    """The product of the momenta up to `step`, as the state has it, or one for each of an array."""
    if np.ndim(beta1) or np.ndim(decay):
        each = np.broadcast_arrays(beta1, decay, step)
        return np.array([_product(*map(float, one)) for one in zip(*each, strict=True)])
    last = int(np.max(step))
    table = _table(float(beta1), float(decay), number_type().numpy, 1 << last.bit_length())
    found = table[np.asarray(step, np.int64) - 1].astype(np.float64)
    return found if np.ndim(step) else float(found)


@lru_cache(maxsize=64)
def _table(beta1: float, decay: float, dtype: Any, count: int) -> Any:
    momenta = _momentum(beta1, decay, np.arange(1, count + 1)).astype(dtype)
    return np.multiply.accumulate(momenta)


@fused
def nadam(
    param: Any,
    grad: Any,
    mean: Any,
    square: Any,
    *,
    along: Any,
    beyond: Any,
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
    square = beta2 * square + rest2 * (grad * grad)
    kept = shrink * param if shrinks else param
    size = sqrt(square) / root + eps
    return kept - along * grad / size - beyond * mean / size, None, mean, square


@fused
def multiply(product: Any, *, factor: Any) -> tuple[Any, ...]:
    return (product * factor,)
