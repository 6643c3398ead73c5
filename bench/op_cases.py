"""Ops beside elementwise ones, for `ops.py`: folds along each axis, lines, places, orders, windows.

The operand of n elements is a square matrix, or what is said, and requires gradients, so that each
call is recorded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from cases import Build, Case, Timed

SIZES = (100, 10_000, 1_000_000)
# As fast where calls are small, and where loops are long within a third.
SMALL, LARGE = 1.0, 1.3
Function = Callable[[Any, Any], Any]


def square(torch: Any, n: int, dtype: Any) -> Any:
    """A square matrix of n numbers around 1 in no order, some of them equal."""
    side = math.isqrt(n)
    values = (torch.arange(n, dtype=torch.int64) * 7919 % 10_007).to(dtype) / 50_000 + 0.9
    return values.reshape(side, side).requires_grad_()


def forward(function: Function) -> Build:
    """A call of `function(torch, x)` on the matrix."""

    def build(torch: Any, n: int, dtype: Any) -> Timed:
        x = square(torch, n, dtype)
        return Timed(lambda: function(torch, x))

    return build


def backward(function: Function) -> Build:
    """The gradient of the sum of what `function` makes; the graph is made beforehand."""

    def build(torch: Any, n: int, dtype: Any) -> Timed:
        x = square(torch, n, dtype)

        def run(y: Any) -> Any:
            return torch.autograd.grad(y, x)[0]

        weights = (square(torch, n, dtype) * 7).sin().detach()
        return Timed(run, lambda: (function(torch, x) * weights).sum())

    return build


def rows(torch: Any, x: Any) -> Any:
    """Row numbers of the matrix, in no order, as many as there are rows."""
    side = x.shape[0]
    return torch.arange(side) * 7 % side


def picked(function: Callable[[Any, Any, Any], Any]) -> Build:
    """A call of `function(torch, x, index)` with numbers of rows."""

    def build(torch: Any, n: int, dtype: Any) -> Timed:
        x = square(torch, n, dtype)
        index = rows(torch, x)
        return Timed(lambda: function(torch, x, index))

    return build


def picked_back(function: Callable[[Any, Any, Any], Any]) -> Build:
    """The gradient of such a call."""

    def build(torch: Any, n: int, dtype: Any) -> Timed:
        x = square(torch, n, dtype)
        index = rows(torch, x)

        def run(y: Any) -> Any:
            return torch.autograd.grad(y, x)[0]

        weights = (square(torch, n, dtype) * 7).sin().detach()
        return Timed(run, lambda: (function(torch, x, index) * weights).sum())

    return build


FOLDS: dict[str, Callable[..., Any]] = {
    "sum": lambda torch, x, **dim: torch.sum(x, **dim),
    "mean": lambda torch, x, **dim: torch.mean(x, **dim),
    "var": lambda torch, x, **dim: torch.var(x, **dim),
    "std": lambda torch, x, **dim: torch.std(x, **dim),
    "norm": lambda torch, x, **dim: torch.linalg.vector_norm(x, **dim),
    "amax": lambda torch, x, **dim: torch.amax(x, **dim),
    "argmax": lambda torch, x, **dim: torch.argmax(x, **dim),
    "prod": lambda torch, x, **dim: torch.prod(x, **dim),
    "max": lambda torch, x, **dim: torch.max(x, **dim)[0] if dim else torch.max(x),
    "any": lambda torch, x, **dim: torch.any(x, **dim),
}
LINES: dict[str, Function] = {
    "softmax": lambda torch, x: torch.softmax(x, 1),
    "softmax_0": lambda torch, x: torch.softmax(x, 0),
    "log_softmax": lambda torch, x: torch.log_softmax(x, 1),
    "logsumexp": lambda torch, x: torch.logsumexp(x, 1),
    "logsumexp_0": lambda torch, x: torch.logsumexp(x, 0),
    "layer_norm": lambda torch, x: torch.nn.functional.layer_norm(x, x.shape[1:]),
}
PLACES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "index": lambda torch, x, i: x[i],
    "index_columns": lambda torch, x, i: x[:, i],
    "embedding": lambda torch, x, i: torch.nn.functional.embedding(i, x),
    "index_add": lambda torch, x, i: torch.index_add(x, 0, i, x),
    "cross_entropy": lambda torch, x, i: torch.nn.functional.cross_entropy(x, i),
}
ORDERS: dict[str, Function] = {
    "mask": lambda torch, x: x[x > 1],
    "slice": lambda torch, x: x[1:, ::2],
    "cat": lambda torch, x: torch.cat([x, x]),
    "cumsum": lambda torch, x: x.cumsum(1),
    "cumsum_0": lambda torch, x: x.cumsum(0),
    "sort": lambda torch, x: x.sort(1)[0],
    "topk": lambda torch, x: x.topk(5, 1)[0],
}


def image(torch: Any, channels: int, side: int, dtype: Any) -> Any:
    """32 images."""
    count = 32 * channels * side * side
    values = (torch.arange(count, dtype=torch.int64) * 7919 % 10_007).to(dtype) / 5000 - 1
    return values.reshape(32, channels, side, side).requires_grad_()


def lenet(function: Callable[[Any, Any, Any], Any], channels: int, side: int, out: int) -> Build:
    """A layer of LeNet on 32 images, with 5 x 5 weights."""

    def build(torch: Any, n: int, dtype: Any) -> Timed:
        x = image(torch, channels, side, dtype)
        weight = torch.linspace(-1, 1, out * channels * 25, dtype=dtype)
        weight = weight.reshape(out, channels, 5, 5).requires_grad_()
        return Timed(lambda: function(torch, x, weight))

    return build


def lenet_back(function: Callable[..., Any], channels: int, side: int, out: int) -> Build:
    """The gradients of such a layer."""

    def build(torch: Any, n: int, dtype: Any) -> Timed:
        x = image(torch, channels, side, dtype)
        weight = torch.linspace(-1, 1, out * channels * 25, dtype=dtype)
        weight = weight.reshape(out, channels, 5, 5).requires_grad_()

        def run(y: Any) -> Any:
            return torch.autograd.grad(y, [x, weight])[1]

        return Timed(run, lambda: function(torch, x, weight).sum())

    return build


def conv(torch: Any, x: Any, weight: Any) -> Any:
    """A convolution."""
    return torch.nn.functional.conv2d(x, weight)


def _pool(name: str) -> Function:
    def pool(torch: Any, x: Any, weight: Any) -> Any:
        return getattr(torch.nn.functional, name)(x, 2)

    return pool  # type: ignore[return-value]


def along(fold: Callable[..., Any], dim: dict[str, int]) -> Function:
    """A fold along what `dim` says, all without."""
    return lambda torch, x: fold(torch, x, **dim)


def _cases() -> Iterator[Case]:
    for n in SIZES:
        bound = SMALL if n == 100 else LARGE
        for name, fold in FOLDS.items():
            for where, dim in (("", {}), ("_0", {"dim": 0}), ("_1", {"dim": 1})):
                yield Case(f"{name}{where}", n, forward(along(fold, dim)), bound)
        for name, function in (LINES | ORDERS).items():
            yield Case(name, n, forward(function), bound)
        for name, place in PLACES.items():
            yield Case(name, n, picked(place), bound)
        for name in ("softmax", "layer_norm"):
            yield Case(f"{name}_backward", n, backward(LINES[name]), bound)
        for name in ("embedding", "cross_entropy", "index"):
            yield Case(f"{name}_backward", n, picked_back(PLACES[name]), bound)
        yield Case("matmul", n, forward(lambda torch, x: x @ x), SMALL if n == 100 else 1.1)
    for layer, sizes in (("c1", (1, 28, 6)), ("c3", (6, 14, 16))):
        yield Case(f"conv2d_{layer}", sizes[1] ** 2, lenet(conv, *sizes), 2.0)
        yield Case(f"conv2d_{layer}_backward", sizes[1] ** 2, lenet_back(conv, *sizes), 2.0)
    for name in ("max_pool2d", "avg_pool2d"):
        yield Case(name, 24 * 24, lenet(_pool(name), 6, 24, 1), 2.0)


CASES = tuple(_cases())
