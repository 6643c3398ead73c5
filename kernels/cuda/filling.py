"""Kernels that set all elements to one value."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ..source.program import Input, Output, Program
from .elementwise import compiled


@cache
def filler(dtype: np.dtype[Any]) -> Any:
    """fill(value, out): out[i] = value"""
    return compiled(_copies(dtype), "iv" if dtype.kind in "iub" else "fv")


@cache
def repeater(dtype: np.dtype[Any]) -> Any:
    """repeat(source, out): out[i] = source[0]"""
    return compiled(_copies(dtype), "ev")


@cache
def _copies(dtype: np.dtype[Any]) -> Program:
    return Program("copy", (Input("x", dtype.name, dtype.name),), (), (Output(0, dtype.name),))
