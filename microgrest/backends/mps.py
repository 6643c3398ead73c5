"""Apple's devices, of which there are none here."""

from __future__ import annotations


def is_available() -> bool:
    """Whether tensors can be there: never."""
    return False


def is_built() -> bool:
    """Whether this library knows of them: it does not."""
    return False
