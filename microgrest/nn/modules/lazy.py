"""Lazy modules, which microgrest does not have: their parameters are made when they are called."""

from __future__ import annotations

from typing import Any


class _Lazy:
    """Refused by name: NotImplementedError."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        name = type(self).__name__
        raise NotImplementedError(
            f"{name} is not supported: use {name.removeprefix('Lazy')}, and give the number of "
            "features or channels that come in"
        )


class LazyLinear(_Lazy):
    pass


class LazyConv1d(_Lazy):
    pass


class LazyConv2d(_Lazy):
    pass


class LazyConv3d(_Lazy):
    pass


class LazyConvTranspose1d(_Lazy):
    pass


class LazyConvTranspose2d(_Lazy):
    pass


class LazyConvTranspose3d(_Lazy):
    pass


class LazyBatchNorm1d(_Lazy):
    pass


class LazyBatchNorm2d(_Lazy):
    pass


class LazyBatchNorm3d(_Lazy):
    pass


class LazyInstanceNorm1d(_Lazy):
    pass


class LazyInstanceNorm2d(_Lazy):
    pass


class LazyInstanceNorm3d(_Lazy):
    pass
