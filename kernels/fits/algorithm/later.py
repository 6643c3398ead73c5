"""Native functions that take seconds to compile: until they are, Python does their work.

What is on disk is there at once. What is not is compiled by the child, where there is one, and
here after as many calls as first calls of kernels are (`MICROGREST_FIRST_CALLS`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import cache
from ...cpu import first_calls


class Later:
    """A module's `kernel`, by its text and label; called, it gives what is compiled, or None."""

    def __init__(self, text: Callable[[], str], label: str, types: str) -> None:
        self._text, self._label, self._types = text, label, types
        self._kernel: Any = None
        self._pending: cache.Pending | None = None
        self._left, self._waits = first_calls.number(), False

    def __call__(self) -> Any:
        if self._kernel is None and self._ready():
            self._kernel = cache.load(self._text(), self._label).kernel
        return self._kernel

    def _ready(self) -> bool:
        self._left -= 1
        if self._pending is None:
            if self._left < 0 or cache.compiled(self._text(), self._label):
                return True
            self._pending = cache.ahead(
                self._text(), self._label, self._types, long=True, again=True
            )
            self._waits = self._pending()
        if self._waits:
            return not self._pending()
        return self._left < 0

    def now(self) -> Any:
        """What is compiled, here if it is not yet."""
        self._left, self._pending = 0, None
        return self()
