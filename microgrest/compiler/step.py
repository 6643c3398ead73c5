"""compile: a function of tensors, typically a training step, as a Step that runs natively."""

from __future__ import annotations

import functools
import os
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, overload

from ..kernels.steps.trace import Native, Trace
from ..recording import state
from ..tensor import Tensor
from .replay import Recording, record
from .results import detached

if TYPE_CHECKING:
    from .explain import Explanation

KEPT = 16  # recordings of one step
TRIES = 3  # calls in a row that may bring state into being
PATIENCE = 8  # recordings in a row for the same reason, before there is a warning
_HINTS = {"fullgraph", "dynamic", "backend", "mode", "options", "disable"}  # of PyTorch's compile


@overload
def compile(fn: Callable[..., Any], *, verify: int = 0, **hints: Any) -> Step: ...
@overload
def compile(
    fn: None = None, *, verify: int = 0, **hints: Any
) -> Callable[[Callable[..., Any]], Step]: ...
def compile(fn: Callable[..., Any] | None = None, *, verify: int = 0, **hints: Any) -> Any:
    """`fn`, any function of tensors, compiled: typically a whole training step.

        @compile
        def step(x, y):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

    For each kind of arguments the first call runs eagerly, the second is recorded, forward,
    backward and optimizer alike, and from the third on the recording runs as native code. It is
    made anew when something that it rests on changes: shapes, dtypes, devices, flags and numbers
    that `fn` itself names, modules, options of optimizers. Learning rates and counts of steps do
    not matter, and what deeper code reads from Python is frozen. Returned tensors are new in each
    call, and detached. With `verify=k` every k-th call runs eagerly, too, and is compared.

    PyTorch's `fullgraph`, `dynamic`, `backend`, `mode` and `options` are accepted and have nothing
    to say here; with `disable=True` the result is `fn` itself.

    RuntimeError for what cannot be recorded, naming the line and the remedy.
    """
    if isinstance(verify, bool) or not isinstance(verify, int) or verify < 0:
        raise ValueError(f"verify must be a number of calls, 0 for none, got {verify!r}")
    unknown = hints.keys() - _HINTS
    if unknown:
        raise TypeError(f"compile() got an unexpected keyword argument {min(unknown)!r}")
    if fn is None:
        return functools.partial(compile, verify=verify, **hints)
    if not callable(fn):
        raise TypeError(f"compile() takes a function, not {type(fn).__name__}")
    return fn if hints.get("disable") else Step(fn, verify=verify)


def native(trace: Trace) -> Native:
    """The native function of a trace, for the device that it runs on."""
    from ..kernels.steps.build import build

    return build(trace)


