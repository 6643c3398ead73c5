"""What the source of every kernel of a Program shares: names, loads, the body, stores, the module.

A layout says how each operand meets the iteration space, one letter each, inputs then outputs:

    flat      v  an array of n elements          e  an array of one element
              x  one element that stands for n, as an expanded tensor's does
              f  a Python float   i  a Python int (by value)
              outputs: v, or r (folded to one element), or a digit: stored over that input
    strided   v  an array walked by its own strides    c  the same, stride 1 in the last dimension
              e  an array constant in the last dimension    f, i  as above

The loops around the body are the target's: `codegen` has the CPU's, `cuda.source` those of CUDA.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import NamedTuple

from .program import Output, Program, Reduce
from .scalar import SHORT, cast, functions, render, statements

NUMBERS = {"f": "float64", "i": "int64"}
# Functions that kernels call, and that an operand may be named like.
BUILTINS = ("min", "max", "abs", "range")


class Source(NamedTuple):
    """A module's `text`, and the `signature` of its function `kernel` in Numba's notation."""

    text: str
    signature: str


def indent(lines: Iterable[str], depth: int = 1) -> list[str]:
    """`lines`, `depth` levels further in."""
    return ["    " * depth + line for line in lines]


class Writer:
    """What the kernels of one Program share: names of operands, loads, the body, stores."""

    def __init__(self, program: Program, layout: str, names: ModuleType) -> None:
        self.program, self.names = program, names
        k = len(program.inputs)
        self.letters, self.stores = layout[:k], layout[k:]
        self.arrays = [p.name + "0" * (p.name in BUILTINS) for p in program.inputs]
        self.outs = [
            self.arrays[int(s)] if s.isdigit() else f"out{i or ''}"
            for i, s in enumerate(self.stores)
        ]
        self.folds = [out for out in program.outputs if out.reduce]

    @property
    def parameters(self) -> list[str]:
        """The kernel's parameters: inputs, then the outputs that are arrays of their own."""
        own = [o for o, s in zip(self.outs, self.stores, strict=True) if not s.isdigit()]
        return self.arrays + own

    @property
    def parameters_of_block(self) -> list[str]:
        """The arrays that a block reads and stores to: all but the folded results."""
        folded = [o for o, s in zip(self.outs, self.stores, strict=True) if s == "r"]
        return [p for p in self.parameters if p not in folded]

    @property
    def length(self) -> str:
        """An expression for n, the length of the iteration space."""
        for name, letter in zip(self.arrays + self.outs, self.letters + self.stores, strict=True):
            if letter == "v":
                return f"{name}.size"
        return "1"

    def value(self, i: int) -> str:
        """The name of an input's value in registers."""
        return f"{self.arrays[i]}_"

    def index(self, array: str) -> str:
        """Where the innermost loop stands in `array`."""
        letters = dict(zip(self.arrays, self.letters, strict=True))
        return "0" if letters.get(array, "v") in "ex" else "i"

    def load(self, i: int) -> str:
        """The assignment that brings input `i` into a register."""
        p = self.program.inputs[i]
        if self.letters[i] in NUMBERS:
            number = cast(self.arrays[i], NUMBERS[self.letters[i]], p.loaded)
            return f"{self.value(i)} = {number}"
        element = f"{self.arrays[i]}[{self.index(self.arrays[i])}]"
        return f"{self.value(i)} = {read(element, p.stored, p.loaded)}"

    def constants(self) -> list[str]:
        """Loads that do not move with the innermost index."""
        return [self.load(i) for i, c in enumerate(self.letters) if c not in "vc"]

    @property
    def guarded(self) -> bool:
        """Whether some function has a vectorizing form for the usual range of its argument only.

        A block is then tried with that form, and done again where it met an argument beyond. So
        nothing may be stored over an input.
        """
        used = {(f, i.compute) for i in self.program.body for f in functions(i.formula)}
        aliased = any(s.isdigit() for s in self.stores)
        return not aliased and any(self.names.vector(f, d) for f, d in used)

    def body(self, accumulators: list[str] | None = None, near: bool = False) -> list[str]:
        """Loads that move, instructions, then a store or a fold for each output."""
        loaded = [self.value(i) for i in range(len(self.arrays))]
        lines, values = statements(self.program, self.names, loaded, near)
        lines = [self.load(i) for i, c in enumerate(self.letters) if c in "vc"] + lines
        folded = iter(accumulators or [])
        for j, (out, value) in enumerate(zip(self.program.outputs, values, strict=True)):
            held = self.program.dtype(out.value)
            if out.reduce:
                lane = out.reduce.lane
                lines.append(self.fold(out.reduce, next(folded), cast(value, held, lane), lane))
            else:
                target = f"{self.outs[j]}[{self.index(self.outs[j])}]"
                lines.append(f"{target} = {write(value, held, out.dtype)}")
        return lines

    def fold(self, fold: Reduce, acc: str, x: str, dtype: str) -> str:
        """One step of a fold."""
        step = self.names.step(fold, dtype)
        return f"{acc} = {render(step, {'acc': acc, 'x': x}, dtype, self.names)}"

    def initial(self, fold: Reduce, dtype: str) -> str:
        """The value a fold starts from."""
        return render(fold.init, {}, dtype, self.names)

    def finish(self, out: Output, acc: str, n: str) -> str:
        """The stored value of a folded output."""
        fold = out.reduce
        assert fold is not None
        operands = {"acc": acc, "n": cast(n, "int64", fold.total)}
        text = render(fold.final, operands, fold.total, self.names)
        return write(text, fold.total, out.dtype)

    def helpers(self) -> list[str]:
        """The sources of the scalar functions that the kernel calls."""
        used = {(f, i.compute) for i in self.program.body for f in functions(i.formula)}
        if any(p.stored == "float16" for p in self.program.inputs):
            used.add(("half_to_float", "float32"))
        if any(o.dtype == "float16" for o in self.program.outputs):
            used.add(("float_to_half", "float32"))
        wanted = [self.names.scalar(f, d) for f, d in sorted(used)]
        if self.guarded:
            wanted += [name for f, d in sorted(used) for name in self.names.vector(f, d) or ()]
        helpers: list[str] = self.names.helpers(wanted)
        return helpers


