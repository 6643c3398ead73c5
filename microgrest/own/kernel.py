"""`kernel`: a user's loops over arrays, in Numba's Python, become an op with a gradient."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd.function import Function
from ..dispatch.common import mixed_devices
from ..dispatch.writes.memory import flat
from ..graph.modes import state
from ..tensor import Tensor
from ..tensor.arrays import from_numpy
from ..tensor.storage import kind_of
from ..types.dtypes import dtype, float16, float64
from .loops import Loop
from .source import arguments, python_function, signature

# What a result is like: the name of an input, or a function of the inputs that gives its shape, or
# its shape and dtype.
Like = str | Callable[..., Any]
Backward = Callable[..., Any] | None


def kernel(
    *functions: Any,
    backward: Backward = None,
    cuda: Backward = None,
    cuda_backward: Backward = None,
    **results: Like,
) -> Callable[[Callable[..., Any]], Op]:
    """Make an op of a loop over arrays, as Numba compiles it, and of the loop of its gradient.

        def smooth_back(grad_out, width, grad_x):
            ...

        @microgrest.kernel(out="x", backward=smooth_back)
        def smooth(x, width, out):
            for i in range(width, x.size - width):
                ...

    The function is plain Python or decorated by `numba.njit`. It takes arrays and numbers and fills
    its results, its last parameters, which begin as zeros; or it returns them as new arrays. Each
    result is declared by its name and what it is like: the name of an input, whose shape and dtype
    it has, or a function that gives its shape, or its shape and dtype, of the inputs of the same
    names. Inputs are tensors, arrays (C order; a tensor without dimensions is an array of one
    element) and numbers.

    `backward` is found by its names: it takes what it needs of the inputs, the results and the
    gradients of results, `grad_out`, and fills gradients of inputs, `grad_x`, its last parameters.
    It may be an op that `kernel` made, with a `backward` of its own; else second derivatives raise
    NotImplementedError.

    What the loops use of globals, closures and other functions is compiled as it is now. They are
    part of compiled steps. Division by zero gives infinity or nan. On a GPU they run on the host,
    on copies, unless there are twins, `cuda` and `cuda_backward`: kernels as `numba.cuda.jit`
    compiles them, with the parameters of the loops, whose results begin as zeros, too. They are
    launched with a thread for each element of the largest array at least, numbered by
    `cuda.grid(1)`.

    TypeError for what is no such function and declarations that do not fit it, NotImplementedError,
    with the line, for what no kernel can have.
    """
    if not results or functions:
        raise TypeError(
            'kernel: declare each result and what it is like: kernel(out="x")(function), or '
            '@kernel(out="x") above it'
        )
    for name, like in results.items():
        if not isinstance(like, str) and not callable(like):
            raise TypeError(
                f"kernel: {name}={like!r}: a result is like an input, by its name, or has the "
                "shape that a function of the inputs gives"
            )

    def make(function: Callable[..., Any]) -> Op:
        return Op(Loop(function, list(results), "kernel", cuda), results, backward, cuda_backward)

    return make


class Op:
    """An op of a user's loop. Call it with tensors, arrays and numbers."""

    def __init__(
        self,
        loop: Loop,
        results: dict[str, Like],
        backward: Backward = None,
        cuda_backward: Backward = None,
    ) -> None:
        self.loop, self.results = loop, results
        self.__wrapped__ = loop.source.function
        self.__name__, self.__qualname__ = loop.name, self.__wrapped__.__qualname__
        self.__doc__, self.__module__ = self.__wrapped__.__doc__, self.__wrapped__.__module__
        self.missing = f"the derivative of {loop.name} is not known: give kernel() a `backward`"
        # The inputs that each result is declared by.
        self.asked = {n: [x] if isinstance(x, str) else names_of(x) for n, x in results.items()}
        for name in results:
            self._check(name)
        self.calls: dict[Any, Any] = {}
        if cuda_backward is not None and (backward is None or isinstance(backward, Op)):
            raise TypeError("kernel: cuda_backward is the twin of a backward that is a function")
        self.backward = None if backward is None else backward_of(self, backward, cuda_backward)
        parts = {"forward": staticmethod(self._forward), "backward": staticmethod(self._back)}
        self._function: Any = type(loop.name, (Function,), parts)

    def _check(self, name: str) -> None:
        """TypeError for a result that is like nothing that there is."""
        inputs = self.loop.inputs
        if name in inputs:
            raise TypeError(f"kernel: {name!r} is an input of {self.__name__}, not a result")
        for other in self.asked[name]:
            if other not in inputs:
                raise TypeError(
                    f"kernel: the result {name!r} is declared by {other!r}, but the inputs of "
                    f"{self.__name__} are {', '.join(inputs) or 'none'}"
                )

    def __call__(self, *args: Any, **named: Any) -> Any:
        if named or len(args) != len(self.loop.inputs):
            args = self._bound(args, named)
        found = self.apply(args, {})
        return found if len(self.results) > 1 else found[0]

    def apply(self, args: Sequence[Any], known: dict[str, Any]) -> tuple[Tensor, ...]:
        """The results; `known` are shape and dtype of what results are like besides inputs."""
        name, names = self.__name__, self.loop.inputs
        made = [operand(name, n, a) for n, a in zip(names, args, strict=True)]
        tensors = [a for a in made if isinstance(a, Tensor)]
        if not tensors:
            raise TypeError(f"{name}(): no argument is a Tensor or an array")
        if not state.grad or not any(a._requires_grad for a in tensors):
            return self._run(dict(zip(names, made, strict=True)), known)
        found: tuple[Tensor, ...] = self._function.apply(known, *made)
        return found

    def _bound(self, args: Sequence[Any], named: dict[str, Any]) -> tuple[Any, ...]:
        """Arguments in the order of the inputs, defaults filled in."""
        results = () if self.loop.returns else self.loop.outputs
        if len(args) > len(self.loop.inputs) or not named.keys().isdisjoint(results):
            raise TypeError(
                f"{self.__name__}() takes {', '.join(self.loop.inputs)}, and makes its results"
            )
        given = named | dict.fromkeys(results)
        bound = arguments(self.loop.source.function, "kernel", args, given)
        return tuple(bound[: len(self.loop.inputs)])

    def __repr__(self) -> str:
        return f"<kernel {self.__name__}({', '.join(self.loop.inputs)})>"

    def __reduce__(self) -> str:
        """As functions are: by where it is defined. So a copy is the op itself."""
        return str(self.__qualname__)

    # The graph

    def _forward(self, ctx: Any, known: dict[str, Any], *args: Any) -> tuple[Tensor, ...]:
        given = dict(zip(self.loop.inputs, args, strict=True))
        results = dict(zip(self.results, self._run(given, known), strict=True))
        if self.backward is not None:
            wanted = self.backward.loop.inputs
            kept = {n: a for n, a in {**given, **results}.items() if n in wanted}
            ctx.names = [n for n, a in kept.items() if isinstance(a, Tensor)]
            ctx.numbers = {n: a for n, a in kept.items() if n not in ctx.names}
            ctx.known = {n: meta(a) for n, a in given.items()}
            ctx.save_for_backward(*[kept[n] for n in ctx.names])
            plain = [y for n, y in results.items() if f"grad_{n}" not in wanted]
            ctx.mark_non_differentiable(*plain)
        return tuple(results.values())

    def _back(self, ctx: Any, *grads: Any) -> tuple[Any, ...]:
        back = self.backward
        if back is None:
            raise NotImplementedError(self.missing)
        came = {f"grad_{n}": g for n, g in zip(self.results, grads, strict=True)}
        given = {**dict(zip(ctx.names, ctx.saved_tensors, strict=True)), **ctx.numbers, **came}
        found = back.apply([given[n] for n in back.loop.inputs], ctx.known)
        bars = dict(zip(back.results, found, strict=True))
        each = zip(self.loop.inputs, ctx.needs_input_grad[1:], strict=True)
        return (None, *[bars.get(f"grad_{n}") if wanted else None for n, wanted in each])

    # The call

    def _run(self, given: dict[str, Any], known: dict[str, Any]) -> tuple[Tensor, ...]:
        """The results for inputs by name, outside the graph."""
        tensors = {n: a for n, a in given.items() if isinstance(a, Tensor)}
        where, *others = {a._kind.device for a in tensors.values()}
        if others:
            raise mixed_devices(self.__name__, tensors)
        declared = [self._declared(n, given, known) for n in self.results]
        outputs = [Tensor._empty(shape, kind_of(d, where)) for shape, d in declared]
        arrays = [*tensors.values(), *outputs]
        sizes = tuple([n for a in arrays for n in a._shape])
        values = tuple([scalar(a) for a in given.values() if not isinstance(a, Tensor)])
        call = self._call([*given.values(), *outputs], arrays, values)
        try:
            kinds = outputs[0]._kind.kernels.kinds
            kinds.run(self.loop.kind, call, [flat(a) for a in arrays], sizes, values)
        except Exception as error:
            if type(error).__module__.partition(".")[0] != "numba":
                raise
            raise TypeError(self._uncompiled(given, error)) from error
        return tuple(outputs)

    def _call(self, operands: Sequence[Any], arrays: Sequence[Tensor], values: Any) -> Any:
        """The `params` of a call, which are kept by what decides them."""
        dims = [len(a._shape) if isinstance(a, Tensor) else -1 for a in operands]
        key = (*dims, *[a._kind.array_type for a in arrays], *[v.dtype for v in values])
        found = self.calls.get(key)
        if found is None:
            types = [a._kind.array_type for a in arrays], [v.dtype.name for v in values]
            found = self.calls[key] = self.loop.given(dims, *types)
        return found

    def _declared(
        self, name: str, given: dict[str, Any], known: dict[str, Any]
    ) -> tuple[tuple[int, ...], dtype]:
        """Shape and dtype of a result."""
        like = self.results[name]
        if isinstance(like, str):
            return meta(given[like]) if like in given else known[like]
        made = like(*[given[n] for n in self.asked[name]])
        first = next(a.dtype for a in given.values() if isinstance(a, Tensor))
        pair = isinstance(made, tuple) and len(made) == 2 and isinstance(made[1], dtype)
        shape, d = made if pair else (made, first)
        try:
            extents = tuple(map(operator.index, shape if isinstance(shape, tuple) else (shape,)))
        except TypeError:
            extents = (-1,)
        if min(extents, default=0) < 0:
            raise TypeError(
                f"{self.__name__}(): the declaration of {name!r} has to give a shape, or a shape "
                f"and a dtype, not {made!r}"
            )
        return extents, d

    def _uncompiled(self, given: dict[str, Any], error: Exception) -> str:
        """What people are told where Numba cannot compile the loop."""
        types = ", ".join(
            f"{name}: {a.ndim}-d {a.dtype.name}" if isinstance(a, Tensor) else f"{name}: {a!r}"
            for name, a in given.items()
        )
        lines = [line for line in str(error).splitlines() if line.strip()]
        return (
            f"kernel: Numba cannot compile {self.__name__}({types}); it has to consist of what "
            "Numba's nopython mode takes:\n" + "\n".join(lines[:12])
        )


