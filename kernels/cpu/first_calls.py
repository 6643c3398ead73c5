"""The first calls of a kernel, by NumPy: what is called a few times is not compiled.

To compile a kernel takes as long as ten thousand of its calls, and a program's first minute meets
dozens of them, most of them once or twice. NumPy stands in where it gives the same bits: for maps
of which each instruction is one operation that IEEE 754 rounds once, or an exact one, if no product
goes into a sum, of which LLVM makes one operation; for sums of columns, which are added row by row;
and for kinds by their oracles, on few elements. A map or a sum that is called more often is
compiled by the child, where there is one, while NumPy goes on; all else is compiled here.

MICROGREST_FIRST_CALLS is the number of calls that NumPy does; 0 has every kernel compiled at once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakSet

import numpy as np

from ..source.program import Instr, Program

if TYPE_CHECKING:
    from ..cache import Pending
    from ..source.kind import Kind

Kernel = Callable[..., None]

USUAL = 16
# So many elements count as another call.
ELEMENTS = 4096
# So many rows that are added up count as another call.
ROWS = 128
# Oracles may be loops in Python, as sums of rows are: on more elements, or rows, than this they
# would take longer than to compile.
FEW = 1024
FLOATS = ("float32", "float64")
ANY = (*FLOATS, "int64", "int32")
SUMS = {"{a} + {b}": np.add, "{a} - {b}": np.subtract}
PRODUCTS = {"{a} * {b}": np.multiply, "{x} * {x}": np.square}
COMPARISONS = {
    "{a} == {b}": np.equal,
    "{a} != {b}": np.not_equal,
    "{a} < {b}": np.less,
    "{a} <= {b}": np.less_equal,
    "{a} > {b}": np.greater,
    "{a} >= {b}": np.greater_equal,
}
OF_FLOATS = {
    "{a} / {b}": np.divide,
    "1 / {x}": np.reciprocal,
    "sqrt({x})": np.sqrt,
    "-{x}": np.negative,
    "abs({x})": np.abs,
}
_same: Callable[[Any], Any] = lambda x: x  # noqa: E731 - a value as it is, beside the ufuncs
COPIES = {"{x}": _same, "{value}": _same}
OF_ANY = SUMS | PRODUCTS | COMPARISONS | COPIES
FINAL: dict[str, Callable[[Any, Any], Any]] = {
    "{acc}": lambda total, n: total,
    "{acc} / {n}": lambda total, n: total / n,
}
_NAMES = re.compile(r"{(\w+)}")

_watchers: list[Callable[[], None]] = []
_standing: WeakSet[Any] = WeakSet()  # what NumPy stands in for


def when_compiled(watcher: Callable[[], None]) -> None:
    """Have `watcher` called when a kernel takes NumPy's place, for who keeps kernels."""
    _watchers.append(watcher)


def replaced() -> None:
    """Tell who keeps kernels that one has taken NumPy's place."""
    for watcher in _watchers:
        watcher()


def settle() -> None:
    """Have what NumPy stands in for compiled at its next call: for who measures kernels."""
    for first in tuple(_standing):
        first.settle()


def _nothing() -> bool:
    """What pends where there is nothing to wait for."""
    return False


@cache
def number() -> int:
    """How many calls of a kernel NumPy does."""
    text = os.environ.get("MICROGREST_FIRST_CALLS", str(USUAL))
    if not text.isdigit():
        raise ValueError(f"MICROGREST_FIRST_CALLS must be a number of calls, got {text!r}")
    return int(text)


def served(program: Program) -> bool:
    """Whether NumPy may do the first calls of a kernel of `program`: the bits are the same."""
    return (
        number() > 0
        and all(
            p.stored in (p.loaded, "bool") and p.loaded in (*ANY, "bool") for p in program.inputs
        )
        and all(o.reduce is None and program.dtype(o.value) == o.dtype for o in program.outputs)
        and all(_exact(program, instruction) for instruction in program.body)
    )


