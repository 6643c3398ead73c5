"""Standard output and error that may be closed, full, or without a reader.

Messages that cannot be written are lost, and nothing else with them. A result that cannot be
written is an error, with a status of its own where its reader has only gone.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

import click

from .errors import PIPE_CLOSED, InputError


def tell(message: str) -> None:
    """Write a line to standard error."""
    click.echo(message, err=True)


@contextmanager
def guarded() -> Iterator[None]:
    """Within, standard error never fails, and where standard output does, the command ends well."""
    given = sys.stdout, sys.stderr
    _occupy()
    sys.stdout = cast(TextIO, _Guard(sys.stdout, _output_lost))
    sys.stderr = cast(TextIO, _Guard(sys.stderr, lambda error: None))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = given


def _occupy() -> None:
    """Open those of the first three descriptors that are closed: a file would take their place."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _output_lost(error: OSError) -> None:
    if error.errno == errno.EPIPE:  # `| head` has read enough
        raise click.exceptions.Exit(PIPE_CLOSED)
    raise InputError(f"cannot write standard output: {error.strerror}")


class _Guard:
    """Stands for a stream, or for none; `lost` is called once, at the first failure to write."""

    def __init__(self, stream: TextIO | None, lost: Callable[[OSError], None]) -> None:
        self._stream, self._lost = stream, lost
        self._failed = False

    def write(self, text: str) -> int:
        if not isinstance(text, str):  # click asks with b"" and "" what kind of stream this is
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            self._attempt("write", self._encodable(text))
        return len(text)

    def flush(self) -> None:
        self._attempt("flush")

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _encodable(self, text: str) -> str:
        """`text` with escapes for what the stream's encoding has not."""
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            plain = text.replace("±", "+/-")
            return plain.encode(encoding, "backslashreplace").decode(encoding)
        return text

    def _attempt(self, name: str, *arguments: str) -> None:
        if self._failed:
            return
        try:
            if self._stream is None:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            getattr(self._stream, name)(*arguments)
        except OSError as error:
            self._failed = True
            self._divert()
            self._lost(error)

    def _divert(self) -> None:
        """Let Python write to nowhere, as it ends, what the stream still holds."""
        if self._stream is not None:
            with suppress(OSError):  # it may be no file
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)
