"""Devices of Apple's (MPS), of which there are none here, as `torch` would say."""

from __future__ import annotations


def is_available() -> bool:
    """Whether tensors can be there: never."""
    return False


def device_count() -> int:
    """How many there are: none."""
    return 0
