"""Optimizer: parameter groups, their state, and the loop over both that every rule shares.

A subclass gives its options' defaults and one rule, `_update`, which changes one parameter and its
state by a `fused` expression, with Python numbers read from the group at each step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..autograd.modes import enable_grad, no_grad
from ..tensor import Tensor
from . import checkpoint, groups

Group = dict[str, Any]
State = dict[str, Any]


class Optimizer:
    """Base class: holds `param_groups`, a list of option dicts, and `state`, a dict a parameter.

    `params` is an iterable of tensors, of (name, tensor) pairs, or of dicts, each a group: its
    "params", and options that differ from `defaults`.
    """

    def __init__(self, params: Iterable[Any], defaults: Group) -> None:
        groups.check_params(params)
        groups.check_hints(defaults)
        self.defaults = defaults
        self.state: defaultdict[Tensor, State] = defaultdict(dict)
        self.param_groups: list[Group] = []
        members = list(params)
        if not members:
            raise ValueError("optimizer got an empty parameter list")
        for group in members if isinstance(members[0], dict) else [{"params": members}]:
            self.add_param_group(group)

    def _new_state(self, param: Tensor, group: Group) -> State:
        """What the rule remembers of `param`, before the first step."""
        return {}

    def _update(self, param: Tensor, grad: Tensor, state: State, group: Group) -> None:
        """The rule: change `param` and `state` in place."""
        raise NotImplementedError(f"{type(self).__name__} defines no update rule")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        `closure`, if given, computes the loss and its gradients first; its result is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                for param in group["params"]:
                    grad = param.grad
                    if grad is not None:
                        state = self.state[param] or self._begin(param, group)
                        self._update(param, grad, state, group)
        return loss

    def _begin(self, param: Tensor, group: Group) -> State:
        state = self.state[param]
        state.update(self._new_state(param, group))
        return state

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or fill them with zeros."""
        for group in self.param_groups:
            for param in group["params"]:
                if set_to_none:
                    param.grad = None
                elif param.grad is not None:
                    param.grad.detach_().zero_()

    def add_param_group(self, param_group: Group) -> None:
        """Optimize more parameters: a dict with "params" and any options of their own.

        TypeError for what is no dict or no tensor; ValueError for a tensor that is no leaf, that
        another group has, or for names in some groups only.
        """
        groups.complete(param_group, self.defaults, self.param_groups)
        self.param_groups.append(param_group)

    def state_dict(self) -> dict[str, Any]:
        """State and groups, with parameters numbered in their order; tensors are shared."""
        return checkpoint.save(self.state, self.param_groups)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over copies of a state and options saved by `state_dict`, matched by order.

        ValueError where the number of groups, or of the parameters in one, differs.
        """
        self.param_groups, self.state = checkpoint.load(state_dict, self.param_groups)

    def __repr__(self) -> str:
        blocks = "\n\n".join(
            "\n".join([f"Parameter Group {i}", *(f"    {k}: {group[k]}" for k in sorted(group))])
            for i, group in enumerate(map(checkpoint.options, self.param_groups))
        )
        return f"{type(self).__name__} (\n{blocks}\n)"


def descent(param: Any, grad: Any, maximize: bool, decay: Any) -> Any:
    """The gradient to step against: negated to maximize, plus that of an L2 penalty, if any."""
    grad = -grad if maximize else grad
    return grad if decay is None else grad + decay * param
