"""What stands in for a device's kernels while an observer watches what this thread computes.

All that eager execution computes goes through `kind.kernels` and `kind.empty`. `watching` puts
stand-ins there, which run the real function and tell the observer of their thread; in other threads
they only run it.

    observer.made(array)              new memory, from `kind.empty`
    observer.ran(function, *args)     what ran: "compiled" with the program, the layout and the
                                      operands of its kernel, or another function of FUNCTIONS

Numbers that know their slot (`Slotted`) reach the observer as they are, and kernels as floats.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ...optim.fused import forget_kernels
from ...recording import state
from ...tensor.storage import Kind, forgetter, provide_kernels

# The functions that compute, by module; `compiled` and `allocator` make others and stand apart.
FUNCTIONS = {
    "elementwise": ("launch",),
    "reduction": ("fold",),
    "kinds": ("run", "draw"),
    "filling": ("fill", "repeat"),
    "memory": ("from_host", "copy"),
}
_watching = threading.Lock()
forgetter(forget_kernels)


class Slotted(float):
    """A number of an optimizer's rule, and the column of the table of numbers that it fills."""

    __slots__ = ("slot",)
    slot: int

    def __new__(cls, value: float, slot: int) -> Slotted:
        self = float.__new__(cls, value)
        self.slot = slot
        return self


@contextmanager
def watching(observer: Any) -> Iterator[None]:
    """`observer` is told what this thread computes; one thread at a time."""
    with _watching:
        provide_kernels(Kernels)
        state.recorder = observer
        try:
            yield
        finally:
            state.recorder = None
            provide_kernels(None)


class Kernels:
    """The modules of a device's kernel package, with functions that tell."""

    def __init__(self, kind: Kind, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        module = _Module(getattr(self._real, name), FUNCTIONS.get(name, ()))
        setattr(self, name, module)
        return module


class _Module:
    """A module of kernels; what does not compute is its own."""

    ready = sized = joining = None  # shorter ways, of which nobody is told

    def __init__(self, real: Any, functions: Sequence[str]) -> None:
        self._real = real
        for name in functions:
            if hasattr(real, name):
                setattr(self, name, _telling(name, getattr(real, name)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def compiled(self, program: Any, layout: str, ndim: int = 0, n: int = 0) -> Callable[..., None]:
        """The kernel of `program` in a flat layout."""
        kernel = self._real.compiled(program, layout, ndim, n)

        def run(*operands: Any) -> None:
            kernel(*map(_plain, operands))
            if state.recorder is not None:
                state.recorder.ran("compiled", program, layout, operands)

        return run

    def allocator(self, *args: Any) -> Callable[[int], Any]:
        """`kind.empty`."""
        real = self._real.allocator(*args)

        def empty(n: int) -> Any:
            array = real(n)
            if state.recorder is not None:
                state.recorder.made(array)
            return array

        return empty


def _telling(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """`real`, whose calls the observer is told of; an operand may be a list of operands."""

    def run(*args: Any) -> Any:
        result = real(*[list(map(_plain, a)) if a.__class__ is list else _plain(a) for a in args])
        if state.recorder is not None:
            state.recorder.ran(name, *args)
        return result

    return run


def _plain(operand: Any) -> Any:
    return float(operand) if operand.__class__ is Slotted else operand


def written(function: str, args: Sequence[Any]) -> list[Any]:
    """The arrays that a call wrote, as `ran` was told of it."""
    if function == "compiled":
        program, layout, operands = args
        stores = layout[len(program.inputs) :]
        own = iter(operands[len(program.inputs) :])
        return [operands[int(s)] if s.isdigit() else next(own) for s in stores]
    if function == "launch":
        return [view[0] for view in args[3]]
    if function in FUNCTIONS["kinds"]:
        kind, params, given = args[:3]
        operands = given if function == "run" else [given]
        pairs = zip(kind.operands(params), operands, strict=True)
        return [x[0] if x.__class__ is tuple else x for o, x in pairs if o.writes]
    return [args[2 if function == "fold" else 0]]


def named(function: str, args: Sequence[Any]) -> str:
    """What ran, for people, as `ran` was told of it."""
    if function in FUNCTIONS["kinds"]:
        return str(args[0].label(args[1]))
    return args[0].name if hasattr(args[0], "name") else function
