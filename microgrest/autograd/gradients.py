"""backward and grad: the engine for tensors, with PyTorch's checks."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..dispatch.writes.memory import filled
from ..graph import engine, hooks, modes
from ..graph.node import AccumulateGrad, Node
from ..tensor import Tensor, make
from ..tensor.methods import method


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Add the gradients of the sum of `tensors` to `.grad` of the leaves, or of `inputs` only.

    `grad_tensors` weigh the tensors; they are needed for tensors of more than one element.
    `grad_variables` is their old name.
    """
    if grad_variables is not None:
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to "
                "`backward()`. Please only use `grad_tensors`."
            )
        warnings.warn(
            "`grad_variables` is deprecated. Use `grad_tensors` instead.",
            FutureWarning,
            stacklevel=2,
        )
        grad_tensors = grad_variables
    roots = _roots(tensors, grad_tensors)
    retain = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        engine.run(roots, retain_graph=retain, create_graph=create_graph)
        return
    wanted = list(dict.fromkeys(_several(inputs)))
    if not wanted:
        raise RuntimeError("'inputs' argument to backward cannot be empty.")
    edges = [_edge_of(t) for t in wanted]
    found = engine.run(roots, retain_graph=retain, create_graph=create_graph, wanted=edges)
    with modes.set_grad_enabled(create_graph):
        for t, g in zip(wanted, found, strict=True):
            if g is not None:
                # A hook or the caller may hold that memory: it is copied.
                (hooks.gather if t._hooks else hooks.deliver)(t, g, {g._memory})


# What a tensor's user does with the graph, as its methods.
method(name="register_hook")(hooks.attach)
method(name="register_post_accumulate_grad_hook")(hooks.attach_filled)
method(name="retain_grad")(hooks.keep)
method(name="retains_grad")(property(hooks.keeps))


@method(name="backward")
def _backward(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Sequence[Tensor] | Tensor | None = None,
) -> None:
    """Add the gradients of this tensor to `.grad` of the leaves it depends on, or of `inputs` only.

    `gradient`, of this tensor's shape, is needed unless it has one element. The graph is freed
    unless `retain_graph`; with `create_graph` the gradients are recorded themselves.
    """
    if inputs is None:
        retain = create_graph if retain_graph is None else retain_graph
        engine.run([_root(0, self, gradient)], retain_graph=retain, create_graph=create_graph)
    else:
        backward(self, gradient, retain_graph, create_graph, inputs=inputs)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of the sum of `outputs`, weighed by `grad_outputs`, for each of `inputs`.

    RuntimeError for an input that the outputs do not depend on, unless `allow_unused` (then None)
    or `materialize_grads` (then zeros). `inputs` and `outputs` may be edges of the graph
    (`graph.get_gradient_edge`) in place of tensors.
    """
    if is_grads_batched:
        raise NotImplementedError(
            "grad(): is_grads_batched=True is not implemented, since there is no vmap; call grad() "
            "once per vector, with retain_graph=True"
        )
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got "
            "False"
        )
    wanted = _several(inputs)
    if not wanted:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    retain = create_graph if retain_graph is None else retain_graph
    found = engine.run(
        _roots(outputs, grad_outputs),
        retain_graph=retain,
        create_graph=create_graph,
        wanted=[_edge_of(t) for t in wanted],
    )
    if materialize_grads:
        pairs = zip(wanted, found, strict=True)
        return tuple([filled(*_like(t), 0) if g is None else g for t, g in pairs])
    if not allow_unused and any(g is None for g in found):
        raise RuntimeError(
            "One of the differentiated Tensors appears to not have been used in the graph. "
            "Set allow_unused=True if this is the desired behavior."
        )
    return tuple(found)


def _several(tensors: Any) -> list[Any]:
    alone = tensors is None or isinstance(tensors, (Tensor, GradientEdge))
    return [tensors] if alone else list(tensors)


class GradientEdge(NamedTuple):
    """A place in the graph: what arrives at output `output_nr` of `node`."""

    node: Node
    output_nr: int


def _edge_of(t: Any) -> Any:
    if isinstance(t, GradientEdge):
        return _place(t)
    if not t._requires_grad:
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    return t._edge


def _place(t: GradientEdge) -> Any:
    """What the engine has for an edge."""
    node = t.node
    if isinstance(node, AccumulateGrad):
        return node.variable
    ports = getattr(node.extra, "ports", None)  # of a node that has several outputs
    return ports[t.output_nr]() if ports else node


def _like(t: Any) -> tuple[Any, Any]:
    edge = _place(t) if isinstance(t, GradientEdge) else t
    return edge._shape, edge._kind


def _roots(tensors: Any, gradients: Any) -> list[tuple[Any, Any]]:
    if gradients is None and tensors.__class__ is Tensor:
        return [_root(0, tensors, None)]
    outputs = _several(tensors)
    weights = [None] * len(outputs) if gradients is None else _several(gradients)
    if len(weights) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(weights)} gradients")
    return [_root(i, t, g) for i, (t, g) in enumerate(zip(outputs, weights, strict=True))]


def _root(i: int, t: Any, g: Tensor | None) -> tuple[Any, Any]:
    if isinstance(t, GradientEdge):
        if g is None:
            raise RuntimeError("grad_outputs are needed where an output is a GradientEdge")
        return _place(t), g
    if not t._requires_grad:
        compiles = "microgrest.compiler" in sys.modules
        hint = ": results of compiled steps are detached, so compile the whole training step"
        raise RuntimeError(
            f"element {i} of tensors does not require grad and does not have a grad_fn"
            + hint * compiles
        )
    if g is None:
        if t._flat is None or t._flat.size != 1:
            raise RuntimeError(
                "grad can be implicitly created only for scalar outputs, this one has shape "
                f"{list(t._shape)}; call backward(gradient) with a tensor of that shape, or reduce "
                "it, for example with .sum()"
            )
        g = make(t._kind.empty(1), t._shape, t._kind)
        t._kind.fill(g._flat, 1)
    elif not isinstance(g, Tensor):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
    elif g._shape != t._shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{i}] has a shape of {g._shape} and output[{i}] has a "
            f"shape of {t._shape}."
        )
    elif g._shape and g.device is not t.device:
        raise RuntimeError(
            f"invalid gradient at index {i} - expected device {t.device} but got {g.device}"
        )
    return t._edge, g
