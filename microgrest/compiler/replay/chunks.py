"""Chunks of steps: how long they are, and what is told and heard between them."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

CHUNK_SECONDS = 0.05
# A chunk is at most so many steps, which bounds its table of numbers and its history.
LONGEST = 1 << 17
# Larger state is not kept for replay. Copying 16 MiB takes about 2 ms, a twenty-fifth of a chunk.
KEPT_BYTES = 1 << 24


@contextmanager
def telling(progress: Any, n: int | None) -> Iterator[Callable[[int], object]]:
    """What is told of the steps done: a bar, a function of the user's, or nobody.

    `n`: None if nobody knows how many there will be.
    """
    if hasattr(progress, "update"):
        begin = progress.n
        yield lambda done: progress.update(begin + done - progress.n)
    elif callable(progress):
        yield lambda done: progress(done, n)
    elif progress and n is not None:
        import click

        with click.progressbar(length=n, file=sys.stderr) as bar:
            yield lambda done: bar.update(done - bar.pos)
    else:
        yield lambda done: None


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C inside is answered at the end. Only the main thread is ever interrupted."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    seen: list[Any] = []
    signal.signal(signal.SIGINT, lambda *signalled: seen.append(signalled))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if seen:
            before(*seen[0])
