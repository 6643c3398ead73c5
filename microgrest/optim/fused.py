"""Update rules as expressions: each becomes one kernel, which writes the new values in place.

    @fused
    def descend(param, grad, *, lr):
        return param - lr * grad, None

    descend(param, grad, lr=0.1)        # for i in range(n): param[i] -= lr * grad[i]

The expression takes tensors by position and numbers by keyword, and returns a new value, or None
for none, per tensor. It is traced, on symbols, once per combination of dtypes, of tensors and
numbers that are None, and of bools: those steer the expression. Numbers are inputs of the kernel,
so a learning rate that changes costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

from .. import dtypes
from ..dispatch.common import common_device, run
from ..dispatch.elementwise import LIMIT
from ..dispatch.inplace import check_writable
from ..ops.trace import Lowering, Symbol
from ..tensor import Tensor

NUMBER = "number"


class fused:
    """The in-place update that an expression describes; see the module."""

    def __init__(self, expression: Callable[..., tuple[Any, ...]]) -> None:
        self.expression = expression
        self.name = expression.__name__
        self.names = list(signature(expression).parameters)
        self.updates: dict[Any, Update] = {}

    def __call__(self, *tensors: Tensor | None, **numbers: Any) -> None:
        """Update the tensors, all of one shape; RuntimeError where shapes or devices differ."""
        held = [t for t in tensors if t is not None]
        values: list[float] = []
        key: list[Any] = [None if t is None else t._kind for t in tensors]
        for value in numbers.values():
            if value is None or value is True or value is False:
                key.append(value)
            else:
                values.append(float(value))
                key.append(NUMBER)
        found = tuple(key)
        update = self.updates.get(found)
        if update is None:
            update = self.updates[found] = self._trace(tensors, numbers)
        update(held, values)

    def _trace(self, tensors: Sequence[Tensor | None], numbers: dict[str, Any]) -> Update:
        """Run the expression on symbols, in the promoted type of the tensors."""
        places = [i for i, t in enumerate(tensors) if t is not None]
        held = [t for t in tensors if t is not None]
        common_device(self.name, held)
        compute = dtypes.result_of([t.dtype for t in held], (), ())
        pairs = zip(self.names, tensors, strict=False)
        symbols = [None if t is None else Symbol(name) for name, t in pairs]
        options = {
            name: value if value is None or isinstance(value, bool) else Symbol(name)
            for name, value in numbers.items()
        }
        typed = [(symbols[i], t.dtype, compute) for i, t in zip(places, held, strict=True)]
        typed += [(s, compute, compute) for s in options.values() if isinstance(s, Symbol)]
        results = self.expression(*symbols, **options)
        written = [k for k, i in enumerate(places) if results[i] is not None]
        outputs = [(results[places[k]], held[k].dtype, None) for k in written]
        program = Lowering(typed).program(self.name, outputs)
        return Update(program, len(held), written)


class Update:
    """A traced expression: its Program, and which of its `count` tensors it writes."""

    def __init__(self, program: Any, count: int, written: list[int]) -> None:
        self.program, self.written = program, written
        self.layout = "v" * count + "f" * (len(program.inputs) - count)
        self.layout += "".join(map(str, written))
        self.kernel: Callable[..., None] | None = None

    def __call__(self, held: list[Tensor], values: list[float]) -> None:
        shape = held[0]._shape
        flats = [t._flat for t in held if t._shape == shape and t._flat is not None]
        if len(flats) < len(held):
            self._strided(held, values)
        elif flats[0].size:
            kernel = self.kernel
            if kernel is None or flats[0].size >= LIMIT:
                kernels = held[0]._kind.kernels.elementwise
                kernel = kernels.compiled(self.program, self.layout, 0, flats[0].size)
                self.kernel = kernel if flats[0].size < LIMIT else self.kernel
            kernel(*flats, *values)
        for i in self.written:
            held[i]._storage.touch()

    def _strided(self, held: list[Tensor], values: list[float]) -> None:
        """Tensors of any layout, one by one in the order of their indices."""
        results = [held[i] for i in self.written]
        for t in held:
            if t._shape != held[0]._shape:
                shapes = [list(other._shape) for other in held]
                raise RuntimeError(f"{self.program.name}: tensors of shapes {shapes} do not match")
        for t in results:
            check_writable(self.program.name, t)
        run(self.program, held[0]._shape, [*held, *values], results)
