"""Anomaly mode, by PyTorch's names: `torch.autograd.detect_anomaly`."""

from __future__ import annotations

import warnings

from ..graph import anomaly

__all__ = [
    "detect_anomaly",
    "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled",
    "set_detect_anomaly",
]


class detect_anomaly:
    """Inside, an error in `backward` is told with the lines of the forward pass that lead to it.

    With `check_nan` it is an error if a gradient has a NaN: RuntimeError, which names the
    operation. The mode is the whole process's, and slow.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan
        self._before: list[tuple[bool, bool]] = []
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should "
            "only be enabled for debugging.",
            stacklevel=2,
        )

    def __enter__(self) -> None:
        self._before.append(anomaly.switch(True, self.check_nan))

    def __exit__(self, *exc: object) -> None:
        anomaly.switch(*self._before.pop())


class set_detect_anomaly:
    """Switch anomaly mode on or off, from the call on, or for the block when used with `with`."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = anomaly.switch(mode, check_nan)

    def __enter__(self) -> None:
        """The mode has been on since the call."""

    def __exit__(self, *exc: object) -> None:
        anomaly.switch(*self._before)


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on."""
    return anomaly.mode.on


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode looks for NaN."""
    return anomaly.mode.check_nan