def adds_columns(program: Program) -> bool:
    """Whether NumPy may do the first calls of a kernel that folds columns: a sum or mean of them.

    It goes through the rows in their order, and a column's total has the type of the kernel's.
    """
    (x,), (out,) = program.inputs, program.outputs
    fold = out.reduce
    return (
        number() > 0
        and not program.body
        and x.loaded in (x.stored, *ANY)
        and x.stored in (*ANY, "bool")
        and fold is not None
        and (fold.init, fold.step) == ("0", "{acc} + {x}")
        and fold.final in FINAL
        and out.dtype in ANY
    )


def _exact(program: Program, instruction: Instr) -> bool:
    """Whether NumPy's result of an instruction is the kernel's."""
    compute, formula = instruction.compute, instruction.formula
    if not instruction.args:
        return compute in FLOATS and formula.isdigit()
    operands = _operands(instruction)
    types = [program.dtype(i) for i in operands]
    copied = formula in COPIES and types == [instruction.dtype]
    known = (compute in ANY and formula in OF_ANY) or (compute in FLOATS and formula in OF_FLOATS)
    return copied or (
        known
        and all(dtype in (compute, "bool") for dtype in types)
        and instruction.dtype == ("bool" if formula in COMPARISONS else compute)
        and not (formula in SUMS and any(_product(program, i) for i in operands))
    )


def _operands(instruction: Instr) -> list[int]:
    """The values that the formula uses, in the order of their names."""
    used = _NAMES.findall(instruction.formula)
    return [i for name, i in sorted(instruction.args) if name in used]


def _product(program: Program, value: int) -> bool:
    """Whether a value is a product, or the negative of one."""
    k = len(program.inputs)
    if value < k:
        return False
    instruction = program.body[value - k]
    if instruction.formula in ("-{x}", *COPIES):
        return _product(program, _operands(instruction)[0])
    return instruction.formula in PRODUCTS


class Wanted(Protocol):
    """A kernel of a program."""

    @property
    def program(self) -> Program: ...
    def ahead(self, *, long: bool = False) -> Pending:
        """Have another process compile it, if it can; begun at once if it is worth as much."""

    def load(self) -> Kernel:
        """The kernel, which compiles at its first call unless it has been."""


class WantedMap(Wanted, Protocol):
    """The kernel of a program in a layout, over `ndim` strided dimensions if that is not 0."""

    @property
    def layout(self) -> str: ...
    @property
    def ndim(self) -> int: ...


