"""Calls of what has windows: convolutions, pooling, other sizes. Each is tried here and in PyTorch.

A case's `op` takes the library's nn.functional and tensors of `shapes`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]


class Case(NamedTuple):
    """`seconds`: whether PyTorch has its second derivative."""

    name: str
    op: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    seconds: bool = True

    def arrays(self, dtype: str = "float64") -> list[Array]:
        """Operands, of which no two elements are equal."""
        rng = np.random.default_rng(len(self.name))
        return [
            np.asarray(rng.permutation(np.prod(s)).reshape(s) / 7 - 1.3, dtype) for s in self.shapes
        ]


def call(name: str, *options: Any, **named: Any) -> Callable[..., Any]:
    """op(F, *tensors) of a function of nn.functional."""
    return lambda F, *tensors: getattr(F, name)(*tensors, *options, **named)


EXTENTS = {1: (7,), 2: (6, 5), 3: (4, 5, 3)}


def convolutions() -> list[Case]:
    """Each number of extents, each option."""
    found = []
    options = [
        ({}, 3, True),
        ({"stride": 2, "padding": 1}, 3, False),
        ({"dilation": 2, "padding": "same"}, 2, True),
        ({"padding": "valid", "groups": 2}, 1, True),
        ({"stride": 3, "padding": 2, "groups": 2}, 2, False),
    ]
    for n, (named, k, bias) in product((1, 2, 3), options):
        weight = 6, 4 // named.get("groups", 1), *(k,) * n
        shapes = ((2, 4, *EXTENTS[n]), weight, (6,))[: 2 + bias]
        found.append(Case(f"conv{n}d {named}", call(f"conv{n}d", **named), shapes))
    turned = [
        ({}, 2, True),
        ({"stride": 2, "padding": 1, "output_padding": 1}, 3, False),
        ({"dilation": 2, "groups": 2}, 2, True),
        ({"stride": 3}, 1, False),
        ({"dilation": 2, "output_padding": 1}, 1, True),
    ]
    for n, (named, k, bias) in product((1, 2, 3), turned):
        groups = named.get("groups", 1)
        shapes = ((2, 4, *(3, 2, 2)[:n]), (4, 3, *(k,) * n), (3 * groups,))[: 2 + bias]
        name = f"conv_transpose{n}d"
        found.append(Case(f"{name} {named}", call(name, **named), shapes))
    alone = (4, 6, 5), (2, 4, 3, 3)
    unlike = {"stride": (2, 1), "padding": (0, 2), "dilation": (1, 2)}
    found.append(Case("conv2d unbatched", call("conv2d", padding=1), alone))
    found.append(Case("conv2d unlike", call("conv2d", **unlike), ((1, 4, 7, 6), (2, 4, 2, 3))))
    found.append(
        Case("conv_transpose2d unbatched", call("conv_transpose2d"), (alone[0], (4, 3, 2, 2)))
    )
    found.append(Case("conv2d nothing", call("conv2d"), ((0, 4, 5, 5), (2, 4, 3, 3), (2,))))
    found.append(Case("conv2d one", call("conv2d"), ((1, 1, 1, 1), (1, 1, 1, 1))))
    return found


def pools() -> list[Case]:
    """Each number of extents, each option."""
    found = []
    windows = [
        {"kernel_size": 2},
        {"kernel_size": 3, "stride": 2, "padding": 1},
        {"kernel_size": 2, "stride": 3, "ceil_mode": True},
        {"kernel_size": 3, "stride": 1, "padding": 1, "ceil_mode": True},
    ]
    for n, named in product((1, 2, 3), windows):
        shape = ((2, 3, *EXTENTS[n]),)
        found.append(Case(f"max_pool{n}d {named}", call(f"max_pool{n}d", **named), shape))
        outside = named | {"count_include_pad": False}
        for more in (named, outside, named | {"divisor_override": 3})[: 2 + (n > 1)]:
            found.append(Case(f"avg_pool{n}d {more}", call(f"avg_pool{n}d", **more), shape))
    for n, size in product((1, 2, 3), (1, 2, 5)):
        for kind in ("adaptive_avg_pool", "adaptive_max_pool"):
            name = f"{kind}{n}d"
            found.append(Case(f"{name} {size}", call(name, size), ((3, *EXTENTS[n]),)))
        found.append(Case(f"lp_pool{n}d", powers(n), ((2, 3, *EXTENTS[n]),)))
        if size > 1:  # so that no two maxima are one element
            name = f"max_unpool{n}d {size}"
            found.append(Case(name, unpooled(n, size), ((2, *EXTENTS[n]),), False))
    shape = ((1, 2, 7, 6),)
    spread = {"kernel_size": (2, 3), "stride": 1, "padding": 1, "dilation": (3, 2)}
    found.append(Case("max_pool2d spread", call("max_pool2d", **spread), shape))
    found.append(Case("max_pool2d one", call("max_pool2d", 1), ((1, 1, 1),)))
    found.append(Case("adaptive_avg_pool2d None", call("adaptive_avg_pool2d", (None, 3)), shape))
    return found


def powers(n: int) -> Callable[..., Any]:
    """The third root of sums of cubes."""
    return lambda F, x: getattr(F, f"lp_pool{n}d")(x.abs() + 1, 3, 2)


def unpooled(n: int, step: int) -> Callable[..., Any]:
    """Maxima put back."""

    def op(F: Any, x: Any) -> Any:
        found, where = getattr(F, f"max_pool{n}d")(x, 2, step, return_indices=True)
        return getattr(F, f"max_unpool{n}d")(found, where, 2, step, 0, x.shape[-n:])

    return op


def sizes() -> list[Case]:
    """Other sizes, columns, and pixels."""
    found = []
    modes = {
        1: ("nearest", "nearest-exact", "linear", "area"),
        2: ("nearest", "nearest-exact", "bilinear", "bicubic", "area"),
        3: ("nearest", "nearest-exact", "trilinear", "area"),
    }
    wanted = [{"size": 1}, {"size": 4}, {"size": 9}, {"scale_factor": 1.7}, {"scale_factor": 0.6}]
    for n in (1, 2, 3):
        for mode, named in product(modes[n], wanted):
            smooth = mode not in ("nearest", "nearest-exact", "area")
            for corners in (None, True)[: 1 + smooth]:
                options = named | {"mode": mode, "align_corners": corners}
                op = call("interpolate", **options)
                found.append(Case(f"interpolate {n} {options}", op, ((2, 1, *EXTENTS[n]),)))
    again = {"scale_factor": 2.3, "mode": "bilinear", "recompute_scale_factor": True}
    filtered = {"size": (2, 9), "mode": "bicubic", "antialias": True}
    shape = ((1, 2, 6, 5),)
    found.append(Case("interpolate again", call("interpolate", **again), shape))
    found.append(Case("interpolate filtered", call("interpolate", **filtered), shape))
    taken = {"kernel_size": (2, 3), "dilation": 2, "padding": (1, 2), "stride": (1, 2)}
    found.append(Case("unfold", call("unfold", **taken), shape))
    found.append(Case("unfold unbatched", call("unfold", 3), ((2, 6, 5),)))
    found.append(Case("fold", call("fold", (6, 5), **taken), ((2, 12, 18),)))
    found.append(Case("fold unbatched", call("fold", (4, 3), 2), ((8, 6),)))
    found.append(Case("pixel_shuffle", call("pixel_shuffle", 2), ((2, 8, 3, 2),)))
    found.append(Case("pixel_unshuffle", call("pixel_unshuffle", 3), ((2, 6, 3),)))
    found.append(Case("channel_shuffle", call("channel_shuffle", 2), ((2, 6, 3, 2),)))
    return found


def grids() -> list[Case]:
    """Images read at places inside and outside."""
    found = []
    shapes = {2: ((2, 2, 4, 5), (2, 3, 2, 2)), 3: ((1, 2, 3, 4, 2), (1, 2, 2, 2, 3))}
    for n, padding, corners in product((2, 3), ("zeros", "border", "reflection"), (False, True)):
        name = f"grid_sample {n} {padding} {corners}"
        found.append(Case(name, sampled(padding, corners), shapes[n], False))
        size = (2, 1, 3, 4, 2)[: n + 2]
        op = call("affine_grid", size, align_corners=corners)
        found.append(Case(f"affine_grid {n} {padding} {corners}", op, ((2, n, n + 1),)))
    return found


def sampled(padding: str, corners: bool) -> Callable[..., Any]:
    """An image read at places between -1.6 and 1.6."""

    def op(F: Any, x: Any, grid: Any) -> Any:
        return F.grid_sample(x, 1.6 * grid.sin(), "bilinear", padding, corners)

    return op


def sampled_at(F: Any, x: Any, grid: Any, mode: str = "bilinear") -> Any:
    """An image read at a grid, 0 outside."""
    return F.grid_sample(x, grid, mode, "zeros", False)


CASES = [*convolutions(), *pools(), *sizes(), *grids()]

# What is wrong, the error, and a call: of the library's nn.functional, an image (2, 3, 5, 5), a
# weight (4, 3, 3, 3), and the library.
ERRORS: list[tuple[str, type[Exception], Callable[..., Any]]] = [
    ("image of 2", RuntimeError, lambda F, x, w, t: F.conv2d(x[0, 0], w)),
    ("weight of 3", RuntimeError, lambda F, x, w, t: F.conv2d(x, w[0])),
    ("types", RuntimeError, lambda F, x, w, t: F.conv2d(x.double(), w)),
    ("type of bias", RuntimeError, lambda F, x, w, t: F.conv2d(x, w, t.ones(4).double())),
    ("size of bias", RuntimeError, lambda F, x, w, t: F.conv2d(x, w, t.ones(3))),
    ("rank of bias", RuntimeError, lambda F, x, w, t: F.conv2d(x, w, t.ones(4, 1))),
    ("no stride", RuntimeError, lambda F, x, w, t: F.conv2d(x, w, stride=0)),
    ("negative padding", RuntimeError, lambda F, x, w, t: F.conv2d(x, w, padding=-1)),
    ("no dilation", RuntimeError, lambda F, x, w, t: F.conv2d(x, w, dilation=0)),
    ("three strides", RuntimeError, lambda F, x, w, t: F.conv2d(x, w, stride=(1, 1, 1))),
    ("stride of 1.5", TypeError, lambda F, x, w, t: F.conv2d(x, w, stride=1.5)),
    ("same strided", RuntimeError, lambda F, x, w, t: F.conv2d(x, w, padding="same", stride=2)),
    ("padding by name", RuntimeError, lambda F, x, w, t: F.conv2d(x, w, padding="full")),
    ("channels", RuntimeError, lambda F, x, w, t: F.conv2d(x, w, groups=2)),
    ("groups", RuntimeError, lambda F, x, w, t: F.conv2d(x, w, groups=3)),
    ("no groups", RuntimeError, lambda F, x, w, t: F.conv2d(x, w, groups=0)),
    ("large kernel", RuntimeError, lambda F, x, w, t: F.conv2d(x, w, dilation=3)),
    ("empty image", RuntimeError, lambda F, x, w, t: F.conv2d(x[:, :, :0], w)),
    ("no outputs", RuntimeError, lambda F, x, w, t: F.conv2d(x, w[:0])),
    ("padded nothing", RuntimeError, lambda F, x, w, t: F.conv2d(x[:, :, :0], w, padding=2)),
    ("bools", NotImplementedError, lambda F, x, w, t: F.conv2d(x.bool(), w.bool())),
    ("a list", TypeError, lambda F, x, w, t: F.conv2d([1.0], w)),
    ("no weight", TypeError, lambda F, x, w, t: F.conv2d(x)),
    ("an option", TypeError, lambda F, x, w, t: F.conv2d(x, w, strides=1)),
    ("other extents", RuntimeError, lambda F, x, w, t: F.conv1d(x, w)),
    (
        "output padding",
        RuntimeError,
        lambda F, x, w, t: F.conv_transpose2d(x, w[:3], None, 1, 0, 1),
    ),
    ("turned channels", RuntimeError, lambda F, x, w, t: F.conv_transpose2d(x, w)),
    ("turned bias", RuntimeError, lambda F, x, w, t: F.conv_transpose2d(x, w[:3], t.ones(4))),
    ("turned same", TypeError, lambda F, x, w, t: F.conv_transpose2d(x, w[:3], padding="same")),
    ("turned too small", RuntimeError, lambda F, x, w, t: F.conv_transpose2d(x, w[:3], padding=5)),
    ("pad beyond half", RuntimeError, lambda F, x, w, t: F.max_pool2d(x, 2, padding=2)),
    ("large window", RuntimeError, lambda F, x, w, t: F.max_pool2d(x, 7)),
    ("no window", RuntimeError, lambda F, x, w, t: F.max_pool2d(x, 0)),
    ("no step", RuntimeError, lambda F, x, w, t: F.max_pool2d(x, 2, 0)),
    ("no spread", RuntimeError, lambda F, x, w, t: F.max_pool2d(x, 2, dilation=0)),
    ("pool of bools", NotImplementedError, lambda F, x, w, t: F.max_pool2d(x.bool(), 2)),
    ("pool of 1", NotImplementedError, lambda F, x, w, t: F.max_pool1d(x[0].long(), 2)),
    ("pool of 2", RuntimeError, lambda F, x, w, t: F.max_pool2d(x[0, 0], 2)),
    ("pool of no channels", RuntimeError, lambda F, x, w, t: F.max_pool2d(x[:, :0], 2)),
    ("three windows", RuntimeError, lambda F, x, w, t: F.max_pool2d(x, (2, 2, 2))),
    ("divisor of 0", RuntimeError, lambda F, x, w, t: F.avg_pool2d(x, 2, divisor_override=0)),
    ("mean of ints", NotImplementedError, lambda F, x, w, t: F.avg_pool2d(x.int(), 2)),
    ("mean of a large window", RuntimeError, lambda F, x, w, t: F.avg_pool2d(x, 6)),
    ("three sizes", RuntimeError, lambda F, x, w, t: F.adaptive_max_pool2d(x, (2, 2, 2))),
    ("negative size", RuntimeError, lambda F, x, w, t: F.adaptive_avg_pool2d(x, -1)),
    ("adaptive ints", NotImplementedError, lambda F, x, w, t: F.adaptive_avg_pool2d(x.long(), 2)),
    ("adaptive 2", RuntimeError, lambda F, x, w, t: F.adaptive_max_pool2d(x[0, 0], 2)),
    ("adaptive nothing", RuntimeError, lambda F, x, w, t: F.adaptive_max_pool2d(x[:, :, :0], 2)),
    ("no int size", TypeError, lambda F, x, w, t: F.adaptive_avg_pool1d(x[0], (None,))),
    ("place", RuntimeError, lambda F, x, w, t: F.max_unpool2d(x, x.long() * 0 + 1000, 2)),
    ("type of places", RuntimeError, lambda F, x, w, t: F.max_unpool2d(x, x, 2)),
    (
        "unpooled size",
        ValueError,
        lambda F, x, w, t: F.max_unpool2d(x, x.long() * 0, 2, output_size=(15, 11)),
    ),
    ("two sizes", ValueError, lambda F, x, w, t: F.interpolate(x, 3, 2)),
    ("no size", ValueError, lambda F, x, w, t: F.interpolate(x)),
    ("corners", ValueError, lambda F, x, w, t: F.interpolate(x, 3, align_corners=True)),
    ("sizes of 3", ValueError, lambda F, x, w, t: F.interpolate(x, (3, 3, 3))),
    ("linear of 2", NotImplementedError, lambda F, x, w, t: F.interpolate(x, 3, mode="linear")),
    ("mode", NotImplementedError, lambda F, x, w, t: F.interpolate(x, 3, mode="best")),
    ("matrix", NotImplementedError, lambda F, x, w, t: F.interpolate(x[0, 0], 3)),
    ("size of ints", NotImplementedError, lambda F, x, w, t: F.interpolate(x.long(), 3)),
    ("size of 0", RuntimeError, lambda F, x, w, t: F.interpolate(x, 0)),
    ("small factor", RuntimeError, lambda F, x, w, t: F.interpolate(x, scale_factor=0.1)),
    (
        "recomputed",
        ValueError,
        lambda F, x, w, t: F.interpolate(x, 3, recompute_scale_factor=True),
    ),
    ("filter", ValueError, lambda F, x, w, t: F.interpolate(x, 3, antialias=True)),
    ("grid of 3", RuntimeError, lambda F, x, w, t: sampled_at(F, x, t.ones(2, 3, 2))),
    ("grids", RuntimeError, lambda F, x, w, t: sampled_at(F, x, t.ones(1, 3, 3, 2))),
    ("places of 3", RuntimeError, lambda F, x, w, t: sampled_at(F, x, t.ones(2, 3, 3, 3))),
    ("read how", ValueError, lambda F, x, w, t: sampled_at(F, x, t.ones(2, 3, 3, 2), "area")),
    ("map", ValueError, lambda F, x, w, t: F.affine_grid(t.ones(2, 3, 3), (2, 3, 4, 4), False)),
    ("maps", NotImplementedError, lambda F, x, w, t: F.affine_grid(t.ones(2, 2, 3), (2, 3), False)),
    ("pixels", RuntimeError, lambda F, x, w, t: F.pixel_shuffle(x, 2)),
    ("pixels of 2", RuntimeError, lambda F, x, w, t: F.pixel_shuffle(x[0, 0], 2)),
    ("no factor", RuntimeError, lambda F, x, w, t: F.pixel_shuffle(x, 0)),
    ("pixels back", RuntimeError, lambda F, x, w, t: F.pixel_unshuffle(x, 2)),
    ("shuffled", RuntimeError, lambda F, x, w, t: F.channel_shuffle(x, 2)),
    ("large columns", RuntimeError, lambda F, x, w, t: F.unfold(x, 7)),
    ("no columns", RuntimeError, lambda F, x, w, t: F.unfold(x, 0)),
    ("blocks", RuntimeError, lambda F, x, w, t: F.fold(t.ones(2, 12, 15), 5, 2)),
    ("rows of columns", RuntimeError, lambda F, x, w, t: F.fold(t.ones(2, 13, 16), 5, 2)),
    ("columns of 1", RuntimeError, lambda F, x, w, t: F.fold(t.ones(16), 5, 2)),
    ("output sizes", RuntimeError, lambda F, x, w, t: F.fold(t.ones(2, 12, 16), (5, 5, 5), 2)),
]
