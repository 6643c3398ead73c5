"""What a Module consists of, for what it is built on: registration, saving and restoring."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from ....tensor import Tensor
from ...parameter import Parameter


class Members(Protocol):
    """A Module, as far as its tables go."""

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _non_persistent: set[str]

    def named_modules(self, *, remove_duplicate: bool = True) -> Iterator[tuple[str, Any]]:
        """The module itself and all below it, each with its path."""
