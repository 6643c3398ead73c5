"""What users may do with the graph itself, by PyTorch's names: `torch.autograd.graph`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..graph import engine, saved
from ..graph.node import Node, end, shown
from ..tensor import Tensor
from ..types.device import device
from .gradients import GradientEdge

__all__ = [
    "GradientEdge",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]


class saved_tensors_hooks:
    """Inside, what operations save for `backward` goes through a user's functions.

    `pack_hook(tensor)` is called for each tensor that is saved and may return anything;
    `unpack_hook` is given that when `backward` reads it, and returns a tensor of the same shape,
    dtype and device: RuntimeError otherwise. An operation saves what its derivative reads, which
    may be less than in PyTorch.
    """

    def __init__(
        self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]
    ) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        saved.push(self.pack_hook, self.unpack_hook)

    def __exit__(self, *exc: object) -> None:
        saved.pop()


class save_on_cpu(saved_tensors_hooks):
    """Inside, what is saved for `backward` is kept in host memory, pinned if that is asked for."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        def pack(t: Tensor) -> tuple[device, Tensor]:
            if t.device.type == "cpu":
                return t.device, t.clone()
            host = t.cpu()
            return t.device, host.pin_memory() if pin_memory else host

        super().__init__(pack, lambda packed: packed[1].to(packed[0], non_blocking=pin_memory))


class disable_saved_tensors_hooks:
    """Inside, `saved_tensors_hooks` raise RuntimeError with this message."""

    def __init__(self, error_message: str) -> None:
        self.message = error_message
        self._before: list[str | None] = []

    def __enter__(self) -> None:
        if saved.state.hooks:
            raise RuntimeError(self.message)
        self._before.append(saved.state.forbidden)
        saved.state.forbidden = self.message

    def __exit__(self, *exc: object) -> None:
        saved.state.forbidden = self._before.pop()


def allow_mutation_on_saved_tensors() -> Any:
    """NotImplementedError: what was saved and then written to is an error in `backward`."""
    raise NotImplementedError(
        "allow_mutation_on_saved_tensors is not implemented: write out of place, or clone() what "
        "is written to"
    )


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The place in the graph where the gradient of `tensor` goes, which does not hold the tensor.

    RuntimeError if it requires none.
    """
    if not tensor._requires_grad:
        raise RuntimeError("a tensor that does not require grad has no gradient edge")
    node = tensor._node
    if node is None:
        return GradientEdge(end(tensor), 0)
    seen = shown(node)
    assert seen is not None
    return GradientEdge(seen, getattr(node.rule, "index", 0))


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Count a write to each tensor, as if an operation had changed it in place."""
    for t in [tensor] if isinstance(tensor, Tensor) else tensor:
        t._storage.touch()


class _Handles:
    """Several hooks that are removed as one."""

    def __init__(self, handles: Sequence[Any]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        """Take all of them off."""
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> _Handles:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def register_multi_grad_hook(
    tensors: Sequence[Tensor], fn: Callable[..., Any], *, mode: str = "all"
) -> _Handles:
    """Call `fn` once in a backward pass that reaches several tensors.

    With mode "all" it is `fn(gradients)` after the last of those that the pass reaches, None for
    the others; with "any", `fn(gradient)` at the first.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    counted = _Several(tuple(tensors), fn, mode == "any")
    return _Handles([t.register_hook(counted.arrival(i)) for i, t in enumerate(counted.tensors)])


class _Several:
    """A hook on several tensors, and what has arrived at them in a pass of this thread."""

    def __init__(self, tensors: tuple[Tensor, ...], fn: Callable[..., Any], first: bool) -> None:
        self.tensors, self.fn, self.first = tensors, fn, first
        self.edges = [t._edge for t in tensors]
        self.state = threading.local()

    def arrival(self, i: int) -> Callable[[Tensor], None]:
        """The hook of tensor `i`."""
        return lambda g: self._arrived(i, g)

    def _arrived(self, i: int, g: Tensor) -> None:
        state, run = self.state, engine.running.task[0]
        if getattr(state, "run", None) is not run:
            state.run, state.found = run, {}
            reached = {edge for node in run for edge in (node, *node.edges)}
            state.awaited = 1 if self.first else sum(edge in reached for edge in self.edges)
        state.found[i] = g
        if len(state.found) == state.awaited:
            found = state.found
            self.fn(g if self.first else [found.get(k) for k in range(len(self.tensors))])
