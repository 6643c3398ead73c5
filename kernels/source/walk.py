"""How strided arrays are walked: dimensions in memory's order, merged where they can be."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

Place = tuple[int, tuple[int, ...]]  # offset and strides


class View(NamedTuple):
    """An array operand: flat `array`, `offset` and `strides` in elements, over the loop's shape."""

    array: Any
    offset: int
    strides: tuple[int, ...]


class Plan(NamedTuple):
    """A walk over `extents` in a strided `layout`; `geometry` is what the kernel wants to know."""

    geometry: tuple[int, ...]
    layout: str
    extents: tuple[int, ...]


def letter(value: Any) -> str:
    """The layout letter of a number passed by value."""
    return "f" if isinstance(value, float) else "i"


def places(operands: Sequence[Any]) -> tuple[Place | str, ...]:
    """Where Views are, and the letters of numbers."""
    return tuple([a[1:] if a.__class__ is View else letter(a) for a in operands])


@lru_cache(maxsize=4096)
def plan(shape: tuple[int, ...], where: tuple[Place | str, ...]) -> Plan:
    """The walk over arrays at `where`, in the order of the last of them.

    Its geometry: the extents, then offset and strides of each array, in elements.
    """
    arrays = [p for p in where if not isinstance(p, str)]
    extents, strides = collapse(shape, [p[1] for p in reversed(arrays)])
    strides.reverse()
    geometry = list(extents)
    for (offset, _), steps in zip(arrays, strides, strict=True):
        geometry += [offset, *steps]
    last = iter([{0: "e", 1: "c"}.get(steps[-1], "v") for steps in strides])
    layout = "".join(p if isinstance(p, str) else next(last) for p in where)
    return Plan(tuple(geometry), layout, tuple(extents))


def collapse(
    shape: Sequence[int], strides: Sequence[Sequence[int]]
) -> tuple[list[int], list[tuple[int, ...]]]:
    """Fewest dimensions that walk the same elements: ordered by the first operand, then merged.

    Returns the extents (at least one) and each operand's strides.
    """
    order = sorted((d for d in range(len(shape)) if shape[d] != 1), key=lambda d: -strides[0][d])
    extents: list[int] = []
    steps: list[list[int]] = []
    for d in order:
        inner = [s[d] for s in strides]
        if extents and all(o == i * shape[d] for o, i in zip(steps[-1], inner, strict=True)):
            extents[-1], steps[-1] = extents[-1] * shape[d], inner
        else:
            extents.append(shape[d])
            steps.append(inner)
    if not extents:
        extents, steps = [1], [[1] * len(strides)]
    return extents, [tuple(column) for column in zip(*steps, strict=True)]
