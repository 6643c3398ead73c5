"""Many replicas of a step: the same native function over as many memories, one after the other.

What runs `rows` of them is called from several threads at once, each with rows of its own, so that
none uses threads itself: a step's blocks do not depend on their number, and its bits neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
DRIVER = '''

@njit(error_model="numpy", nogil=True)
def run_all(steps, which, numbers, seeds, history, codes, routines, addresses):
    """Replica k by row `which[k]` of the numbers, and row k of all else."""
    for k in range(len(which)):
        codes[k] = run(
            steps, numbers[which[k]], seeds[k], history[k], routines, addresses[k]
        )
'''


class Tables(NamedTuple):
    """What some replicas run on besides memory, a row for each of them.

    `which` row of `numbers`, (rows, steps, slots), a replica has; `seeds`, (replicas, generators,
    2), and `history`, (replicas, steps, scalars), are those of `trace.Native`. `codes` is filled
    with what its `run` returns.
    """

    which: Array
    numbers: Array
    seeds: Array
    history: Array
    codes: Array

    def part(self, piece: slice) -> Tables:
        """Those of some of the replicas."""
        which, numbers, *others = self
        return Tables(which[piece], numbers, *(a[piece] for a in others))


class Many:
    """Runs replicas by `run` of a native function, one call each.

    `threads`: whether several threads may do so at once. While they do, `alone` is to be entered:
    libraries then use as many threads as for one step.
    """

    threads = False
    alone: Callable[[], AbstractContextManager[None]] = nullcontext

    def __init__(self, run: Callable[..., Any]) -> None:
        self._run = run

    def __call__(self, rows: Array, tables: Tables, arrays: Sequence[Array]) -> None:
        """Run the replicas with these numbers, on their rows of `arrays`.

        There is one of (replicas, size) for each of `trace.arguments`, or of (size,) for all.
        """
        for k, row in enumerate(rows):
            own = [a[row] if a.ndim == 2 else a for a in arrays]
            numbers = tables.numbers[tables.which[k]]
            given = len(numbers), numbers, tables.seeds[k], tables.history[k], own
            tables.codes[k] = self._run(*given)


class Native(Many):
    """Runs replicas by machine code that takes addresses alone, `run_all`."""

    threads = True

    def __init__(
        self, run: Callable[..., Any], routines: tuple[int, ...], own: Callable[[], list[Array]]
    ) -> None:
        """`own` gives a step's constants and scratch memory, the latter for one thread."""
        super().__init__(run)
        self._routines, self._own = routines, own

    def __call__(self, rows: Array, tables: Tables, arrays: Sequence[Array]) -> None:
        """See `Many`."""
        own = self._own()
        addresses = np.empty((len(rows), len(arrays) + len(own)), np.uint64)
        for column, a in enumerate(arrays):
            stride = a.strides[0] if a.ndim == 2 else 0
            addresses[:, column] = a.ctypes.data + rows * stride
        addresses[:, len(arrays) :] = [a.ctypes.data for a in own]
        which, numbers, seeds, history, codes = tables
        steps = numbers.shape[1]
        self._run(steps, which, numbers, seeds, history, codes, self._routines, addresses)


def signature(routines: int) -> tuple[Any, ...]:
    """The types of what `run_all` takes."""
    import numba
    from numba.np.numpy_support import from_dtype

    types: Any = numba.types

    def array(dtype: str, dimensions: int) -> Any:
        return types.Array(from_dtype(np.dtype(dtype)), dimensions, "C")

    tables = array("int64", 1), array("float64", 3), array("uint64", 3), array("float64", 3)
    addresses = types.UniTuple(types.int64, routines)
    return types.int64, *tables, array("int64", 1), addresses, array("uint64", 2)
