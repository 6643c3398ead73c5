"""Convolutions: every window of an image times weights, and the adjoints of that.

x is (images, groups, channels, *extents), the weight (groups, outputs, channels, taps), y is
(images, groups, outputs, *windows), and what is taken of x is as in `windows`:

    convolve    y[i, g, o, w] = sum over c, tap of weight[g, o, c, tap] * taken[i, g, c, tap, w]
    spread      x = the sums over o and w of weight * y, added up where they were taken from
    correlate   weight[g, o, c, tap] = sum over i, w of y[i, g, o, w] * taken[i, g, c, tap, w]

These are the derivatives of sum(y * convolve(x, weight)), which is linear in all three, by y, x and
the weight. The first two may begin with a bias instead of 0. `sizes` are those of `windows.SIZES`,
and then images, groups, channels and outputs, the last two of a group.

On the CPU each image's windows are laid out beside each other, where they stay in the cache, and
multiplied by BLAS. On a GPU a thread does one element.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from string import Template
from typing import Any, NamedTuple

import numpy as np

from ...libraries import blas
from ...source.kind import Cost, Kind, Launches, Metas, Operand, Room, Run, Sizes, elements
from . import windows
from .windows import SIZES

Array = np.ndarray[Any, Any]
COUNTS = ("images", "groups", "channels", "outputs")
TASKS = 64  # among which images are shared out, each with memory of its own
SUMS = 16  # which are each a sum of several images, and then added
SEGMENTS = 64  # the same on a GPU, of rows of images


class Convolution(NamedTuple):
    """The type of the elements, and whether there is a bias."""

    dtype: str
    bias: bool = False


# The CPU

_HEAD = '''"""$name: $dtype."""

from __future__ import annotations

$imports


$product

$seen

$part
'''

# Of types that BLAS does not multiply: a product by loops.
_LOOPS = f"""{blas.DECORATOR}
def product(
    gemm, batch, m, n, k, a, a_at, a_batch, a_line, a_step,
    b, b_at, b_batch, b_line, b_step, out, o_at, o_batch, o_line, o_step,
):
    by_loops(m, n, k, a, a_at, a_line, a_step, b, b_at, b_line, b_step, out, o_at, o_line, o_step)
