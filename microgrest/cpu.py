"""The CPU as a device, as `torch.cpu` has it: there is one, and it is always done."""

from __future__ import annotations

from typing import Any


def is_available() -> bool:
    """Whether there is a CPU."""
    return True


def device_count() -> int:
    """How many there are to choose from: one."""
    return 1


def current_device() -> str:
    """Its name."""
    return "cpu"


def synchronize(device: Any = None) -> None:
    """Return when all work is done, as it is after each call."""
