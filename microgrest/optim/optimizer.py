"""Optimizer: parameter groups, their state, and the loop over both that every rule shares.

A subclass gives its options' defaults and one rule in two parts: `_numbers`, what the options and
the step count come to, and `_update`, which changes one parameter and its state by a `fused`
expression of tensors and these numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from .. import recording
from ..graph.modes import enable_grad, no_grad
from ..nn.modules.base.hooks import Hooks
from ..tensor import Tensor
from . import checkpoint, groups
from .fused import Rehearsed
from .groups import Group
from .hooks import (
    Hooked,
    hooked,
    register_optimizer_step_post_hook as register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook as register_optimizer_step_pre_hook,
)

State = dict[str, Any]


class Optimizer(Hooked):
    """Base class: holds `param_groups`, a list of option dicts, and `state`, a dict a parameter.

    `params` is an iterable of tensors, of (name, tensor) pairs, or of dicts, each a group: its
    "params", and options that differ from `defaults`. A group is copied: options are changed in
    `param_groups`.
    """

    stepped = False  # whether step() was ever called, for schedulers
    _steering: tuple[str, ...] = ()  # options that are numbers, and not among the rule's `_numbers`

    def __init_subclass__(cls) -> None:
        if "step" in vars(cls):
            cls.step = hooked(vars(cls)["step"])  # type: ignore[method-assign]

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        groups.check_params(params)
        groups.check_hints(defaults)
        self.defaults = defaults
        self._hooks = Hooks()
        self.state: defaultdict[Tensor, State] = defaultdict(dict)
        self.param_groups: list[Group] = []
        members = list(params)
        if not members:
            raise ValueError("optimizer got an empty parameter list")
        for group in members if isinstance(members[0], dict) else [{"params": members}]:
            self.add_param_group(group)
        if recording.state.recorder is None:
            self._rehearse(self.param_groups[0])

    def _rehearse(self, group: Group) -> None:
        """Have the kernel of the rule compiled while the program goes on, if it can be."""
        param = Tensor._empty((1,), group["params"][0]._kind)
        # What goes wrong is told at the first step.
        with no_grad(), suppress(Exception):
            state = self._new_state(param, group)
            self._update(param, param, state, group, Rehearsed(self._numbers(group, 1)))

    def _new_state(self, param: Tensor, group: Group) -> State:
        """What the rule remembers of `param`, before the first step; "step" counts the steps."""
        return {}

    def _first_state(self, param: Tensor, group: Group) -> State:
        """What its first step finds to remember, or can as well begin with."""
        return self._new_state(param, group)

    def _numbers(self, group: Mapping[str, Any], step: Any) -> tuple[Any, ...]:
        """The numbers of the rule at step `step`, from 1 on; None for a rule that does not count.

        They depend on the options of `group` and on `step` alone. Any of these may be an array of
        one value a step; then so are the numbers that depend on it.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no update rule")

    def _update(
        self, param: Tensor, grad: Tensor, state: State, group: Group, numbers: tuple[float, ...]
    ) -> None:
        """The rule: change `param` and `state` in place."""
        raise NotImplementedError(f"{type(self).__name__} defines no update rule")

    @hooked
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        `closure`, if given, computes the loss and its gradients first; its result is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self.stepped = True
        with no_grad():
            for group in self.param_groups:
                self._step_group(group, recording.state.recorder)
        return loss

    def _step_group(self, group: Group, recorder: Any) -> None:
        """Update the parameters of `group`; those that took as many steps share their numbers."""
        numbers: tuple[float, ...] = ()
        shared: int | None = 0  # no step has this number
        for param in group["params"]:
            grad = param.grad
            if grad is None:
                continue
            state = self.state[param] or self._begin(param, group)
            count = state.get("step")
            if count is not None:
                count = state["step"] = count + 1
            if recorder is not None:
                source = Numbers(self, group, state)
                numbers = recorder.inputs(source.at(count), source)
            elif count != shared:
                numbers, shared = tuple(map(float, self._numbers(group, count))), count
            self._update(param, grad, state, group, numbers)

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

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimize more parameters: a dict with "params" and any options of their own.

        TypeError for what is no dict or no tensor; ValueError for a tensor that is no leaf, that
        another group has, or for names in some groups only.
        """
        self.param_groups.append(groups.complete(param_group, self.defaults, self.param_groups))
        recording.world.version += 1

    def state_dict(self) -> dict[str, Any]:
        """State and groups, with parameters numbered in their order; tensors are shared."""
        self._run_hooks("save")
        saved: dict[str, Any] = self._run_hooks(
            "saved", checkpoint.save(self.state, self.param_groups)
        )
        return saved

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over copies of a state and options saved by `state_dict`, matched by order.

        ValueError where the number of groups, or of the parameters in one, differs.
        """
        state_dict = self._run_hooks("load", dict(state_dict))
        self.param_groups, self.state = checkpoint.load(state_dict, self.param_groups)
        recording.world.version += 1
        self._run_hooks("loaded")

    def __getstate__(self) -> dict[str, Any]:
        # As in PyTorch a copy is without hooks.
        return {**vars(self), "_hooks": Hooks()}

    def __repr__(self) -> str:
        blocks = "\n\n".join(
            "\n".join([f"Parameter Group {i}", *(f"    {k}: {group[k]}" for k in sorted(group))])
            for i, group in enumerate(map(checkpoint.options, self.param_groups))
        )
        return f"{type(self).__name__} (\n{blocks}\n)"


class Numbers:
    """Where the numbers of one parameter's rule come from, so that they can be computed again.

    `group` and `state` are the optimizer's own, which it changes as it steps.
    """

    def __init__(self, optimizer: Optimizer, group: Group, state: State) -> None:
        self.optimizer, self.group, self.state = optimizer, group, state

    @property
    def count(self) -> int | None:
        """The number of steps taken; None where the rule does not count."""
        return self.state.get("step")

    def at(self, step: Any, **options: Any) -> tuple[Any, ...]:
        """The numbers at step `step`, with the group's options as they are, or as `options` say.

        `step` and every option may be an array of one value a step: so are then the numbers that
        depend on it. Options that are tensors of one element count by their values of now.
        """
        items = [(name, x) for name, x in self.group.items() if name != "params"]
        known = recording.aside(lambda: {name: plain(x) for name, x in items})
        return self.optimizer._numbers({**known, **options}, step)


def plain(option: Any) -> Any:
    """An option as a number, or a tuple of them, also where it is given as tensors."""
    if isinstance(option, tuple):
        return tuple(map(plain, option))
    return option.item() if isinstance(option, Tensor) else option


def descent(param: Any, grad: Any, maximize: bool, decay: Any) -> Any:
    """The gradient to step against: negated to maximize, plus that of an L2 penalty, if any."""
    grad = -grad if maximize else grad
    return grad if decay is None else grad + decay * param
