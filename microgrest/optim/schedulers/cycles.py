"""Schedules that go up and down: with restarts, once, or again and again."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import FunctionType
from typing import Any

from ..groups import Group
from ..optimizer import Optimizer
from .scheduler import LRScheduler, assign, checked, per_group


class CosineAnnealingWarmRestarts(LRScheduler):
    """A cosine from the base rates to `eta_min` in `T_0` steps, then again, `T_mult` times as long.

    Loshchilov and Hutter 2017. `step(epoch)` takes fractions of an epoch.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        if T_0 <= 0 or not isinstance(T_0, int):
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if T_mult < 1 or not isinstance(T_mult, int):
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ValueError(
                f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}"
            )
        self.T_0, self.T_i, self.T_mult, self.eta_min = T_0, T_0, T_mult, eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[Any]:
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Set the next rates, or those of `epoch`, which may be a fraction; ValueError below 0."""
        if epoch is not None and epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        self._run(epoch)

    def _update_lr(self, epoch: Any = None) -> None:
        if epoch is not None or self.last_epoch < 0:
            self._jump(epoch or 0)
        else:
            self.last_epoch += 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        self._set(self.get_lr)

    def _jump(self, epoch: float) -> None:
        """Go to the cycle that holds `epoch`."""
        if self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            cycle = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            begin = self.T_0 * (self.T_mult**cycle - 1) // (self.T_mult - 1)
            self.T_i, self.T_cur = self.T_0 * self.T_mult**cycle, epoch - begin
        self.last_epoch = math.floor(epoch)


class _WithMomentum(LRScheduler):
    """A schedule that may move momentum, or the first beta, too, against the rates.

    `cycle_momentum` says whether it does; `max_momentum` and `base_momentum` are numbers or lists
    of one a group, which keeps them.
    """

    optimizer: Optimizer
    cycle_momentum: bool

    def _begin_momentum(self, base_momentum: Any, max_momentum: Any, last_epoch: int) -> None:
        """Set the momentum that the schedule starts from; ValueError if there is none."""
        if not self.cycle_momentum:
            return
        if not {"momentum", "betas"} & self.optimizer.defaults.keys():
            raise ValueError(
                "optimizer must support momentum or beta1 with `cycle_momentum` option enabled"
            )
        self.use_beta1 = "betas" in self.optimizer.defaults
        highs = per_group("max_momentum", self.optimizer, max_momentum)
        lows = per_group("base_momentum", self.optimizer, base_momentum)
        if last_epoch == -1:
            for group, high, low in zip(self.optimizer.param_groups, highs, lows, strict=True):
                self._set_momentum(group, high)
                group.update(max_momentum=high, base_momentum=low)

    def _set_momentum(self, group: Group, value: float) -> None:
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value


class OneCycleLR(_WithMomentum):
    """Once up to `max_lr` and down to almost nothing (Smith and Topin 2018), in `total_steps`.

    From `max_lr / div_factor` up for the share `pct_start` of the steps, then down to the first
    rate divided by `final_div_factor`; `three_phase` goes down in two phases. `epochs` times
    `steps_per_epoch` may stand for `total_steps`. `anneal_strategy` is "cos" or "linear".
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = checked(optimizer)
        self.total_steps = _length(total_steps, epochs, steps_per_epoch)
        if not (isinstance(pct_start, float) and 0 <= pct_start <= 1):
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._anneal_func_type, self.cycle_momentum = anneal_strategy, cycle_momentum
        self._phases = _phases(pct_start * self.total_steps, self.total_steps, three_phase)
        if last_epoch == -1:
            highs = per_group("max_lr", optimizer, max_lr)
            for group, high in zip(optimizer.param_groups, highs, strict=True):
                low = high / div_factor
                group.update(initial_lr=low, max_lr=high, min_lr=low / final_div_factor)
        self._begin_momentum(base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[Any]:
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(
                f"Tried to step {step} times. The specified number of total steps is "
                f"{self.total_steps}"
            )
        groups = self.optimizer.param_groups
        index = next((i for i, p in enumerate(self._phases) if step <= p[0]), -1)
        end, rates, momenta = self._phases[index]
        begin = self._phases[index - 1][0] if index % len(self._phases) else 0.0
        done = 1.0 if end == begin else (step - begin) / (end - begin)
        if self.cycle_momentum:
            for group in groups:
                self._set_momentum(group, self._between(group, momenta, done))
        return [self._between(group, rates, done) for group in groups]

    def _between(self, group: Group, names: tuple[str, str], done: float) -> Any:
        """Between two options of a group, as far as the share `done` of the phase."""
        start, end = (group[name] for name in names)
        if self._anneal_func_type == "linear":
            return (end - start) * done + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * done) + 1)