class FirstCalls:
    """A kernel of which NumPy does the first calls."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted, self.program, self.left = wanted, wanted.program, number()
        self.kernel: Kernel | None = None
        self.pending: Pending | None = None
        _standing.add(self)

    def __call__(self, *operands: Any) -> None:
        """Run it on the operands of the kernel."""
        (self.kernel or self._next())(*operands)

    def _next(self) -> Kernel:
        """What does this call."""
        if self.left > 0:
            self.left -= 1
            return self._run
        self.pending = self.pending or self.wanted.ahead(long=True)
        if self.pending():
            return self._run
        self.kernel = self.wanted.load()
        kept = self.program.kernels
        own = [key for key, kernel in tuple(kept.items()) if kernel is self]
        kept.update(dict.fromkeys(own, self.kernel))
        replaced()
        return self.kernel

    def settle(self) -> None:
        """Have it compiled at its next call."""
        self.left, self.pending = 0, _nothing

    def _run(self, *operands: Any) -> None:
        """What the kernel does, and how many calls more it counts as."""
        raise NotImplementedError


class FirstOfMap(FirstCalls):
    """The kernel of a map, of which NumPy does the first calls."""

    def __init__(self, wanted: WantedMap) -> None:
        super().__init__(wanted)
        self.layout, self.ndim = wanted.layout, wanted.ndim

    def _run(self, *operands: Any) -> None:
        k = len(self.program.inputs)
        given = list(_walked(operands, self.ndim) if self.ndim else operands)
        own = iter(given[k:])
        outs = [given[int(s)] if s.isdigit() else next(own) for s in self.layout[k:]]
        self.left -= max(out.size for out in outs) // ELEMENTS
        with np.errstate(all="ignore"):
            values = [
                _loaded(x, p.loaded) for x, p in zip(given, self.program.inputs, strict=False)
            ]
            for instruction in self.program.body:
                values += [_value(instruction, values)]
            # All are computed before the first is stored, perhaps over an operand.
            results = [np.array(values[out.value]) for out in self.program.outputs]
        for out, result in zip(outs, results, strict=True):
            out[...] = result


class FirstOfColumns(FirstCalls):
    """The kernel of a fold that `adds_columns`, of which NumPy does the first calls.

    They are of few rows: a row is a call of NumPy's.
    """

    def __call__(self, x: Any, out: Any, n: int, inner: int) -> None:
        """Run it on the operands of the kernel."""
        if n > FEW:
            self.settle()
        super().__call__(x, out, n, inner)

    def _run(self, x: Any, out: Any, n: int, inner: int) -> None:
        (output,) = self.program.outputs
        fold = output.reduce
        assert fold is not None
        self.left -= n // ROWS + x.size // ELEMENTS
        rows = _loaded(x, self.program.inputs[0].loaded).reshape(out.size // inner, n, inner)
        with np.errstate(all="ignore"):
            total = np.zeros((len(rows), inner), fold.total)
            for row in rows.swapaxes(0, 1):
                total += row
            out[:] = FINAL[fold.final](total, total.dtype.type(n)).ravel()


def _loaded(x: Any, dtype: str) -> Any:
    """An operand as it is in a register; a Python int may be too large for C's conversions."""
    return (np.array(x) if isinstance(x, (int, float)) else x).astype(dtype, copy=False)


def _value(instruction: Instr, values: list[Any]) -> Any:
    if not instruction.args:
        return np.array(int(instruction.formula), instruction.compute)
    operands = [values[i] for i in _operands(instruction)]
    if instruction.formula in COPIES:
        return operands[0]
    operands = [x.astype(instruction.compute, copy=False) for x in operands]
    return (OF_ANY | OF_FLOATS)[instruction.formula](*operands)


def _walked(operands: Any, ndim: int) -> Any:
    """The operands of a strided kernel, each in the shape that it walks."""
    geometry = iter(operands[0].view(np.int64).tolist())
    shape = [next(geometry) for _ in range(ndim)]
    for x in operands[1:]:
        if not isinstance(x, np.ndarray):
            yield x
            continue
        offset, *strides = (next(geometry) for _ in range(1 + ndim))
        yield _strided(x, offset, shape, strides)


def _strided(array: Any, offset: int, shape: Any, strides: Any) -> Any:
    size = array.itemsize
    return np.ndarray(shape, array.dtype, array, offset * size, [step * size for step in strides])


class FirstOfKind:
    """A kernel of a kind, of which the oracle does the first calls."""

    def __init__(self, kind: Kind, params: Any, load: Callable[[], Kernel]) -> None:
        self.kind, self.params, self.load = kind, params, load
        self.left = number()
        self.kernel: Kernel | None = None
        _standing.add(self)

    def __call__(self, *given: Any) -> None:
        """Run it on the operands of the kernel, sizes and values."""
        if self.kernel is None and self._may(given):
            arrays = [_strided(*x) if isinstance(x, tuple) else x for x in given]
            with np.errstate(all="ignore"):
                self.kind.oracle(self.params, *arrays)
            return
        self.kernel = self.kernel or self.load()
        self.kernel(*given)

    def settle(self) -> None:
        """Have it compiled at its next call."""
        self.left = 0

    def _may(self, given: Sequence[Any]) -> bool:
        """Whether this is one of the first calls, on few elements."""
        self.left -= 1
        arrays = (x[0] if isinstance(x, tuple) else x for x in given)
        return self.left >= 0 and sum(x.size for x in arrays if isinstance(x, np.ndarray)) <= FEW
