"""Parameters by name: a value each, free or fixed, bounded, or tied to others by a formula."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..reading.expression import Expression
from ..reading.grammar import spelled

Array = Any


@dataclass
class Parameter:
    """A parameter of a model: its start before a fit, its estimate after.

    `vary=False` keeps it at its value; `expr`, a formula of other parameters, ties it to them, and
    its bounds hold for what the formula gives.
    After a fit `stderr` is its standard error and `correl` its correlations with others; None
    where there is none.
    """

    name: str
    value: float = -np.inf
    vary: bool = True
    min: float = -np.inf
    max: float = np.inf
    expr: str | None = None
    stderr: float | None = None
    correl: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.check()

    def set(self, **changes: Any) -> None:
        """Change `value`, `vary`, `min`, `max` or `expr`; a value given alone ends a tie."""
        unknown = changes.keys() - {"value", "vary", "min", "max", "expr"}
        if unknown:
            raise TypeError(f"parameter {self.name!r} has no {sorted(unknown)[0]!r} to be set")
        if "value" in changes and not changes.get("expr"):
            self.expr = None
        for name, value in changes.items():
            setattr(self, name, value)
        self.check()

    def check(self) -> None:
        """ValueError for bounds that leave no room."""
        self.min = -np.inf if self.min is None else float(self.min)
        self.max = np.inf if self.max is None else float(self.max)
        self.value = -np.inf if self.value is None else float(self.value)
        self.vary = bool(self.vary)
        self.expr = self.expr or None
        if not self.min < self.max:
            raise ValueError(
                f"parameter {self.name!r}: min={self.min:g} has to be less than max={self.max:g}"
            )

    @property
    def free(self) -> bool:
        """Whether a fit changes it by itself."""
        return self.vary and self.expr is None

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        error = "" if self.stderr is None else f" +/- {self.stderr:.3g}"
        how = f", expr={self.expr!r}" if self.expr else "" if self.vary else ", fixed"
        bounded = np.isfinite(self.min) or np.isfinite(self.max)
        ends = f", bounds=[{self.min:g}, {self.max:g}]" if bounded else ""
        return f"<Parameter {self.name}={self.value:.8g}{error}{how}{ends}>"


class Parameters(dict[str, Parameter]):
    """Parameters in order, by name: `p["a"].value`, `p.add("a", 1.0, min=0)`."""

    def add(self, name: str, value: float = -np.inf, **options: Any) -> Parameter:
        """A new parameter, or another of that name in its place."""
        self[name] = Parameter(name, value, **options)
        return self[name]

    def __missing__(self, name: str) -> Parameter:
        if name == spelled(name):
            raise KeyError(name)
        return self[spelled(name)]

    def valuesdict(self) -> dict[str, float]:
        """The values by name, those of ties among them."""
        return self.resolved({name: p.value for name, p in self.items() if p.expr is None})

    def ties(self) -> dict[str, Expression]:
        """The formulas of tied parameters, each behind those that it needs.

        ValueError for an unknown name, and for ties that go round in a circle.
        """
        waiting = {name: _tie(p.expr, p) for name, p in self.items() if p.expr}
        for name, tie in waiting.items():
            for other in tie.names:
                if other not in self:
                    raise ValueError(
                        f"parameter {name!r}: expr {tie.text!r} names {other!r}; there are: "
                        f"{', '.join(self)}"
                    )
        found: dict[str, Expression] = {}
        while waiting:
            ready = [n for n, tie in waiting.items() if not waiting.keys() & set(tie.names)]
            if not ready:
                raise ValueError(f"ties in a circle: {', '.join(waiting)}")
            found |= {name: waiting.pop(name) for name in ready}
        return found

    def resolved(self, known: Mapping[str, Any], ties: Any = None) -> dict[str, Any]:
        """All values, of those that are not tied: numbers, arrays, tensors or Symbols."""
        values = dict(known)
        for name, tie in (self.ties() if ties is None else ties).items():
            values[name] = tie.at(*(values[n] for n in tie.names))
        return {name: values[name] for name in self}

    def copy(self) -> Parameters:
        """Parameters of their own with the same content."""
        return Parameters.loads(self.dumps())

    def dumps(self) -> str:
        """As JSON, which has null where a number is infinite."""
        rows = [asdict(p).items() for p in self.values()]
        return json.dumps([{n: None if _infinite(v) else v for n, v in row} for row in rows])

    @classmethod
    def loads(cls, text: str) -> Parameters:
        """Out of what `dumps` gave."""
        return cls({p["name"]: Parameter(**p) for p in json.loads(text)})


def _infinite(value: Any) -> bool:
    return isinstance(value, float) and math.isinf(value)


def _tie(text: str, p: Parameter) -> Expression:
    """A parameter's formula, kept within its bounds."""
    found = Expression(text)
    within = found.text
    if p.min > -np.inf:
        within = f"maximum({within}, {p.min!r})"
    if p.max < np.inf:
        within = f"minimum({within}, {p.max!r})"
    return found if within == found.text else Expression(within)
