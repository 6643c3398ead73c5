"""Run by test_simulated with NUMBA_ENABLE_CUDASIM=1: generated kernels on small arrays.

The simulator reads the same source, with NumPy arrays in place of pointers and no type checks, so
it tells whether each element is reached once and every operand read at the right place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from microgrest.kernels import cache
from microgrest.kernels.cuda import names
from microgrest.kernels.cuda.driver import simulator
from microgrest.kernels.cuda.source import wide
from microgrest.kernels.cuda.source.maps import Source, flat, strided
from microgrest.kernels.source.program import Input, Instr, Output, Program

Array = np.ndarray[Any, Any]


def program(formula: str) -> Program:
    """out = formula, over float32 a and b and a mask m of type bool."""
    inputs = [Input(name, "float32", "float32") for name in "ab"] + [Input("m", "bool", "bool")]
    args = tuple((p.name, k) for k, p in enumerate(inputs))
    body = (Instr(formula, args, "float32", "float32", kept=("m",)),)
    return Program("simulated", tuple(inputs), body, (Output(3, "float32"),))


CHOOSE = program("{a} + {b} if {m} else {a}")


def launch(source: Source, *args: Any) -> None:
    """Two blocks of three threads: a grid that divides no extent below."""
    cache.load(source.text, "simulated").kernel[2, 3](*args)


def expect(out: Array, value: Array) -> None:
    """`out` is `value`, element by element."""
    np.testing.assert_array_equal(out, value.astype(np.float32))


def operands(n: int) -> tuple[Array, Array, Array, Array]:
    """a, b, a mask as bytes, and an array for the result."""
    a = np.arange(n, dtype=np.float32)
    return a, 100 * a, np.arange(n, dtype=np.uint8) % 3, np.full(n, -1, np.float32)


def contiguous() -> None:
    for n in (1, 5, 6, 20):
        a, b, m, out = operands(n)
        launch(flat(CHOOSE, "vvvv", names), a, b, m, out, n)
        expect(out, np.where(m, a + b, a))


def one_element_and_numbers() -> None:
    a, b, m, out = operands(20)
    launch(flat(CHOOSE, "evxv", names), a[7:], b, m[1:], out, 20)
    expect(out, 7 + b)
    launch(flat(CHOOSE, "vfiv", names), a, np.float32(0.5), 1, out, 20)
    expect(out, a + 0.5)


def in_place() -> None:
    a, b, m, _ = operands(20)
    launch(flat(CHOOSE, "vvv0", names), a, b, m, 20)
    expect(a, np.where(m, np.arange(20) + b, np.arange(20)))


def transposed_and_broadcast() -> None:
    """out[i, j, k] of extents 2, 3, 4: a is a transposed view, b a column, m starts at 1."""
    a, b, m, out = operands(25)
    geometry = (2, 3, 4, 0, 1, 2, 6, 1, 0, 1, 0, 1, 12, 4, 1, 1, 12, 4, 1)
    launch(strided(CHOOSE, "vecc", 3, names), geometry, a, b, m, out)
    turned = a[:24].reshape(4, 3, 2).transpose(2, 1, 0)
    chosen = np.where(m[1:].reshape(2, 3, 4), turned + b[1:4].reshape(3, 1), turned)
    expect(out[1:], chosen.ravel())
    expect(out[:1], np.array([-1.0]))


def one_dimension() -> None:
    a, b, m, out = operands(20)
    geometry = (6, 0, 2, 1, 3, 1, 0, 3, 1)
    launch(strided(CHOOSE, "vvec", 1, names), geometry, a, b, m, out)
    expect(out[3:9], a[:12:2] + b[1:19:3])


def by_runs() -> None:
    """Runs of four, and what is left over."""
    for n in (1, 3, 4, 30, 65):
        a, b, m, out = operands(n)
        launch(wide.flat(CHOOSE, "vvvv", names, simulated=True), a, b, m, out, n)
        expect(out, np.where(m, a + b, a))
        launch(wide.flat(CHOOSE, "vfe0", names, simulated=True), a, np.float32(2), m[n > 1 :], n)
        expect(a, np.arange(n) + 2 * (n > 1))


def by_runs_to_several() -> None:
    a, b, m, out = operands(30)
    sums = Instr("{a} + {b}", (("a", 0), ("b", 1)), "float32", "float32")
    outputs = (Output(3, "float32"), Output(1, "float32"))
    both = Program("both", CHOOSE.inputs, (sums,), outputs)
    launch(wide.flat(both, "vvev0", names, simulated=True), a, b, m, out, 30)
    expect(out, np.arange(30) * 101)
    expect(a, b)


def memory_of_the_host_is_refused() -> None:
    with pytest.raises(TypeError, match="memory of the host"):
        simulator.launch(None, (1, 3), {}, np.ones(3))


if __name__ == "__main__":
    for check in (
        contiguous,
        one_element_and_numbers,
        in_place,
        transposed_and_broadcast,
        one_dimension,
        by_runs,
        by_runs_to_several,
        memory_of_the_host_is_refused,
    ):
        check()
