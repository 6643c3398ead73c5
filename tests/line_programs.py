"""Every walk along lines that rows make, for tests of kernels."""

from __future__ import annotations

from collections.abc import Iterator

from microgrest.kernels.source.axis.lines import Lines

from microgrest.ops.folds import classes, normalization, softmax


def programs(dtype: str) -> Iterator[Lines]:
    """All of them, of one type."""
    yield from (softmax.program(name, dtype) for name in softmax.PROGRAMS)
    yield from (classes.program(name, dtype) for name in classes.PROGRAMS)
    yield classes.mean(dtype)
    yield classes.share(dtype)
    yield normalization.of_weight(dtype)
    for affine in (False, True):
        yield normalization.forward(dtype, affine)
        yield normalization.backward(dtype, affine)