def backward_of(op: Op, backward: Callable[..., Any], cuda: Backward) -> Op:
    """The op of a backward, whose names say what it takes and makes; TypeError if they do not."""
    made = backward if isinstance(backward, Op) else _made(op, backward, cuda)
    name, loop = made.__name__, op.loop
    known = {*loop.inputs, *op.results, *(f"grad_{n}" for n in op.results)}
    strange = [n for n in made.loop.inputs if n not in known]
    strange += [n for n in made.results if n.removeprefix("grad_") not in loop.inputs]
    if strange or not any(f"grad_{n}" in made.loop.inputs for n in op.results):
        raise TypeError(
            f"kernel: {name}, the backward of {op.__name__}, may take "
            f"{', '.join(sorted(known))}, some gradient among them, and makes gradients of inputs, "
            f"{', '.join(f'grad_{n}' for n in loop.inputs)}; not {', '.join(strange) or 'none'}"
        )
    if made.backward is None:
        made.missing = (
            f"the second derivative of {op.__name__} is not known: its backward, {name}, has none; "
            f"make {name} by kernel() with a `backward` of its own"
        )
    return made


def _made(op: Op, backward: Callable[..., Any], cuda: Backward) -> Op:
    """The op of a backward that is a plain function."""
    own = python_function(backward, "kernel")
    made = {f"grad_{n}": n for n in op.loop.inputs}
    names = [n for n in signature(own, "kernel").parameters if n in made]
    if not names:
        raise TypeError(
            f"kernel: {own.__name__}, the backward of {op.__name__}, has to have parameters "
            f"that it fills, among {', '.join(made)}"
        )
    loop = Loop(backward, names, "kernel", cuda)
    if loop.returns:
        raise TypeError(f"kernel: {loop.name}, a backward, has to fill {', '.join(names)}")
    return _Back(loop, {n: made[n] for n in names})


