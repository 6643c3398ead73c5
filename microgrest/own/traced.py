"""A scalar function as a whole: its expression, its derivatives, a Program of both.

    f = traced(lambda x, a, b: a * np.exp(-b * x))
    f.names                           # ("x", "a", "b")
    f.jacobian((1, 2))                # expressions of df/da and df/db
    f.program(float64, wrt=(1, 2))    # a Program: x, a, b -> f, df/da, df/db

Whatever wants a user's function in a kernel of its own begins here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from types import FunctionType
from typing import Any

from ..kernels.source.program import Program
from ..ops.pointwise.rounding import constant
from ..ops.row import Row
from ..ops.trace import Lowering, Symbol, ordered, pull_back
from ..types.dtypes import bool_, dtype, get_default_dtype
from .meanings import is_bool
from .reader import read
from .source import python_function, signature


class Traced:
    """A scalar function, read: `result` is an expression over `inputs`, one Symbol an argument.

    `function` is what was read, `names` and `defaults` are those of its parameters. An expression
    is a Symbol, or a number that depends on no input.
    """

    def __init__(self, function: FunctionType, defaults: dict[str, Any], what: str) -> None:
        self.function: Any = function
        self.defaults = defaults
        self.name = re.sub(r"\W", "", function.__name__) or "function"
        self.names = tuple(signature(function, what).parameters)
        self.inputs = [Symbol(safe(name)) for name in self.names]
        self.result: Any = None

    @property
    def is_bool(self) -> bool:
        """Whether it says yes or no."""
        return is_bool(self.result)

    def at(self, *values: Any) -> Any:
        """The expression with other values, Symbols or numbers, in place of the inputs."""
        return substituted(self.result, self.inputs, values)

    def jacobian(self, wrt: Sequence[int]) -> list[Any]:
        """The derivatives by these arguments, as expressions; 0.0 where there is no dependence."""
        one = constant(1.0, self.inputs[0])
        bars = pull_back(self.result, one, self.inputs)
        return [0.0 if bars[i] is None else bars[i] for i in wrt]

    def program(self, d: dtype, wrt: Sequence[int] = ()) -> Program:
        """A Program that computes it in type `d`, then its derivatives by `wrt`."""
        lowering = Lowering([(s, d, d) for s in self.inputs])
        outputs = [self.result, *self.jacobian(wrt)]
        return lowering.program(self.name, [(v, d, None) for v in outputs])


def traced(f: Any, n_arguments: int | None = None, what: str = "traced") -> Traced:
    """Read a scalar function of plain Python, or an op that `elementwise` made.

    It takes what `microgrest.elementwise` takes, with the same errors, in the name of `what`.
    ValueError if it does not take `n_arguments`, where they are given.
    """
    known = getattr(f, "traced", None)
    found = known if isinstance(known, Traced) else _read(f, what)
    if n_arguments is not None and len(found.names) != n_arguments:
        raise ValueError(
            f"{what}: {found.name} takes {len(found.names)} arguments "
            f"({', '.join(found.names)}), not {n_arguments}"
        )
    return found


def _read(f: Any, what: str) -> Traced:
    function = python_function(f, what)
    parameters = signature(function, what).parameters.values()
    if not parameters:
        raise TypeError(f"{what}: {function.__name__} takes no arguments")
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    for name, value in defaults.items():
        if not isinstance(value, (int, float)):
            raise TypeError(f"{what}: the default of {name!r} is {value!r}, which is no number")
    found = Traced(function, defaults, what)
    found.result = read(function, found.inputs, found.inputs[0], what, scalar=True)
    return found


def safe(name: str) -> str:
    """A name that generated source does not use for anything else, in plain letters."""
    return "".join(c if c.isascii() else f"u{ord(c):x}" for c in name) + "_in"


def substituted(result: Any, inputs: Sequence[Symbol], values: Sequence[Any]) -> Any:
    """An expression with `values` in place of `inputs`; its constants are like the first Symbol."""
    known: dict[Any, Any] = dict(zip(inputs, values, strict=True))
    like = next(v for v in values if type(v) is Symbol)
    for s in ordered([result]):
        if s.row is constant:
            known[s] = constant(s.args[0], like)
        elif s.row is not None:
            args = [known[a] if type(a) is Symbol else a for a in s.args]
            if not any(type(a) is Symbol for a in args):
                args[-1] = constant(args[-1], like)
            known[s] = s.row(*args)
    return known[result] if type(result) is Symbol else result


class OwnRow(Row):
    """A row of a user's function; it is in no table. Its cotangents are such rows, too.

    So derivatives of every order are read off one expression, in which only the arm of an `if`
    that was taken has a say.
    """

    def __init__(
        self, name: str, args: tuple[str, ...], inputs: Any, result: Any, doc: str
    ) -> None:
        self.inputs, self.expression = inputs, result
        super().__init__(
            name,
            "elementwise",
            args,
            self._cotangents,
            doc,
            lambda *values: substituted(result, inputs, values),
            result="bool" if is_bool(result) else "float",
            tensors=(),
            extra={"symbols": [s.name for s in inputs]},
        )

    def register(self) -> None:
        """Nothing: users' functions may have any name."""

    def types(self, promoted: dtype) -> tuple[dtype, dtype]:
        """Integers and bools become floating-point numbers, whatever is returned."""
        compute = promoted if promoted.is_floating_point else get_default_dtype()
        return compute, bool_ if self.result == "bool" else compute

    def _cotangents(self, g: Any, y: Any, *args: Any) -> tuple[Any, ...]:
        return tuple(None if part is None else part(g, args) for part in self._parts)

    @cached_property
    def _parts(self) -> list[Callable[[Any, Sequence[Any]], Any] | None]:
        """What makes the cotangent of each input out of g and the inputs."""
        if self.result == "bool":
            return [None] * len(self.args)
        g = Symbol("g")
        bars = pull_back(self.expression, g, self.inputs)
        return [self._part(name, bar, g) for name, bar in zip(self.args, bars, strict=True)]

    def _part(self, name: str, bar: Any, g: Symbol) -> Any:
        if bar is None:
            return None
        if bar is g:
            return lambda g, args: g
        bar = substituted(bar, [g, *self.inputs], [g, *self.inputs])  # constants like g
        reached = {s for s in ordered([bar]) if s.row is None}
        which = [i for i, s in enumerate(self.inputs) if s in reached]
        inputs = [g, *(self.inputs[i] for i in which)]
        fresh = [Symbol(safe(s.name)) for s in inputs]
        by = re.sub("(_in)+$", "", name)
        row = OwnRow(
            f"{self.name}_d{by}",
            tuple(s.name for s in fresh),
            fresh,
            substituted(bar, inputs, fresh),
            f"The cotangent of {by} in {self.name}.",
        )
        return lambda g, args: row(g, *(args[i] for i in which))
