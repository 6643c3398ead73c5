"""checkpoint: a function whose intermediate tensors are computed again in `backward`, not kept.

Without reentrance, hooks on what is saved (`autograd.graph.saved_tensors_hooks`) put a number in
the place of each tensor; the first number that `backward` reads has the function run again, under
hooks that collect what it saves. With reentrance, the call is one Function, whose backward runs the
function again and goes backward through that.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from ..autograd import Function, backward
from ..autograd.function import once_differentiable
from ..autograd.graph import saved_tensors_hooks
from ..creation import empty
from ..graph import engine
from ..graph.modes import enable_grad, no_grad, state
from ..random import get_rng_state, set_rng_state
from ..recording import aside
from ..tensor import Tensor

__all__ = ["CheckpointError", "checkpoint", "checkpoint_sequential", "set_checkpoint_early_stop"]

Contexts = Callable[[], tuple[AbstractContextManager[Any], AbstractContextManager[Any]]]


class CheckpointError(RuntimeError):
    """The second run of a function was not like the first."""


def noop_context_fn() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
    """Two contexts that do nothing."""
    return nullcontext(), nullcontext()


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    context_fn: Contexts = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """function(*args, **kwargs), of which the arguments alone are kept for `backward`.

    The second run draws the random numbers of the first unless `preserve_rng_state` is False.
    `use_reentrant=False` is the better way: it takes keyword arguments, works with `autograd.grad`
    and for second derivatives, stops as soon as it has what it needs (`early_stop`), and raises
    CheckpointError where the second run saves other tensors (other shapes, dtypes or devices,
    unless `determinism_check` is "none"). `context_fn` makes a context for each of the two runs.
    True, for which None stands with a warning, refuses what it cannot do. `debug` changes nothing.
    """
    if use_reentrant is None:
        _warn("checkpoint")
        use_reentrant = True
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"determinism_check has to be 'default' or 'none', not {determinism_check!r}"
        )
    if not use_reentrant:
        early = early_stop if _early.stop is None else _early.stop
        run = _Run(function, args, kwargs, preserve_rng_state, context_fn, determinism_check, early)
        return run.first()
    if kwargs:
        raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
    if context_fn is not noop_context_fn or debug:
        raise ValueError(
            "Passing `context_fn` or `debug` is only supported when use_reentrant=False."
        )
    if not any(isinstance(a, Tensor) and a._requires_grad for a in args):
        warnings.warn(
            "None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2
        )
    return CheckpointFunction.apply(function, preserve_rng_state, *args)


def _warn(name: str) -> None:
    warnings.warn(
        f"{name}: the use_reentrant parameter should be passed explicitly; without it, True is "
        "meant, and use_reentrant=False is the better",
        UserWarning,
        stacklevel=3,
    )


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """`functions` (a list, or a Sequential), one after the other, in `segments` checkpoints.

    The last segment runs without one, since `backward` needs it at once. `preserve_rng_state` is
    that of `checkpoint`.
    """
    if use_reentrant is None:
        _warn("checkpoint_sequential")
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
    steps = list(functions.children() if hasattr(functions, "children") else functions)
    size = len(steps) // segments
    starts = [size * i for i in range(segments)]
    for start in starts[:-1]:
        segment = _chain(steps[start : start + size])
        input = checkpoint(segment, input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return _chain(steps[starts[-1] :])(input)


def _chain(steps: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def run(x: Any) -> Any:
        for step in steps:
            x = step(x)
        return x

    return run


class _Early:
    """What `set_checkpoint_early_stop` asks for, None where nobody has."""

    stop: bool | None = None


_early = _Early()


@contextmanager
def set_checkpoint_early_stop(enable: bool) -> Any:
    """Inside, second runs of checkpoints that are made here stop early, or do not."""
    before, _early.stop = _early.stop, bool(enable)
    try:
        yield
    finally:
        _early.stop = before


@contextmanager
def _numbers(drawn: Tensor | None) -> Any:
    """The random numbers that come after the state `drawn`, if any; then those that come now."""
    now = get_rng_state()
    if drawn is not None:
        _move_to(drawn)
    try:
        yield
    finally:
        if drawn is not None:
            _move_to(now)


def _move_to(drawn: Tensor) -> None:
    """Put the stream in a state. A compiled step cannot, but where it already is in that."""
    here = aside(lambda: bool((get_rng_state() == drawn).all()))
    if not here:
        set_rng_state(drawn)


# Without reentrance


class _Enough(BaseException):
    """The second run has saved all that the first has."""


class _Place:
    """What stands for a saved tensor: its number, and what it is."""

    __slots__ = ("facts", "number")

    def __init__(self, number: int, t: Tensor) -> None:
        self.number, self.facts = number, _facts(t)


def _facts(t: Tensor) -> tuple[Any, ...]:
    return list(t._shape), t.dtype, t.device


class _Inputs(Function):
    """Saves tensors, as any operation does: hooks from outside see them, and writes are noticed."""

    @staticmethod
    def forward(ctx: Any, start: Tensor, *tensors: Tensor) -> Tensor:
        """Nothing."""
        ctx.save_for_backward(*tensors)
        return start.detach()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Nothing goes backward from here."""
        raise AssertionError("nothing depends on the tensor of _Inputs")


