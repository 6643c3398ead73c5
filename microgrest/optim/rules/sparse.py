"""SparseAdam, which microgrest does not have: its tensors are dense."""

from __future__ import annotations

from typing import Any


class SparseAdam:
    """Refused by name: NotImplementedError."""

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        raise NotImplementedError(
            "SparseAdam is not supported: gradients of microgrest are dense; use Adam"
        )
