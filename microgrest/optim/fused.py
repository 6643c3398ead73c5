"""Update rules as expressions: each becomes one kernel, which writes the new values in place.

    @fused
    def descend(param, grad, *, lr, ascend):
        return param + lr * grad if ascend else param - lr * grad, None

    descend((param, grad), (0.1,), (False,))      # for i in range(n): param[i] -= 0.1 * grad[i]

The expression takes tensors by position, then numbers, then flags, and returns a new value, or None
for none, per tensor. It is traced, on symbols, once per combination of dtypes, of absent tensors
(None) and of flags, which steer it. Numbers, floats all, are inputs of the kernel, so a learning
rate that changes costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any
from weakref import WeakSet

from ..dispatch.common import mixed_devices
from ..dispatch.launch import run
from ..dispatch.writes.memory import apart
from ..dispatch.writes.target import check_apart, check_writable
from ..kernels.source.program import LARGE
from ..ops.trace import Lowering, Symbol
from ..tensor import Tensor
from ..types import dtypes

Tensors = Sequence["Tensor | None"]

_rules: WeakSet[fused] = WeakSet()


def forget_kernels() -> None:
    """Make every update look its kernel up anew: where kernels come from has changed."""
    for rule in list(_rules):
        for update in list(rule.updates.values()):
            update.kernel = None


class fused:
    """The in-place update that an expression describes; see the module."""

    def __init__(self, expression: Callable[..., tuple[Any, ...]]) -> None:
        self.expression = expression
        self.name = expression.__name__
        self.names = list(signature(expression).parameters)
        self.updates: dict[Any, Update] = {}
        _rules.add(self)

    def __call__(
        self, tensors: Tensors, numbers: Sequence[float], flags: tuple[bool, ...] = ()
    ) -> None:
        """Update the tensors, all of one shape; RuntimeError where shapes or devices differ.

        The numbers are passed on as they are: a subclass of float may know where it came from.
        """
        key = (flags, *[None if t is None else t._kind for t in tensors])
        update = self.updates.get(key)
        if update is None:
            update = self.updates[key] = self._trace(tensors, numbers, flags)
            if numbers.__class__ is Rehearsed:
                update.ahead(next(t for t in tensors if t is not None))
        if numbers.__class__ is Rehearsed:
            return
        update([t for t in tensors if t is not None], numbers)

    def _trace(self, tensors: Tensors, numbers: Sequence[float], flags: tuple[bool, ...]) -> Update:
        """Run the expression on symbols, in the promoted type of the tensors."""
        held = {i: t for i, t in enumerate(tensors) if t is not None}
        if len({t.device for t in held.values()}) > 1:
            raise mixed_devices(self.name, {self.names[i]: t for i, t in held.items()})
        compute = dtypes.result_of([t.dtype for t in held.values()], (), ())
        symbols = {name: Symbol(name) for name in self.names}
        first, last = len(tensors), len(tensors) + len(numbers)
        inputs = [(symbols[self.names[i]], t.dtype, compute) for i, t in held.items()]
        inputs += [(symbols[name], compute, compute) for name in self.names[first:last]]
        results = self.expression(
            *[symbols[self.names[i]] if i in held else None for i in range(first)],
            **{name: symbols[name] for name in self.names[first:last]},
            **dict(zip(self.names[last:], flags, strict=True)),
        )
        written = [i for i in held if results[i] is not None]
        outputs = [(results[i], held[i].dtype, None) for i in written]
        program = Lowering(inputs).program(self.name, outputs)
        return Update(program, len(held), [list(held).index(i) for i in written])


class Rehearsed(tuple[float, ...]):
    """Numbers of an update that is not done, but whose kernel is compiled ahead."""


class Update:
    """A traced expression: its Program, and which of its `count` tensors it writes."""

    def __init__(self, program: Any, count: int, written: list[int]) -> None:
        self.program, self.written = program, written
        self.layout = "v" * count + "f" * (len(program.inputs) - count)
        self.layout += "".join(map(str, written))
        self.kernel: Callable[..., None] | None = None

    def ahead(self, like: Tensor) -> None:
        """Have the kernel for contiguous tensors of the kind of `like` compiled meanwhile."""
        like._kind.kernels.elementwise.ahead(self.program, self.layout)

    def __call__(self, held: list[Tensor], values: Sequence[float]) -> None:
        array, shape = held[0]._storage.array, held[0]._shape
        for t in held[1:]:
            if t._storage.array is array:
                check_apart(self.program.name, held[0], (t,))
        flats = [t._flat for t in held if t._shape == shape and t._flat is not None]
        if len(flats) < len(held):
            self._strided(held, values)
        elif flats[0].size:
            kernel = self.kernel
            if kernel is None or flats[0].size >= LARGE:
                kernels = held[0]._kind.kernels.elementwise
                kernel = kernels.compiled(self.program, self.layout, 0, flats[0].size)
                self.kernel = kernel if flats[0].size < LARGE else self.kernel
            kernel(*flats, *values)
        first = held[self.written[0]]._storage
        first.touch()
        for i in self.written[1:]:
            # Looking up the place in the user's program once is enough.
            storage = held[i]._storage
            storage.version += 1
            storage.writer = first.writer

    def _strided(self, held: list[Tensor], values: Sequence[float]) -> None:
        """Tensors of any layout, one by one in the order of their indices."""
        results = [held[i] for i in self.written]
        for t in held:
            if t._shape != held[0]._shape:
                shapes = [list(other._shape) for other in held]
                raise RuntimeError(f"{self.program.name}: tensors of shapes {shapes} do not match")
        for t in results:
            check_writable(self.program.name, t)
        ready = [held[0], *apart(held[1:], held[0])]
        run(self.program, held[0]._shape, [*ready, *values], results)
