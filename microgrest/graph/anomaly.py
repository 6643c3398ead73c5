"""Anomaly mode: nodes know the line that made them, and gradients are looked at for NaN.

The mode is that of the process, as in PyTorch, not of a thread.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Sequence
from typing import Any

from .arithmetic import served
from .node import Bundle, Node, watchers

_PACKAGE = os.path.dirname(os.path.dirname(__file__))
_TRACE, _PARENT = "traceback_", "parent_"


class _Mode:
    """`on`: nodes are traced. `check_nan`: gradients are looked at."""

    on = False
    check_nan = True


class _Running(threading.local):
    """The node that this thread runs."""

    node: Node | None = None


mode = _Mode()
_running = _Running()
_switching = threading.Lock()


def switch(on: bool, check_nan: bool = True) -> tuple[bool, bool]:
    """Set the mode; returns what it was."""
    with _switching:
        before = mode.on, mode.check_nan
        if on and not mode.on:
            watchers.append(_trace)
        elif mode.on and not on:
            watchers.remove(_trace)
        mode.on, mode.check_nan = bool(on), bool(check_nan)
        return before


def _trace(node: Node) -> None:
    """Keep with a new node the lines that lead to it, and the node that it differentiates."""
    import traceback  # which few programs need

    frame = sys._getframe(1)
    while frame.f_back and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    node.metadata[_TRACE] = traceback.format_stack(frame)
    if _running.node is not None:
        node.metadata[_PARENT] = _running.node


def compute(node: Node, g: Any, create_graph: bool) -> Sequence[Any]:
    """What the node's rule computes. Before an error goes on, a warning tells where it began."""
    outer, _running.node = _running.node, node
    try:
        rule = node.rule
        found = rule.differentiable(node, g) if create_graph else rule.backward(node, g)
        if mode.check_nan:
            _check(node, found)
        return found
    except Exception:
        _tell(node)
        raise
    finally:
        _running.node = outer


def _check(node: Node, cotangents: Sequence[Any]) -> None:
    """RuntimeError where one of the gradients has a NaN."""
    for i, c in enumerate(cotangents):
        parts = c.parts.values() if c.__class__ is Bundle else (c,)
        if any(part is not None and served.by.has_nan(part) for part in parts):
            raise RuntimeError(f"Function {node.name()!r} returned nan values in its {i}th output.")


def _tell(node: Node) -> None:
    """Warn with the lines that made the node, and those that it differentiates."""
    trace = node.metadata.get(_TRACE)
    if trace is None:
        told = (
            "No forward pass information available. Enable detect anomaly during forward pass for "
            "more information."
        )
    else:
        told = f"Traceback of forward call that caused the error:\n{''.join(trace)}"
    warnings.warn(f"Error detected in {node.name()}. {told}", UserWarning, stacklevel=2)
    parent = node.metadata.get(_PARENT)
    while parent is not None:
        trace = parent.metadata.get(_TRACE, ["No forward pass information available.\n"])
        warnings.warn(
            f"\n\nPrevious calculation was induced by {parent.name()}. Traceback of forward call "
            f"that induced the previous calculation:\n{''.join(trace)}",
            UserWarning,
            stacklevel=2,
        )
        parent = parent.metadata.get(_PARENT)