class Step:
    """A compiled function. `fn` is the function itself, `recordings` are its latest first."""

    def __init__(
        self,
        fn: Callable[..., Any],
        *,
        verify: int = 0,
        build: Callable[[Trace], Native] = native,
    ) -> None:
        functools.update_wrapper(self, fn, updated=())
        self.fn, self.verify = fn, verify
        self.name = getattr(fn, "__name__", type(fn).__name__)
        self.recordings: list[Recording] = []
        self.calls = 0
        self._build = build
        self._warm: set[Any] = set()
        self._unsettled = 0
        self._reason, self._repeated = "", 0
        self._slides = True
        self._lock = threading.RLock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function's result, its tensors detached."""
        if state.recorder is not None:
            return self.fn(*args, **kwargs)  # a part of the step that is being recorded
        with self._lock:
            recordings = self.recordings
            if recordings and not self.verify:
                latest = recordings[0]
                if latest.guards.hold(args, kwargs) and latest.numbers.fits():
                    return latest.run(args, kwargs)
            found = self._find(args, kwargs)
            if found is None:
                return self._eager(args, kwargs)
            if self.verify:
                self.calls += 1
                if self.calls % self.verify == 0:
                    return self._verified(found, args, kwargs)
            return found.run(args, kwargs)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else Method(self, instance)

    def __getattr__(self, name: str) -> Any:
        """What the step itself does not have is the function's, as `parameters` of a module."""
        if name == "fn" or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(name)
        return getattr(self.fn, name)

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self.name}: a compiled step cannot be pickled; pickle its function")

    def __repr__(self) -> str:
        n = len(self.recordings)
        return f"<compiled {self.name}, {n} recording{'s' * (n != 1)}>"

    def repeat(self, n: int, *args: Any, **options: Any) -> Any:
        """Run `n` steps in native chunks; see `repeat.repeat` for the options."""
        from .repeat import repeat

        return repeat(self, n, *args, **options)

    def source(self) -> str:
        """The generated code of the latest recording. RuntimeError where there is none yet."""
        return self._latest().native.source

    def explain(self, *args: Any, **kwargs: Any) -> Explanation:
        """What the latest recording does and costs: see `explain.Explanation`, or print it.

        Its time is measured on copies of the tensors that a call with these arguments uses.
        RuntimeError where there is no recording yet.
        """
        from .explain import explain

        found = self._latest(args, kwargs)
        return explain(found, args, kwargs)

    def export(self, path: str | os.PathLike[str], *args: Any, **kwargs: Any) -> None:
        """Write the latest recording to `path` as a module that needs NumPy and Numba only.

        Its `fit` runs steps on NumPy arrays. Given the arguments of a call here, and where they are
        not too large, it also has the values of now, and can be run as it is. Arrays of more than a
        few numbers go to a file beside it that ends in ".npz". RuntimeError where there is no
        recording yet.
        """
        from .export import export

        export(self._latest(args, kwargs), path, args, kwargs)

    def _latest(
        self, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Recording:
        """The recording that fits a call, else the latest; RuntimeError where there is none."""
        if not self.recordings:
            raise RuntimeError(
                f"{self.name} has not been compiled yet: call it twice first, eagerly and to be "
                "recorded"
            )
        with self._lock:
            return self._find(args, kwargs or {}) or self.recordings[0]

    def _find(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Recording | None:
        """The recording that fits a call, if there is one."""
        recordings = self.recordings
        for i, found in enumerate(recordings):
            if found.fits(args, kwargs):
                if i:
                    recordings.insert(0, recordings.pop(i))
                return found
        return None

    def _eager(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run the function eagerly; the second time for its kind of arguments, record it."""
        kind = (_signature(args), _signature(kwargs))
        if kind not in self._warm:
            result = detached(self.fn(*args, **kwargs))
            self._warm.add(kind)
            return result
        self._note_reason(args, kwargs)
        result, found, overlaps = record(
            self.fn, self.name, args, kwargs, self._build, self._slides
        )
        if found is not None:
            self.recordings = [found, *self.recordings[: KEPT - 1]]
        self._slides = self._slides and not overlaps
        self._count_unsettled(found is None)
        return result

    def _note_reason(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Warn, once, where one thing, and that no shape, is another one in every call."""
        if not self.recordings or self._repeated > PATIENCE:
            return
        why = self.recordings[0].guards.why(args, kwargs)
        reason = why.partition(" was ")[0]
        same = reason == self._reason and not reason.endswith(": shape")
        self._reason, self._repeated = reason, self._repeated + 1 if same else 1
        if reason and self._repeated == PATIENCE:
            self._repeated += 1
            warnings.warn(
                f"{self.name} was recorded anew {PATIENCE} times in a row for one reason, this "
                f"time because {why}; a number that changes with every call: pass it as a 0-d "
                "tensor",
                RuntimeWarning,
                stacklevel=4,
            )

    def _count_unsettled(self, unsettled: bool) -> None:
        self._unsettled = self._unsettled + 1 if unsettled else 0
        if self._unsettled > TRIES:
            raise RuntimeError(
                f"every call of {self.name} brings new state of an optimizer or a module into "
                "being: a compiled step needs state that stays, so make it before"
            )

    def _verified(self, found: Recording, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        from .verify import verified

        return verified(self, found, args, kwargs)


class Method:
    """A compiled method of an object, which is the first argument of all that its Step does."""

    __slots__ = ("__func__", "__self__")

    def __init__(self, step: Step, instance: Any) -> None:
        self.__func__, self.__self__ = step, instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function's result, its tensors detached."""
        return self.__func__(self.__self__, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__func__, name)

    def __repr__(self) -> str:
        return f"{self.__func__!r} of {self.__self__!r}"

    def repeat(self, n: int, *args: Any, **options: Any) -> Any:
        """See `Step.repeat`."""
        return self.__func__.repeat(n, self.__self__, *args, **options)

    def explain(self, *args: Any, **kwargs: Any) -> Explanation:
        """See `Step.explain`."""
        return self.__func__.explain(self.__self__, *args, **kwargs)

    def export(self, path: str | os.PathLike[str], *args: Any, **kwargs: Any) -> None:
        """See `Step.export`."""
        self.__func__.export(path, self.__self__, *args, **kwargs)


def _signature(value: Any) -> Any:
    """What kind of arguments these are: tensors by shape and type, others by type."""
    if isinstance(value, Tensor):
        return value._shape, value._kind.dtype, value._kind.device, value._requires_grad
    if isinstance(value, (list, tuple)):
        return (type(value), *map(_signature, value))
    if isinstance(value, dict):
        return (dict, *((key, _signature(v)) for key, v in value.items()))
    return type(value)
