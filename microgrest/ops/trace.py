"""Rules and composites run on Symbols, and what they built lowered to a Program.

A Symbol stands for a value that is not there yet: an input, or a row applied to others. Running a
rule on symbols therefore shows what it computes (one fused kernel) and, by the inputs that its
results reach, what the forward pass must save. Everything else the rule mentions costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from operator import attrgetter
from typing import Any, NamedTuple

from ..kernels.source.program import Input, Instr, Output, Program, Reduce
from ..types import dtypes
from ..types.dtypes import dtype
from .pointwise.logic import logical_and, logical_not, logical_or, where
from .row import Row, register_type
from .value import Value


class Symbol(Value):
    """An input (`row` is None) or `row` applied to `args`, which are symbols and numbers.

    A symbol made with `like` also answers for that tensor's shape, dtype and device, which is all
    that some rules want of an operand.
    """

    __slots__ = ("_kind", "_shape", "args", "name", "params", "row")
    symbolic = True

    def __init__(
        self,
        name: str,
        row: Row | None = None,
        args: tuple[Any, ...] = (),
        params: dict[str, Any] | None = None,
        like: Any = None,
    ) -> None:
        self.name, self.row, self.args, self.params = name, row, args, params
        if like is not None:
            self._shape, self._kind = like._shape, like._kind

    shape = property(attrgetter("_shape"))
    dtype = property(attrgetter("_kind.dtype"))
    device = property(attrgetter("_kind.device"))

    @property
    def ndim(self) -> int:
        """The number of dimensions of the tensor that it is like."""
        return len(self._shape)

    @staticmethod
    def _apply_row(row: Row, args: tuple[Any, ...], params: dict[str, Any]) -> Symbol:
        if row.kind == "elementwise":
            args = args + tuple(row.defaults[name] for name in row.args[len(args) :])
        return Symbol(row.name, row, args, params)

    def operands(self) -> Iterator[Symbol]:
        """The symbols this one is computed from."""
        for a in self.args:
            yield from (s for s in (a if type(a) is tuple else (a,)) if type(s) is Symbol)


def ordered(outputs: Iterable[Any]) -> list[Symbol]:
    """Every symbol that `outputs` reach, operands before their users. Iterative."""
    done: dict[Symbol, None] = {}
    stack = [s for s in outputs if type(s) is Symbol][::-1]
    while stack:
        s = stack[-1]
        waiting = [o for o in s.operands() if o not in done]
        if waiting and s not in done:
            stack.extend(reversed(waiting))
        else:
            done.setdefault(stack.pop())
    return list(done)


def free_inputs(outputs: Iterable[Any]) -> set[Symbol]:
    """The input symbols whose values `outputs` need."""
    return {s for s in ordered(outputs) if s.row is None}


def expand(row: Row, args: Sequence[Any]) -> Any:
    """What `row` computes from `args`: itself, or for a composite the expression it stands for."""
    return row(*args) if isinstance(row.formula, str) else row.formula(*args)


def cotangents(row: Row, g: Symbol, y: Symbol, args: Sequence[Any]) -> tuple[Any, ...]:
    """A cotangent per argument of `row`: by its rule, or for a composite derived from its parts."""
    if row.vjp is not None:
        return row.vjp(g, y, *args)
    if isinstance(row.formula, str):
        return (None,) * len(args)
    return pull_back(row.formula(*args), g, args)


class _Bar(NamedTuple):
    """A cotangent, which holds where all of `path` do, and is anything elsewhere, even nan.

    A condition on the path comes with whether it is to hold or to fail.
    """

    value: Any
    path: tuple[tuple[Any, bool], ...] = ()

    def closed(self) -> Any:
        """The cotangent everywhere: 0 where the path is not taken."""
        return where(_all_of(self.path), self.value, 0.0) if self.path else self.value

    def __add__(self, other: Any) -> _Bar:
        """The sum, which holds where either does."""
        if _keys(self.path) == _keys(other.path):
            return _Bar(self.value + other.value, self.path)
        return _Bar(self.closed() + other.closed(), _either(self.path, other.path))


def pull_back(result: Any, g: Any, inputs: Sequence[Any]) -> tuple[Any, ...]:
    """Reverse-mode differentiation of a traced expression, itself an expression.

    Where a choice was made, only the arm that was taken has a say: what is infinite or nan on the
    way back through the other is selected away at the end, not multiplied by 0.
    """
    bars: dict[Any, _Bar] = {result: _Bar(g)}
    for s in reversed(ordered([result])):
        bar = bars.get(s)
        if s.row is None or bar is None:
            continue
        for a, c in zip(s.args, cotangents(s.row, bar.value, s, s.args), strict=True):
            if type(a) is Symbol and c is not None:
                opened = _opened(c, bar.path)
                bars[a] = opened if a not in bars else bars[a] + opened
    return tuple(bars[a].closed() if type(a) is Symbol and a in bars else None for a in inputs)


def _opened(c: Any, path: tuple[tuple[Any, bool], ...]) -> _Bar:
    """A cotangent that is chosen against 0 as one that holds on a longer path."""
    while type(c) is Symbol and c.row is where:
        condition, taken, other = c.args
        zeros = [type(arm) is not Symbol and arm == 0 for arm in (taken, other)]
        if zeros[0] == zeros[1] or type(condition) is not Symbol:
            break
        path = (*path, (condition, zeros[1]))
        c = taken if zeros[1] else other
    return _Bar(c, path)


def _keys(path: Sequence[tuple[Any, bool]]) -> list[tuple[int, bool]]:
    """A path as what can be compared; of symbols, == would be another symbol."""
    return [(id(c), holds) for c, holds in path]


def _all_of(path: Sequence[tuple[Any, bool]]) -> Any:
    """One condition for a path."""
    conditions = [c if holds else logical_not(c) for c, holds in path]
    return reduce(logical_and, conditions)


def _either(a: tuple[tuple[Any, bool], ...], b: tuple[tuple[Any, bool], ...]) -> Any:
    """The path that is taken where `a` or `b` is: both sides of a condition leave none of it."""
    pairs = zip(_keys(a), _keys(b), strict=False)
    n = next((i for i, (x, y) in enumerate(pairs) if x != y), min(len(a), len(b)))
    common, rest_a, rest_b = a[:n], a[n:], b[n:]
    if not rest_a or not rest_b:
        return common
    if len(rest_a) == len(rest_b) == 1 and rest_a[0][0] is rest_b[0][0]:
        return common
    return (*common, (logical_or(_all_of(rest_a), _all_of(rest_b)), True))


def evaluate(
    outputs: Sequence[Any], values: dict[Any, Any], lift: Callable[[Any], Any]
) -> list[Any]:
    """`outputs` with `values` in place of the input symbols; `lift` makes a tensor of a number."""
    for s in ordered(outputs):
        if s.row is not None:
            args = [values[a] if type(a) is Symbol else a for a in s.args]
            _lift_numbers(s.row, args, lift)
            values[s] = s.row(*args, **(s.params or {}))
    return [values[v] if type(v) is Symbol else v for v in outputs]


def _lift_numbers(row: Row, args: list[Any], lift: Callable[[Any], Any]) -> None:
    """Make the first of `args` that gives the result its type a tensor, if all such are numbers.

    An integer becomes a float where it meets one, or is divided: a tensor of integers and a number
    make the default type, as numbers alone do, and that may be too narrow.
    """
    typing = [i for i, name in enumerate(row.args) if name not in row.unpromoted]
    if not typing or any(hasattr(type(args[i]), "_apply_row") for i in typing):
        return
    floats = row.result == "float" or any(isinstance(args[i], float) for i in typing)
    args[typing[0]] = lift(float(args[typing[0]]) if floats else args[typing[0]])


class Lowering:
    """Symbols -> Program: types settled, composites expanded, equal values computed once.

    An input is a symbol, its stored type and the type that it is loaded as. Those among `halved`
    are rounded to float16 then, which in a register is a float32.
    """

    def __init__(
        self, inputs: Iterable[tuple[Symbol, dtype, dtype]], halved: Iterable[Symbol] = ()
    ) -> None:
        self.inputs: list[Input] = []
        self.types: list[dtype] = []
        self.body: list[Instr] = []
        self.values: dict[Any, int] = {}
        for symbol, stored, loaded in inputs:
            register = register_type(loaded)
            self.values[symbol] = len(self.inputs)
            self.inputs.append(Input(symbol.name, stored.name, register.name))
            self.types.append(register)
        for symbol in halved:
            if symbol in self.values:
                args = (("x", self.values[symbol]),)
                instr = Instr("half_to_float(float_to_half({x}))", args, "float32", "float32")
                self.values[symbol] = self._emit(instr, dtypes.float32)

    def value(self, v: Any, wanted: dtype) -> int:
        """The number of a value: of a symbol, or of a literal made of type `wanted`."""
        if type(v) is not Symbol:
            return self._emit(Instr(_literal(v), (), wanted.name, wanted.name), wanted)
        for s in ordered([v]):
            if s not in self.values:
                self.values[s] = self._apply(s)
        return self.values[v]

    def _apply(self, s: Symbol) -> int:
        row = s.row
        if row is None or row.kind != "elementwise":
            raise TypeError(f"{s.name} cannot be part of an elementwise kernel")
        if not isinstance(row.formula, str):
            return self.value(expand(row, s.args), dtypes.get_default_dtype())
        compute, result = row.types(self._promoted(row, s.args))
        compute = register_type(compute)
        numbers = tuple(
            (name, self._argument(row, name, a, compute))
            for name, a in zip(row.args, s.args, strict=True)
        )
        result = register_type(result)
        formula = row.formula_for(compute)
        instr = Instr(formula, numbers, compute.name, result.name, row.unpromoted)
        return self._emit(instr, result)

    def _argument(self, row: Row, name: str, a: Any, compute: dtype) -> int:
        own = name in row.unpromoted
        return self.value(a, dtypes.of_number(a) if own else compute)

    def _promoted(self, row: Row, args: Sequence[Any]) -> dtype:
        strong, weak = [], []
        for name, a in zip(row.args, args, strict=True):
            if name not in row.unpromoted:
                if type(a) is Symbol:
                    strong.append(self.types[self.values[a]])
                else:
                    weak.append(dtypes.of_number(a))
        return dtypes.result_of(strong, (), weak)

    def _emit(self, instr: Instr, type_: dtype) -> int:
        """Hash-consing: an instruction that stands already is not written again."""
        found = self.values.get(instr)
        if found is None:
            found = self.values[instr] = len(self.types)
            self.body.append(instr)
            self.types.append(type_)
        return found

    def program(self, name: str, outputs: Iterable[tuple[Any, dtype, Reduce | None]]) -> Program:
        """The Program that computes `outputs`, each a value, its stored type and its fold."""
        outs = tuple(Output(self.value(v, d), d.name, fold) for v, d, fold in outputs)
        if not self.body and len(self.inputs) == 1 and all(out.reduce for out in outs):
            return Program("sum", (replace(self.inputs[0], name="x"),), (), outs)  # the row's own
        return Program(name, tuple(self.inputs), tuple(self.body), outs)


def _literal(v: Any) -> str:
    return repr(v if isinstance(v, int) else float(v))