"""

_CONVOLVE = """
@njit(error_model="numpy"$parallel)
def kernel(gemm, x, weight, $bias y, $sizes):
    extent, taps, count = d * h * w, kd * kh * kw, od * oh * ow
    terms = channels * taps
    tasks = min(images, $tasks)
    for task in $loop(tasks):
        columns = np.empty(terms * count, x.dtype)
        rows = np.empty(kw * d * h * ow, x.dtype)
        for i in range(images * task // tasks, images * (task + 1) // tasks):
            for g in range(groups):
                for c in range(channels):
                    image = ((i * groups + g) * channels + c) * extent
                    taken(x, image, rows, columns, c * taps * count, $windows)
                at = (i * groups + g) * outputs * count
                product(
                    gemm, 1, outputs, count, terms,
                    weight, g * outputs * terms, 0, terms, 1,
                    columns, 0, 0, 1, count, y, at, 0, count, 1,
                )
                $more
"""
_PLUS = """for o in range(outputs):
                    value = bias[g * outputs + o]
                    for j in range(at + o * count, at + (o + 1) * count):
                        y[np.uint64(j)] += value
"""

_SPREAD = """
@njit(error_model="numpy"$parallel)
def kernel(gemm, y, weight, $bias x, $sizes):
    extent, taps, count = d * h * w, kd * kh * kw, od * oh * ow
    terms = channels * taps
    tasks = min(images, $tasks)
    for task in $loop(tasks):
        columns = np.empty(terms * count, x.dtype)
        rows = np.empty(kw * d * h * ow, x.dtype)
        for i in range(images * task // tasks, images * (task + 1) // tasks):
            for g in range(groups):
                product(
                    gemm, 1, terms, count, outputs,
                    weight, g * outputs * terms, 0, 1, terms,
                    y, (i * groups + g) * outputs * count, 0, 1, count, columns, 0, 0, count, 1,
                )
                for c in range(channels):
                    image = ((i * groups + g) * channels + c) * extent
                    value = $more
                    added(columns, c * taps * count, rows, x, image, value, $windows)
"""

_CORRELATE = """
@njit(error_model="numpy"$parallel)
def kernel(gemm, x, y, weight, $sizes):
    extent, taps, count = d * h * w, kd * kh * kw, od * oh * ow
    terms, size = channels * taps, weight.size
    tasks = min(images, $sums)
    sums = np.zeros(tasks * size, x.dtype)
    for task in $loop(tasks):
        columns = np.empty(terms * count, x.dtype)
        rows = np.empty(kw * d * h * ow, x.dtype)
        own = np.empty(outputs * terms, x.dtype)
        for i in range(images * task // tasks, images * (task + 1) // tasks):
            for g in range(groups):
                for c in range(channels):
                    image = ((i * groups + g) * channels + c) * extent
                    taken(x, image, rows, columns, c * taps * count, $windows)
                product(
                    gemm, 1, outputs, terms, count,
                    y, (i * groups + g) * outputs * count, 0, count, 1,
                    columns, 0, 0, count, 1, own, 0, 0, terms, 1,
                )
                start = np.uint64(task * size + g * outputs * terms)
                for j in range(outputs * terms):
                    sums[start + np.uint64(j)] += own[np.uint64(j)]
    for j in range(size):
        weight[j] = 0
    for task in range(tasks):
        for j in range(size):
            weight[np.uint64(j)] += sums[np.uint64(task * size) + np.uint64(j)]
"""

_TEXTS = {
    "convolve": (_CONVOLVE, windows.TAKEN, _PLUS, ""),
    "spread": (_SPREAD, windows.ADDED, "bias[g * channels + c]", "0"),
    "correlate": (_CORRELATE, windows.TAKEN, "", ""),
}


def _product(dtype: str) -> str:
    """The text of `product`, as `blas.product` is."""
    if dtype in blas.PREFIXES:
        return blas.source()
    known = blas.texts(blas.find().form)
    return "\n\n\n".join([*(known[name] for name in ("rows", "sums", "by_loops")), _LOOPS])


def _cpu(params: Convolution, names: Any, threads: bool, name: str) -> str:
    text, part, more, nothing = _TEXTS[name]
    facts = windows.loops(threads)
    facts["imports"] = "\n".join(dict.fromkeys([*blas.IMPORTS, *facts["imports"].split("\n")]))
    return Template(_HEAD + text).substitute(
        facts | {"sizes": ", ".join((*SIZES, *COUNTS)), "windows": windows.NAMES},
        name=name,
        dtype=params.dtype,
        product=_product(params.dtype),
        part=part,
        bias="bias," if params.bias else "",
        more=more.strip() if params.bias else nothing,
        tasks=TASKS,
        sums=SUMS,
    )


def _operands(params: Convolution, names: tuple[str, str, str]) -> tuple[Operand, ...]:
    first, second, result = names
    read = (first, second, "bias") if params.bias else (first, second)
    return *(Operand(name, "r") for name in read), Operand(result, "w")


# CUDA


def _named(sizes: Sizes) -> dict[str, int]:
    return dict(zip((*SIZES, *COUNTS), sizes, strict=True))


def _each(
    params: Convolution,
    metas: Metas,
    sizes: Sizes,
    room: Room,
    name: str,
    of: Callable[[Convolution], tuple[Operand, ...]],
) -> Launches:
    """A thread for each element of the result."""
    from ...cuda.source import convolutions as texts

    size = elements(metas[-1])
    body, bias = (texts.CONVOLVED, "o") if name == "convolve" else (texts.SPREAD_OUT, "c")
    first = f"bias[{bias}]" if params.bias else f"np.{params.dtype}(0)"
    arrays = tuple(o.name for o in of(params))
    text = body.replace("$first", first)
    stage = windows.cuda_stage(name, params.dtype, text, arrays, size, _named(sizes), room)
    return Launches((stage,) if size else ())


def _correlating(params: Convolution, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    """A thread for each weight and segment, and then one for each weight."""
    from ...cuda.source import convolutions as texts

    named, size = _named(sizes), elements(metas[-1])
    if not size:
        return Launches()
    rows = named["images"] * named["od"] * named["oh"]
    segments = max(min(rows, SEGMENTS if room.blocks > 1 else 1, 2**20 // size), 1)
    named |= {"segments": segments, "size_of_weight": size}
    target = "sums" if segments > 1 else "weight"
    body = texts.CORRELATED.replace("sums[", f"{target}[")
    arrays = "x", "y", target
    stages = [
        windows.cuda_stage("correlate", params.dtype, body, arrays, size * segments, named, room)
    ]
    if segments == 1:
        return Launches(tuple(stages))
    few, of = {"segments": segments}, ("sums", "weight")
    stages.append(windows.cuda_stage("totals", params.dtype, texts.TOTALS, of, size, few, room))
    return Launches(tuple(stages), {"sums": (params.dtype, size * segments)})


# What they mean


def _shaped(sizes: Sizes, x: Array, weight: Array, y: Array) -> tuple[Array, Array, Array]:
    images, groups, channels, outputs = sizes[18:]
    return (
        x.reshape(images, groups, channels, *sizes[:3]),
        weight.reshape(groups, outputs, channels, prod(sizes[3:6])),
        y.reshape(images, groups, outputs, *sizes[6:9]),
    )


def _columns(x: Array, sizes: Sizes) -> Array:
    found = windows.unfolded(x.reshape(prod(x.shape[:3]), *x.shape[3:]), sizes)
    return found.reshape(*x.shape[:3], *found.shape[1:])


def _convolved(params: Convolution, x: Array, weight: Array, *rest: Any) -> None:
    *bias, y = rest[: 1 + params.bias]
    sizes = rest[1 + params.bias :]
    image, matrix, found = _shaped(sizes, x, weight, y)
    found[...] = np.einsum("gock,igckdhw->igodhw", matrix, _columns(image, sizes))
    for b in bias:
        found += b.reshape(1, *found.shape[1:3], 1, 1, 1)


def _spread_out(params: Convolution, y: Array, weight: Array, *rest: Any) -> None:
    *bias, x = rest[: 1 + params.bias]
    sizes = rest[1 + params.bias :]
    image, matrix, found = _shaped(sizes, x, weight, y)
    columns = np.einsum("gock,igodhw->igckdhw", matrix, found)
    whole = windows.folded(columns.reshape(prod(image.shape[:3]), *columns.shape[3:]), sizes)
    image[...] = whole.reshape(image.shape)
    for b in bias:
        image += b.reshape(1, *image.shape[1:3], 1, 1, 1)


def _correlated(params: Convolution, x: Array, y: Array, weight: Array, *sizes: int) -> None:
    image, matrix, found = _shaped(sizes, x, weight, y)
    matrix[...] = np.einsum("igodhw,igckdhw->gock", found, _columns(image, sizes))


def _needs_windows(
    params: Convolution, metas: Metas, sizes: Sizes, k: int, at: Any
) -> tuple[Run | None, ...]:
    """The channels of a group of an image, and the weights of an output."""
    n = _named(sizes)
    place = at // prod(sizes[6:9])
    terms = n["channels"] * prod(sizes[:3])
    weights = n["channels"] * prod(sizes[3:6])
    o = place % (n["groups"] * n["outputs"])
    found = Run(place // n["outputs"] * terms, 1, terms), Run(o * weights, 1, weights)
    return (*found, Run(o)) if params.bias else found


def _needs_outputs(
    params: Convolution, metas: Metas, sizes: Sizes, k: int, at: Any
) -> tuple[Run | None, ...]:
    """The outputs of a group of an image, and the weights of the group."""
    n = _named(sizes)
    place = at // prod(sizes[:3])
    terms = n["outputs"] * prod(sizes[6:9])
    weights = n["outputs"] * n["channels"] * prod(sizes[3:6])
    c = place % (n["groups"] * n["channels"])
    group = Run(c // n["channels"] * weights, 1, weights)
    found = Run(place // n["channels"] * terms, 1, terms), group
    return (*found, Run(c)) if params.bias else found


def _effort(*given: Any) -> int:
    """Sixteen products take as long as one element that is read and written."""
    n = _named(given[-22:])
    products = n["images"] * n["groups"] * n["outputs"] * n["channels"] * prod(given[-19:-13])
    return int(products // 16)


def _cost(params: Convolution, metas: Metas, sizes: Sizes) -> Cost:
    n = _named(sizes)
    work = 2 * n["images"] * n["groups"] * n["outputs"] * n["channels"] * prod(sizes[3:9])
    return Cost(work, work)


def _kind(name: str, names: tuple[str, str, str], **facts: Any) -> Kind:
    operands = partial(_operands, names=names)
    each = partial(_each, name=name, of=operands)
    launches = _correlating if name == "correlate" else each
    return Kind(
        name=name,
        operands=operands,
        exact=lambda params: False,
        cpu=partial(_cpu, name=name),
        routine=lambda params: blas.Gemm(params.dtype),
        tasks=lambda *given: int(given[-4]),
        effort=_effort,
        grid=launches,
        block=launches,
        cost=_cost,
        **facts,
    )


CONVOLVE = _kind("convolve", ("x", "weight", "y"), oracle=_convolved, needs=_needs_windows)
SPREAD = _kind("spread", ("y", "weight", "x"), oracle=_spread_out, needs=_needs_outputs)
CORRELATE = _kind("correlate", ("x", "y", "weight"), oracle=_correlated)
