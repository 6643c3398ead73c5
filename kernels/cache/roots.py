"""The directories of the kernel cache: those that are read, and the one that is written.

Of MICROGREST_CACHE_DIR, the user's cache directory (XDG_CACHE_HOME or ~/.cache, ~/Library/Caches,
%LOCALAPPDATA%) and a private one under the temporary directory, the first that can be written is.
Those before it that can be read are read, too. What lies there is unpickled, so a directory that
belongs to another user, or that everyone may write to, is neither.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple


class Roots(NamedTuple):
    """All directories that are read, in order; the last is the one written, or none is."""

    read: tuple[Path, ...]
    written: Path | None


def roots() -> Roots:
    """The directories, as the environment is now."""
    return _found(os.environ.get("MICROGREST_CACHE_DIR"), _user_directory())


@lru_cache(maxsize=8)
def _found(wanted: str | None, user: str | None) -> Roots:
    found = _first_writable(_candidates(wanted, user))
    if wanted and found.written != (path := Path(wanted).expanduser().absolute()):
        other = found.written or "memory only"
        problem = _refusal(path)
        warnings.warn(
            f"MICROGREST_CACHE_DIR={wanted} cannot be used: {problem}; kernels are kept in {other}"
            if problem
            else f"MICROGREST_CACHE_DIR={wanted} cannot be written: kernels are read from there, "
            f"and new ones are kept in {other}",
            RuntimeWarning,
            stacklevel=4,
        )
    return found


def _candidates(wanted: str | None, user: str | None) -> Iterator[Path]:
    if wanted:
        yield Path(wanted).expanduser().absolute()
    if user:
        yield Path(user)
    with suppress(OSError):  # there may be none that can be written
        name = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
        yield Path(tempfile.gettempdir(), f"microgrest-{name}")


def _user_directory() -> str | None:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "microgrest") if base and os.path.isabs(base) else None


def _first_writable(candidates: Iterator[Path]) -> Roots:
    read: list[Path] = []
    for path in candidates:
        with suppress(OSError):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path not in read and _refusal(path) is None:
            read.append(path)
            if _writable(path):
                return Roots(tuple(read), path)
    return Roots(tuple(read), None)


def _refusal(path: Path) -> str | None:
    """Why `path` is not to be trusted; None if it is a directory that is ours alone to write."""
    try:
        state = path.stat()
    except OSError as error:
        return error.strerror or str(error)
    if not stat.S_ISDIR(state.st_mode):
        return "it is no directory"
    if hasattr(os, "getuid") and state.st_uid != os.geteuid():
        return "it belongs to another user"
    if hasattr(os, "getuid") and state.st_mode & stat.S_IWOTH:
        return "everyone may write to it"
    return None


def _writable(path: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"0")  # a full disk refuses this only
    except OSError:
        return False
    return True
