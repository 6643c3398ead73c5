"""Dropout: elements left out at random."""

from __future__ import annotations

from ...random import rand
from ...tensor import Tensor
from ...types.dtypes import float32


def dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """`input` with each element 0 with probability `p`, else divided by 1 - p.

    The input itself where `train` is False or p is 0. RuntimeError for p outside [0, 1] and for
    integers. The default generator draws for every element (Srivastava et al. 2014).
    """
    check_probability(p, RuntimeError)
    return drop(input, p) if train else input


def drop(input: Tensor, p: float, inplace: bool = False) -> Tensor:
    """Dropout, of a `p` that was checked."""
    if p == 0 or input.numel() == 0:
        return input
    if p == 1:
        return input.mul_(0) if inplace else input * input.new_zeros(())
    if not input.is_floating_point():
        raise RuntimeError(f"dropout takes floating-point tensors, got {input.dtype!r}")
    kept = rand(input.shape, dtype=float32, device=input.device) < 1 - p
    scale = 1 / (1 - p)
    return input.mul_(kept).mul_(scale) if inplace else input * kept * scale


def check_probability(p: float, error: type[Exception]) -> None:
    """Raise `error` unless `p` is in [0, 1]."""
    if not 0.0 <= p <= 1.0:
        raise error(f"dropout probability has to be between 0 and 1, but got {p}")