def read(text: str, stored: str, loaded: str) -> str:
    """An element as a register value; float16 is stored as its bits."""
    if stored == "float16":
        return cast(f"half_to_float({text})", "float32", loaded)
    return cast(text, stored, loaded)


def write(text: str, held: str, stored: str) -> str:
    """A register value as an element."""
    if stored == "float16":
        return f"float_to_half({cast(text, held, 'float32')})"
    return cast(text, held, stored)


def title(program: Program, layout: str) -> str:
    """The module's first line: what this kernel is."""
    types = ", ".join(p.stored for p in program.inputs)
    outs = ", ".join(f"{'fold ' if o.reduce else ''}{o.dtype}" for o in program.outputs)
    return f'"""{program.name}: ({types}) -> {outs}; layout {layout}."""'


def shorts(lines: Iterable[str]) -> list[str]:
    """Definitions of the short names that `lines` use, of types and of LLVM's own functions."""
    text = "\n".join(lines)
    numpy = {s: "bool_" if d == "bool" else d for d, s in SHORT.items()}
    own = [f"{name} = {lowered}" for name, lowered in _LLVM.items() if f"{name}(" in text]
    imports = ["from numba import types"] if own else []
    return [*imports, *own, *(f"{s} = np.{d}" for s, d in numpy.items() if f"{s}(" in text)]


# Of two numbers, NaN where one is: what LLVM makes lanes of, as of no comparison that keeps NaN.
_LLVM = {
    f"{name}_f{bits}": (
        f'types.ExternalFunction("llvm.{known}.f{bits}", types.float{bits}(types.float{bits}, '
        f"types.float{bits}))"
    )
    for name, known in (("larger", "maximum"), ("smaller", "minimum"))
    for bits in (32, 64)
}


def module(
    doc: str, helpers: Iterable[str], decorator: str, kernel: list[str], imports: list[str]
) -> str:
    """The module's text: imports, short type names, helpers, kernel."""
    parts = ["\n".join([doc, "", "import math", "", "import numpy as np", *imports])]
    short = shorts(kernel)
    if short:
        parts.append("\n".join(short))
    parts += [f"\n{decorator}\n{text.strip()}" for text in helpers]
    parts.append("\n" + "\n".join(kernel))
    return "\n\n".join(parts) + "\n"


class StridedWriter(Writer):
    """A Writer whose arrays are walked by strides: `a_at1` is where array a is in dimension 1."""

    def __init__(self, program: Program, layout: str, names: ModuleType, ndim: int) -> None:
        super().__init__(program, layout, names)
        self.ndim = ndim
        letters = dict(zip(self.arrays + self.outs, self.letters + self.stores, strict=True))
        self.walked = {a: c for a, c in letters.items() if c in "vce"}

    def at(self, array: str, depth: int) -> str:
        """The position of `array` before the loop over dimension `depth`."""
        return f"{array}_at{depth - 1}" if depth else f"{array}_at"

    def index(self, array: str) -> str:
        last = self.ndim - 1
        step = {"c": f" + i{last}", "v": f" + i{last} * {array}_s{last}", "e": ""}
        return self.at(array, last) + step[self.walked[array]]

    def unpack(self) -> list[str]:
        """Extents, then offset and strides of each array, out of `geometry`."""
        wanted = [f"n{d}" for d in range(self.ndim)]
        for a in self.walked:
            wanted += [self.at(a, 0), *(f"{a}_s{d}" for d in range(self.ndim))]
        return [f"{name} = geometry[{k}]" for k, name in enumerate(wanted)]

    def loops(self, depth: int, parallel: bool) -> list[str]:
        """The nest from dimension `depth` inwards."""
        if depth == self.ndim - 1:
            return [*self.constants(), f"for i{depth} in range(n{depth}):", *indent(self.body())]
        steps = [
            f"{self.at(a, depth + 1)} = {self.at(a, depth)} + i{depth} * {a}_s{depth}"
            for a in self.walked
        ]
        head = [f"for i{depth} in range(n{depth}):"]
        if parallel and depth == 0:
            head, steps = ["for row in prange(np.int64(n0)):"], ["i0 = np.uint64(row)", *steps]
        return [*head, *indent([*steps, *self.loops(depth + 1, parallel)])]
