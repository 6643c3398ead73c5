"""Normalization: inputs brought to mean 0 and variance 1 over some of their elements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from ...dispatch.families.kernels import SHORT
from ...functions.checked import of_tensors
from ...functions.naming import ends_as
from ...functions.reductions.softmax import REGISTERS
from ...functions.remembered import remembered
from ...graph.modes import is_grad_enabled, no_grad
from ...ops.row import register_type
from ...tensor import Size, Tensor
from ...types.dtypes import finfo, int64
from .padding import pad


def _centered(x: Tensor, dims: Sequence[int], eps: float) -> Tensor:
    """x less its mean along `dims`, over the square root of its variance and eps."""
    deviation = x - x.mean(dims, True)
    # Once more: what the mean has lost by rounding is as large as elements that are all alike.
    deviation = deviation - deviation.mean(dims, True)
    return deviation * (deviation.square().mean(dims, True) + eps).rsqrt()


def _affine(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def _channels(weight: Tensor | None, x: Tensor) -> Tensor | None:
    """One number for each channel, seen along the second dimension."""
    return None if weight is None else weight.reshape([1, -1, *[1] * (x.ndim - 2)])


def _normalized_dims(
    input: Tensor, normalized_shape: Sequence[int], **affine: Tensor | None
) -> list[int]:
    """The last dimensions, of `normalized_shape`; RuntimeError where something does not fit."""
    shape = [int(n) for n in normalized_shape]
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
            f"element, but got normalized_shape = {shape}"
        )
    for name, value in affine.items():
        if value is not None and value.dtype is not input.dtype:
            raise RuntimeError(
                f"mixed dtype (CPU): expect parameter to have scalar type of {input.dtype!r}"
            )
        if value is not None and list(value._shape) != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(value._shape)} and normalized_shape = {shape}"
            )
    if input.ndim < len(shape) or list(input._shape[input.ndim - len(shape) :]) != shape:
        raise RuntimeError(
            f"Given normalized_shape={shape}, expected input with shape "
            f"[*, {', '.join(map(str, shape))}], but got input of size{list(input._shape)}"
        )
    if not input.is_floating_point():
        raise NotImplementedError(f'"LayerNormKernelImpl" is not implemented for {input.dtype!r}')
    return list(range(input.ndim - len(shape), input.ndim))


def _alike(input: Tensor, shape: tuple[int, ...], given: Tensor | None) -> bool:
    """Whether a weight that is given has `shape`, and the input's type and device."""
    return given is None or (given._kind is input._kind and given._shape == shape)


@of_tensors
def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """The input normalized over its last dimensions, `normalized_shape`, times weight plus bias.

    RuntimeError for shapes that do not fit. Ba, Kiros and Hinton 2016.
    """
    shape = Size(normalized_shape)
    if weight is None and bias is None:
        return _normal(input, shape, eps)
    if weight is None or bias is None:
        _check_normalized(input, shape, weight, bias)
        wide = register_type(input.dtype)
        w, b = (None if t is None else t.to(wide) for t in (weight, bias))
        return _affine(_normal(input.to(wide), shape, eps), w, b).to(input.dtype)
    return _normal_affine(input, weight, bias, shape, eps)


def _check_normalized(
    input: Tensor, shape: Size, weight: Tensor | None, bias: Tensor | None
) -> None:
    dims, own = len(shape), input._kind.dtype
    usual = dims and input._shape[-dims:] == shape and own in REGISTERS
    if not usual or not _alike(input, shape, weight) or not _alike(input, shape, bias):
        _normalized_dims(input, shape, weight=weight, bias=bias)


@remembered
def _normal(input: Tensor, shape: Size, eps: float) -> Tensor:
    """`layer_norm` without weight and bias."""
    _check_normalized(input, shape, None, None)
    wide = input.to(register_type(input.dtype))  # of float16
    return SHORT["normal"](wide, dims=len(shape), eps=eps)[0].to(input.dtype)


@partial(remembered, operands=3)
def _normal_affine(input: Tensor, weight: Tensor, bias: Tensor, shape: Size, eps: float) -> Tensor:
    """`layer_norm` with both."""
    _check_normalized(input, shape, weight, bias)
    x, w, b = (t.to(register_type(input.dtype)) for t in (input, weight, bias))
    return SHORT["layer_norm"](x, w, b, dims=len(shape), eps=eps)[0].to(input.dtype)


@of_tensors
def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """The input over the root of its mean square along its last dimensions, times weight.

    `eps`, by default the type's, is added to the mean square. Zhang and Sennrich 2019.
    """
    if input.ndim < len(normalized_shape):
        raise ValueError(
            f"Input tensor must have at least {len(normalized_shape)} dimensions, but got "
            f"{input.ndim}"
        )
    dims = _normalized_dims(input, normalized_shape, weight=weight)
    x = input.to(register_type(input.dtype))
    less = finfo(input.dtype).eps if eps is None else eps
    return _affine(x * (x.square().mean(dims, True) + less).rsqrt(), weight, None).to(input.dtype)


