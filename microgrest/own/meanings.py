"""What functions of Python, `math`, NumPy, SciPy and this library stand for: rows over values."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from ..interop.ufuncs import SCIPY, UFUNCS
from ..ops.pointwise.elementwise import (
    atan2,
    hypot,
    log,
    pow as power_row,
    reciprocal,
    sqrt,
    square,
)
from ..ops.pointwise.logic import clamp_max, clamp_min, eq, isnan, maximum, minimum, where
from ..ops.pointwise.rounding import abs as absolute, constant, round as rounded, sign, trunc
from ..ops.row import ROWS, Row
from ..ops.trace import Symbol

# Functions of `math` whose row has another name, or which no row is.
MATH = {"fabs": "abs", "degrees": "rad2deg", "radians": "deg2rad", "remainder": ""}
# What of Python runs as it is when all that it is given is known.
PLAIN = (
    *(abs, bool, enumerate, float, int, len, list, max, min, pow, range, reversed, round, sum),
    *(tuple, zip),
)
# An exponent up to this comes to products, as NumPy and compilers have it.
PRODUCTS = 8


def is_symbol(value: Any) -> bool:
    """Whether a value is known only when the op runs."""
    return type(value) is Symbol


def is_bool(value: Any) -> bool:
    """Whether a value is a bool, known or not."""
    if not is_symbol(value):
        return isinstance(value, bool)
    if value.row is where:
        return all(map(is_bool, value.args[1:]))
    return value.row is not None and value.row.result == "bool"


def choose(condition: Any, a: Any, b: Any, like: Any) -> Any:
    """`a` if the condition holds, else `b`; of the type of `like` if both are plain numbers."""
    if not is_symbol(condition):
        return a if condition else b
    if a is b:
        return a
    if is_bool(a) != is_bool(b):
        a, b = number(a, like), number(b, like)
    if not is_symbol(a) and not is_symbol(b) and not is_bool(a):
        a = constant(a, like)
    return where(truth(condition), a, b)


def truth(value: Any) -> Any:
    """A value as a condition: numbers hold where they are not 0."""
    return value if is_bool(value) else value != 0


def number(value: Any, like: Any) -> Any:
    """A value as an operand of arithmetic: a bool is 0 or 1, of the type of `like`."""
    if is_symbol(value) and is_bool(value):
        return where(value, constant(1.0, like), 0.0)
    return value


def power(x: Any, n: Any, like: Any) -> Any:
    """x**n: by products for small whole n, by roots for halves."""
    if is_symbol(n):
        return power_row(x if is_symbol(x) else constant(x, like), n)
    if n == 0:
        return constant(1.0, like)
    if n in (0.5, -0.5):
        return sqrt(x) if n > 0 else reciprocal(sqrt(x))
    if n == int(n) and math.fabs(n) <= PRODUCTS:
        product = _product(x, int(math.fabs(n)))
        return product if n > 0 else reciprocal(product)
    return power_row(x, n)


def _product(x: Any, n: int) -> Any:
    if n == 1:
        return x
    half = square(_product(x, n // 2))
    return half * x if n % 2 else half


class Meaning(NamedTuple):
    """A function: `apply` computes it, of a Symbol whose type numbers get and the arguments."""

    name: str
    apply: Callable[..., Any]
    least: int
    most: int
    args: tuple[str, ...] = ()
    # Whether it takes known numbers as they are.
    keeps: bool = False


def of_row(row: Row, name: str) -> Meaning:
    """The meaning of a function that is a row."""
    least = len(row.args) - len(row.defaults)
    return Meaning(name, lambda like, *a: row(*a), least, len(row.args), row.args)


def _clip(like: Any, x: Any, low: Any = None, high: Any = None) -> Any:
    x = x if low is None else clamp_min(x, low)
    return x if high is None else clamp_max(x, high)


def _log(like: Any, x: Any, base: Any = None) -> Any:
    return log(x) if base is None else log(x) / log(base)


def _sign(like: Any, x: Any) -> Any:
    return where(isnan(x), x, sign(x))


def _heaviside(like: Any, x: Any, at_zero: Any) -> Any:
    step = where(x > 0, constant(1.0, like), 0.0)
    return where(isnan(x), x, where(eq(x, 0), at_zero, step))


def _larger(like: Any, *a: Any) -> Any:
    """Python's max, which takes the first of equals."""
    return reduce(lambda x, y: where(y > x, y, x), a)


