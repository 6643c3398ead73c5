"""Maxima of windows as `nn.functional` has them: with their places if these are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..functions.windows import pools
from ..functions.windows.arguments import Ints
from ..functions.windows.pooling import Sizes
from ..tensor import Tensor


def _max_pool(found: Callable[..., tuple[Tensor, Tensor]]) -> Callable[..., Any]:
    def max_pool(
        input: Tensor,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        result = found(input, kernel_size, stride, padding, dilation, ceil_mode)
        return result if return_indices else result[0]

    return _named(max_pool, found, found.__name__.removesuffix("_with_indices"))


def _adaptive_max_pool(found: Callable[..., tuple[Tensor, Tensor]]) -> Callable[..., Any]:
    def adaptive_max_pool(input: Tensor, output_size: Sizes, return_indices: bool = False) -> Any:
        result = found(input, output_size)
        return result if return_indices else result[0]

    return _named(adaptive_max_pool, found, found.__name__)


def _named(
    function: Callable[..., Any], found: Callable[..., Any], name: str
) -> Callable[..., Any]:
    """`function` by its own name, described as what it calls."""
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{found.__doc__}\n\nThe values alone, unless `return_indices`."
    return function


max_pool1d, max_pool2d, max_pool3d = map(
    _max_pool,
    (pools.max_pool1d_with_indices, pools.max_pool2d_with_indices, pools.max_pool3d_with_indices),
)
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = map(
    _adaptive_max_pool,
    (pools.adaptive_max_pool1d, pools.adaptive_max_pool2d, pools.adaptive_max_pool3d),
)
