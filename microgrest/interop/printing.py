"""How a tensor prints: PyTorch's forms, character for character.

A printed tensor is a nest of rows whose numbers share one style, chosen from the values that are
shown: integers as they are, integer-valued floats as `1.`, other floats in fixed point, or in
scientific notation where their magnitudes spread too far. More than `threshold` elements are
summarized by `edgeitems` at both ends of every axis.

The values come as a NumPy array; what else a tensor must tell is the protocol `Printable`. The
reference is the printed form of PyTorch 2.13.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from math import isfinite
from operator import index
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..types.device import device as Device
from ..types.dtypes import bool_, dtype as DType, get_default_dtype, int64

Array = npt.NDArray[Any]


# ------------------------------------------------------------------------------------- options


@dataclass(frozen=True)
class _Options:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES = {
    "default": _Options(),
    "short": _Options(precision=2, edgeitems=2),
    "full": _Options(threshold=float("inf")),
}

# Replaced as a whole, never changed in place: a thread that prints reads one consistent set.
_options = _PROFILES["default"]


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors print, in every thread; what is not given keeps its value.

    Args:
        precision: digits after the decimal point (4 at first).
        threshold: the largest number of elements that prints without being summarized (1000).
        edgeitems: elements shown at both ends of an axis of a summarized tensor (3).
        linewidth: characters a line holds before it wraps (80).
        profile: "default", "short" or "full": sets the four above; those given override it.
        sci_mode: always (True) or never (False) scientific notation. None lets the values
            decide, and, as in PyTorch, a call that leaves it out returns to None.

    Raises:
        TypeError: precision, edgeitems or linewidth is not an integer.
        ValueError: one of them is negative, or the profile is unknown.
    """
    global _options
    given = {"precision": precision, "edgeitems": edgeitems, "linewidth": linewidth}
    changes = {name: _natural(name, value) for name, value in given.items() if value is not None}
    base = _options if profile is None else _profile(profile)
    limit = base.threshold if threshold is None else threshold
    _options = replace(base, threshold=limit, sci_mode=sci_mode, **changes)


def get_printoptions() -> dict[str, Any]:
    """The current print options, as a dictionary that `set_printoptions` takes as keywords."""
    return asdict(_options)


def _natural(name: str, value: int) -> int:
    try:
        number = index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if number < 0:
        raise ValueError(f"{name} must not be negative, got {number}")
    return number


def _profile(name: str) -> _Options:
    if name not in _PROFILES:
        raise ValueError(f"unknown print profile {name!r}; there are {', '.join(_PROFILES)}")
    return _PROFILES[name]


# ------------------------------------------------------------------------------------- numbers


@dataclass(frozen=True)
class _Style:
    """One form for all numbers of a tensor: a format spec, and the column width they share."""

    spec: str
    point: bool = False  # whether finite numbers end in a bare decimal point
    width: int = 1

    def bare(self, value: float) -> str:
        text = format(value, self.spec)
        return text + "." if self.point and isfinite(value) else text

    def text(self, value: float) -> str:
        return self.bare(value).rjust(self.width)

    def fitted(self, values: Array) -> _Style:
        """This style, with a column that is wide enough for `values`."""
        widest = max((len(self.bare(value)) for value in values.tolist()), default=1)
        return replace(self, width=widest)


def _style(values: Array, options: _Options) -> _Style:
    values = values.reshape(-1)
    if values.dtype.kind != "f":
        return _Style("").fitted(values)
    # Zeros, infinities and NaN take part in no decision, that on the width included.
    telling = values[np.isfinite(values) & (values != 0)]
    if telling.size == 0:
        return _Style(".0f", point=True)
    scientific = _spreads(telling) if options.sci_mode is None else options.sci_mode
    if scientific:
        return _Style(f".{options.precision}e").fitted(telling)
    if np.array_equal(telling, np.ceil(telling)):
        return _Style(".0f", point=True).fitted(telling)
    return _Style(f".{options.precision}f").fitted(telling)


def _spreads(values: Array) -> bool:
    """Whether fixed point would hide digits of `values`, finite and not zero."""
    magnitudes = np.abs(values)
    low, high = float(magnitudes.min()), float(magnitudes.max())
    return high / low > 1000.0 or high > 1.0e8 or low < 1.0e-4


# -------------------------------------------------------------------------------- rows and nests