class _Back(Op):
    """The op of a plain backward, whose results are like inputs of the op that it belongs to."""

    def _check(self, name: str) -> None:
        """Nothing: they are."""


def names_of(like: Callable[..., Any]) -> list[str]:
    """The inputs that a declaration looks at."""
    return list(signature(python_function(like, "kernel"), "kernel").parameters)


def operand(op: str, name: str, a: Any) -> Any:
    """An input: a tensor or a number; TypeError for anything else."""
    if isinstance(a, np.ndarray):
        a = from_numpy(a)
    if isinstance(a, Tensor):
        if a.dtype is float16:
            raise TypeError(f"{op}(): {name!r} is float16, which loops cannot compute with")
        return a
    if isinstance(a, np.generic):
        a = a.item()
    if not isinstance(a, (bool, int, float)):
        kind = type(a).__name__
        raise TypeError(f"{op}(): argument {name!r} must be Tensor, array or number, not {kind}")
    if isinstance(a, int) and not -(1 << 63) <= a < 1 << 63:
        raise TypeError(f"{op}(): argument {name!r}: {a} has more than 64 bits")
    return a


def meta(a: Any) -> tuple[tuple[int, ...], dtype]:
    """Shape and dtype; a number is as a float64 without dimensions."""
    return (a._shape, a._kind.dtype) if isinstance(a, Tensor) else ((), float64)


def scalar(number: Any) -> Any:
    """A number as a kernel takes it."""
    if isinstance(number, bool):
        return np.bool_(number)
    return np.int64(number) if isinstance(number, int) else np.float64(number)
