"""Adafactor: Adam's division by mean squares of which only those of rows and columns are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ...creation import zeros_like
from ...functions.reductions.statistics import norm
from ...tensor import Tensor
from ...types.dtypes import finfo
from ..fused import fused
from ..groups import Group
from ..optimizer import Optimizer, State
from .muon import check_each, descend


class Adafactor(Optimizer):
    """`p -= min(lr, t^-0.5) * max(eps2, rms(p)) * u / max(1, rms(u) / d)` (Shazeer and Stern 2018).

    `u = g / sqrt(v)`, where v averages g^2 with weights `1 - t^beta2_decay`: of a vector each
    element, of a matrix the product of the means of its row and its column, divided by the mean of
    all. The last two dimensions are a matrix's. eps1, by default the dtype's epsilon, is the least
    sqrt(v). p shrinks by `lr * weight_decay * p` first.
    """

    # They are no inputs of a kernel.
    _steering = ("eps", "d")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        check_each({"Learning rate": lr})
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        check_each({"epsilon1": 0.0 if eps[0] is None else eps[0], "epsilon2": eps[1]})
        if not d >= 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        check_each({"weight_decay": weight_decay})
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _rehearse(self, group: Group) -> None:
        """Most of its kernels are those of ordinary functions."""

    def _new_state(self, param: Tensor, group: Group) -> State:
        if param.ndim < 2:
            return {"step": 0, "variance": zeros_like(param)}
        rows, columns = (*param.shape[:-1], 1), (*param.shape[:-2], 1, param.shape[-1])
        return {
            "step": 0,
            "row_var": param.new_zeros(rows),
            "col_var": param.new_zeros(columns),
        }

    def _numbers(self, group: Mapping[str, Any], step: Any) -> tuple[Any, ...]:
        lr, decay = group["lr"], group["weight_decay"]
        share = np.power(step, group["beta2_decay"], dtype=np.float64)
        return share, np.minimum(lr, 1 / np.sqrt(step)), 1 - lr * decay

    def _update(
        self, param: Tensor, grad: Tensor, state: State, group: Group, numbers: tuple[float, ...]
    ) -> None:
        (share, rate, shrink), (least, floor) = numbers, group["eps"]
        least = finfo(param.dtype).eps if least is None else least
        variance = self._variance(grad, state, share, least)
        step = grad * variance.clamp(min=least * least).rsqrt()
        size = _rms(param).clamp(min=floor) / (_rms(step) / group["d"]).clamp(min=1.0)
        descend((param, step * (-size if group["maximize"] else size)), (shrink, rate))

    def _variance(self, grad: Tensor, state: State, share: float, least: float) -> Any:
        """The mean squares of the elements, as far as they are known."""
        if grad.ndim < 2:
            average((state["variance"], grad * grad), (share,))
            return state["variance"]
        squares, rows, columns = grad * grad, state["row_var"], state["col_var"]
        average((rows, squares.mean(-1, keepdim=True)), (share,))
        average((columns, squares.mean(-2, keepdim=True)), (share,))
        return rows @ columns / rows.mean(-2, keepdim=True).clamp(min=least)


def _rms(t: Any) -> Any:
    return norm(t) / max(t.numel(), 1) ** 0.5


@fused
def average(held: Any, now: Any, *, share: Any) -> tuple[Any, ...]:
    return held + share * (now - held), None
