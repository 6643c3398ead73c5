"""Dropout: elements, or whole channels, left out at random (Srivastava et al. 2014)."""

from __future__ import annotations

import warnings

from ...functions.checked import of_tensors
from ...functions.pointwise.dropout import check_probability, drop
from ...random import rand
from ...tensor import Tensor
from ...types.dtypes import float32

# What an element that is left out becomes, minus the mean: -scale alpha of selu.
_ALPHA = -1.7580993408473766


@of_tensors
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """x / (1 - p) with probability 1 - p, else 0; x itself unless `training`.

    ValueError for p outside [0, 1]. The default generator draws for every element.
    """
    check_probability(p, ValueError)
    return drop(input, p, inplace) if training else input


@of_tensors
def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Dropout of whole channels of an input (N, C, L) or (C, L)."""
    check_probability(p, ValueError)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. Note that "
            "dropout1d exists to provide channel-wise dropout on inputs with 1 spatial dimension, "
            "a channel dimension, and an optional batch dimension (i.e. 2D or 3D inputs)."
        )
    return _of_samples(input, p, training, inplace, 3)


@of_tensors
def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Dropout of whole channels of an input (N, C, H, W); one of (N, C, L) warns."""
    check_probability(p, ValueError)
    if input.ndim not in (3, 4):
        warnings.warn(
            f"dropout2d: Received a {input.ndim}-D input to dropout2d, which is deprecated and "
            "will result in an error in a future release.",
            stacklevel=2,
        )
    if input.ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout "
            "behavior is desired - input is interpreted as shape (N, C, L), where C is the channel "
            "dim.",
            stacklevel=2,
        )
    return _channels(input, p, training, inplace, 2)


@of_tensors
def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Dropout of whole channels of an input (N, C, D, H, W) or (C, D, H, W)."""
    check_probability(p, ValueError)
    if input.ndim not in (4, 5):
        warnings.warn(
            f"dropout3d: Received a {input.ndim}-D input to dropout3d, which is deprecated and "
            "will result in an error in a future release.",
            stacklevel=2,
        )
    return _of_samples(input, p, training, inplace, 5)


def _of_samples(x: Tensor, p: float, training: bool, inplace: bool, ndim: int) -> Tensor:
    """Dropout of channels; of one sample by itself where there are fewer than `ndim` dimensions."""
    if x.ndim == ndim:
        return _channels(x, p, training, inplace, 2)
    found = _channels(x.unsqueeze(0), p, training, inplace, 2)
    return x if inplace else found.squeeze(0)


def _channels(x: Tensor, p: float, training: bool, inplace: bool, leading: int) -> Tensor:
    """Dropout of all that has the same first `leading` indices."""
    if not training or not p or not x.numel():
        return x
    if p == 1:
        return x.mul_(0) if inplace else x * x.new_zeros(())
    if x.ndim < leading:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    kept = _kept(x, p, leading)
    scale = 1 / (1 - p)
    return x.mul_(kept).mul_(scale) if inplace else x * kept * scale


def _kept(x: Tensor, p: float, leading: int) -> Tensor:
    """Which of all that has the same first `leading` indices is kept."""
    if not x.is_floating_point():
        raise RuntimeError(f"dropout takes floating-point tensors, got {x.dtype!r}")
    shape = (*x._shape[:leading], *[1] * (x.ndim - leading))
    return rand(shape, dtype=float32, device=x.device) < 1 - p


@of_tensors
def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Dropout that keeps mean 0 and variance 1, for `selu` (Klambauer et al. 2017)."""
    check_probability(p, ValueError)
    return _alpha(input, p, training, inplace, input.ndim)


@of_tensors
def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Alpha dropout of whole channels, of inputs (N, C, ...)."""
    check_probability(p, ValueError)
    if training and 0 < p < 1 and input.numel() and input.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    return _alpha(input, p, training, inplace, min(input.ndim, 2))


def _alpha(x: Tensor, p: float, training: bool, inplace: bool, leading: int) -> Tensor:
    if not training or not p or not x.numel():
        return x
    if p == 1:
        return x.mul_(0) if inplace else x * x.new_zeros(())
    kept = _kept(x, p, leading).to(x.dtype)
    scale: float = ((1 - p) * (1 + p * _ALPHA**2)) ** -0.5
    less = (1 - kept) * (_ALPHA * scale) - _ALPHA * scale * p
    return x.mul_(kept * scale).add_(less) if inplace else x * (kept * scale) + less
