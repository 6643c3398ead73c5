"""Files of the kernel cache: written in one step, and sealed by a digest of their place and text.

The digest holds the name, because the name says which kernel it is, for which types: a file that
was copied over another is as wrong as a damaged one.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

PREFIX = "mgk_"  # of every file


def write_sealed(path: Path, data: bytes) -> bool:
    """Put `data` and its digest at `path`; False where the disk refuses."""
    return write(path, _seal(path, data) + data)


def read_sealed(path: Path) -> bytes | None:
    """What `write_sealed` put at `path`; otherwise None, and a damaged file is gone."""
    try:
        sealed = path.read_bytes()
    except OSError:
        return None
    seal, data = sealed[:32], sealed[32:]
    if _seal(path, data) == seal:
        return data
    delete(path)
    return None


def _seal(path: Path, data: bytes) -> bytes:
    """SHA-256 of the last folder and the name, which hold all that the contents depend on."""
    return hashlib.sha256(f"{path.parent.name}/{path.name}:".encode() + data).digest()


def write(path: Path, data: bytes) -> bool:
    """Put `data` at `path` in one step, for this user only; False where the disk refuses."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=PREFIX, suffix=".tmp")
    except OSError:
        return False
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError:  # a full disk, or Windows while another process reads the same bytes
        delete(Path(temporary))
        return path.exists()
    return True


def delete(path: Path) -> None:
    """Remove `path` if that can be done."""
    with suppress(OSError):  # gone already, or open in another process on Windows
        path.unlink()


def some(directory: Path, ending: str) -> bool:
    """Whether a file in `directory` ends so; looks no further than the first."""
    with suppress(OSError), os.scandir(directory) as found:
        return any(file.name.endswith(ending) for file in found)
    return False
