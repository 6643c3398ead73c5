"""What a kernel kind is: a kernel that is no Program, as one declaration.

Eager launches on every device, recording, the plan of a step, its checker, both code generators,
`export`, `explain` and the tests take from it all that they need, and know no kind by its name.

A call of a kind has

    params    plain, hashable data that decides the text of its kernels, element types too; all that
              is cached is cached by it. Its `name`, if it has one, is what people are told
    operands  flat arrays; or strided ones, each a tuple (array, offset, shape, strides)
    sizes     integers that the operands do not tell
    values    numbers that change no text and no grid, NumPy scalars

and a kernel takes them in that order: kernel(*arrays, *places, seed, counter, *sizes, *values),
where `places` are the numbers of strided operands, (offset, *shape, *strides) of each unless the
kind says otherwise, and seed and counter come where it draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from .matrices import Seen, strides_of
from .program import Program

if TYPE_CHECKING:
    from .writer import Source

# What is known of an operand without its memory: the size of a flat one, else the place of a
# strided one, (offset, shape, strides).
Meta = int | Seen
Metas = tuple[Meta, ...]
Sizes = tuple[int, ...]


class Operand(NamedTuple):
    """An operand: `role` is "r", read; "w", written as a whole; or "rw", read and written in part.

    No operand that is written shares memory with another.
    """

    name: str
    role: str
    strided: bool = False

    @property
    def reads(self) -> bool:
        """Whether it is read."""
        return "r" in self.role

    @property
    def writes(self) -> bool:
        """Whether it is written."""
        return "w" in self.role


# CUDA


class Room(NamedTuple):
    """What a launch may take: `threads` of a block, and `blocks`, 1 where one block does it all."""

    threads: int
    blocks: int
    simulated: bool = False

    def blocks_for(self, n: int, threads: int = 0) -> int:
        """The blocks of a kernel that strides over n elements, `threads` of them at a time."""
        return min(max(-(-n // (threads or self.threads)), 1), self.blocks)


class Stage(NamedTuple):
    """One launch. An argument is a number, or the name of an operand, of scratch memory, or of what
    comes with the call: "seed", "counter", "status", "failure"; VALUES are all of its values."""

    source: Source
    blocks: int
    threads: int
    arguments: tuple[Any, ...]


VALUES = "*values"


class Launches(NamedTuple):
    """Launches one after the other, and their `scratch` memory: dtype and size, by name."""

    stages: tuple[Stage, ...] = ()
    scratch: Mapping[str, tuple[str, int]] = MappingProxyType({})


# Loops that stand for a call


class At(NamedTuple):
    """Where an operand of a loop lies in operand number `operand`, in elements from its buffer's
    start; numbers past the operands are temporaries."""

    operand: int
    offset: int
    strides: tuple[int, ...]


class Over(NamedTuple):
    """A loop over a Program."""

    program: Program
    shape: tuple[int, ...]
    inputs: tuple[At, ...]
    outputs: tuple[At, ...]


class Use(NamedTuple):
    """A call of a kind, on operands by number."""

    kind: Kind
    params: Any
    operands: tuple[int, ...]
    metas: Metas


class Spelled(NamedTuple):
    """What stands for a call: `parts` in order, and `temporaries`, dtype and size of each."""

    parts: tuple[Over | Use, ...]
    temporaries: tuple[tuple[str, int], ...] = ()


# What elements come of, and what a call takes


class Run(NamedTuple):
    """Elements of an operand that an element of a result comes of, for many results at once.

    Those of the k-th are start[k], start[k] + step, ..., `count` of them, or count[k]. Elements are
    numbered in the order of their indices, the last fastest.
    """

    start: Any
    step: int = 1
    count: Any = 1


class Cost(NamedTuple):
    """What a call takes. `operations` are told to people; the others weigh one block against many:
    elements that threads load and store, loads that wait for one before, barriers, launches."""

    operations: int
    accesses: int
    waits: int = 0
    barriers: int = 0
    launches: int = 1


class Routine(Protocol):
    """A library's function that a kernel on the CPU takes by its address, before all else."""

    @property
    def described(self) -> str:
        """What it does and whose it is, for people: "products by OpenBLAS"."""

    @property
    def address(self) -> int:
        """Where it is in this process; 0 if nowhere."""

    @property
    def finder(self) -> str:
        """The text of a function of one argument that finds the address elsewhere."""

    @property
    def argument(self) -> str:
        """What that is asked for."""

    def alone(self) -> Any:
        """A context in which it uses one thread."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Kind:
    """A kernel kind; kinds are compared by identity. Of a field that is None there is nothing."""

    name: str
    operands: Callable[[Any], tuple[Operand, ...]]
    """operands(params)"""

    oracle: Callable[..., None]
    """oracle(params, *operands, ...), what it means, in NumPy; operands as kernels take them, the
    strided as views."""
    exact: Callable[[Any], bool] = lambda params: True
    """exact(params): whether the oracle has the very bits of the kernel on the CPU, of which it may
    do the first calls then."""

    # The CPU

    cpu: Callable[[Any, Any, bool], str] | None = None
    """cpu(params, names, threads): the text of a module whose function `kernel` does it, by several
    threads or one; it returns nothing, or the number of a failure."""
    tasks: Callable[..., int] | None = None
    """tasks(*operands, ...): pieces of work that threads may share; None: one thread."""
    effort: Callable[..., int] | None = None
    """effort(*operands, ...): what it takes, as a number of elements; None: those of the first."""
    host: Callable[[Any], Callable[..., None]] | None = None
    """host(params): what does it on the CPU, and returns nothing, in place of a kernel."""
    places: Callable[[Metas], tuple[int, ...]] | None = None
    """places(metas): the numbers that the kernel takes of where strided operands lie."""
    known: Callable[[Any, Metas], str] | None = None
    """known(params, metas): such a text where operands lie as these do, so that `kernel` takes no
    places; "" where `cpu` is as good."""
    routine: Callable[[Any], Routine] | None = None
    """routine(params): the library's function that the kernel takes."""
    brief: bool = False
    """Whether each of its calls of that function is too short for the library's own threads."""

    # CUDA

    grid: Callable[[Any, Metas, Sizes, Room], Launches] | None = None
    """The launches of a call; None: the host does it, on copies."""
    block: Callable[[Any, Metas, Sizes, Room], Launches | Over] | None = None
    """The same for one block, without scratch memory; None: always by a grid."""
    library: Callable[[Any, Metas, Room], Callable[..., None] | None] | None = None
    """What queues it on a GPU, from the stream and the arrays, if a library's routine takes it."""

    # Compiled steps

    loops: Callable[[Any, Metas], Spelled | None] | None = None
    """loops(params, metas): the loops over Programs that a call is, where that is better."""
    composed: bool = False
    """Whether a recorded step has these in place of a call: the kind is one for eager callers."""
    needs: Callable[[Any, Metas, Sizes, int, Any], tuple[Run | None, ...]] | None = None
    """needs(params, metas, sizes, k, at): what elements `at` of the k-th operand that is written
    come of, a Run for each operand that is read, in order, None for all of it; None: all of all."""
    sums: str = ""
    """A formula over operands: an element is its sum over what the element needs."""
    indices: tuple[tuple[str, str | int], ...] = ()
    """Operands that are positions, int64, and those that they are positions in, or which of the
    sizes they are below. Compiled steps check them, and a call of which one is out of range does
    nothing; eager callers have checked."""
    draws: Callable[[Any, int], int] | None = None
    """draws(params, n): counters that n elements take from a stream of random numbers."""
    fails: tuple[str, ...] = ()
    """What may go wrong, for people: a kernel on the CPU returns 0, or 1 for the first of these, 2
    for the second, ...; on a GPU `status` becomes `failure`, or `failure` + 1, ..."""
    cost: Callable[[Any, Metas, Sizes], Cost] | None = None
    eager_only: str = ""
    """Why a compiled step refuses it, as "makes a shape that depends on values"."""

    def __repr__(self) -> str:
        return self.name

    def __deepcopy__(self, memo: Any) -> Kind:
        return self

    def label(self, params: Any) -> str:
        """What a call is named, for people."""
        return str(getattr(params, "name", self.name))

    def numbers(self, params: Any, metas: Metas) -> tuple[int, ...]:
        """What a kernel takes of where its strided operands lie."""
        if self.places:
            return self.places(metas)
        return tuple(
            number
            for meta in metas
            if not isinstance(meta, int)
            for number in (meta[0], *meta[1], *strides_of(meta))
        )

    def limits(self, params: Any, metas: Metas, sizes: Sizes) -> dict[str, int]:
        """What the operands that are positions are below."""
        held = {o.name: elements(m) for o, m in zip(self.operands(params), metas, strict=True)}
        return {index: sizes[of] if isinstance(of, int) else held[of] for index, of in self.indices}

    def cost_of(self, params: Any, metas: Metas, sizes: Sizes) -> Cost:
        """What a call takes; where nobody said, an operation for each element written."""
        if self.cost:
            return self.cost(params, metas, sizes)
        each = [*zip(self.operands(params), map(elements, metas), strict=True)]
        written = sum(n for o, n in each if o.writes)
        return Cost(written, sum(n for o, n in each if o.reads) + written)


def elements(meta: Meta) -> int:
    """How many elements an operand has."""
    if isinstance(meta, int):
        return meta
    n = 1
    for extent in meta[1]:
        n *= extent
    return n


def fixed(**roles: str) -> Callable[[Any], tuple[Operand, ...]]:
    """`operands` of a kind that always has the same flat ones: fixed(x="r", out="w")."""
    found = tuple(Operand(name, role) for name, role in roles.items())
    return lambda params: found


def word(n: int) -> Any:
    """An integer of Python modulo 2**64, as a kernel takes a seed."""
    return np.uint64(n & 0xFFFFFFFFFFFFFFFF)
