"""Trace -> native function: lowered, planned, written, compiled."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property
from typing import Any

import numpy as np

from .. import cache
from ..cpu import helpers, memory, parallel
from ..source.codegen import interpreted
from . import many, proof, trace as t
from .cpu import module as cpu
from .cpu.along import Along
from .cpu.entrance import signature
from .plan.lower import lower
from .plan.plan import Plan
from .plan.schedule import plan
from .report import work

MANY = 256
# Operations of a library's routine from which on several threads are worth waiting for one another.
WORTH_THREADS = 200_000_000
_sources: set[int] = set()


class CPU(t.Native):
    """A step for the CPU; it compiles at its first run, or is loaded from the cache."""

    def __init__(self, planned: Plan) -> None:
        self.plan = planned
        self.source, self.routines = cpu.source(planned, parallel.usable())
        self.threads = "prange(" in self.source
        trace, buffers = planned.trace, planned.trace.buffers
        constants = [np.ascontiguousarray(b.data) for b in buffers if b.role == t.CONSTANT]
        scratch = [memory.empty(n, np.dtype(d)) for d, n in planned.arrays]
        self.own = [*constants, *scratch]
        # Where libraries' functions are, if something is done by them.
        found = [0 if interpreted() else routine.address for routine in self.routines]
        self.addresses = tuple(found) or (0,)
        self.short = bool(found) and max(map(_operations, trace.ops)) < WORTH_THREADS
        self.work = work(planned)
        described = dict.fromkeys(routine.described for routine in self.routines)
        self.target = ", ".join(["CPU", *described])
        given = range(len(trace.arguments))
        self.varying = list(given) if interpreted() else sorted(set(given) - set(trace.held))

    @cached_property
    def _run(self) -> Callable[..., int]:
        return self._compiled(self.threads)

    @cached_property
    def _alone(self) -> Callable[..., int]:
        """The function for where only one thread may be used, as in a forked process."""
        return self._compiled(False)

    def _compiled(self, threads: bool) -> Callable[..., int]:
        """The function to call; under the interpreter, which has no addresses, with arrays."""
        trace = self.plan.trace
        if interpreted():
            text = _bare(cpu.source(self.plan, threads)[0])
            run: Callable[..., int] = cache.load(text, trace.name).run
            return lambda *given: run(*given[:5], *given[6:], *self.own)
        arguments = [(trace.buffers[b].dtype, trace.buffers[b].size) for b in trace.arguments]
        known = [None if i in self.varying else a for i, a in enumerate(arguments)]
        own = [(a.dtype.name, a.size) for a in self.own]
        text = cpu.compiled(self.plan, threads, [*known, *own])
        module = helpers.load(_bare(text), trace.name)
        # The machine code itself: Numba would look at all arguments to find it.
        dtypes = [arguments[i][0] for i in self.varying]
        function: Callable[..., int] = module.run.compile(signature(dtypes, len(self.addresses)))
        self._along = Along(dtypes, self.addresses, module.run)
        return function

    def run(self, steps: int, numbers: Any, seeds: Any, history: Any, arrays: Sequence[Any]) -> int:
        """Run `steps` steps; see `trace.Native`."""
        return self.bind(arrays)(steps, numbers, seeds, history, arrays)

    def bind(self, arrays: Sequence[Any]) -> t.Run:
        """See `trace.Native`."""
        routines, varying, threads = self.addresses, self.varying, self.threads
        only = varying[0] if len(varying) == 1 else None
        held = [a for i, a in enumerate(arrays) if i not in varying]
        addresses = self._table(held)
        alone = self.routines[0].alone if self.short else None

        def run(steps: int, numbers: Any, seeds: Any, history: Any, arrays: Sequence[Any]) -> int:
            others = [arrays[i] for i in varying] if only is None else (arrays[only],)
            function = self._alone if threads and not parallel.usable() else self._run
            if alone:
                with alone():
                    return function(steps, numbers, seeds, history, routines, addresses, *others)
            return function(steps, numbers, seeds, history, routines, addresses, *others)

        return run

    def _table(self, held: Sequence[Any]) -> Any:
        """Where the memory is that comes by addresses."""
        return np.array([a.ctypes.data for a in (*held, *self.own)], np.uint64)

    def along(
        self,
        numbers: Any,
        seeds: Any,
        history: Any,
        arrays: Sequence[Any],
        moving: Mapping[int, Any],
        trace: t.Trace,
    ) -> int:
        """See `trace.Native`."""
        here = self.threads or interpreted()
        if here or self._run is None or not self._along.ready():  # it is made as `_run` is
            return super().along(numbers, seeds, history, arrays, moving, trace)
        table = self._table([a for i, a in enumerate(arrays) if i not in self.varying])
        others = {i: arrays[i] for i in self.varying}
        with self.routines[0].alone() if self.short else nullcontext():
            return self._along(numbers, seeds, history, table, others, moving, trace)

    def many(self, index: int | None = None) -> many.Many:
        """See `trace.Native`."""
        if interpreted():
            return many.Many(self.run)
        found = many.Native(self._run_all, self.addresses, self._fresh)
        if self.short:
            found.alone = self.routines[0].alone
        return found

    @cached_property
    def _run_all(self) -> Callable[..., object]:
        """The function that runs replicas, each on one thread."""
        buffers = self.plan.trace.buffers
        given = [(buffers[b].dtype, buffers[b].size) for b in self.plan.trace.arguments]
        own = [(a.dtype.name, a.size) for a in self.own]
        text = _bare(cpu.compiled(self.plan, False, [*given, *own])) + many.DRIVER
        module = helpers.load(text, f"{self.plan.trace.name}_replicas")
        function: Callable[..., object] = module.run_all.compile(
            many.signature(len(self.addresses))
        )
        return function

    def _fresh(self) -> list[Any]:
        """Constants, and scratch memory for one more thread."""
        constants = self.own[: len(self.own) - len(self.plan.arrays)]
        return [*constants, *(memory.empty(n, np.dtype(d)) for d, n in self.plan.arrays)]


def _bare(source: str) -> str:
    """Without comments, which name lines of the user's program: moving those changes no kernel."""
    lines = source.splitlines(keepends=True)
    return "".join(line for line in lines if not line.lstrip().startswith("# "))


