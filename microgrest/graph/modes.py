"""Grad modes: whether operations are recorded. Thread-local, nested, as PyTorch has them."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


class _State(threading.local):
    """`grad`: operations are recorded. `inference`: they cannot be, whatever else is asked."""

    grad = True
    inference = False
    multithreading = True


state = _State()


def is_grad_enabled() -> bool:
    """Whether operations on tensors that require grad are being recorded in this thread."""
    return state.grad


def is_inference_mode_enabled() -> bool:
    """Whether `inference_mode` is on in this thread."""
    return state.inference


class _Mode:
    """A context manager, also a decorator, that sets the grad mode and puts the old one back."""

    grad: bool
    inference: bool | None = None
    _before: list[tuple[bool, bool]]

    def __enter__(self) -> None:
        # A stack, so that one object can be entered again while it is entered.
        self.__dict__.setdefault("_before", []).append((state.grad, state.inference))
        if self.inference is not None:
            state.inference = self.inference
        state.grad = self.grad and not state.inference

    def __exit__(self, *exc: object) -> None:
        state.grad, state.inference = self._before.pop()

    def _fresh(self) -> _Mode:
        return type(self)()

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function):
            return cast(F, self._wrap_generator(function))

        @functools.wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with self._fresh():
                return function(*args, **kwargs)

        return cast(F, inside)

    def _wrap_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The mode holds while the generator runs, not while its user does."""

        @functools.wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            resume: Callable[..., Any] = generator.send
            given: tuple[Any, ...] = (None,)
            while True:
                try:
                    with self._fresh():
                        value = resume(*given)
                except StopIteration as stop:
                    return stop.value
                try:
                    resume, given = generator.send, ((yield value),)
                except GeneratorExit:
                    with self._fresh():
                        generator.close()
                    raise
                except BaseException as error:
                    resume, given = generator.throw, (error,)

        return inside


class _BareDecorator(_Mode):
    """A mode without arguments, which can decorate without parentheses: `@no_grad`."""

    def __new__(cls, function: Any = None) -> Any:
        self = object.__new__(cls)
        return self if function is None else self(function)


class no_grad(_BareDecorator):
    """Operations inside are not recorded; their results do not require grad."""

    grad = False


class enable_grad(_BareDecorator):
    """Operations inside are recorded, also within `no_grad`, but not within `inference_mode`."""

    grad = True


class set_grad_enabled(_Mode):
    """Switch recording on or off, from the call on, or for the block when used with `with`."""

    def __init__(self, mode: bool) -> None:
        self.grad = bool(mode)
        self._before = [(state.grad, state.inference)]
        state.grad = self.grad and not state.inference

    def __enter__(self) -> None:
        """The mode has been on since the call; leaving puts back what was before it."""

    def __exit__(self, *exc: object) -> None:
        state.grad = self._before[0][0]

    def _fresh(self) -> set_grad_enabled:
        return set_grad_enabled(self.grad)

    def __call__(self, function: F) -> F:
        state.grad = self._before[0][0]
        return super().__call__(function)


class inference_mode(_Mode):
    """As `no_grad`, and neither `enable_grad` nor `set_grad_enabled` inside ends it.

    Unlike PyTorch's, tensors made inside carry no mark: outside they are constants in graphs.
    """

    def __new__(cls, mode: Any = True) -> Any:
        self = object.__new__(cls)
        if callable(mode):
            self.grad, self.inference = False, True
            return self(mode)
        return self

    def __init__(self, mode: bool = True) -> None:
        self.inference = bool(mode)
        self.grad = not self.inference

    def _fresh(self) -> inference_mode:
        return inference_mode(bool(self.inference))


class set_multithreading_enabled:
    """Taken, and kept for the thread that asks: a backward pass runs in the caller's thread."""

    def __init__(self, mode: bool) -> None:
        self._before, state.multithreading = state.multithreading, bool(mode)

    def __enter__(self) -> None:
        """The mode has been on since the call."""

    def __exit__(self, *exc: object) -> None:
        state.multithreading = self._before


def is_multithreading_enabled() -> bool:
    """What `set_multithreading_enabled` was given, True by default."""
    return state.multithreading
