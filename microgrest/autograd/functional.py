"""Derivatives of functions of tensors: `torch.autograd.functional`.

Each takes a function of tensors and what it is given, a tensor or a tuple of them, and returns
derivatives in that form. With `create_graph` they can be differentiated in turn; with `strict` it
is a RuntimeError, not a zero, that an output does not depend on an input. `vectorize` is taken, and
changes nothing but what PyTorch refuses with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..creation import ones_like, zeros_like
from ..functions.outputs import stack
from ..graph.modes import enable_grad, set_grad_enabled, state
from ..tensor import Tensor
from .gradients import grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Tensors = tuple[Tensor, ...]
Result = Any  # a tensor, or a tuple of tensors, of tuples of tensors


def vjp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Result, Result]:
    """(func(*inputs), v^T J): `v`, like the output, times the Jacobian at `inputs`.

    `v` may be None where the output is one number.
    """
    call = _Call("vjp", func, inputs, create_graph, strict)
    with enable_grad():
        call.run()
        v = call.vector(v, call.outputs, "the user-provided function returns a")
    found = call.gradients(call.outputs, call.inputs, v, "output")
    return call.output(), call.like_inputs(found)


def jvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Result, Result]:
    """(func(*inputs), J v): the Jacobian at `inputs` times `v`, which is like the inputs.

    `v` may be None where the input is one number. It takes two passes backward.
    """
    call = _Call("jvp", func, inputs, create_graph, strict)
    with enable_grad():
        call.run()
        v = call.vector(v, call.inputs, "the input to the user-provided function is a")
    found = call.pushed(call.outputs, v)
    return call.output(), call.like_outputs(found)


def vhp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Result, Result]:
    """(func(*inputs), v^T H): `v`, like the inputs, times the Hessian of a `func` of one number."""
    call, jac, v = _first(func, inputs, v, create_graph, strict, "vhp")
    return call.output(), call.like_inputs(call.gradients(jac, call.inputs, v, "jacobian"))


def hvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Result, Result]:
    """(func(*inputs), H v): the Hessian of a `func` of one number times `v`, like the inputs.

    Where it is symmetric, `vhp` gives the same, and takes one pass less.
    """
    call, jac, v = _first(func, inputs, v, create_graph, strict, "hvp")
    return call.output(), call.like_inputs(call.pushed(jac, v))


def _first(
    func: Callable[..., Any], inputs: Any, v: Any, create_graph: bool, strict: bool, name: str
) -> tuple[_Call, Tensors, Tensors]:
    """The call of a function of one number, its gradients, and the vector."""
    call = _Call(name, func, inputs, create_graph, strict)
    with enable_grad():
        call.run()
        v = call.vector(v, call.inputs, "the input to the user-provided function is a")
        call.check_number()
        jac = call.gradients(call.outputs, call.inputs, None, "output", create_graph=True)
        if strict:
            call.check_depends(jac, "jacobian")
    return call, jac, v


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Result:
    """The Jacobian of `func` at `inputs`, by outputs and inputs, of the shapes of both.

    A tensor if both are one; a tuple by inputs, by outputs, or of tuples if there are several. It
    takes a pass backward for each element of the outputs, whatever the `strategy`.
    """
    _check_strategy(create_graph, strict, vectorize, strategy)
    call = _Call("jacobian", func, inputs, create_graph, strict)
    with enable_grad():
        call.run()
    rows = [call.like_inputs(call.jacobian(i)) for i in range(len(call.outputs))]
    return tuple(rows) if call.several_outputs else rows[0]


def _check_strategy(create_graph: bool, strict: bool, vectorize: bool, strategy: str) -> None:
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            f'Expected strategy to be either "forward-mode" or "reverse-mode", got {strategy!r}'
        )
    if strategy == "forward-mode" and create_graph:
        raise NotImplementedError(
            "jacobian: `create_graph=True` and `strategy='forward-mode'` are not supported "
            "together; use strategy='reverse-mode'"
        )
    if strategy == "forward-mode" and not vectorize:
        raise NotImplementedError("jacobian: 'forward-mode' is only taken with `vectorize=True`")
    if strict and vectorize:
        raise RuntimeError(
            "jacobian: `strict=True` and `vectorize=True` are not supported together; set "
            "vectorize=False"
        )


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Result:
    """The Hessian of a `func` of one number at `inputs`: a tensor of twice the input's shape.

    For a tuple of inputs it is a tuple of tuples.
    """
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            'Expected outer_jacobian_strategy to be either "forward-mode" or "reverse-mode", got '
            f"{outer_jacobian_strategy!r}"
        )
    several = isinstance(inputs, tuple)

    def gradient(*args: Tensor) -> Any:
        call = _Call("hessian", func, args, True, strict)
        with enable_grad():
            call.run()
            call.check_number()
        found = call.gradients(call.outputs, call.inputs, None, "output", create_graph=True)
        if strict:
            call.check_depends(found, "jacobian")
        return found if several else found[0]

    return jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


class _Call:
    """A call of a user's function, with inputs that are parts of a graph, and its derivatives."""

    inputs: Tensors
    outputs: Tensors

    def __init__(
        self, name: str, func: Callable[..., Any], inputs: Any, create_graph: bool, strict: bool
    ) -> None:
        self.name, self.func, self.create_graph, self.strict = name, func, create_graph, strict
        self.several_inputs = isinstance(inputs, tuple)
        self.given = _tensors(inputs, "inputs", name)

    def run(self) -> None:
        """Call the function."""
        self.inputs = tuple([self._input(x) for x in self.given])
        output = self.func(*self.inputs)
        self.several_outputs = isinstance(output, tuple)
        self.outputs = _tensors(output, "outputs of the user-provided function", self.name)
        if self.strict:
            self.check_depends(self.outputs, "output")

    def _input(self, x: Tensor) -> Tensor:
        """`x` as a new tensor that requires grad: apart from its graph unless that is to go on."""
        return (
            x.view_as(x) if self.create_graph and x._requires_grad else x.detach().requires_grad_()
        )

    def vector(self, v: Any, like: Tensors, what: str) -> Tensors:
        """`v` as a tuple, like `like`; ones where it is None and that is one number."""
        if v is None:
            if len(like) != 1 or like[0].numel() != 1:
                raise RuntimeError(
                    f"The vector v can only be None if {what} single Tensor with a single element."
                )
            return (ones_like(like[0]),)
        several = _tensors(v, "v", self.name)
        if len(several) != len(like):
            raise RuntimeError(f"v is of {len(several)} tensors, but should be of {len(like)}")
        for i, (a, b) in enumerate(zip(several, like, strict=True)):
            if a._shape != b._shape:
                place = f"Entry {i} in v" if len(like) > 1 else "v"
                raise RuntimeError(
                    f"{place} has invalid size: should be {b.shape!r} but got {a.shape!r}."
                )
        return tuple([self._input(a) if self.create_graph else a.detach() for a in several])

    def check_number(self) -> None:
        """RuntimeError unless the function returned one number."""
        if self.several_outputs:
            raise RuntimeError(f"The function given to {self.name} should return a single Tensor")
        if self.outputs[0].numel() != 1:
            raise RuntimeError(
                f"The Tensor returned by the function given to {self.name} should contain a "
                f"single element, but has the shape {list(self.outputs[0]._shape)}"
            )

    def check_depends(self, tensors: Sequence[Tensor], what: str) -> None:
        """RuntimeError for a tensor that depends on no input."""
        for i, t in enumerate(tensors):
            if not t._requires_grad:
                raise RuntimeError(
                    f"{what.capitalize()} {i} of the user-provided function is independent of all "
                    "inputs. This is not allowed in strict mode."
                )

    def gradients(
        self,
        ys: Tensors,
        xs: Tensors,
        v: Sequence[Any] | None,
        what: str,
        create_graph: bool = False,
    ) -> Tensors:
        """The gradients of `ys`, weighed by `v`, for `xs`: zeros where there are none."""
        further = create_graph or self.create_graph
        pairs = [(y, None if v is None else v[i]) for i, y in enumerate(ys) if y._requires_grad]
        found: Sequence[Any] = [None] * len(xs)
        if pairs:
            outputs, weights = zip(*pairs, strict=True)
            with set_grad_enabled(further or state.grad):
                found = grad(outputs, xs, weights, True, further, allow_unused=True)
        for i, g in enumerate(found):
            if self.strict and (g is None or (self.create_graph and not g._requires_grad)):
                raise RuntimeError(
                    f"{self.name}: the {what} of the user-provided function is independent of "
                    f"input {i}. This is not allowed in strict mode."
                )
        return tuple([zeros_like(x) if g is None else g for g, x in zip(found, xs, strict=True)])

    def pushed(self, ys: Tensors, v: Tensors) -> Tensors:
        """The derivatives of `ys` along `v`: the gradients are linear in a weight."""
        weights = tuple([zeros_like(y).requires_grad_() for y in ys])
        with enable_grad():
            linear = self.gradients(ys, self.inputs, weights, "output", create_graph=True)
        return self.gradients(linear, weights, v, "gradient")

    def jacobian(self, i: int) -> Tensors:
        """The Jacobian of output `i` for each input."""
        y = self.outputs[i]
        rows = []
        for k in range(y.numel()):
            one = zeros_like(y).reshape(-1)
            one[k] = 1
            rows.append(self.gradients((y,), self.inputs, (one.reshape(y._shape),), f"output {i}"))
        if not rows:
            return tuple([x.new_zeros(y._shape + x._shape) for x in self.inputs])
        pairs = zip(self.inputs, zip(*rows, strict=True), strict=True)
        return tuple([stack(parts).reshape(y._shape + x._shape) for x, parts in pairs])

    def output(self) -> Result:
        """What the function returned, in the graph only if that is to go on."""
        found = self._settled(self.outputs)
        return found if self.several_outputs else found[0]

    def like_inputs(self, found: Tensors) -> Result:
        """A derivative for each input, as the inputs were given."""
        found = self._settled(found)
        return found if self.several_inputs else found[0]

    def like_outputs(self, found: Tensors) -> Result:
        """A derivative for each output, as the outputs were returned."""
        found = self._settled(found)
        return found if self.several_outputs else found[0]

    def _settled(self, found: Tensors) -> Tensors:
        return found if self.create_graph else tuple([t.detach() for t in found])


def _tensors(given: Any, what: str, name: str) -> Tensors:
    """One tensor or several as a tuple; TypeError for anything else."""
    for i, t in enumerate(given if isinstance(given, tuple) else (given,)):
        if not isinstance(t, Tensor):
            place = f"value at index {i}" if isinstance(given, tuple) else what
            raise TypeError(
                f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but the "
                f"given {place} has type {type(t)}."
            )
    return given if isinstance(given, tuple) else (given,)
