"""Devices of Apple's (MPS), of which there are none here, as `torch.mps` says where there are none."""

from __future__ import annotations


def is_available() -> bool:
    """Whether tensors can be there: never."""
    return False


def device_count() -> int:
    """How many there are: none."""
    return 0