class _Run:
    """A call without reentrance: the first run, and further ones when `backward` needs them."""

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        preserve: bool,
        contexts: Contexts,
        determinism: str,
        early: bool,
    ) -> None:
        self.function, self.kwargs = function, kwargs
        self.determinism, self.early = determinism, early
        self.contexts = contexts()
        self.drawn = get_rng_state() if preserve else None
        self.args = args
        self.saved = 0
        self.values: dict[int, Tensor] = {}

    def first(self) -> Any:
        """The call."""
        if not state.grad:
            return self.function(*self.args, **self.kwargs)
        args = self.args
        tensors = [a for a in args if isinstance(a, Tensor)]
        self.args = tuple([None if isinstance(a, Tensor) else a for a in args])
        self.tensors = [isinstance(a, Tensor) for a in args]
        self.inputs = _Inputs.apply(empty(0, requires_grad=True), *tensors).grad_fn
        with self.contexts[0], saved_tensors_hooks(self._pack, self._unpack):
            return self.function(*args, **self.kwargs)

    def _pack(self, t: Tensor) -> _Place:
        place = _Place(self.saved, t)
        self.saved += 1
        return place

    def _unpack(self, place: _Place) -> Tensor:
        if place.number not in self.values:
            self._again()
        t = self.values.pop(place.number)
        if self.determinism == "default" and _facts(t) != place.facts:
            raise CheckpointError(
                "checkpoint: the tensor at position "
                f"{place.number} has other metadata in the second run (shape, dtype, device): "
                f"{_facts(t)} in place of {place.facts}"
            )
        return t

    def _again(self) -> None:
        """Run the function again, and collect what it saves."""
        given = iter(self.inputs.saved_tensors)
        pairs = zip(self.args, self.tensors, strict=True)
        args = [next(given) if tensor else a for a, tensor in pairs]
        self.values = {}
        hooks = saved_tensors_hooks(self._collect, _never)
        try:
            with enable_grad(), _numbers(self.drawn), self.contexts[1], hooks:
                self.function(*args, **self.kwargs)
        except _Enough:
            pass
        if len(self.values) != self.saved:
            raise CheckpointError(
                "checkpoint: A different number of tensors was saved during the original forward "
                f"and recomputation: {self.saved}, then {len(self.values)}"
            )

    def _collect(self, t: Tensor) -> None:
        n = len(self.values)
        if n == self.saved:
            raise CheckpointError(
                "checkpoint: trying to save more tensors during recomputation than during the "
                f"original forward pass: more than {n}"
            )
        self.values[n] = t
        if self.early and n + 1 == self.saved:
            raise _Enough


def _never(packed: Any) -> Tensor:
    raise CheckpointError("checkpoint: backward within the function that is run again")


# With reentrance


class CheckpointFunction(Function):
    """A call as one operation, of which the arguments are saved."""

    @staticmethod
    def forward(ctx: Any, function: Callable[..., Any], preserve: bool, *args: Any) -> Any:
        """The first run, which is not recorded."""
        ctx.function, ctx.drawn = function, get_rng_state() if preserve else None
        tensors = [a for a in args if isinstance(a, Tensor)]
        ctx.rest = [None if isinstance(a, Tensor) else (a,) for a in args]
        ctx.save_for_backward(*tensors)
        with no_grad():
            return function(*args)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> Any:
        """The second run, and backward through it."""
        if not engine.running.task[1]:
            raise RuntimeError(
                "When use_reentrant=True, checkpoint is incompatible with .grad() or passing an "
                "`inputs` parameter to .backward(): set use_reentrant=False, or call .backward() "
                "without passing the `inputs` argument."
            )
        given = iter(ctx.saved_tensors)
        args = [_apart(next(given)) if a is None else a[0] for a in ctx.rest]
        with enable_grad(), _numbers(ctx.drawn):
            returned = ctx.function(*args)
        outputs = returned if isinstance(returned, tuple) else (returned,)
        pairs = [
            (y, g)
            for y, g in zip(outputs, grads, strict=True)
            if isinstance(y, Tensor) and y._requires_grad and g is not None
        ]
        if not pairs:
            raise RuntimeError(
                "none of output has requires_grad=True, this checkpoint() is not necessary"
            )
        backward([y for y, _ in pairs], [g for _, g in pairs])
        return (None, None, *[a._grad if isinstance(a, Tensor) else None for a in args])


def _apart(x: Tensor) -> Tensor:
    return x.detach().requires_grad_(x._requires_grad)
