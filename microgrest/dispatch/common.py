"""What every kind of op asks of its operands: shapes that broadcast, one device."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from ..tensor import Tensor
from ..types.device import CPU, device
from ..types.dtypes import FLOATING, INTEGER, dtype, finfo, iinfo


def broadcast_shapes(name: str, shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape that all of `shapes` expand to; RuntimeError as PyTorch words it."""
    result = shapes[0]
    for shape in shapes[1:]:
        if shape != result:
            result = _broadcast(name, result, shape)
    return result


def _broadcast(name: str, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    n = max(len(a), len(b))
    pair = [*zip((1,) * (n - len(a)) + a, (1,) * (n - len(b)) + b, strict=True)]
    result = []
    for d, (x, y) in reversed([*enumerate(pair)]):
        if x != y and x != 1 and y != 1:
            raise RuntimeError(
                f"The size of tensor a ({x}) must match the size of tensor b ({y}) at "
                f"non-singleton dimension {d} (in {name}: shapes {list(a)} and {list(b)} do not "
                "broadcast)"
            )
        result.append(y if x == 1 else x)
    return tuple(reversed(result))


def common_device(name: str, args: Sequence[Any]) -> device:
    """The device of all tensors among `args`; 0-d CPU tensors go along with any other."""
    found = [a._kind.device for a in args if isinstance(a, Tensor)]
    dimensioned = {
        a._kind.device for a in args if isinstance(a, Tensor) and (a._shape or a.is_cuda)
    }
    if len(dimensioned) > 1:
        raise mixed_devices(
            name, {f"argument {i}": a for i, a in enumerate(args) if isinstance(a, Tensor)}
        )
    return dimensioned.pop() if dimensioned else (found[0] if found else CPU)


def mixed_devices(name: str, tensors: Mapping[str, Tensor]) -> RuntimeError:
    """The error of an op whose tensors, here by what they are called, cannot meet."""
    places = ", ".join(f"{called} is on {t.device}" for called, t in tensors.items())
    return RuntimeError(
        f"Expected all tensors to be on the same device in {name}(), but {places}: move them to "
        "one with .to(device)"
    )


def number_as(d: dtype, value: Any) -> Any:
    """A number as `d` takes it, a Python number; TypeError, or RuntimeError beyond its range."""
    value = value.item() if isinstance(value, np.generic) else value
    if not isinstance(value, (int, float)):
        raise TypeError(f"a number of type {d.name} cannot be made of {value!r}")
    check_width("a number", value)
    check_range(d, value, value)
    if d.category == INTEGER:
        value = int(value)
        return value if value >= 0 or d.is_signed else value + iinfo(d).max + 1
    return value if d.category == FLOATING else bool(value)


def identity(first: str, lane: str) -> str:
    """The first value of a fold or scan in type `lane`: "lowest" and "highest" as numbers."""
    if first not in ("lowest", "highest"):
        return first
    if lane.startswith("float"):
        return "-inf" if first == "lowest" else "inf"
    limits = np.iinfo(lane)
    if first == "highest" or not limits.min:
        return str(limits.max if first == "highest" else 0)
    return f"-{limits.max} - 1"  # 128 is no int8


def check_width(name: str, value: Any) -> None:
    """OverflowError for an int that is beyond 64 bits."""
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise OverflowError(f"{name}: {value} is beyond the 64 bits of an integer")


def check_range(d: dtype, low: Any, high: Any) -> None:
    """RuntimeError where `d` cannot hold the numbers from low to high; bools hold any.

    Unsigned types take negative integers too, counted down from their end, as PyTorch does.
    """
    least, most = _limits(d)
    if isinstance(low, float) and d.category == INTEGER and not d.is_signed:
        least = 0
    if least <= low and high <= most:
        return
    # Infinity and NaN are values of floating-point types like any other.
    if d.category == INTEGER or any(most < abs(x) < math.inf for x in (low, high)):
        raise RuntimeError(
            f"value cannot be converted to type {d.name} without overflow: "
            f"{low if low == high else (low, high)}"
        )


@cache
def _limits(d: dtype) -> tuple[float, float]:
    """The least and the largest number that `d` can be made of."""
    if d.category == INTEGER:
        return -iinfo(d).max - d.is_signed, iinfo(d).max
    most = finfo(d).max if d.is_floating_point else math.inf
    return -most, most
