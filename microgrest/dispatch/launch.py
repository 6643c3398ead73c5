"""Launching a Program over operands and a result: flat where all are, else by their strides."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ..kernels.source.program import Program
from ..tensor import Tensor


def flat_layout(args: Sequence[Any], result: Tensor) -> str:
    """A letter per operand if each is contiguous or one element, else ""."""
    if result._flat is None:
        return ""
    n = result._flat.size
    letters = ""
    for a in args:
        if not isinstance(a, Tensor):
            letters += "f" if isinstance(a, float) else "i"
        elif a._flat is None:
            if any(a._strides) or a._shape != result._shape:
                return ""
            letters += "x"
        elif a._flat.size not in (n, 1):
            return ""
        else:
            letters += "v" if a._flat.size == n else "e"
    return letters


def launch(
    program: Program, layout: str, args: Sequence[Any], result: Tensor, *, fresh: bool = False
) -> None:
    """Compute into `result` from operands in the flat `layout`, "" where they are strided.

    An operand that shares memory with the result must be the same elements in the same order;
    with one that is `fresh` none does.
    """
    if not layout:
        run(program, result._shape, args, [result])
        return
    n = result._flat.size
    if not n:
        return
    flats = [flat_of(a) if isinstance(a, Tensor) else a for a in args]
    # Stored over an input: the compiler need not ask whether the two overlap.
    store = (
        "v"
        if fresh
        else next(
            (
                str(i)
                for i, a in enumerate(args)
                if isinstance(a, Tensor) and same_memory(a, result)
            ),
            "v",
        )
    )
    flats += [result._flat] if store == "v" else []
    result._kind.kernels.elementwise.compiled(program, layout + store, 0, n)(*flats)


def run(
    program: Program, shape: tuple[int, ...], operands: Sequence[Any], results: Sequence[Tensor]
) -> None:
    """Launch `program` over `shape` with operands broadcast to it, walking all by their strides."""
    kernels = results[0]._kind.kernels.elementwise
    views = [view(kernels, a, shape) if isinstance(a, Tensor) else a for a in operands]
    kernels.launch(program, shape, views, [view(kernels, r, shape) for r in results])


def view(kernels: Any, t: Tensor, shape: tuple[int, ...]) -> Any:
    """`t` as a kernel's View, broadcast to `shape` by strides of 0."""
    return kernels.View(t._storage.array, t._offset, broadcast_strides(t._shape, t._strides, shape))


@lru_cache(maxsize=4096)
def broadcast_strides(
    own: tuple[int, ...], strides: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[int, ...]:
    """The strides that walk a tensor of shape `own` as if it had `shape`."""
    missing = len(shape) - len(own)
    steps = [0 if extent == 1 else step for extent, step in zip(own, strides, strict=True)]
    return (0,) * missing + tuple(steps)


def flat_of(t: Tensor) -> Any:
    """The elements of a contiguous tensor, or the one element that an expanded one repeats."""
    return t._flat if t._flat is not None else t._storage.array[t._offset : t._offset + 1]


def same_memory(a: Tensor, x: Tensor) -> bool:
    """Whether two tensors are the same elements in the same order and type."""
    return (
        a._storage.array is x._storage.array
        and a._offset == x._offset
        and a._shape == x._shape
        and a._strides == x._strides
    )