def _smaller(like: Any, *a: Any) -> Any:
    return reduce(lambda x, y: where(y < x, y, x), a)


_CLIP = Meaning("clip", _clip, 1, 3, ("x", "min", "max"))
_POWER = Meaning("pow", lambda like, x, n: power(x, n, like), 2, 2, (), True)
_WHERE = Meaning("where", lambda like, c, a, b: choose(c, a, b, like), 3, 3, (), True)
_ABS = of_row(absolute, "abs")
# By the function itself: Python's own, and those whose row says less.
BY_OBJECT: list[tuple[Any, Meaning]] = [
    (abs, _ABS),
    (max, Meaning("max", _larger, 2, 99)),
    (min, Meaning("min", _smaller, 2, 99)),
    (pow, _POWER),
    (math.pow, _POWER),
    (round, of_row(rounded, "round")),
    (float, Meaning("float", lambda like, x: number(x, like), 1, 1)),
    (int, Meaning("int", lambda like, x: trunc(number(x, like)), 1, 1)),
    (bool, Meaning("bool", lambda like, x: truth(x), 1, 1)),
    (math.log, Meaning("log", _log, 1, 2)),
    (math.hypot, of_row(hypot, "hypot")),
    (math.atan2, of_row(atan2, "atan2")),
    (np.power, _POWER),
    (np.float_power, _POWER),
    (np.sign, Meaning("sign", _sign, 1, 1)),
    (np.heaviside, Meaning("heaviside", _heaviside, 2, 2)),
    (np.maximum, of_row(maximum, "maximum")),
    (np.minimum, of_row(minimum, "minimum")),
    (np.where, _WHERE),
    (np.clip, _CLIP),
    (np.sinc, of_row(ROWS["sinc"], "sinc")),
    (np.float64, Meaning("float64", lambda like, x: number(x, like), 1, 1)),
]
_OURS = {"pow": _POWER, "where": _WHERE, "clamp": _CLIP, "clip": _CLIP}


def meaning(f: Any) -> Meaning | None:
    """What a function stands for; None if it stands for nothing here."""
    found = next((m for known, m in BY_OBJECT if known is f), None)
    if found is None:
        name = _row_name(f)
        if name in _OURS and not isinstance(f, np.ufunc):
            return _OURS[name]
        row = ROWS.get(name)
        if row is not None and row.kind == "elementwise":
            return of_row(row, name)
    return found


def _row_name(f: Any) -> str:
    """The name of the row that a function may be."""
    name: str = getattr(f, "__name__", "")
    if isinstance(f, np.ufunc):
        return UFUNCS.get(name, SCIPY.get(name, name))
    if getattr(f, "__module__", None) == "math":
        return MATH.get(name, name)
    return name if is_ours(f) else ""


def is_ours(f: Any) -> bool:
    """Whether a function is this library's."""
    module = getattr(f, "__module__", None) or ""
    return bool(module.partition(".")[0] == __name__.partition(".")[0])


def called(f: Any) -> str:
    """A function's name as people write it."""
    module, name = getattr(f, "__module__", None), getattr(f, "__name__", None)
    if isinstance(f, np.ufunc):
        module = getattr(np, f.__name__, None) is f and "numpy"
    if name is None or isinstance(f, ModuleType):
        return repr(f)
    return f"{module}.{name}" if module and module != "builtins" else str(name)


def runs_as_it_is(f: Any) -> bool:
    """Whether a function of known numbers may be called for what it says."""
    return (
        isinstance(f, np.ufunc)
        or (isinstance(f, type) and issubclass(f, np.generic))
        or any(f is known for known in PLAIN)
        or getattr(f, "__module__", None) == "math"
        or any(f is known for known, _ in BY_OBJECT)
    )
