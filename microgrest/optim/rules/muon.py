"""Muon: momentum whose matrix is made nearly orthogonal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import sqrt
from typing import Any

from ...creation import empty_like, zeros_like
from ...functions.matrices.products import addmm
from ...functions.reductions.statistics import norm
from ...tensor import Tensor
from ...types.dtypes import float16
from ..fused import fused
from ..groups import Group
from ..optimizer import Optimizer, State


class Muon(Optimizer):
    """`p -= lr * weight_decay * p`, then `p -= lr * r * O`, for matrices of shape (n, m) alone.

    Jordan 2024. The buffer `b += (1 - momentum) * (g - b)` is, with `nesterov` taken a step further
    towards g, divided by its norm (by `eps` at least) and brought near the closest orthogonal
    matrix O by `ns_steps` steps of Newton and Schulz, `X <- a X + (b X X' + c (X X')^2) X` with
    the `ns_coefficients` a, b, c. r is sqrt(max(1, n / m)), or 0.2 sqrt(max(n, m)) by
    `adjust_lr_fn="match_rms_adamw"`, so that rates found for AdamW are right (Liu et al. 2025).

    PyTorch rounds these steps to bfloat16. They are done in the matrix's own type here, or float32
    for float16; O differs from PyTorch's by its rounding, of a hundredth.
    """

    # They decide what is computed, and are no inputs of a kernel.
    _steering = ("ns_coefficients", "eps", "ns_steps")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        check_each({"Learning rate": lr, "momentum": momentum, "weight decay": weight_decay})
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(
                        "Muon only supports 2D parameters whereas we found a parameter with size: "
                        f"{p.size()}"
                    )

    def _rehearse(self, group: Group) -> None:
        """Most of its kernels are those of products."""

    def _new_state(self, param: Tensor, group: Group) -> State:
        return {"momentum_buffer": zeros_like(param)}

    def _numbers(self, group: Mapping[str, Any], step: Any) -> tuple[Any, ...]:
        lr, momentum = group["lr"], group["momentum"]
        return momentum, 1 - momentum, 1 - lr * group["weight_decay"], lr

    def _update(
        self, param: Tensor, grad: Tensor, state: State, group: Group, numbers: tuple[float, ...]
    ) -> None:
        if grad.ndim != 2:
            raise ValueError("Param gradient must be a 2D matrix")
        momentum, rest, shrink, rate = numbers
        aimed = empty_like(grad)
        aim((grad, state["momentum_buffer"], aimed), (momentum, rest), (group["nesterov"],))
        found = orthogonal(aimed, group["ns_coefficients"], group["ns_steps"], group["eps"])
        n, m = param.shape
        scale = sqrt(max(1, n / max(m, 1)))
        if group["adjust_lr_fn"] == "match_rms_adamw":
            scale = 0.2 * sqrt(max(n, m))
        descend((param, found * scale), (shrink, rate))


def check_each(numbers: Mapping[str, Any]) -> None:
    """ValueError naming the first number that is negative, NaN, or a tensor of several elements."""
    for name, value in numbers.items():
        if isinstance(value, Tensor) and value.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not value >= 0.0:
            raise ValueError(f"{name} should be >= 0 but is: {value}")


def orthogonal(matrix: Tensor, coefficients: Any, steps: int, eps: float) -> Any:
    """Nearly the closest matrix with singular values 1; ValueError for 100 steps and more."""
    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x: Any = matrix.float() if matrix.dtype is float16 else matrix
    x = x.mT if tall else x
    x = x / norm(x).clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.mT
        x = addmm(x, addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


@fused
def aim(
    grad: Any, buffer: Any, aimed: Any, *, momentum: Any, rest: Any, nesterov: bool
) -> tuple[Any, ...]:
    buffer = buffer + rest * (grad - buffer)
    return None, buffer, grad + momentum * (buffer - grad) if nesterov else buffer


@fused
def descend(param: Any, direction: Any, *, shrink: Any, rate: Any) -> tuple[Any, ...]:
    return shrink * param - rate * direction, None