@of_tensors
@ends_as("NativeGroupNormBackward0")
def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """An input (N, C, ...) normalized over each of `num_groups` groups of channels.

    `weight` and `bias` have a number for each channel. Wu and He 2018.
    """
    if input.ndim < 2:
        raise RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {input.ndim}"
        )
    n, channels = input._shape[:2]
    if math.prod([n * channels // num_groups, *input._shape[2:]]) == 1:
        raise ValueError(
            "Expected more than 1 value per channel when training, got input size "
            f"{[n * channels // num_groups, num_groups, *input._shape[2:]]}"
        )
    _check_groups(channels, num_groups, weight=weight, bias=bias)
    x = input.to(register_type(input.dtype))
    grouped = x.reshape(n, num_groups, -1) if x.numel() else x.reshape(n, num_groups, 0)
    normal = _centered(grouped, [2], eps).reshape(x._shape)
    return _affine(normal, _channels(weight, x), _channels(bias, x)).to(input.dtype)


def _check_groups(channels: int, groups: int, **affine: Tensor | None) -> None:
    if groups <= 0:
        raise RuntimeError("Expected num groups to be greater than 0, got " + str(groups))
    if channels % groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape with {channels} channels and num_groups={groups}"
        )
    _check_channels(channels, **affine)


def _check_channels(channels: int, **given: Tensor | None) -> None:
    """RuntimeError unless there is a number for each channel in all that is given."""
    for name, value in given.items():
        if value is not None and value.numel() != channels:
            raise RuntimeError(
                f"{name} should contain {channels} elements not {value.numel()}; expected {name} "
                "to be a vector of size equal to the number of channels in input, but got "
                f"{name} of shape {list(value._shape)}"
            )


@of_tensors
@ends_as("NativeBatchNormBackward0")
def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """An input (N, C, ...) normalized for each channel, times weight plus bias.

    In `training` by its own mean and variance, of which the running ones take up `momentum`, in
    place; else by these. Ioffe and Szegedy 2015.
    """
    if eps < 0:
        raise ValueError(f"batch_norm eps must be non-negative, but got {eps}")
    if input._shape == (0,):
        return input.clone()
    if input.ndim < 2 and not training:
        raise RuntimeError(f"batch_norm: an input of shape {list(input._shape)} has no channels")
    channels = input.size(1)
    dims = [d for d in range(input.ndim) if d != 1]
    count = math.prod(input._shape[d] for d in dims)
    if training and count == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {input.size()}"
        )
    if not training and (running_mean is None or running_var is None):
        missing = "running_mean" if running_mean is None else "running_var"
        raise RuntimeError(f"{missing} must be defined in evaluation mode")
    if not input.numel():
        return input.clone()
    for name, value in (("running_mean", running_mean), ("running_var", running_var)):
        if value is not None and value._requires_grad and is_grad_enabled():
            raise RuntimeError(
                "The function 'native_batch_norm' is not differentiable with respect to argument "
                f"{name!r}. This input cannot have requires_grad True."
            )
    given = {"running_mean": running_mean, "running_var": running_var}
    _check_channels(channels, **given, weight=weight, bias=bias)
    x = input.to(register_type(input.dtype))
    w, b = _channels(weight, x), _channels(bias, x)
    if training:
        _follow(x.detach(), running_mean, running_var, momentum, dims)
        return _affine(_centered(x, dims, eps), w, b).to(input.dtype)
    assert running_mean is not None and running_var is not None
    mean, variance = running_mean.reshape(_seen(x)), running_var.reshape(_seen(x))
    return _affine((x - mean) * (variance + eps).rsqrt(), w, b).to(input.dtype)


def _seen(x: Tensor) -> list[int]:
    return [1, -1, *[1] * (x.ndim - 2)]


def _follow(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    momentum: float,
    dims: list[int],
) -> None:
    """Take up `momentum` of the mean and of the unbiased variance along `dims`."""
    with no_grad():
        if running_mean is not None:
            running_mean.mul_(1 - momentum).add_(x.mean(dims) * momentum)
        if running_var is not None:
            running_var.mul_(1 - momentum).add_(x.var(dims) * momentum)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """An input (N, C, ...) normalized for each channel of each sample, times weight plus bias.

    Not `use_input_stats`, by the running mean and variance. Ulyanov et al. 2016.
    """
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                "Expected running_mean and running_var to be defined when use_input_stats is false"
            )
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    spatial = math.prod(input._shape[2:])
    if spatial == 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size {input.size()}"
        )
    given = {"running_mean": running_mean, "running_var": running_var}
    _check_channels(input._shape[1], **given, weight=weight, bias=bias)
    x = input.to(register_type(input.dtype))
    dims = list(range(2, x.ndim))
    with no_grad():  # means over the samples of what each of them has
        if running_mean is not None:
            own = x.mean(dims).mean(0) * momentum
            running_mean.mul_(1 - momentum).add_(own)
        if running_var is not None:
            own = x.var(dims).mean(0) * momentum
            running_var.mul_(1 - momentum).add_(own)
    normal = _centered(x, dims, eps)
    return _affine(normal, _channels(weight, x), _channels(bias, x)).to(input.dtype)


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """x / (k + alpha m)**beta, m the mean square of `size` channels around each, 0 outside.

    Of an input (N, C, ...) of at least three dimensions. Krizhevsky et al. 2012.
    """
    if input.ndim < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality input (got {input.ndim} dimensions)"
        )
    if not input.numel():
        return input
    ends = [0, 0] * (input.ndim - 2) + [size // 2, (size - 1) // 2]
    squares = pad(input.square(), ends).unfold(1, size, 1)
    squares = squares.sum(-1) // size if input.dtype is int64 else squares.mean(-1)
    return input / (squares * alpha + k) ** beta
