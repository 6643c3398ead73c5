"""Averages of the weights of a training: PyTorch's `optim.swa_utils`.

Equal weights from some step on (Izmailov et al. 2018), or weights that decay (Polyak averaging).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from itertools import chain
from typing import Any

from .. import recording
from ..creation import tensor
from ..graph.modes import no_grad
from ..nn.modules.module import Module
from ..nn.modules.normalization import _BatchNorm
from ..ops.pointwise.logic import where
from ..tensor import Tensor
from ..types.dtypes import int64
from .optimizer import Optimizer
from .schedulers.scheduler import LRScheduler, checked, per_group

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

Average = Callable[[Tensor, Tensor, Any], Any]
Averages = Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """`decay * average + (1 - decay) * now`, for one tensor; ValueError outside [0, 1]."""
    if not 0.0 <= decay <= 1.0:
        raise ValueError(
            f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )

    def ema_update(average: Tensor, now: Tensor, count: Any) -> Any:
        with no_grad():
            return decay * average + (1 - decay) * now

    return ema_update


def get_swa_avg_fn() -> Average:
    """The mean of all so far, of which `average` is that of the first `count`, for one tensor."""

    def swa_update(average: Tensor, now: Tensor, count: Any) -> Any:
        with no_grad():
            return average + (now - average) / (count + 1)

    return swa_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> Averages:
    """`get_ema_avg_fn`, in place for lists of tensors."""
    return _each(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> Averages:
    """`get_swa_avg_fn`, in place for lists of tensors."""
    return _each(get_swa_avg_fn())


def _each(update: Average) -> Averages:
    def update_all(averages: Sequence[Tensor], now: Sequence[Tensor], count: Any) -> None:
        with no_grad():
            for average, value in zip(averages, now, strict=True):
                average.copy_(update(average, value, count))

    return update_all


class AveragedModel(Module):
    """A copy of `model`, in `module`, whose parameters are averages of what the model's were.

    `update_parameters(model)` takes one more into the average; the first is copied. It is the mean
    of all, or what `avg_fn(average, now, count)` returns of two tensors, or what `multi_avg_fn`
    makes in place of two lists of tensors of one dtype and device. `count` is the buffer
    `n_averaged`. Buffers are those of the model, or averaged, too, with `use_buffers`.

    In a compiled step the average is computed at the first call, too, and not used.
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: Averages | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, dtype=int64, device=device))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model computes."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the parameters of `model` into the average; ValueError if it has others."""
        with no_grad():
            pairs = list(zip(self._averaged(self.module), self._averaged(model), strict=True))
            held = [average.detach() for average, _ in pairs]
            now = [p.detach().to(average.device) for average, p in pairs]
            first = self.n_averaged == 0
            if recording.state.recorder is not None:
                self._average(held, now)
                for average, value in zip(held, now, strict=True):
                    average.copy_(where(first.to(average.device), value, average))
            elif first:
                for average, value in zip(held, now, strict=True):
                    average.copy_(value)
            else:
                self._average(held, now)
            if not self.use_buffers:
                for own, buffer in zip(self.module.buffers(), model.buffers(), strict=True):
                    own.copy_(buffer)
            self.n_averaged += 1

    def _averaged(self, model: Module) -> Iterable[Tensor]:
        return chain(model.parameters(), model.buffers() if self.use_buffers else ())

    def _average(self, held: list[Tensor], now: list[Tensor]) -> None:
        update = self.multi_avg_fn or _each(self.avg_fn or get_swa_avg_fn())
        alike: dict[Any, tuple[list[Tensor], list[Tensor]]] = defaultdict(lambda: ([], []))
        for average, value in zip(held, now, strict=True):
            averages, values = alike[average.device, average.dtype]
            averages.append(average)
            values.append(value)
        for (device, _), (averages, values) in alike.items():
            update(averages, values, self.n_averaged.to(device))


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Give the BatchNorm modules of `model` the mean statistics of one pass over `loader`.

    It is called, in training mode, on each batch, or, if this is a list or tuple, on the first
    part, moved to `device` if that is given.
    """
    momenta = {m: m.momentum for m in model.modules() if isinstance(m, _BatchNorm)}
    if not momenta:
        return
    training = model.training
    model.train()
    for norm in momenta:
        norm.reset_running_stats()
        norm.momentum = None
    with no_grad():
        for batch in loader:
            x = batch[0] if isinstance(batch, (list, tuple)) else batch
            model(x if device is None else x.to(device))
    for norm, momentum in momenta.items():
        norm.momentum = momentum
    model.train(training)


class SWALR(LRScheduler):
    """From the rates as they are to `swa_lr` in `anneal_epochs` steps, where they stay.

    `swa_lr` is a number or a list of one for each group; the way there is half a wave of a cosine
    ("cos") or a line ("linear").
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        rates = per_group("swa_lr", checked(optimizer), swa_lr)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy, self.anneal_epochs = anneal_strategy, anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[Any]:
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            rate, end = group["lr"], group["swa_lr"]
            begin = end if before == 1 else (rate - before * end) / (1 - before)
            rates.append(end * now + begin * (1 - now))
        return rates

    def _share(self, step: int) -> float:
        """How much of the way is done after `step` steps."""
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return (1 - math.cos(math.pi * t)) / 2 if self._anneal_strategy == "cos" else t
