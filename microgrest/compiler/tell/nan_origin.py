"""Where a NaN or an infinity comes from: a step run eagerly, with a look at all that ops write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ... import cuda
from ..record import source_line, watching, written
from ..replay import is_finite

Array = np.ndarray[Any, Any]


def origin_of_nan(fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Run a step eagerly; which op first wrote a NaN or an infinity and where, "" if none did.

    Infinities are often meant, as in a mask, and NaN never is. So where both came up, both are
    told.
    """
    finder = _Finder()
    with watching(finder):
        fn(*args, **kwargs)
    return "; ".join(
        f"the first {what} came from {finder.first[what]}"
        for what in ("NaN", "infinity")
        if what in finder.first
    )


class _Finder:
    """Looks at what ops write, and lets everything run as without it."""

    def __init__(self) -> None:
        self.first: dict[str, str] = {}

    def ran(self, function: str, *args: Any) -> None:
        for values in _stored(function, args):
            if not is_finite(values):
                what = "NaN" if np.isnan(values).any() else "infinity"
                name = args[0].name if hasattr(args[0], "name") else function
                self.first.setdefault(what, f"{name} at {source_line()}")

    def inputs(self, numbers: Sequence[float], source: Any) -> tuple[float, ...]:
        return tuple(map(float, numbers))

    def _ignore(self, *what: Any) -> None:
        """What a recorder must know and an onlooker need not."""

    made = drawing = scheduled = refuse = _ignore


def _stored(function: str, args: Sequence[Any]) -> Iterator[Array]:
    """The values that a call wrote; none of those that the user's program gave as they are."""
    if function == "launch":
        for view in args[3]:
            yield _strided(_host(view[0]), args[1], view[1], view[2])
    elif function not in ("fill", "from_host"):
        yield from map(_host, written(function, args))


def _host(array: Any) -> Array:
    """Flat values in host memory; uint16 holds the bits of float16."""
    if not isinstance(array, np.ndarray):
        array = cuda.kernels().memory.to_host(array)
    found: Array = array.view(np.float16) if array.dtype == np.uint16 else array
    return found


def _strided(array: Array, shape: Sequence[int], offset: int, strides: Sequence[int]) -> Array:
    """The elements from `offset` on that lie at `strides`: others may never have been written."""
    size = array.itemsize
    return np.ndarray(
        tuple(shape), array.dtype, array, offset * size, tuple(step * size for step in strides)
    )
