"""Element types and PyTorch's type promotion.

A promotion lattice has three categories, bool < integer < floating. Within a category the wider
type wins; across categories the higher one does. Operands with dimensions decide the type before
0-d tensors, and those before Python numbers: a later class only counts where its category is
higher.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np

BOOL, INTEGER, FLOATING = range(3)


class dtype:
    """An element type: `name`, its NumPy twin `numpy`, `category`, `itemsize` in bytes."""

    __slots__ = ("__weakref__", "category", "is_floating_point", "itemsize", "name", "numpy")

    def __init__(self, name: str, category: int) -> None:
        self.name = name
        self.numpy = np.dtype(name)
        self.category = category
        self.itemsize = self.numpy.itemsize
        self.is_floating_point = category == FLOATING

    @property
    def is_complex(self) -> bool:
        """Always False: there are no complex types here."""
        return False

    @property
    def is_signed(self) -> bool:
        """Whether the type holds negative values."""
        return self.numpy.kind in "if"

    def __repr__(self) -> str:
        return f"microgrest.{self.name}"

    def __reduce__(self) -> str:
        return self.name if self.name != "bool" else "bool_"


bool_ = dtype("bool", BOOL)
uint8 = dtype("uint8", INTEGER)
int8 = dtype("int8", INTEGER)
int16 = dtype("int16", INTEGER)
int32 = dtype("int32", INTEGER)
int64 = dtype("int64", INTEGER)
float16 = dtype("float16", FLOATING)
float32 = dtype("float32", FLOATING)
float64 = dtype("float64", FLOATING)

ALL = (bool_, uint8, int8, int16, int32, int64, float16, float32, float64)
ALIASES = {
    "short": int16,
    "int": int32,
    "long": int64,
    "half": float16,
    "float": float32,
    "double": float64,
}
BY_NAME = {d.name: d for d in ALL} | ALIASES
_BY_NUMPY = {d.numpy: d for d in ALL}
_PYTHON = {bool: bool_, int: int64}

_default = float32


def get_default_dtype() -> dtype:
    """The floating type that Python floats become (float32 at the start)."""
    return _default


def set_default_dtype(d: dtype) -> None:
    """Make `d` (float32 or float64) the type that Python floats become."""
    global _default
    if not isinstance(d, dtype) or not d.is_floating_point:
        raise TypeError(f"only floating-point types are supported as the default type, got {d!r}")
    _default = d


def from_numpy(d: Any) -> dtype:
    """The dtype whose NumPy twin is `d`; TypeError where there is none."""
    found = _BY_NUMPY.get(np.dtype(d).newbyteorder("="))
    if found is None:
        names = ", ".join(t.name for t in ALL)
        raise TypeError(
            f"can't convert np.ndarray of type {np.dtype(d)}. "
            f"The only supported types are: {names}; convert it with .astype() first."
        )
    return found


def as_dtype(d: Any) -> dtype:
    """`d` as a dtype: a dtype itself, or Python's bool, int or float, as PyTorch accepts them."""
    if isinstance(d, dtype):
        return d
    if d is float:
        return float64
    if d in (bool, int):
        return _PYTHON[d]
    raise TypeError(f"dtype must be a microgrest.dtype such as microgrest.float32, not {d!r}")


def of_number(value: Any) -> dtype:
    """The type a bare Python number stands for: bool, int64 or the default floating type."""
    return _PYTHON.get(type(value), _default)


@cache
def promote_types(a: dtype, b: dtype) -> dtype:
    """The smallest type that both `a` and `b` convert to, by the lattice above."""
    for i, d in enumerate((a, b), 1):
        if not isinstance(d, dtype):
            raise TypeError(
                f"promote_types(): argument 'type{i}' (position {i}) must be microgrest.dtype, "
                f"not {type(d).__name__}"
            )
    if a.category != b.category:
        return a if a.category > b.category else b
    if a.category == FLOATING:
        return a if a.itemsize >= b.itemsize else b
    return _BY_NUMPY[np.promote_types(a.numpy, b.numpy)]


def result_of(
    dimensioned: Iterable[dtype], zero_dim: Iterable[dtype], numbers: Iterable[dtype]
) -> dtype:
    """Promote three classes of operands; a later class counts only where its category is higher."""
    result: dtype | None = None
    for group in (dimensioned, zero_dim, numbers):
        found: dtype | None = None
        for d in group:
            found = d if found is None else promote_types(found, d)
        if found is not None and (result is None or found.category > result.category):
            result = found
    if result is None:
        raise TypeError("type promotion needs at least one operand")
    return result


class _Limits:
    """Limits of a type, by its name; those of one type are equal."""

    dtype: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)


class finfo(_Limits):
    """Limits of a floating type: `eps`, `max`, `min`, `tiny`, `bits`, `resolution`."""

    def __init__(self, d: dtype | None = None) -> None:
        d = d or _default
        if not d.is_floating_point:
            raise TypeError(
                f"microgrest.finfo() requires a floating-point type, got {d!r}; use iinfo()"
            )
        info = np.finfo(d.numpy)
        self.dtype, self.bits, self.resolution = d.name, info.bits, 10.0**-info.precision
        self.eps, self.max, self.min = float(info.eps), float(info.max), float(info.min)
        self.tiny = self.smallest_normal = float(info.tiny)

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        limits = ", ".join(f"{name}={getattr(self, name):g}" for name in names)
        return f"finfo({limits}, dtype={self.dtype})"


class iinfo(_Limits):
    """Limits of an integer type: `max`, `min`, `bits`."""

    def __init__(self, d: dtype) -> None:
        if d.category != INTEGER:
            raise TypeError(f"microgrest.iinfo() requires an integer type, got {d!r}; use finfo()")
        info = np.iinfo(d.numpy)
        self.dtype, self.bits, self.max, self.min = d.name, info.bits, info.max, info.min

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"
