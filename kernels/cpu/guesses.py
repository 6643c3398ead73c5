"""What programs are likely to need: compiled on a new machine when there is nothing better to do.

Who knows the ops registers a function here, which names the kernels of the usual ones. It is called
at the first kernel that a process loads, where none has been compiled for the machine before, so
that neither a warm start nor an import pays anything.
"""

from __future__ import annotations

from collections.abc import Callable

from .. import cache

_expected: list[Callable[[], None]] = []


def expect(guess: Callable[[], None]) -> None:
    """Have `guess` called at the first kernel of a machine, to call `guess` of kernels."""
    _expected.append(guess)


def begin() -> None:
    """A kernel is about to be loaded: the first time, have others compiled beside it."""
    if not _expected:
        return
    guesses, _expected[:] = tuple(_expected), ()
    if cache.fresh():
        for guess in guesses:
            guess()