def _operations(op: t.Op) -> int:
    """What a library would have to do, if it is asked."""
    if not isinstance(op, t.Call) or op.kind.routine is None:
        return 0
    return op.kind.cost_of(op.params, op.metas, op.sizes).operations


def build(trace: t.Trace, thorough: bool = False) -> t.Native:
    """The native function of a trace, for the device that it was recorded on.

    Its plan is proved, see `proof`. One that is refused, or that its makers cannot finish, makes
    room for a plain one, which is slower, with a warning; RuntimeError where that is refused, too.
    """
    given = len(trace.buffers)
    try:
        native = _built(trace, thorough, False)
    except (proof.Refused, AssertionError) as error:
        warnings.warn(
            f"the plan of {trace.name} was refused, since {error}. The step runs as it was "
            "written, without the plan's savings. Please report this, with the step",
            RuntimeWarning,
            stacklevel=2,
        )
        del trace.buffers[given:]
        native = _plainly(trace, thorough)
    _count(native.source)
    return native


def _plainly(trace: t.Trace, thorough: bool) -> t.Native:
    try:
        return _built(trace, thorough, True)
    except (proof.Refused, AssertionError) as error:
        raise RuntimeError(
            f"{trace.name} cannot be compiled: no plan of it is proved, since {error}. Leave the "
            "step uncompiled, and please report this with it"
        ) from error


def _built(trace: t.Trace, thorough: bool, plainly: bool) -> t.Native:
    """The function of a plan that is proved."""
    planned = plan(trace, *lower(trace, plainly), plainly)
    if trace.device.startswith("cuda"):
        from . import cuda

        native: t.Native = cuda.build(planned, plainly)
    else:
        native = CPU(planned)
    proof.check(planned, native.source, thorough)
    return native


def _count(source: str) -> None:
    """Warn, once, of more steps than a program is likely to mean."""
    _sources.add(hash(source))
    if len(_sources) == MANY + 1:
        warnings.warn(
            f"{MANY} different steps were compiled in this process, each with machine code of its "
            "own. Steps differ where shapes do: pad batches to a few sizes, drop the last short "
            "one, or leave steps that run a few times only uncompiled",
            RuntimeWarning,
            stacklevel=2,
        )
