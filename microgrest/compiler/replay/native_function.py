"""The native function of a trace; what builds it is loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Callable

from ...kernels.steps.trace import Native, Trace

Build = Callable[[Trace], Native]


def native(trace: Trace) -> Native:
    """The native function of a trace, for the device that it runs on."""
    from ...kernels.steps.build import build

    return build(trace)


def proved(trace: Trace) -> Native:
    """The same, of a plan that is looked at more thoroughly."""
    from ...kernels.steps.build import build

    return build(trace, thorough=True)
