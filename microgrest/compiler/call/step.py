"""compile: a function of tensors, typically a training step, as a Step that runs natively."""

from __future__ import annotations

import copy
import functools
import os
import threading
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, NoReturn, overload
from weakref import WeakKeyDictionary, ref

from ...graph.node import watchers
from ...graph.saved import looked_at
from ...recording import run_eagerly, state
from ...tensor import Tensor
from ..effects import detached
from ..guards import Sight
from ..reach import Compiled, is_lazy
from ..replay import Build, Recording, native, proved
from .recorded_call import record
from .recording_budget import RecordingBudget

if TYPE_CHECKING:
    from ..replicas import Replicas
    from ..tell import Explanation

KEPT = 64  # recordings of one step
TRIES = 3  # calls in a row that may bring state into being
_FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType, functools.partial, type(None))
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

    TypeError for generator and coroutine functions. RuntimeError for what cannot be recorded,
    naming the line and the remedy.
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
    if hints.get("disable"):
        return fn
    if is_lazy(fn):
        raise TypeError(
            f"compile() takes no generator or coroutine function, as {_name(fn)} is, whose call "
            "runs nothing yet: compile a function of what it does between two yields or awaits"
        )
    return Step(fn, verify=verify)


class Step(Compiled):
    """A compiled function. `fn` is the function itself, `recordings` are its latest first.

    A copy is a step of the copied function, a method that of the copied object; it has no
    recordings yet.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        *,
        verify: int = 0,
        build: Build = native,
    ) -> None:
        functools.update_wrapper(self, fn, updated=())
        self.verify = verify
        self.name = _name(fn)
        self.recordings: list[Recording] = []
        self.calls = 0
        self._build = proved if verify and build is native else build
        self._warm: set[Any] = set()
        self._unsettled = 0
        self._patience = RecordingBudget(KEPT)
        self._newest: Callable[[], Recording | None] = lambda: None
        # Which recording served a call after each.
        self._followers: WeakKeyDictionary[Recording, ref[Recording]] = WeakKeyDictionary()
        self._slides = True
        self._lock = threading.RLock()
        self.fn = fn  # last: from here on the attributes of a module are set there

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function's result, its tensors detached."""
        if state.recorder is not None or state.running:
            return self.fn(*args, **kwargs)  # a part of the step that runs it
        with self._lock:
            recordings = self.recordings
            if recordings and not self.verify and not watchers:
                latest = recordings[0]
                if latest.guards.hold(args, kwargs) and latest.numbers.fits():
                    return latest.run(args, kwargs)
                found = self._other(args, kwargs)
            else:
                found = self._find(args, kwargs)
            if found is None:
                return self._eager(args, kwargs)
            if self.verify:
                self.calls += 1
                if self.calls % self.verify == 0:
                    from ..tell import verified

                    return verified(found, self.fn, args, kwargs)
            return found.run(args, kwargs)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else Method(self, instance)

    def __getattr__(self, name: str) -> Any:
        """What the step itself does not have is the function's, as `parameters` of a module."""
        if name == "fn" or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(name)
        return getattr(self.fn, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """What the step itself does not have is the module's, or that of an object that is called.

        A function's, which has no attributes as a rule, stays here.
        """
        own = vars(self)
        if name == "fn" and name in own:
            self.recordings, self._warm = [], set()
        if name in own or isinstance(own.get("fn"), _FUNCTIONS):
            object.__setattr__(self, name, value)
        else:
            setattr(self.fn, name, value)

    def __delattr__(self, name: str) -> None:
        if name in vars(self):
            object.__delattr__(self, name)
        else:
            delattr(self.fn, name)

    def __copy__(self) -> Step:
        return self._copied(self.fn, copy.copy)

    def __deepcopy__(self, memo: dict[int, Any]) -> Step:
        fn = copy.deepcopy(self.fn, memo)
        # The object of a method may hold this step, which is then copied with it.
        made: Step | None = memo.get(id(self))
        return self._copied(fn, lambda kept: copy.deepcopy(kept, memo)) if made is None else made

    def _copied(self, fn: Callable[..., Any], copied: Callable[[Any], Any]) -> Step:
        step = Step(fn, verify=self.verify, build=self._build)
        vars(step).update({k: copied(v) for k, v in vars(self).items() if k not in vars(step)})
        return step

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self.name}: a compiled step cannot be pickled; pickle its function")

    def uncompiled(self) -> Callable[..., Any]:
        """The function itself."""
        return self.fn

    def has_attribute(self, name: str) -> bool:
        """Whether a program has set this attribute, of the step or of its function."""
        if name in vars(self):
            return name not in _OWN
        return name in getattr(self.fn, "__dict__", ())

    def __repr__(self) -> str:
        n = len(self.recordings)
        return f"<compiled {self.name}, {n} recording{'s' * (n != 1)}>"

    def repeat(self, n: int, *args: Any, **options: Any) -> Any:
        """Run `n` steps in native chunks; see `repeat.repeat` for the options."""
        from .repeat import repeat

        return repeat(self, n, *args, **options)

    def replicas(self, n: int, init: Any = None, *args: Any, **options: Any) -> Replicas:
        """`n` independent trainings by this step; see `replicas.replicate`."""
        from ..replicas import replicate

        return replicate(self, n, init, *args, **options)

    def source(self) -> str:
        """The generated code of the latest recording. RuntimeError where there is none yet."""
        return self._latest().native.source

    def explain(self, *args: Any, **kwargs: Any) -> Explanation:
        """What the recording of such a call does and costs, without arguments the latest recording.

        See `tell.Explanation`, or print it. Its time is measured on copies of the tensors that
        the call uses. RuntimeError where there is no such recording yet.
        """
        from ..tell import explain

        found = self._latest(args, kwargs)
        return explain(found, args, kwargs)

    def export(self, path: str | os.PathLike[str], *args: Any, **kwargs: Any) -> None:
        """Write a recording to `path` as a module that needs NumPy and Numba only.

        Its `fit` runs steps on NumPy arrays. Given the arguments of a call here, that recording is
        meant, and the module also has the values of now, where they are not too large, and can be
        run as it is; without arguments it is the latest. Arrays of more than a few numbers go to a
        file beside it that ends in ".npz". RuntimeError where there is no such recording yet.
        """
        from ..tell import export

        export(self._latest(args, kwargs), path, args, kwargs)

    def _latest(
        self, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Recording:
        """The recording that fits a call; without arguments the latest. RuntimeError if none."""
        if not self.recordings:
            raise RuntimeError(
                f"{self.name} has not been compiled yet: call it twice first, eagerly and to be "
                "recorded"
            )
        with self._lock:
            found = self._find(args, kwargs or {})
        if found is not None or not (args or kwargs):
            return found or self.recordings[0]
        why = self.recordings[0].guards.why(args, kwargs or {})
        raise RuntimeError(
            f"{self.name} has no recording for such a call ({why}): call it with such arguments "
            "twice first, or give none to mean the latest recording"
        )

    def _find(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Recording | None:
        """The recording that fits a call, if there is one."""
        recordings = [] if watchers and looked_at() else self.recordings
        if not recordings or recordings[0].fits(args, kwargs):
            return recordings[0] if recordings else None
        return self._other(args, kwargs)

    def _other(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Recording | None:
        """The recording that fits a call, if there is one besides the latest."""
        latest, *others = self.recordings
        follower = self._followers.get(latest, ref(latest))()
        # Kinds of calls that take turns come in the same order again, as a rule.
        others.sort(key=lambda other: other is not follower)
        sight = Sight(self.fn, args, kwargs)
        found = next((other for other in others if other.fits(args, kwargs, sight)), None)
        if found is not None:
            self._followers[latest] = ref(found)
            self.recordings.remove(found)
            self.recordings.insert(0, found)
        return found

    def _eager(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run the function eagerly; the second time for its kind of arguments, record it."""
        kind = (_signature(args), _signature(kwargs))
        if kind not in self._warm or self._patience.waits() or looked_at():
            result = detached(self._checked(run_eagerly(self.fn, *args, **kwargs)))
            self._warm.add(kind)
            return result
        why = self.recordings[0].guards.why(args, kwargs) if self.recordings else ""
        result, found, overlaps = record(
            self.fn, self.name, args, kwargs, self._build, self._slides
        )
        if found is not None:
            self._keep(found, why, found.guards.why(args, kwargs))
        self._slides = self._slides and not overlaps
        self._count_unsettled(found is None)
        return result

    def _keep(self, found: Recording, why: str, after: str) -> None:
        """Take in a recording that was made because of `why`, in place of the one used last."""
        newest, self._newest = self._newest(), ref(found)
        runs = 0 if newest is None else newest.guards.times
        full = len(self.recordings) == KEPT
        self.recordings = [found, *self.recordings[: KEPT - 1]]
        warning = self._patience.recorded(why, after, runs, full)
        if warning:
            warnings.warn(f"{self.name} {warning}", RuntimeWarning, stacklevel=4)

    def _checked(self, result: Any) -> Any:
        """A result that there is as soon as the call is over."""
        if isinstance(result, (Iterator, AsyncIterator, Awaitable)):
            raise TypeError(
                f"{self.name} returns a {type(result).__name__}, whose values a compiled step "
                "cannot make later: return a list"
            )
        return result

    def _count_unsettled(self, unsettled: bool) -> None:
        self._unsettled = self._unsettled + 1 if unsettled else 0
        if self._unsettled > TRIES:
            raise RuntimeError(
                f"every call of {self.name} brings new state of an optimizer or a module into "
                "being: a compiled step needs state that stays, so make it before"
            )


class Method(Compiled):
    """A compiled method of an object, which is the first argument of all that its Step does."""

    __slots__ = ("__func__", "__self__")

    def __init__(self, step: Step, instance: Any) -> None:
        self.__func__, self.__self__ = step, instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function's result, its tensors detached."""
        return self.__func__(self.__self__, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__func__, name)

    def __copy__(self) -> Method:
        return Method(self.__func__, self.__self__)

    def __deepcopy__(self, memo: dict[int, Any]) -> Method:
        return Method(self.__func__, copy.deepcopy(self.__self__, memo))

    def uncompiled(self) -> Callable[..., Any]:
        """The method itself."""
        return MethodType(self.__func__.fn, self.__self__)

    def has_attribute(self, name: str) -> bool:
        """See `Step.has_attribute`."""
        return self.__func__.has_attribute(name)

    def __repr__(self) -> str:
        return f"{self.__func__!r} of {self.__self__!r}"

    def repeat(self, n: int, *args: Any, **options: Any) -> Any:
        """See `Step.repeat`."""
        return self.__func__.repeat(n, self.__self__, *args, **options)

    def replicas(self, n: int, init: Any = None, *args: Any, **options: Any) -> Replicas:
        """See `Step.replicas`."""
        dims = options.get("in_dims")
        if isinstance(dims, (tuple, list)):
            options["in_dims"] = (None, *dims)
        elif dims is not None:
            options["in_dims"] = (None, *[dims] * len(args))
        return self.__func__.replicas(n, init, self.__self__, *args, **options)

    def explain(self, *args: Any, **kwargs: Any) -> Explanation:
        """See `Step.explain`."""
        return self.__func__.explain(*self._given(args, kwargs), **kwargs)

    def export(self, path: str | os.PathLike[str], *args: Any, **kwargs: Any) -> None:
        """See `Step.export`."""
        self.__func__.export(path, *self._given(args, kwargs), **kwargs)

    def _given(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Sequence[Any]:
        """The arguments with the object; none where it takes some, and none are given."""
        call, step = (self.__self__, *args), self.__func__
        with step._lock:
            return call if args or kwargs or step._find(call, {}) else ()


def _name(fn: Any) -> str:
    return str(getattr(fn, "__name__", type(fn).__name__))


def _signature(value: Any) -> Any:
    """What kind of arguments these are: tensors by shape and type, others by type."""
    if isinstance(value, Tensor):
        return value._shape, value._kind.dtype, value._kind.device, value._requires_grad
    if isinstance(value, (list, tuple)):
        return (type(value), *map(_signature, value))
    if isinstance(value, dict):
        return (dict, *((key, _signature(v)) for key, v in value.items()))
    return type(value)


# What a step has by itself, that a program has not set.
_OWN = frozenset(vars(Step(id)))
