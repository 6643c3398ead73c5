"""Layers, activations and losses as functions: PyTorch's `nn.functional`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..dispatch.api import FUNCTIONS
from ..dispatch.elementwise import call
from ..functions.checked import of_tensors
from ..functions.matrices.products import linear
from ..functions.pointwise.arithmetic import check_number
from ..functions.windows.convolutions import (
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)
from ..functions.windows.grids import (
    affine_grid,
    grid_sample,
)
from ..functions.windows.pixels import (
    channel_shuffle,
    fold,
    pixel_shuffle,
    pixel_unshuffle,
    unfold,
)
from ..functions.windows.pools import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool1d_with_indices,
    max_pool2d_with_indices,
    max_pool3d_with_indices,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
)
from ..functions.windows.resampling import (
    interpolate,
    upsample,
    upsample_bilinear,
    upsample_nearest,
)
from ..ops.pointwise import activation as rows
from ..ops.pointwise.elementwise import tanh as tanh_row
from ..ops.pointwise.rounding import abs as abs_row
from ..ops.pointwise.special import sigmoid as sigmoid_row
from ..ops.row import Row
from ..tensor import Tensor
from .operations.attention import (
    scaled_dot_product_attention,
)
from .operations.dropout import (
    alpha_dropout,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
)
from .operations.embedding import (
    bilinear,
    embedding,
    embedding_bag,
    one_hot,
)
from .operations.heads import (
    multi_head_attention_forward,
)
from .operations.losses.classification import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    nll_loss,
)
from .operations.losses.distances import (
    cosine_embedding_loss,
    cosine_similarity,
    margin_ranking_loss,
    normalize,
    pairwise_distance,
    pdist,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from .operations.losses.margins import (
    hinge_embedding_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    soft_margin_loss,
)
from .operations.losses.regression import (
    gaussian_nll_loss,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    poisson_nll_loss,
    smooth_l1_loss,
)
from .operations.normalization import (
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    local_response_norm,
    rms_norm,
)
from .operations.padding import (
    pad,
)
from .operations.pooling import (
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
)
from .operations.softmax import (
    glu,
    gumbel_softmax,
    log_softmax,
    prelu,
    rrelu,
    softmax,
    softmin,
)

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "affine_grid",
    "alpha_dropout",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "batch_norm",
    "bilinear",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "channel_shuffle",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "elu",
    "embedding",
    "embedding_bag",
    "feature_alpha_dropout",
    "fold",
    "gaussian_nll_loss",
    "gelu",
    "glu",
    "grid_sample",
    "group_norm",
    "gumbel_softmax",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hinge_embedding_loss",
    "huber_loss",
    "instance_norm",
    "interpolate",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "local_response_norm",
    "log_softmax",
    "logsigmoid",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "margin_ranking_loss",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "mish",
    "mse_loss",
    "multi_head_attention_forward",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "pairwise_distance",
    "pdist",
    "pixel_shuffle",
    "pixel_unshuffle",
    "poisson_nll_loss",
    "prelu",
    "relu",
    "relu6",
    "rms_norm",
    "rrelu",
    "scaled_dot_product_attention",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "soft_margin_loss",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
    "unfold",
    "upsample",
    "upsample_bilinear",
    "upsample_nearest",
]


def _apply(row: Row, input: Tensor, *options: Any, inplace: bool = False) -> Tensor:
    """The op of `row` on `input`; `inplace` overwrites it, which the graph keeps track of.

    TypeError for options that are no numbers.
    """
    for name, option in zip(row.args[1:], options, strict=False):
        check_number(name, option)
    given = input, *options
    return call(row, given, in_place=True) if inplace else FUNCTIONS[row.name](*given)


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return _apply(sigmoid_row, input)


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return _apply(tanh_row, input)


def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|); NotImplementedError for bools."""
    abs_row.formula_for(input.dtype)
    return _apply(rows.softsign, input)


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)), without underflow."""
    return _apply(rows.logsigmoid, input)


def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x)."""
    return _apply(rows.tanhshrink, input)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0)."""
    return _apply(rows.relu, input, inplace=inplace)


@of_tensors
def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6)."""
    if not input.is_floating_point():
        return hardtanh(input, 0, 6, inplace)
    return _apply(rows.relu6, input, inplace=inplace)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """1.0507 elu(x, 1.6733): activations keep mean 0 and variance 1 (Klambauer et al. 2017)."""
    return _apply(rows.selu, input, inplace=inplace)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x sigmoid(x)."""
    return _apply(rows.silu, input, inplace=inplace)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x tanh(softplus(x))."""
    return _apply(rows.mish, input, inplace=inplace)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """relu6(x + 3) / 6."""
    return _apply(rows.hardsigmoid, input, inplace=inplace)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x relu6(x + 3) / 6."""
    return _apply(rows.hardswish, input, inplace=inplace)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x for x > 0, else alpha (exp(x) - 1)."""
    return _apply(rows.elu, input, alpha, inplace=inplace)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x for x > 0, else alpha (exp(x / alpha) - 1); RuntimeError for an alpha of 0."""
    return _apply(rows.celu, input, alpha, inplace=inplace)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x for x > 0, else negative_slope x."""
    return _apply(rows.leaky_relu, input, negative_slope, inplace=inplace)


@of_tensors
def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """x held between min_val and max_val; ValueError if they are the wrong way round.

    Integers are held between whole numbers; RuntimeError for unsigned ones and a negative bound.
    """
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    if not input.is_floating_point():
        min_val, max_val = int(min_val), int(max_val)
        if min_val < 0 and not input.dtype.is_signed:
            raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
    return _apply(rows.hardtanh, input, min_val, max_val, inplace=inplace)


@of_tensors
def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x above the threshold, else value; of integers both are whole numbers."""
    rows.threshold.formula_for(input.dtype)  # refuses bools
    if not input.is_floating_point():
        threshold, value = int(threshold), int(value)
    return _apply(rows.threshold, input, threshold, value, inplace=inplace)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x times the normal distribution function of x, or with "tanh" its usual approximation.

    RuntimeError for another `approximate`. Hendrycks and Gimpel 2016.
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return _apply(rows.gelu_tanh if approximate == "tanh" else rows.gelu, input)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta; x itself where beta x > threshold."""
    return _apply(rows.softplus, input, beta, threshold)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x moved toward 0 by lambd, and 0 within lambd of it; RuntimeError for a negative lambd."""
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")
    return _apply(rows.softshrink, input, lambd)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x, and 0 within lambd of 0."""
    return _apply(rows.hardshrink, input, lambd)


def _in_place(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function that overwrites its input."""
    return partial(function, inplace=True)


celu_, elu_, hardtanh_, leaky_relu_ = (_in_place(f) for f in (celu, elu, hardtanh, leaky_relu))
relu_, rrelu_, selu_, threshold_ = (_in_place(f) for f in (relu, rrelu, selu, threshold))
