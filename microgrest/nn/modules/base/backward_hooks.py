"""Backward hooks of a module: what goes in and what comes out pass through a Function each.

The Function of the outputs sees their gradients first, and the one of the inputs sees theirs when
all within the module is done; then the hooks run.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from ....autograd import Function
from ....graph.modes import state
from ....tensor import Tensor


class BackwardHookFunction(Function):
    """Its inputs as they are; `backward` hands their gradients to `see`, which may replace them.

    Where none arrives that is a zero if `zeros`, else None.
    """

    @staticmethod
    def forward(ctx: Any, see: Callable[[Any], Any], zeros: bool, *tensors: Tensor) -> Any:
        """The tensors."""
        ctx.see = see
        ctx.set_materialize_grads(zeros)
        ctx.mark_non_differentiable(*[t for t in tensors if not t._requires_grad])
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """The gradients, or what stands in for them."""
        return (None, None, *ctx.see(grads))


class Watch:
    """One call of a module, of which hooks want the gradients."""

    def __init__(self, module: Any, before: Sequence[Any], after: Sequence[Any]) -> None:
        self.module, self.before, self.after = module, before, after
        self.inputs: list[int] | None = None

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments as `forward` is given them."""
        self.n_inputs = len(args)
        args, self.inputs = _watched(args, self._see_inputs, True)
        return args

    def leave(self, result: Any) -> Any:
        """The result as the caller is given it."""
        several = isinstance(result, tuple)
        outputs = result if several else (result,)
        self.n_outputs = len(outputs)
        outputs, self.outputs = _watched(outputs, self._see_outputs, False)
        return outputs if several else outputs[0]

    def _see_outputs(self, grads: Any) -> Any:
        assert self.outputs is not None
        given = _spread(grads, self.outputs, self.n_outputs)
        for hook in self.before:
            given = _replaced(hook.function(self.module, given), given, "pre hook", "grad_output")
        self.grad_outputs = given
        if self.inputs is None:
            self._without_inputs()
        return [given[i] for i in self.outputs]

    def _without_inputs(self) -> None:
        """No gradient goes to the inputs: the hooks run at once."""
        if not self.after:
            return
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to module "
            "outputs since no inputs require gradients.",
            UserWarning,
            stacklevel=2,
        )
        for hook in self.after:
            found = hook.function(self.module, (None,) * self.n_inputs, self.grad_outputs)
            several = found if isinstance(found, tuple) else (found,)
            if any(g is not None for g in several):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always "
                    "return None or None for all gradients."
                )

    def _see_inputs(self, grads: Any) -> Any:
        assert self.inputs is not None
        given = _spread(grads, self.inputs, self.n_inputs)
        for hook in self.after:
            returned = hook.function(self.module, given, self.grad_outputs)
            given = _replaced(returned, given, "hook", "grad_input")
        return [given[i] for i in self.inputs]


def _watched(
    values: tuple[Any, ...], see: Callable[[Any], Any], zeros: bool
) -> tuple[Any, list[int] | None]:
    """The values, tensors by way of a Function, and where these are: None if none requires grad."""
    places = [i for i, value in enumerate(values) if isinstance(value, Tensor)]
    if not (state.grad and any(values[i]._requires_grad for i in places)):
        return values, None
    changed = list(values)
    passed = BackwardHookFunction.apply(see, zeros, *[values[i] for i in places])
    for i, t in zip(places, passed, strict=True):
        changed[i] = t
    return tuple(changed), places


def _spread(grads: Any, places: list[int], n: int) -> tuple[Any, ...]:
    """The gradients in their places among `n`, None in the others."""
    found: list[Any] = [None] * n
    for i, g in zip(places, grads, strict=True):
        found[i] = g
    return tuple(found)


def _replaced(returned: Any, given: tuple[Any, ...], what: str, of: str) -> tuple[Any, ...]:
    if returned is None:
        return given
    several = returned if isinstance(returned, tuple) else (returned,)
    if len(several) != len(given):
        raise RuntimeError(
            f"Backward {what} returned an invalid number of {of}, got {len(several)}, but "
            f"expected {len(given)}"
        )
    return several
