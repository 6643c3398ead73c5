"""What a Module consists of, for what it is built on: registration, saving and restoring."""

from __future__ import annotations

from typing import Any, Protocol

from ....tensor import Tensor
from ...parameter import Parameter


class Members(Protocol):
    """A Module, as far as its tables go."""

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _non_persistent: set[str]
    _state_hooks: Any

    def get_extra_state(self) -> Any:
        """What is saved beside tensors."""

    def set_extra_state(self, state: Any) -> None:
        """Take over what was saved."""

    def _has_extra_state(self, method: str) -> bool: ...
