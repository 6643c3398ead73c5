"""Kernel kinds on the CPU: each call goes to a kernel that is kept, or to a library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import lru_cache
from typing import Any

from ..source.codegen import interpreted
from ..source.kind import Kind, word
from . import first_calls, helpers, names, parallel
from .first_calls import FirstOfKind

Launch = Callable[..., Any]
MOST = 4096
_kernels: dict[tuple[Kind, Any], Launch] = {}


def run(
    kind: Kind,
    params: Any,
    operands: Sequence[Any],
    sizes: tuple[int, ...] = (),
    values: tuple[Any, ...] = (),
) -> None:
    """Run a kernel of `kind` on flat arrays, and strided ones; see `source.kind`."""
    kernel(kind, params)(*operands, *sizes, *values)


def ready(
    kind: Kind, params: Any, sizes: tuple[int, ...], values: tuple[Any, ...], size: int
) -> tuple[Launch, tuple[Any, ...]]:
    """What runs all calls like one, and what it takes after the operands, the first of `size`."""
    found = kernel(kind, params)
    plain = kind.cpu is not None and kind.host is None and not kind.fails and kind.effort is None
    strided = any(operand.strided for operand in kind.operands(params))
    if plain and not strided and size < parallel.MINIMUM and found.__class__ is not FirstOfKind:
        found = _loaded(kind, params, False)
    return found, (*sizes, *values)


def draw(
    kind: Kind,
    params: Any,
    out: Any,
    seed: int,
    counter: int,
    values: tuple[Any, ...] = (),
) -> int:
    """Fill `out` from stream `seed` (0 to 2**64 - 1), from `counter` on; counters that it took."""
    kernel(kind, params)(out, word(seed), word(counter), *values)
    assert kind.draws is not None
    return kind.draws(params, out.size)


def draw_ahead(kind: Kind, params: Any, values: tuple[Any, ...]) -> None:
    """Have the kernel of a draw, which will be needed, compiled by another process, if it can."""
    assert kind.cpu is not None
    if kind.exact(params) and first_calls.number():
        return
    types = [f"{params.dtype}[::1]", "uint64", "uint64", *(v.dtype.name for v in values)]
    text, of_types = kind.cpu(params, names, False), f"({', '.join(types)})"
    helpers.ahead(text, kind.label(params), of_types, long=True)


def kernel(kind: Kind, params: Any) -> Launch:
    """What runs a call, from operands, sizes and values."""
    found = _kernels.get((kind, params))
    if found is None:
        if len(_kernels) >= MOST:
            _kernels.clear()
        found = _kernels[kind, params] = _first(kind, params)
    return found


def _first(kind: Kind, params: Any) -> Launch:
    """What runs the first call, and puts the kernel of all in its own place if that is another."""
    if kind.host or kind.fails or not kind.exact(params) or not first_calls.number():
        return _launch(kind, params)

    def load() -> Launch:
        launch = _kernels[kind, params] = _launch(kind, params)
        first_calls.replaced()
        return launch

    return FirstOfKind(kind, params, load)


def _launch(kind: Kind, params: Any) -> Launch:
    if kind.host is not None:
        return kind.host(params)
    operands = kind.operands(params)
    launch = _shared_out(kind, params)
    if kind.fails:
        launch = _checked(kind, launch)
    if any(operand.strided for operand in operands):
        launch = _placed(kind, params, launch, len(operands))
    return launch


def _shared_out(kind: Kind, params: Any) -> Launch:
    """The kernel for one thread, or for several where there is work for them."""
    serial = _loaded(kind, params, False)
    if kind.tasks is None:
        return serial
    tasks, effort, least = kind.tasks, kind.effort, parallel.MINIMUM

    def launch(first: Any, *others: Any) -> Any:
        size = effort(first, *others) if effort else first.size
        if size < least or tasks(first, *others) < 2 or not parallel.usable():
            return serial(first, *others)
        return _loaded(kind, params, True)(first, *others)

    return launch


@lru_cache(maxsize=4096)
def _loaded(kind: Kind, params: Any, threads: bool) -> Launch:
    if kind.cpu is None:
        raise NotImplementedError(f"{kind.name} has no kernel for the CPU")
    source = kind.cpu(params, names, threads)
    found: Launch = helpers.load(source, kind.label(params)).kernel
    if kind.routine is None:
        return found
    routine = kind.routine(params)
    address = 0 if interpreted() else routine.address

    def launch(*given: Any) -> Any:
        # Of a library's own threads and ours, one kind is enough.
        with routine.alone() if threads or kind.brief else nullcontext():
            return found(address, *given)

    return launch


def _checked(kind: Kind, launch: Launch) -> Launch:
    def checked(*given: Any) -> None:
        failed = launch(*given)
        if failed:
            raise RuntimeError(kind.fails[failed - 1])

    return checked


def _placed(kind: Kind, params: Any, launch: Launch, count: int) -> Launch:
    """`launch` with numbers of where strided operands lie after the arrays."""

    def placed(*given: Any) -> Any:
        operands = given[:count]
        arrays = [x[0] if x.__class__ is tuple else x for x in operands]
        metas = tuple(x[1:] if x.__class__ is tuple else x.size for x in operands)
        return launch(*arrays, *kind.numbers(params, metas), *given[count:])

    return placed
