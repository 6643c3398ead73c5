"""Images read at the places of a grid, and grids that an affine map makes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

from ...creation import linspace, ones, zeros
from ...tensor import Tensor
from ...types.dtypes import float16, float32, int64
from ..indexing.picking import gather
from ..joining.stacking import stack
from ..matrices.products import bmm
from .arguments import listed, tensor

PADDINGS = "zeros", "border", "reflection"


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The grid (N, *extents, n) of images of `size` (N, C, *extents), by maps (N, n, n + 1).

    Places go from -1 to 1 along each of the n extents, two or three; -1 and 1 are the centers of
    the corner elements where `align_corners`, else their outer edges. The last axis comes first.
    """
    tensor("affine_grid", "theta", theta)
    extents = listed("affine_grid", "size", size)[2:]
    n = len(extents)
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype!r}")
    if n not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
            f"respectively. Got size {tuple(size)}"
        )
    if theta.ndim != 3 or theta._shape[1:] != (n, n + 1):
        raise ValueError(
            f"Expected a batch of {n}D affine matrices of shape Nx{n}x{n + 1} for size "
            f"{tuple(size)}. Got {list(theta._shape)}."
        )
    if min(size) < 1:
        raise ValueError(f"Expected non-zero, positive output size. Got {tuple(size)}")
    corners = _corners("affine_grid", align_corners)
    axes = [_axis(theta, extents, d, corners) for d in reversed(range(n))]
    places = stack([*axes, ones(extents, dtype=theta.dtype, device=theta.device)], -1)
    flat = places.reshape(1, prod(extents), n + 1).expand(theta._shape[0], prod(extents), n + 1)
    return bmm(flat, theta.transpose(1, 2)).reshape(theta._shape[0], *extents, n)


def _axis(theta: Tensor, extents: tuple[int, ...], d: int, corners: bool) -> Tensor:
    """Places along one axis, for each element."""
    n, made = extents[d], {"dtype": theta.dtype, "device": theta.device}
    line: Tensor = linspace(-1, 1, n, **made) if n > 1 else zeros(1, **made)
    line = line if corners else line * (n - 1) / n
    return line.reshape([n if k == d else 1 for k in range(len(extents))]).expand(extents)


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """An image (N, C, *extents) read at places (N, *sizes, n), which are as in `affine_grid`.

    "bilinear" weighs the neighbours of a place, "nearest" takes the nearest. What lies outside is
    0 ("zeros"), the nearest element ("border"), or mirrored ("reflection").
    """
    tensor("grid_sample", "input", input), tensor("grid_sample", "grid", grid)
    _check(input, grid, mode, padding_mode)
    corners = _corners("grid_sample", align_corners)
    if input.dtype is float16:
        given = input.to(float32), grid.to(float32), mode, padding_mode, corners
        return grid_sample(*given).to(float16)
    extents = input._shape[2:]
    n = len(extents)
    places = [_placed(grid[..., n - 1 - d], extents[d], padding_mode, corners) for d in range(n)]
    if mode == "nearest":
        return _read(input, [p.round() for p in places])
    low = [p.floor() for p in places]
    parts = [p - f for p, f in zip(places, low, strict=True)]
    total: Any = 0
    for corner in product((0, 1), repeat=n):
        weight: Any = 1
        for part, up in zip(parts, corner, strict=True):
            weight = weight * (part if up else 1 - part)
        there = _read(input, [f + up for f, up in zip(low, corner, strict=True)])
        total = total + there * weight.unsqueeze(1)
    found: Tensor = total
    return found


def _corners(name: str, align_corners: bool | None) -> bool:
    if align_corners is None:
        warnings.warn(
            f"Default {name} behavior is align_corners=False; specify it if -1 and 1 are the "
            "centers of the corner elements.",
            stacklevel=3,
        )
    return bool(align_corners)


def _check(input: Tensor, grid: Tensor, mode: str, padding_mode: str) -> None:
    """ValueError for modes, RuntimeError for shapes that do not fit."""
    if mode == "bicubic":
        raise NotImplementedError("grid_sample(): mode='bicubic' is not implemented")
    if mode not in ("bilinear", "nearest"):
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', "
            f"but got: '{mode}'"
        )
    if padding_mode not in PADDINGS:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
            f"'reflection', but got: '{padding_mode}'"
        )
    shapes = f"input of sizes {list(input._shape)} and grid of sizes {list(grid._shape)}"
    if input.ndim not in (4, 5) or input.ndim != grid.ndim:
        raise RuntimeError(
            f"grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but "
            f"got {shapes}"
        )
    if input._shape[0] != grid._shape[0] or grid._shape[-1] != input.ndim - 2:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, and grid to have "
            f"size {input.ndim - 2} in last dimension, but got {shapes}"
        )
    if 0 in input._shape[2:]:
        raise RuntimeError(
            f"grid_sampler(): expected input to have non-empty spatial dimensions, but got {shapes}"
        )
    if input.dtype is not grid.dtype or not input.is_floating_point():
        raise RuntimeError(
            "grid_sampler(): expected input and grid to have the same floating-point dtype, but "
            f"got {input.dtype!r} and {grid.dtype!r}"
        )


def _placed(x: Tensor, n: int, padding_mode: str, corners: bool) -> Tensor:
    """Places from -1 to 1 as numbers of elements, those outside by the padding mode."""
    place = (x + 1) / 2 * (n - 1) if corners else ((x + 1) * n - 1) / 2
    if padding_mode == "reflection":
        first, span = (0.0, n - 1.0) if corners else (-0.5, float(n))
        if span == 0:
            place = place * 0
        else:
            off = (place - first).abs()
            turns = (off / span).floor()
            rest = off - turns * span
            place = rest.where(turns % 2 == 0, span - rest) + first
    return place if padding_mode == "zeros" else place.clamp(0, n - 1)


def _read(input: Tensor, at: list[Tensor]) -> Tensor:
    """The elements at whole places, (N, C, *sizes); 0 outside of the image."""
    extents, (batch, channels) = input._shape[2:], input._shape[:2]
    index: Any = 0
    inside: Any = None
    for p, n in zip(at, extents, strict=True):
        here = (p >= 0) & (p <= n - 1)
        inside = here if inside is None else inside & here
        index = index * n + p.detach().clamp(0, n - 1).nan_to_num(0).to(int64)
    sizes = index._shape[1:]
    flat = index.reshape(batch, 1, prod(sizes)).expand(batch, channels, prod(sizes))
    found = gather(input.reshape(batch, channels, prod(extents)), 2, flat)
    return found.reshape(batch, channels, *sizes).where(inside.unsqueeze(1), 0)
