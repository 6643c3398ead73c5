"""Steps one after the other, each on other memory, as the batches of an epoch are.

The loop over them is machine code that calls the step at its address. So it knows of a step only
how many arrays of which types that takes, and no step is compiled again for it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...fits.algorithm.later import Later
from ..trace import FINE, Trace

TEXT = """\"\"\"Steps one after the other, each on a part of its own of some arrays.

{taken}\"\"\"

from numba import njit, types
from numba.extending import intrinsic


@intrinsic
def call(typing, step, {given}):
    kinds = ({given})

    def generate(context, builder, signature, arguments):
        convention = context.call_conv
        function = convention.get_function_type(types.int64, kinds)
        address = builder.inttoptr(arguments[0], function.as_pointer())
        _, result = convention.call_function(
            builder, address, types.int64, kinds, arguments[1:]
        )
        return result

    return types.int64(step, *kinds), generate


@njit(error_model="numpy", nogil=True)
def kernel(step, numbers, seeds, history, counters, failures, routines, addresses, sizes{arrays}):
    for s in range(len(numbers)):
        one = slice(s, s + 1)
        code = call(step, {values})
        if code != {fine}:
            return s * failures + code
        seeds[:, 1] += counters
    return {fine}
"""
STEP = ("steps", "numbers", "seeds", "history", "routines", "addresses")
PART = "{name}[s * sizes[{i}, 0] : s * sizes[{i}, 0] + sizes[{i}, 1]]"


def text(varying: int, taken: str) -> str:
    """The module whose `kernel` is the loop over steps that take so many arrays; `taken`: see
    `types`, by which it has a place of its own in the cache."""
    names = [f"a{i}" for i in range(varying)]
    parts = [PART.format(name=name, i=i) for i, name in enumerate(names)]
    return TEXT.format(
        arrays="".join(f", {name}" for name in names),
        given=", ".join([*STEP, *names]),
        values=", ".join(["1", "numbers[one]", "seeds", "history[one]", *STEP[4:], *parts]),
        fine=FINE,
        taken=taken,
    )


def types(dtypes: Sequence[str], routines: int) -> str:
    """The types of what `kernel` takes, of arrays of `dtypes`, as text."""
    rows, table = "float64[:,::1]", "uint64[::1]"
    tables = rows, "uint64[:,::1]", rows, table, "int64", f"UniTuple(int64, {routines})", table
    arrays = (f"{'boolean' if d == 'bool' else d}[::1]" for d in dtypes)
    return f"(int64, {', '.join([*tables, 'int64[:,::1]', *arrays])})"


@functools.cache
def _loop(taken: str, varying: int) -> Later:
    """The loop for these types; Python does its work until it is compiled."""
    return Later(lambda: text(varying, taken), "along", taken)


class Along:
    """Calls a step that is compiled, `function`, which takes arrays of `dtypes`."""

    def __init__(self, dtypes: Sequence[str], routines: tuple[int, ...], function: Any) -> None:
        self._routines, self._address = routines, 0
        self._function, self._loop = function, _loop(types(dtypes, len(routines)), len(dtypes))

    def ready(self) -> bool:
        """Whether it can be called yet."""
        return self._loop() is not None

    def __call__(
        self,
        numbers: Any,
        seeds: Any,
        history: Any,
        table: Any,
        arrays: Mapping[int, Any],
        moving: Mapping[int, Any],
        trace: Trace,
    ) -> int:
        """See `trace.Native.along`; `arrays` are those that have no address in the `table`."""
        if not self._address:
            (found,) = self._function.overloads.values()
            self._address = found.library.get_pointer_to_function(found.fndesc.llvm_func_name)
        given = [moving.get(position, array) for position, array in arrays.items()]
        # From where to where the first step's part of each goes, and the next one's begins.
        moves = [
            len(a) // len(numbers) if i in moving else 0 for i, a in zip(arrays, given, strict=True)
        ]
        sizes = [(move, move or len(a)) for move, a in zip(moves, given, strict=True)]
        tables = numbers, seeds.copy(), history, np.array(trace.counters, np.uint64)
        code: int = self._loop.now()(
            *(self._address, *tables, len(trace.failures), self._routines, table),
            *(np.array(sizes, np.int64).reshape(-1, 2), *given),
        )
        return code
