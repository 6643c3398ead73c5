"""How a command ends that has not done it all, and the errors that the user can mend.

Those are one line on standard error and exit status 2, no traceback.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

# What shells report of a program that SIGINT or SIGPIPE ended, and EX_SOFTWARE of sysexits.h.
INTERRUPTED, PIPE_CLOSED, FAULT = 130, 141, 70


class InputError(click.ClickException):
    """Something given on the command line, or in a file named there, cannot be used."""

    exit_code = 2


@contextmanager
def memory_guarded() -> Iterator[None]:
    """In a `with` statement, running out of memory, a GPU's too, is the user's to mend."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        from microgrest import OutOfMemoryError

        if not isinstance(error, (MemoryError, OutOfMemoryError)):
            raise
        raise InputError(f"this fit does not fit into memory: {error}") from error
