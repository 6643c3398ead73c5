"""Row: everything there is to know about an op, in one place.

    tanh = elementwise(
        "tanh", "tanh({x})",
        vjp=lambda g, y, x: (g * (1 + y) * (1 - y),),
        doc="Hyperbolic tangent, elementwise.",
    )

A rule (`vjp`) takes the cotangent g of the result y, then y and the inputs, and returns a cotangent
per input, None where there is none. It is written in ops, so it runs on tensors (derivatives of
every order) and on symbols (traced once into a fused kernel, see `trace`). Calling a row hands it
to whatever its arguments are; the rows know no tensor.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..types.dtypes import FLOATING, bool_, dtype, float16, float32, get_default_dtype, int64

ROWS: dict[str, Row] = {}
# The row that claims each of Python's operators.
OPERATORS: dict[str, Row] = {}


@dataclass(eq=False)
class Row:
    """An op: `kind` names its family, `args` its inputs, `defaults` the values of some of them."""

    name: str
    kind: str
    args: tuple[str, ...]
    vjp: Callable[..., tuple[Any, ...]] | None
    doc: str
    formula: str | Callable[..., Any] = ""
    # Formulas for integer and bool operands where they differ from the floating one.
    integer: str = ""
    boolean: str = ""
    # "same" as the promoted operands, "number" (bools become int64), "float" (integers become the
    # default type), or "bool".
    result: str = "same"
    # The type that a conversion converts to, whatever the operand's.
    to: dtype | None = None
    # Inputs that keep their own type (a mask), out of the promotion.
    unpromoted: tuple[str, ...] = ()
    defaults: dict[str, Any] = field(default_factory=dict)
    # Inputs that have to be tensors: the first, unless an operator takes a number there.
    tensors: Any = None
    # Numbers that the type computed in must hold, and those that float16 takes unrounded.
    fits: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    # "add" makes __add__ and __radd__; `inplace` makes the method name_ and, with it, __iadd__.
    operator: str = ""
    method: bool = True
    inplace: bool = False
    backward_name: str = ""
    # Facts that only one family has: a reduction's fold, a movement's geometry, the parameters on
    # which it depends what a rule reads (`steers`), ...
    extra: dict[str, Any] = field(default_factory=dict)
    # What dispatch made of the row at the operand types it has met.
    forms: dict[Any, Any] = field(default_factory=dict, repr=False)
    # The function of tensors that dispatch made of the row.
    function: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.tensors is None:
            reflected = self.operator and len(self.args) == 2 and self.result != "bool"
            self.tensors = () if reflected else self.args[:1]
        self.backward_name = self.backward_name or f"{_camel(self.name)}Backward0"
        self.register()

    def register(self) -> None:
        """Enter the row in the tables; ValueError if there is one of its name."""
        if self.name in ROWS:
            raise ValueError(f"there is already a row named {self.name!r}")
        ROWS[self.name] = self
        if self.operator:
            OPERATORS[self.operator] = self

    def __call__(self, *args: Any, **params: Any) -> Any:
        """Apply the op to symbols or tensors, whichever the arguments are; symbols win."""
        applier = None
        for a in args:
            for item in a if type(a) is tuple else (a,):
                found = getattr(type(item), "_apply_row", None)
                if found is not None and (applier is None or getattr(item, "symbolic", False)):
                    applier = found
        if applier is None:
            raise TypeError(f"{self.name}(): no argument is a Tensor, got {args!r}")
        return applier(self, args, params)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}({', '.join(self.args)})>"

    @property
    def differentiable(self) -> bool:
        """Whether there is a rule, written or derived."""
        return self.vjp is not None or callable(self.formula)

    def types(self, promoted: dtype) -> tuple[dtype, dtype]:
        """The types to compute in and to return, for operands that promote to `promoted`."""
        if self.to is not None:
            return self.to, self.to
        compute = promoted
        if self.result == "float" and promoted.category != FLOATING:
            compute = get_default_dtype()
        if self.result == "number" and promoted is bool_:
            compute = int64
        return compute, bool_ if self.result == "bool" else compute

    def check_floating(self, d: dtype) -> None:
        """NotImplementedError unless `d` is a floating type, for rows that take no other."""
        if d.category != FLOATING:
            raise NotImplementedError(
                f'"{self.name}" is not implemented for {d.name!r} tensors; '
                "convert them, for example with .float()"
            )

    def formula_for(self, compute: dtype) -> str:
        """The scalar formula for operands of type `compute`, or NotImplementedError."""
        text = self.formula
        if compute.category != FLOATING and self.integer:
            text = self.integer
        if compute is bool_ and self.boolean:
            text = self.boolean
        if not isinstance(text, str) or text == "!":
            raise NotImplementedError(
                f'"{self.name}" is not implemented for {compute.name!r} tensors'
            )
        return text


def register_type(d: dtype) -> dtype:
    """The type a value has in a register: float16 is storage, its arithmetic is float32."""
    return float32 if d is float16 else d


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def elementwise(
    name: str,
    formula: str | Callable[..., Any],
    *,
    vjp: Callable[..., tuple[Any, ...]] | None = None,
    args: tuple[str, ...] | None = None,
    doc: str,
    **facts: Any,
) -> Row:
    """Register an elementwise op.

    `formula` is a scalar expression with its inputs in braces, or a function of the inputs written
    in other ops, whose derivative is then derived. `args` is the order of the inputs, by default
    that of the function's parameters or of the inputs' first use in the formula.
    """
    if args is None:
        args = (
            tuple(dict.fromkeys(re.findall(r"{(\w+)}", formula)))
            if isinstance(formula, str)
            else formula.__code__.co_varnames[: formula.__code__.co_argcount]
        )
    return Row(name, "elementwise", args, vjp, doc, formula, **facts)
