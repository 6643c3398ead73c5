"""LRScheduler: what changes the learning rates of an optimizer, a step at a time.

A subclass gives `get_lr()`, the new rates out of the present ones, so that several schedulers and
the user may change the rates in turn; or, as most of ours, `_factor()`, what all are multiplied by.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ... import recording
from ...tensor import Tensor
from ..groups import Group
from ..optimizer import Optimizer

_EARLY = (
    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. Call them in the opposite "
    "order: `optimizer.step()` before `lr_scheduler.step()`. Otherwise the first value of the "
    "learning rate schedule is skipped."
)
EPOCH = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where "
    "possible. Please use `scheduler.step()` to step the scheduler. During the deprecation, if "
    "epoch is different from None, the closed form is used instead of the new chainable form, "
    "where available."
)
_RESUMED = (
    "param 'initial_lr' is not specified in param_groups[{}] when resuming scheduler with "
    "last_epoch >= 0.\nThis typically happens when:\n1. You're trying to resume training from a "
    "checkpoint but haven't properly loaded the optimizer state\n2. You're using last_epoch >= 0 "
    "for a fresh training run (not recommended)"
)


class LRScheduler:
    """Base class: sets `group["lr"]` of every group, at once and then at every `step()`.

    `last_epoch` is the number of steps taken, -1 to begin; to resume at another, the groups must
    have the "initial_lr" that an optimizer's state dict carries. `base_lrs` are these rates. A rate
    that is a tensor is written in place.
    """

    _is_initial = False
    _get_lr_called_within_step = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = checked(optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(_RESUMED.format(i))
        self.base_lrs = option(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        with _raised(self, "_is_initial"):
            self.step()

    def step(self, epoch: int | None = None) -> None:
        """Set the next learning rates; call it after the optimizer's `step()`.

        `epoch`, which is deprecated, goes to another place of the schedule.
        """
        if self._is_early():
            warnings.warn(_EARLY, UserWarning, stacklevel=2)
        if epoch is not None:
            warnings.warn(EPOCH, UserWarning, stacklevel=2)
        self._run(epoch)

    def _run(self, epoch: Any) -> None:
        """Advance; a step that is being recorded takes the rates as inputs, tensors too."""
        recorder = recording.state.recorder
        if recorder is not None:
            recorder.scheduled(self, *([] if epoch is None else [epoch]))
        recording.aside(lambda: self._advance(epoch))

    def _is_early(self) -> bool:
        """Whether this is the first step, and the optimizer has not stepped (if that is known)."""
        known = type(self.optimizer).step is Optimizer.step
        return self._step_count == 1 and known and not self.optimizer.stepped

    def _advance(self, epoch: Any = None) -> None:
        self._step_count += 1
        self._update_lr(epoch)

    def _update_lr(self, epoch: Any = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        self._set(self.get_lr if epoch is None else self._get_closed_form_lr)

    def _set(self, get: Callable[[], list[Any]]) -> None:
        with _raised(self, "_get_lr_called_within_step"):
            rates = get()
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            assign(group, "lr", rate)
        self._last_lr = option(self.optimizer, "lr")

    def get_lr(self) -> list[Any]:
        """The rates that the step being taken sets; `get_last_lr()` tells those that are set."""
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, "
                "please use `get_last_lr()`.",
                UserWarning,
                stacklevel=2,
            )
        return self._rates()

    def _rates(self) -> list[Any]:
        factor = self._factor()
        rates = option(self.optimizer, "lr")
        return rates if factor == 1 else [rate * factor for rate in rates]

    def _factor(self) -> float:
        """What every rate is multiplied by in the step to `last_epoch`."""
        raise NotImplementedError(f"{type(self).__name__} defines no get_lr()")

    def _get_closed_form_lr(self) -> list[Any]:
        """The rates at `last_epoch`, whatever they are now; those of `get_lr()` if unknown."""
        return self.get_lr()

    def get_last_lr(self) -> list[Any]:
        """The rates that the last step set, one a group. RuntimeError in a step being recorded."""
        recorder = recording.state.recorder
        if recorder is not None:
            recorder.refuse("get_last_lr() gives a number that changes", "call it outside the step")
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict()` gave; the optimizer's rates are in its own state dict."""
        self.__dict__.update(state_dict)


@contextmanager
def _raised(scheduler: LRScheduler, flag: str) -> Iterator[None]:
    setattr(scheduler, flag, True)
    try:
        yield
    finally:
        setattr(scheduler, flag, False)


def checked(optimizer: Any) -> Optimizer:
    """`optimizer` itself; TypeError unless it is one."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
    return optimizer


def copied(value: Any) -> Any:
    """`value`; a copy of it if it is a tensor, which somebody may write to."""
    return value.clone() if isinstance(value, Tensor) else value


def option(optimizer: Optimizer, name: str) -> list[Any]:
    """The option `name` of every group."""
    return [copied(group[name]) for group in optimizer.param_groups]


def assign(group: Group, name: str, value: Any) -> None:
    """Set an option, in place where it is a tensor."""
    if isinstance(group[name], Tensor):
        group[name].fill_(value)
    else:
        group[name] = value


def per_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """`value` for every group, or its elements if it is a list; ValueError for a wrong length."""
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [copied(value) for _ in range(count)]
    if len(value) != count:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. "
            f"{name} has {len(value)} values, param_groups has {count}."
        )
    return list(map(copied, value))
