"""Ctrl-C as a question that a loop asks, so that it can end after a whole step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Held:
    """`with Held() as stopped`: the first Ctrl-C only makes `stopped()` true.

    A second one does as ever. Where Ctrl-C is ignored, or the thread is not the main one, it never
    becomes true.
    """

    def __init__(self) -> None:
        self._came = self._lifted = False

    def __call__(self) -> bool:
        return self._came

    def __enter__(self) -> Held:
        self._before = signal.getsignal(signal.SIGINT)
        here = threading.current_thread() is threading.main_thread()
        self._holds = here and callable(self._before)
        if self._holds:
            signal.signal(signal.SIGINT, self._answer)
        return self

    def __exit__(self, *error: object) -> None:
        if self._holds:
            signal.signal(signal.SIGINT, self._before)

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Within, the first Ctrl-C does as ever, too: it raises KeyboardInterrupt."""
        self._lifted = True
        try:
            yield
        finally:
            self._lifted = False

    def _answer(self, number: int, frame: Any) -> None:
        held = not (self._came or self._lifted)
        self._came, self._lifted = True, False
        if not held and callable(self._before):
            self._before(number, frame)