def _length(total: int | None, epochs: int | None, each: int | None) -> int:
    """The number of steps of one cycle; ValueError unless it is given in one of the two ways."""
    given = {"total_steps": total}
    if total is None:
        given = {"epochs": epochs, "steps_per_epoch": each}
    numbers = [number for number in given.values() if number is not None]
    if len(numbers) < len(given):
        raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
    for name, number in given.items():
        if not isinstance(number, int) or number <= 0:
            raise ValueError(f"Expected positive integer {name}, but got {number}")
    return math.prod(numbers)


def _phases(
    peak: float, total: int, three: bool
) -> list[tuple[float, tuple[str, str], tuple[str, str]]]:
    """Last step of each phase, and the options between which rate and momentum go in it."""
    up = (peak - 1.0, ("initial_lr", "max_lr"), ("max_momentum", "base_momentum"))
    momenta = ("base_momentum", "max_momentum")
    if not three:
        return [up, (total - 1, ("max_lr", "min_lr"), momenta)]
    down = (2.0 * peak - 2, ("max_lr", "initial_lr"), momenta)
    return [up, down, (total - 1, ("initial_lr", "min_lr"), ("max_momentum", "max_momentum"))]


class CyclicLR(_WithMomentum):
    """Up from `base_lr` to `max_lr` and down again, in straight lines (Smith 2017), for ever.

    The height of a cycle is scaled by `mode`: "triangular" not at all, "triangular2" by half a
    cycle, "exp_range" by `gamma` a step; or by `scale_fn` of the number of the cycle, or of the
    step with `scale_mode` "iterations".
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = checked(optimizer)
        lows = per_group("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for group, low in zip(optimizer.param_groups, lows, strict=True):
                assign(group, "lr", low)
        self.max_lrs = per_group("max_lr", optimizer, max_lr)
        down = step_size_up if step_size_down is None else step_size_down
        self.total_size = float(step_size_up + down)
        self.step_ratio = step_size_up / self.total_size
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        self.mode, self.gamma, self.cycle_momentum = mode, gamma, cycle_momentum
        self._scale_fn_custom = scale_fn
        by_steps = mode == "exp_range" if scale_fn is None else scale_mode == "iterations"
        self.scale_mode = "iterations" if by_steps else "cycle"
        self._begin_momentum(base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = lows

    def scale_fn(self, x: float) -> float:
        """What the height of cycle `x`, from 1 on, or step `x`, is scaled by."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular2":
            return float(0.5 ** (x - 1))
        return float(self.gamma**x) if self.mode == "exp_range" else 1.0

    def _rates(self) -> list[Any]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        ratio = self.step_ratio
        height = x / ratio if x <= ratio else (x - 1) / (ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                high, low = group["max_momentum"], group["base_momentum"]
                self._set_momentum(group, high - (high - low) * height * scale)
        pairs = zip(self.base_lrs, self.max_lrs, strict=True)
        return [low + (high - low) * height * scale for low, high in pairs]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and a plain `scale_fn`; of a callable, its attributes."""
        saved, own = super().state_dict(), self._scale_fn_custom
        plain = own is None or isinstance(own, FunctionType)
        saved["_scale_fn_custom"] = None if plain else dict(own.__dict__)
        return saved

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict()` gave; a plain function stays that of this scheduler."""
        own = self._scale_fn_custom
        super().load_state_dict(state_dict)
        self._scale_fn_custom = own
        if state_dict["_scale_fn_custom"] is not None:
            own.__dict__.update(state_dict["_scale_fn_custom"])
