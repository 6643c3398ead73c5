"""cuDNN, which has no part in this library: its settings may be set, and change nothing."""

from __future__ import annotations

enabled = True
benchmark = False
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """Whether it is used: never."""
    return False


def version() -> int | None:
    """Its version, of which there is none."""
    return None
