"""Program: what a kernel computes, as plain data.

A Program is one loop body over an iteration space: typed inputs, instructions in single-assignment
form, and outputs that are stored element by element or reduced. It says nothing about memory
layout, threads or device: `codegen` adds those and writes the source. Programs are compared by
identity; equal ones still share a kernel, because kernels are cached by their source text.

    inputs   0 .. k-1          g, x                     float32
    body     k .. k+m-1        t0 = 1 - x * x           float32
                               t1 = g * t0              float32
    outputs                    t1 -> float32
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

# From this many elements on a target may have a better kernel than for few: threads on the CPU,
# wider accesses on a GPU.
LARGE = 1 << 17


@dataclass(frozen=True, slots=True)
class Input:
    """An operand: its `name` in the source, the type it is stored in, the type it is loaded as."""

    name: str
    stored: str
    loaded: str


@dataclass(frozen=True, slots=True)
class Instr:
    """`formula` over the values `args`, converted to `compute` first, giving a `dtype` value.

    The formula is a scalar expression with its operands in braces, "exp({x}) - 1"; its literals
    take the type `compute`. Operands named in `kept` (masks) stay of their own type.
    """

    formula: str
    args: tuple[tuple[str, int], ...]
    compute: str
    dtype: str
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reduce:
    """How values fold into one: `init`, then `step` over {acc} and {x}; `final` over {acc}, {n}.

    Lanes accumulate in `lane`, which keeps full SIMD width, and blocks of them in `total`. Where
    LLVM makes no lanes for `step`, `vector` is a step that means the same, but for a zero's sign.
    """

    init: str
    step: str
    lane: str
    total: str
    final: str = "{acc}"
    vector: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """A value that leaves the loop, stored as `dtype`, folded by `reduce` where that is given."""

    value: int
    dtype: str
    reduce: Reduce | None = None


@dataclass(frozen=True, eq=False)
class Program:
    """A loop body. `name` is for people; values are numbered inputs first, then instructions."""

    name: str
    inputs: tuple[Input, ...]
    body: tuple[Instr, ...]
    outputs: tuple[Output, ...]
    # Compiled kernels by (target, layout, ...), filled by the targets as they are needed.
    kernels: dict[Any, Callable[..., None]] = field(default_factory=dict, repr=False)

    def dtype(self, value: int) -> str:
        """The type of a value while it is in a register."""
        k = len(self.inputs)
        return self.inputs[value].loaded if value < k else self.body[value - k].dtype
