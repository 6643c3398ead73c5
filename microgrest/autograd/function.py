"""Function: an operation whose forward and backward are a user's own code.

    class Cube(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 3 * x**2 * g

    y = Cube.apply(x)

`custom` has what a call becomes in the graph.
"""

from __future__ import annotations

import functools
import inspect
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from ..graph.modes import no_grad, state
from ..graph.node import Node
from ..tensor import Tensor
from .custom import Custom, Outputs, ids, once, run

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class FunctionCtx:
    """What a call of a Function leaves for its backward; takes any other attributes, too.

    `needs_input_grad` says for each argument whether it is a tensor that requires a gradient.
    """

    __slots__ = (
        *("__dict__", "__weakref__", "_dirty", "_materialize", "_node", "_plain", "_saves"),
        "needs_input_grad",
    )

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self._node: weakref.ref[Node] | None = None
        self._materialize = True
        self._done()

    def _done(self) -> None:
        """Let go of what `forward` has marked."""
        self._saves: Sequence[Any] = ()
        self._dirty: Sequence[Tensor] = ()
        self._plain: Sequence[Tensor] = ()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep inputs, outputs or other tensors, or None, for `saved_tensors`; called once."""
        for i, t in enumerate(tensors):
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {i} is of type "
                    f"{type(t).__name__}; set anything else as an attribute of ctx"
                )
        self._saves = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Taken, and not kept: there is no forward-mode differentiation to want them."""

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What was saved. RuntimeError if one was written to since, or a backward freed them."""
        node = None if self._node is None else self._node()
        return () if node is None else node.extra.saved(node)

    def mark_dirty(self, *args: Tensor) -> None:
        """Say which inputs `forward` writes to in place; each has to be returned, too."""
        self._dirty = _tensors("mark_dirty", args)

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Say which outputs have no gradient, though their type could have one."""
        self._plain = _tensors("mark_non_differentiable", args)

    def set_materialize_grads(self, value: bool) -> None:
        """Whether `backward` gets zeros, the default, for outputs that no gradient reaches."""
        self._materialize = bool(value)


def _tensors(name: str, args: Sequence[Any]) -> Sequence[Tensor]:
    for a in args:
        if not isinstance(a, Tensor):
            raise RuntimeError(f"{name} only accepts tensors, but got {type(a).__name__}")
    return args


class Function:
    """Base class of operations with a derivative of your own: call `apply`, as PyTorch has it.

    `forward(ctx, *args)` computes; or `forward(*args)`, and `setup_context(ctx, inputs, output)`
    fills the ctx. Neither is recorded. It returns a tensor, or a tuple of tensors and other values.
    `backward(ctx, *grads)` takes a gradient for each output and returns one for each argument: None
    for what has none, and a tensor alone where there is one argument. What it returns may have more
    dimensions than the argument, which are summed.

    If `backward` consists of ops on tensors, it is differentiated in turn under `create_graph`, so
    derivatives of every order work. What it reads from `ctx.saved_tensors` is a variable there, and
    tensors kept as attributes are constants, but for inputs. If it does anything else, decorate it
    by `once_differentiable`.

    An input that is returned as it is comes back as another tensor over the same memory. Neither
    that nor a view of an input can be written to while operations are recorded. If the input is
    written to, what was an output before has no gradient any more: RuntimeError in `backward`.

    In a compiled step both methods are recorded, so they have to consist of ops on tensors there.
    """

    _rule: Custom

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._rule = Custom(cls)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Functions are not called: RuntimeError."""
        name = type(self).__name__
        raise RuntimeError(f"a Function is not called by an object of it: use {name}.apply(...)")

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The operation; see the class."""
        raise NotImplementedError("implement the static method forward of your Function")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """What `forward` does with a ctx, apart from it: then `forward` takes none."""
        raise NotImplementedError("setup_context is not implemented")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of the arguments from those of the outputs; see the class."""
        raise NotImplementedError("implement the static method backward of your Function")

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """NotImplementedError: there is no forward-mode differentiation."""
        raise NotImplementedError("jvp: there is no forward-mode differentiation; write backward")

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        """NotImplementedError: there is no vmap."""
        raise NotImplementedError("vmap is not implemented; a forward takes batches as dimensions")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run `forward`, and make its outputs part of the graph if an argument requires grad."""
        apart = cls.setup_context is not Function.setup_context
        if kwargs or (apart and getattr(cls.forward, "__defaults__", None)):
            args = _positional(cls, apart, args, kwargs)
        ctx = FunctionCtx(tuple([isinstance(a, Tensor) and a._requires_grad for a in args]))
        recorded = state.grad and True in ctx.needs_input_grad
        edges = tuple([a._edge for a in args if isinstance(a, Tensor)])
        before, state.grad = state.grad, False
        try:
            if apart:
                given = run(cls, "forward", *args)
                run(cls, "setup_context", ctx, args, given)
            else:
                given = run(cls, "forward", ctx, *args)
        finally:
            state.grad = before
        outputs = given if isinstance(given, tuple) else (given,)
        if ctx._dirty:
            _check_dirty(ctx, args, outputs)
        made = Outputs(cls._rule, ctx, args, outputs)
        results = made.recorded(edges) if recorded else made.unrecorded()
        ctx._done()
        return results if isinstance(given, tuple) else results[0]


def _positional(cls: Any, apart: bool, args: Any, kwargs: Any) -> tuple[Any, ...]:
    """All arguments by position; TypeError if they do not fit `forward`."""
    lead = () if apart else (None,)
    bound = inspect.signature(cls.forward).bind(*lead, *args, **kwargs)
    if apart:
        bound.apply_defaults()
    if bound.kwargs:
        names = ", ".join(bound.kwargs)
        raise TypeError(f"{cls.__name__}.apply() takes no keyword-only arguments: {names}")
    return bound.args[len(lead) :]


def _check_dirty(ctx: FunctionCtx, args: Sequence[Any], outputs: Sequence[Any]) -> None:
    if not ids(ctx._dirty) <= ids(outputs):
        raise RuntimeError(
            "Some elements marked as dirty during the forward method were not returned as output. "
            "The inputs that are modified inplace must all be outputs of the Function."
        )
    if not ids(ctx._dirty) <= ids(args):
        warnings.warn(
            "ctx.mark_dirty() got a tensor that is no input; only inputs need to be marked",
            UserWarning,
            stacklevel=3,
        )


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a `backward` that is not made of differentiable ops: nothing in it is recorded.

    A second derivative through it raises RuntimeError, also where PyTorch takes the first one for a
    constant: if no gradient that came in was recorded itself.
    """

    @functools.wraps(fn)
    def backward(ctx: FunctionCtx, *grads: Any) -> Any:
        with no_grad():
            given = fn(ctx, *grads)
        node = None if ctx._node is None else ctx._node()
        if not state.grad or node is None:
            return given
        came = [g._edge for g in grads if isinstance(g, Tensor)]
        bars = given if isinstance(given, tuple) else (given,)
        return tuple([once(c, node, (*came, *node.edges)) for c in bars])

    return backward