@dataclass(frozen=True)
class _Nest:
    """Writes the rows of a tensor. `cut` tells for each of its axes whether it is summarized."""

    style: _Style
    options: _Options
    cut: tuple[bool, ...]

    def text(self, values: Array, indent: int) -> str:
        if values.ndim == 0:
            return self.style.text(values.item())
        if values.ndim == 1:
            return self._row(values, indent)
        blocks = self._with_gap([self.text(block, indent + 1) for block in values], "...", values)
        return "[" + ("," + "\n" * (values.ndim - 1) + " " * (indent + 1)).join(blocks) + "]"

    def _row(self, values: Array, indent: int) -> str:
        gap = " ..." if values.size else "..."
        items = self._with_gap([self.style.text(value) for value in values.tolist()], gap, values)
        count = max(1, (self.options.linewidth - indent) // (self.style.width + len(", ")))
        lines = [", ".join(items[i : i + count]) for i in range(0, len(items), count)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"

    def _with_gap(self, items: list[str], gap: str, values: Array) -> list[str]:
        if not self.cut[-values.ndim]:
            return items
        edge = self.options.edgeitems
        return [*items[:edge], gap, *items[edge:]]


def _corners(array: Array, edge: int) -> Array:
    """`array` without the middle of each axis that is longer than two edges."""
    for axis, length in enumerate(array.shape):
        if length > 2 * edge:
            array = array.take([*range(edge), *range(length - edge, length)], axis)
    return array


def tensor_text(array: Array, indent: int = 0) -> str:
    """The values of `array` between brackets, the way PyTorch prints a tensor's data.

    Args:
        array: any shape; bool, integer or floating-point. float16 and float32 print from their
            exact float64 values. An array without elements is `[]`, one without axes a number.
        indent: the column at which the text will start; it aligns the lines after the first.
    """
    if array.size == 0:
        return "[]"
    options = _options
    summarized = array.size > options.threshold
    shown = _corners(array, options.edgeitems) if summarized else array
    cut = tuple(now < before for now, before in zip(shown.shape, array.shape, strict=True))
    return _Nest(_style(shown, options), options, cut).text(shown, indent)


# ---------------------------------------------------------------------------------- whole tensors


def tensor_repr(array: Array, *, prefix: str = "tensor(", suffixes: Iterable[str] = ()) -> str:
    """`prefix`, the values, the `suffixes` after commas, and a closing parenthesis.

    A suffix that would pass the line width starts a new line, aligned with the values.
    """
    text = prefix + tensor_text(array, len(prefix))
    # PyTorch counts two characters more on the line of the values than on those that follow.
    used = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if used + len(suffix) + len(", ") > _options.linewidth:
            text += ",\n" + " " * len(prefix) + suffix
            used = len(prefix) + len(suffix)
        else:
            text += ", " + suffix
            used += len(", ") + len(suffix)
    return text + ")"


class Node(Protocol):
    """A graph node; `name()`, without a namespace, is what stands in `grad_fn=<...>`."""

    def name(self) -> str: ...


class Printable(Protocol):
    """What printing asks of a tensor; `_numpy()` gives its values whether it needs gradients."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> DType: ...
    @property
    def device(self) -> Device: ...
    @property
    def requires_grad(self) -> bool: ...
    @property
    def grad_fn(self) -> Node | None: ...
    def _numpy(self) -> Array: ...


def repr_of(tensor: Printable) -> str:
    """The printed form of a tensor, as in `tensor([1., 2.], grad_fn=<MulBackward0>)`.

    What a reader would guess is left out: the CPU, and the dtypes that Python numbers take
    (the default dtype, int64 and bool; of an empty tensor, the default dtype alone). Subclasses
    of Tensor print under their own name.
    """
    name = type(tensor).__name__
    prefix = "tensor(" if name in ("Tensor", "Parameter") else f"{name}("
    return tensor_repr(tensor._numpy(), prefix=prefix, suffixes=_suffixes(tensor))


def parameter_repr(parameter: Printable) -> str:
    """The printed form of a module's parameter: a heading, then that of the tensor it is."""
    return "Parameter containing:\n" + repr_of(parameter)


def _suffixes(tensor: Printable) -> Iterator[str]:
    empty = 0 in tensor.shape
    if tensor.device.type != "cpu":
        yield f"device='{tensor.device}'"
    # Brackets without numbers hide the shape; `[]` alone reads as (0,).
    if len(tensor.shape) != 1 if empty else not _options.edgeitems:
        yield f"size={tuple(tensor.shape)}"
    default = get_default_dtype()
    if tensor.dtype not in ((default,) if empty else (default, int64, bool_)):
        yield f"dtype={tensor.dtype}"
    if tensor.grad_fn is not None:
        yield f"grad_fn=<{tensor.grad_fn.name().rpartition('::')[2]}>"
    elif tensor.requires_grad:
        yield "requires_grad=True"
