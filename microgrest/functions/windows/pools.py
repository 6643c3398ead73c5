"""The pooling functions that users call, for images of one, two and three extents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...tensor import Tensor
from . import pooling
from .arguments import Ints, numbered
from .pooling import Sizes

Pooling = Callable[..., Tensor]
N = 1, 2, 3


def _max_pool(n: int) -> Pooling:
    def max_pool(
        input: Tensor,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
        ceil_mode: bool = False,
    ) -> Tensor:
        """The largest element of each window of an image (N, C, *extents), or (C, *extents).

        Windows are `stride` apart, by default as far as they are long, and have their elements
        `dilation` apart; `padding` around the image counts for nothing. `ceil_mode` takes a last
        window that reaches beyond. NaN is largest. RuntimeError where there is no window.
        """
        if n == 1:
            pooling.check_floating("max_pool1d", input)
        given = kernel_size, stride, padding, dilation, ceil_mode
        return pooling.max_pool(f"max_pool{n}d", n, input, *given)[0]

    return numbered(max_pool, n)


def _max_pool_with_indices(n: int) -> Callable[..., tuple[Tensor, Tensor]]:
    def max_pool_with_indices(
        input: Tensor,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
        ceil_mode: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """(values, indices): as max_pool, and the first place of each value in its image."""
        given = kernel_size, stride, padding, dilation, ceil_mode
        return pooling.max_pool(f"max_pool{n}d", n, input, *given)

    return numbered(max_pool_with_indices, n)


def _adaptive_max_pool(n: int) -> Callable[..., tuple[Tensor, Tensor]]:
    def adaptive_max_pool(input: Tensor, output_size: Sizes) -> tuple[Tensor, Tensor]:
        """(values, indices): the largest of each of `output_size` windows spread over an image.

        None in `output_size` stands for the extent of the image.
        """
        return pooling.adaptive_max_pool(f"adaptive_max_pool{n}d", n, input, output_size)

    return numbered(adaptive_max_pool, n)


def _avg_pool(n: int) -> Pooling:
    def avg_pool(
        input: Tensor,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Tensor:
        """The mean of each window of an image (N, C, *extents), or (C, *extents).

        Padding are zeros, which count, or, unless `count_include_pad`, do not; sums are divided by
        `divisor_override` where it is given. Else as max_pool.
        """
        given = kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        return pooling.avg_pool(f"avg_pool{n}d", n, input, *given)

    return numbered(avg_pool, n)


def avg_pool1d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window of an image (N, C, L), or (C, L); see `avg_pool2d`."""
    given = kernel_size, stride, padding, ceil_mode, count_include_pad
    return pooling.avg_pool("avg_pool1d", 1, input, *given)


def _adaptive_avg_pool(n: int) -> Pooling:
    def adaptive_avg_pool(input: Tensor, output_size: Sizes) -> Tensor:
        """The mean of each of `output_size` windows spread over an image.

        None in `output_size` stands for the extent of the image.
        """
        return pooling.adaptive_avg_pool(f"adaptive_avg_pool{n}d", n, input, output_size)

    return numbered(adaptive_avg_pool, n)


def _lp_pool(n: int) -> Pooling:
    def lp_pool(
        input: Tensor,
        norm_type: float,
        kernel_size: Ints,
        stride: Ints | None = None,
        ceil_mode: bool = False,
    ) -> Tensor:
        """The sum of the powers `norm_type` of each window, to the power 1 / norm_type."""
        given = norm_type, kernel_size, stride, ceil_mode
        return pooling.lp_pool(f"lp_pool{n}d", n, input, *given)

    return numbered(lp_pool, n)


def _max_unpool(n: int) -> Pooling:
    def max_unpool(
        input: Tensor,
        indices: Tensor,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        output_size: Sequence[int] | None = None,
    ) -> Tensor:
        """Zeros with the elements of `input` where max_pool found them, at `indices`.

        The image has the size that the default or `output_size` says; RuntimeError for places
        outside of it, ValueError for a size that the pooling cannot have come from.
        """
        given: Any = kernel_size, stride, padding, output_size
        return pooling.max_unpool(f"max_unpool{n}d", n, input, indices, *given)

    return numbered(max_unpool, n)


max_pool1d, max_pool2d, max_pool3d = map(_max_pool, N)
max_pool1d_with_indices, max_pool2d_with_indices, max_pool3d_with_indices = map(
    _max_pool_with_indices, N
)
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = map(_adaptive_max_pool, N)
avg_pool2d, avg_pool3d = map(_avg_pool, N[1:])
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = map(_adaptive_avg_pool, N)
lp_pool1d, lp_pool2d, lp_pool3d = map(_lp_pool, N)
max_unpool1d, max_unpool2d, max_unpool3d = map(_max_unpool, N)
