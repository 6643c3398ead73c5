"""Functions of functions: `torch.func`, as composites of `autograd.grad`.

They nest, and what they return is part of the graph of whatever outside of them requires grad. What
is differentiated by may be a tensor, or tuples, lists and dicts of tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from .autograd import grad as gradients
from .creation import zeros_like
from .functions.outputs import stack
from .graph.modes import enable_grad, state
from .graph.node import Node
from .nn.stateless import functional_call
from .tensor import Tensor

__all__ = [
    "functional_call",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "stack_module_state",
    "value_and_grad",
    "vjp",
    "vmap",
]


def grad(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The function that returns the gradient of `func`, which returns one number.

    It is taken for the arguments at `argnums`: a tuple for a tuple. With `has_aux`, `func` returns
    (number, anything), and the new function (gradient, anything).
    """

    @wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = grad_and_value(func, argnums, has_aux)(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def grad_and_value(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The function that returns (gradient, value) of `func`, as `grad` does; value may have aux."""

    @wraps(func)
    def both(*args: Any, **kwargs: Any) -> Any:
        with _Inside(args, argnums) as inside:
            output, aux = _split("grad_and_value", func(*inside.args, **kwargs), has_aux)
            if not isinstance(output, Tensor):
                raise RuntimeError(
                    "grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got "
                    f"{type(output)}"
                )
            if output.ndim:
                raise RuntimeError(
                    "grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got "
                    f"tensor with {output.ndim} dims; vjp and jacrev take those"
                )
            found = inside.pulled([output], [None])
        value = inside.settled(output)
        return inside.settled(found), (value, inside.settled(aux)) if has_aux else value

    return both


def value_and_grad(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """As `grad_and_value`, but (value, gradient), the order of JAX's function of this name."""

    @wraps(func)
    def both(*args: Any, **kwargs: Any) -> Any:
        found, value = grad_and_value(func, argnums, has_aux)(*args, **kwargs)
        return value, found

    return both


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """(output, pull), or (output, pull, aux): `pull(cotangents)` is a tuple, one for each primal.

    `pull` takes what is like the output, and may be called again.
    """
    with _Inside(primals, tuple(range(len(primals)))) as inside:
        output, aux = _split("vjp", func(*inside.args), has_aux)
        leaves = _leaves(output, "vjp")

    def pull(cotangents: Any) -> Any:
        with enable_grad():
            found = inside.pulled(leaves, _alike(output, cotangents))
        return inside.settled(found)

    return (inside.settled(output), pull, *[inside.settled(aux)] * has_aux)


def jvp(
    func: Callable[..., Any],
    primals: tuple[Any, ...],
    tangents: tuple[Any, ...],
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> Any:
    """(output, derivative along the tangents), with aux as a third if `has_aux`.

    By two passes backward. `strict` makes an output that does not depend on the primals an error.
    """
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, tuple):
            raise RuntimeError(f"jvp(f, primals, tangents): Expected {name} to be a tuple")
    with _Inside(primals, tuple(range(len(primals)))) as inside:
        output, aux = _split("jvp", func(*inside.args), has_aux)
        leaves = _leaves(output, "jvp")
        if strict and not all(y._requires_grad for y in leaves):
            raise RuntimeError("jvp(f, ...): an output of f is independent of the primals (strict)")
        weights = [zeros_like(y).requires_grad_() for y in leaves]
        along = _flat(tangents)
        _check_shapes("tangent", inside.leaves, along)
        found = _gradients(inside.row(leaves, weights), along, weights)
    derivative = inside.settled(_like(output, found))
    return (inside.settled(output), derivative, *[inside.settled(aux)] * has_aux)


def jacrev(
    func: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:
    """The function that returns the Jacobian of `func`, a pass backward for each output element.

    Each tensor that `func` returns becomes what the arguments at `argnums` are, tensors of the
    output's shape and the argument's. `chunk_size` changes nothing.
    """

    @wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        with _Inside(args, argnums) as inside:
            output, aux = _split("jacrev", func(*inside.args, **kwargs), has_aux)
            found = [inside.jacobian(y) for y in _leaves(output, "jacrev")]
        result = inside.settled(_like(output, found))
        return (result, inside.settled(aux)) if has_aux else result

    return jacobian


def jacfwd(
    func: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Callable[..., Any]:
    """As `jacrev`, by which it is computed; `randomness` changes nothing."""
    return jacrev(func, argnums, has_aux=has_aux)


def hessian(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The function that returns the Hessian of `func`: the Jacobian of its Jacobian."""
    return jacfwd(jacrev(func, argnums), argnums)


def _missing(name: str, remedy: str) -> Callable[..., Any]:
    def missing(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{name} is not implemented: {remedy}")

    missing.__name__ = missing.__qualname__ = name
    missing.__doc__ = f"NotImplementedError: {remedy}."
    return missing


vmap = _missing(
    "vmap",
    "ops take batches by broadcasting: write the batch as a dimension. Many trainings at once are "
    "the replicas of a compiled step, microgrest.compile(step).replicas(n, init)",
)
linearize = _missing("linearize", "use jvp, or vjp")
functionalize = _missing("functionalize", "compile() takes functions that write in place")
stack_module_state = _missing(
    "stack_module_state",
    "it is of use with vmap alone; for many trainings at once see the replicas of a compiled step",
)


class _Inside:
    """The arguments as a function that is differentiated sees them, and derivatives for some.

    Those become new tensors that require grad: parts of the graph outside if they are in one, else
    leaves, `own`. What depends on no leaf but these is taken out of the graph in the end.
    """

    def __init__(self, args: Sequence[Any], argnums: int | tuple[int, ...]) -> None:
        chosen = (argnums,) if isinstance(argnums, int) else argnums
        for i in chosen:
            if not -len(args) <= i < len(args):
                raise RuntimeError(f"Got argnum={i}, but only {len(args)} positional inputs")
        self.given, self.alone = args, isinstance(argnums, int)
        self.chosen = [i % len(args) for i in chosen]
        self.own: set[int] = set()
        self.leaves: list[Tensor] = []

    def __enter__(self) -> _Inside:
        self.outside, state.grad = state.grad, not state.inference
        self.args = list(self.given)
        for i in self.chosen:
            self.args[i] = _mapped(self._entered, self.given[i])
        return self

    def __exit__(self, *exc: object) -> None:
        state.grad = self.outside

    def _entered(self, x: Any) -> Tensor:
        if not isinstance(x, Tensor):
            raise ValueError(f"what is differentiated by must be a Tensor, got {type(x)}")
        lifted = x.view_as(x) if x._requires_grad and self.outside else x.detach().requires_grad_()
        if lifted.is_leaf:
            self.own.add(id(lifted))
        self.leaves.append(lifted)
        return lifted

    def row(self, outputs: Sequence[Tensor], weights: Sequence[Any]) -> list[Tensor]:
        """The gradients for the leaves."""
        return _gradients(outputs, weights, self.leaves)

    def pulled(self, outputs: Sequence[Tensor], weights: Sequence[Any]) -> Any:
        """The gradients in the form of the arguments."""
        return self._formed(self.row(outputs, weights))

    def jacobian(self, y: Tensor) -> Any:
        """The Jacobian of `y` in the form of the arguments."""
        rows = []
        for k in range(y.numel()):
            one = y.new_zeros((y.numel(),))
            one[k] = 1
            rows.append(self.row([y], [one.reshape(y._shape)]))
        shapes = [(*y._shape, *x._shape) for x in self.leaves]
        if not rows:
            return self._formed([x.new_zeros(s) for x, s in zip(self.leaves, shapes, strict=True)])
        parts = zip(zip(*rows, strict=True), shapes, strict=True)
        return self._formed([stack(several).reshape(shape) for several, shape in parts])

    def _formed(self, found: Sequence[Tensor]) -> Any:
        forms = _like(tuple(self.args[i] for i in self.chosen), found)
        return forms[0] if self.alone else forms

    def settled(self, values: Any) -> Any:
        """Tensors as the world outside may have them."""
        return _mapped(self._settled, values)

    def _settled(self, x: Any) -> Any:
        if not isinstance(x, Tensor) or not x._requires_grad:
            return x
        return x if self.outside and self._leads_outside(x) else x.detach()

    def _leads_outside(self, x: Tensor) -> bool:
        """Whether a leaf that is none of ours is among what `x` depends on."""
        stack, seen = [x._edge], set()
        while stack:
            edge = stack.pop()
            if edge is None or edge in seen:
                continue
            seen.add(edge)
            if isinstance(edge, Node):
                stack += edge.edges
            elif id(edge) not in self.own:
                return True
        return False


def _gradients(
    outputs: Sequence[Tensor], weights: Sequence[Any], inputs: Sequence[Tensor]
) -> list[Tensor]:
    """Gradients that can be differentiated in turn, zeros where there are none."""
    pairs = [(y, v) for y, v in zip(outputs, weights, strict=True) if y._requires_grad]
    if not pairs or not inputs:
        return [zeros_like(x) for x in inputs]
    ys, vs = zip(*pairs, strict=True)
    found = gradients(ys, inputs, vs, create_graph=True, allow_unused=True)
    return [zeros_like(x) if g is None else g for g, x in zip(found, inputs, strict=True)]


def _split(name: str, returned: Any, has_aux: bool) -> tuple[Any, Any]:
    if not has_aux:
        return returned, None
    if not (isinstance(returned, tuple) and len(returned) == 2):
        raise RuntimeError(
            f"{name}(f)(*args): output of function f should be a tuple: (output, aux) if has_aux "
            "is True"
        )
    return returned


# Nests of tuples, lists and dicts


def _mapped(fn: Callable[[Any], Any], nest: Any) -> Any:
    """`nest` with `fn` of each of its leaves."""
    if isinstance(nest, dict):
        return type(nest)((key, _mapped(fn, value)) for key, value in nest.items())
    if isinstance(nest, tuple) and hasattr(nest, "_fields"):
        return type(nest)(*[_mapped(fn, value) for value in nest])
    if isinstance(nest, (tuple, list)):
        return type(nest)([_mapped(fn, value) for value in nest])
    return fn(nest)


def _flat(nest: Any) -> list[Any]:
    found: list[Any] = []
    _mapped(found.append, nest)
    return found


def _like(nest: Any, leaves: Sequence[Any]) -> Any:
    """`nest` with other leaves, in its order."""
    rest = iter(leaves)
    return _mapped(lambda _: next(rest), nest)


def _leaves(output: Any, name: str) -> list[Tensor]:
    found = _flat(output)
    for y in found:
        if not isinstance(y, Tensor):
            raise RuntimeError(f"{name}(f): f has to return tensors only, got {type(y)}")
    return found


def _alike(output: Any, cotangents: Any) -> list[Tensor]:
    """The leaves of `cotangents`, which have to stand as those of `output` do."""
    if _mapped(lambda _: None, output) != _mapped(lambda _: None, cotangents):
        raise RuntimeError(
            "Expected pytree structure of cotangents to be the same as pytree structure of outputs "
            "to the function"
        )
    return _flat(cotangents)


def _check_shapes(what: str, xs: Sequence[Tensor], vs: Sequence[Any]) -> None:
    if len(xs) != len(vs):
        raise RuntimeError(f"jvp(f, primals, tangents): got {len(xs)} primals, {len(vs)} {what}s")
    for x, v in zip(xs, vs, strict=True):
        if x._shape != v._shape:
            raise RuntimeError(
                f"a {what} has the shape {list(v._shape)}, its primal {list(x._shape)}"
            )
