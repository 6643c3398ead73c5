"""Setting all elements to one value, on a GPU."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ..source.program import Input, Output, Program
from .elementwise import compiled


def fill(array: Any, value: Any) -> None:
    """Set every element of `array` to `value`, a NumPy scalar of its type."""
    _filler(array.dtype)(value, array)


def repeat(array: Any, source: Any) -> None:
    """Set every element of `array` to the first of `source`."""
    _repeater(array.dtype)(source, array)


@cache
def _filler(dtype: np.dtype[Any]) -> Any:
    """fill(value, out): out[i] = value"""
    return compiled(_copies(dtype), "iv" if dtype.kind in "iub" else "fv")


@cache
def _repeater(dtype: np.dtype[Any]) -> Any:
    """repeat(source, out): out[i] = source[0]"""
    return compiled(_copies(dtype), "ev")


@cache
def _copies(dtype: np.dtype[Any]) -> Program:
    return Program("copy", (Input("x", dtype.name, dtype.name),), (), (Output(0, dtype.name),))
