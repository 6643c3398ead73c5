"""Schedulers made of schedulers: one after the other, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer
from .plateau import ReduceLROnPlateau
from .scheduler import LRScheduler, assign, option


class _Combined(LRScheduler):
    """Schedulers of one optimizer; their states are saved with this one's."""

    _schedulers: Sequence[LRScheduler]

    def _is_early(self) -> bool:
        return self._schedulers[0]._is_early()

    def get_lr(self) -> list[Any]:
        """Not defined: NotImplementedError. Ask for `get_last_lr()`."""
        raise NotImplementedError(f"{type(self).__name__} has no get_lr(): use get_last_lr()")

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, with the state of each scheduler."""
        states = [scheduler.state_dict() for scheduler in self._schedulers]
        return {**super().state_dict(), "_schedulers": states}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict()` gave."""
        own = self._schedulers
        super().load_state_dict(state_dict)
        self._schedulers = own
        for scheduler, state in zip(own, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)


def _check(title: str, chained: str, schedulers: Sequence[Any], optimizer: Any) -> None:
    """Raise unless the schedulers are some, can step without arguments, and share `optimizer`."""
    if len(schedulers) < 1:
        raise ValueError(f"{title} expects at least one scheduler{chained}, but got no scheduler.")
    for index, scheduler in enumerate(schedulers):
        if not hasattr(scheduler, "optimizer"):
            raise TypeError(f"{title} at index {index} should have `optimizer` as its attribute.")
        if isinstance(scheduler, ReduceLROnPlateau):
            raise ValueError(
                f"{title} does not support `ReduceLROnPlateau` scheduler as it requires "
                "additional kwargs to be specified when calling `step`, but got one at index "
                f"{index} in the given schedulers sequence."
            )
        if scheduler.optimizer is not optimizer:
            raise ValueError(
                f"{title} expects all schedulers to belong to the same optimizer, but got "
                f"scheduler {type(scheduler).__name__} at index {index} has "
                f"{scheduler.optimizer}, which is different from {type(optimizer).__name__}."
            )


class SequentialLR(_Combined):
    """One scheduler after the other: the next takes over, from its own start, at each milestone."""

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        _check(type(self).__name__, "", schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                "Sequential Schedulers expects number of schedulers provided to be one more than "
                f"the number of milestone points, but got number of schedulers {len(schedulers)} "
                f"and the number of milestones to be equal to {len(milestones)}"
            )
        self.optimizer, self._schedulers, self._milestones = optimizer, schedulers, milestones
        self.last_epoch = last_epoch + 1
        # Each scheduler took its first step, one over the other: only the first one's shall stand.
        for group in optimizer.param_groups:
            assign(group, "lr", group["initial_lr"])
        self.recursive_undo()
        first = schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def recursive_undo(self, sched: Any = None) -> None:
        """Count the first step of every scheduler, those inside of `sched` too, as not taken."""
        for scheduler in (sched or self)._schedulers:
            if isinstance(scheduler, _Combined):
                self.recursive_undo(scheduler)
            else:
                scheduler.last_epoch -= 1

    def _advance(self, epoch: Any = None) -> None:
        self.last_epoch += 1
        index = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[index]
        if index > 0 and self._milestones[index - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler._advance()
        self._last_lr = scheduler.get_last_lr()

    def step(self) -> None:  # type: ignore[override]
        """Set the next learning rates."""
        super().step()


class ChainedScheduler(_Combined):
    """All of the schedulers at once: each changes the rates that the one before it left."""

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        optimizer = optimizer or (schedulers[0].optimizer if schedulers else None)
        _check(type(self).__name__, " to be chained", schedulers, optimizer)
        assert optimizer is not None
        self.optimizer, self._schedulers = optimizer, schedulers
        self._last_lr = option(optimizer, "lr")

    def _advance(self, epoch: Any = None) -> None:
        for scheduler in self._schedulers:
            scheduler._advance()
        self._last_lr = option(self.optimizer, "lr")

    def step(self) -> None:  # type: ignore[override]
        """Set the next learning rates."""
        super().step()
