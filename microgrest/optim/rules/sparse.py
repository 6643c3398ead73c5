"""SparseAdam, which microgrest does not have: its tensors are dense."""

from __future__ import annotations

from typing import Any


class SparseAdam:
    """Refused by name: NotImplementedError."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            "SparseAdam is not supported: gradients of microgrest are dense; use Adam"
        )
