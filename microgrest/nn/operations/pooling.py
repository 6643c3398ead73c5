"""Maxima of windows as `nn.functional` has them: with their places if these are asked for."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ...functions.checked import of_tensors
from ...functions.windows import pools
from ...functions.windows.arguments import Ints
from ...functions.windows.pooling import Sizes
from ...tensor import Tensor


def _max_pool(n: int) -> Callable[..., Any]:
    values: Callable[..., Any] = getattr(pools, f"max_pool{n}d")
    both: Callable[..., Any] = getattr(pools, f"max_pool{n}d_with_indices")

    def max_pool(
        input: Tensor,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        find = both if return_indices else values
        return find(input, kernel_size, stride, padding, dilation, ceil_mode)

    return _named(max_pool, values, "(values, indices), where `return_indices`.")


def _adaptive_max_pool(n: int) -> Callable[..., Any]:
    both: Callable[..., Any] = getattr(pools, f"adaptive_max_pool{n}d")

    def adaptive_max_pool(input: Tensor, output_size: Sizes, return_indices: bool = False) -> Any:
        result = both(input, output_size)
        return result if return_indices else result[0]

    return _named(adaptive_max_pool, both, "The values alone, unless `return_indices`.")


def _named(
    function: Callable[..., Any], found: Callable[..., Any], more: str
) -> Callable[..., Any]:
    """`function` by the name of what it calls, described as that."""
    function.__name__ = function.__qualname__ = found.__name__
    function.__doc__ = f"{inspect.getdoc(found)}\n\n{more}"
    return of_tensors(function)


max_pool1d, max_pool2d, max_pool3d = map(_max_pool, pools.N)
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = map(_adaptive_max_pool, pools.N)
