"""The arguments of repeated steps: the same ones, or one batch after the other, again and again."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ...tensor import Tensor, wrap
from ...tensor.shape import contiguous_strides
from ...utils.data import DataLoader
from ...utils.data.epochs import Epoch, gathers, next_epoch, tensors_of

Args = tuple[Any, ...]
Array = np.ndarray[Any, Any]
# Bytes of rows that are gathered at once: they are used while a second-level cache has them.
GATHERED = 1 << 20


class Column(NamedTuple):
    """An argument that is another tensor in each step, of `each` elements of `flat`."""

    flat: Array
    each: int
    shape: tuple[int, ...]
    kind: Any

    @classmethod
    def of(cls, rows: Tensor, count: int) -> Column:
        """Rows of `count` batches of one size."""
        shape = (len(rows) // count, *rows.shape[1:])
        return cls(rows.contiguous()._flat, math.prod(shape), shape, rows._kind)

    def steps(self, start: int, stop: int) -> Array:
        """The memory of some of the steps."""
        return self.flat[start * self.each : stop * self.each]

    def step(self, k: int) -> Tensor:
        """The tensor of one step."""
        return wrap(self.steps(k, k + 1), self.shape, contiguous_strides(self.shape), self.kind)


class Stretch:
    """The next `count` steps: `args` are their arguments, followed by what `columns` have."""

    def __init__(self, args: Args, count: int, columns: tuple[Column, ...] = ()) -> None:
        self.args, self.count, self.columns = args, count, columns

    def step(self, k: int) -> Args:
        """The arguments of one of the steps."""
        if not self.columns:
            return self.args
        return (*self.args, *[column.step(k) for column in self.columns])

    @property
    def last(self) -> Args:
        """The arguments of the last step."""
        return self.step(self.count - 1)

    @property
    def moving(self) -> dict[int, Array]:
        """The memory of arguments that are others in each step, by their places."""
        if self.count == 1:
            return {}
        return {k: column.flat for k, column in enumerate(self.columns, len(self.args))}

    def cut(self, count: int) -> tuple[Stretch, Stretch | None]:
        """The first `count` steps, if there are as many, and the others."""
        if count >= self.count:
            return self, None
        return self._part(0, count), self._part(count, self.count)

    def _part(self, start: int, stop: int) -> Stretch:
        parts = [column._replace(flat=column.steps(start, stop)) for column in self.columns]
        return Stretch(self.args, stop - start, tuple(parts))


class Same:
    """The same arguments at every step."""

    def __init__(self, args: Args) -> None:
        self.args = args

    def take(self, limit: int) -> Stretch | None:
        """Steps to come, at most `limit`; None where there are no more."""
        return Stretch(self.args, limit)

    def back(self, taken: Stretch | None) -> None:
        """Steps that were taken last, and that did not run."""

    def reads(self, written: Callable[[], list[Tensor]]) -> bool:
        """Whether what a step writes is where the arguments of the next one are copied from."""
        return False


class Cycled(Same):
    """`args` and those of one batch a step, for `epochs` iterations of `batches`, or without end.

    Without end, after the last batch comes the first again: of a collection or a loader as a new
    iteration gives it, of what can be iterated only once as it was.
    """

    def __init__(self, args: Args, batches: Iterable[Any], epochs: int | None) -> None:
        super().__init__(args)
        self.held: Stretch | None = None
        self.batches = _endless(batches) if epochs is None else _epochs(batches, epochs)

    def take(self, limit: int) -> Stretch | None:
        """As `Same.take`; one step."""
        taken, self.held = self.held, None
        if taken is not None:
            return taken
        for batch in self.batches:
            return Stretch(_joined(self.args, batch), 1)
        return None

    def back(self, taken: Stretch | None) -> None:
        self.held = taken


class Loaded(Same):
    """As `Cycled`, of a loader whose batches are rows of tensors: those of many steps at once."""

    def __init__(self, args: Args, loader: Any, epochs: int | None) -> None:
        super().__init__(args)
        self.loader = loader
        self.left = math.inf if epochs is None else epochs
        self.epoch: Epoch | None = None
        self.at = 0

    def take(self, limit: int) -> Stretch | None:
        """As `Same.take`; the order of an epoch is drawn when its first step comes."""
        while self.epoch is None or self.at == self.epoch.n:
            if not self.left:
                return None
            self.left -= 1
            self.epoch, self.at = next_epoch(self.loader), 0
            if not self.epoch.n and self.left == math.inf:
                raise ValueError("repeat: batches is empty")
        epoch, start = self.epoch, self.at
        size = min(epoch.size, epoch.n - start)
        batch = size * sum(t[:1].nbytes for t in epoch.tensors)
        count = min(limit, (epoch.n - start) // size, max(1, GATHERED // max(1, batch)))
        try:
            rows = epoch.rows(start, start + count * size)
        except IndexError:
            if count == 1:
                raise
            return self.take(1)  # the batches before the bad one are steps all the same
        self.at += count * size
        return Stretch(self.args, count, tuple(Column.of(t, count) for t in rows))

    def back(self, taken: Stretch | None) -> None:
        if taken is not None:  # their rows are taken anew: a step may have written to the data
            self.at -= taken.count * taken.columns[0].shape[0]

    def reads(self, written: Callable[[], list[Tensor]]) -> bool:
        arrays = [t._storage.array for t in written()]
        data = [t._storage.array for t in (self.epoch.tensors if self.epoch else ())]
        return any(np.may_share_memory(a, b) for a in arrays for b in data)


def arguments(args: Args, batches: Any, epochs: int | None) -> Same:
    """What gives every step its arguments; TypeError for batches that are no iterable of them."""
    if batches is None:
        return Same(args)
    if isinstance(batches, Tensor) or not isinstance(batches, Iterable):
        raise TypeError(
            "repeat: batches must be an iterable of tuples of arguments, or of single tensors, "
            f"got {type(batches).__name__}"
        )
    if epochs is None and isinstance(batches, (list, tuple)) and len(batches) == 1:
        return Same(_joined(args, batches[0]))
    if epochs is not None and epochs > 1 and isinstance(batches, Iterator):
        raise TypeError(
            f"repeat: a {type(batches).__name__} can be iterated only once, so there are no "
            f"{epochs} epochs of it: give a loader or a list"
        )
    # What another class iterates over, or what is iterated in another thread, is not known.
    if type(batches) is DataLoader and gathers(batches) and not _wants_gradients(batches):
        return Loaded(args, batches, epochs)
    return Cycled(args, batches, epochs)


def _wants_gradients(loader: Any) -> bool:
    return any(t.requires_grad for t in tensors_of(loader.dataset))


def check_fit(fn: Any, args: Args, batches: Any) -> None:
    """TypeError where `fn` takes no such arguments as those given, followed by the first batch."""
    if not (args and isinstance(batches, (list, tuple)) and batches):
        return
    joined = _joined(args, batches[0])
    try:
        inspect.signature(fn).bind(*joined)
    except TypeError as error:
        raise TypeError(
            f"repeat: batches follow the {len(args)} arguments that are given, which makes "
            f"{len(joined)} ({error}): pass what changes in batches, and only there"
        ) from None
    except ValueError:  # a callable without a signature
        return


def _joined(args: Args, batch: Any) -> Args:
    return (*args, *batch) if isinstance(batch, (tuple, list)) else (*args, batch)


def _epochs(batches: Iterable[Any], epochs: int) -> Iterator[Any]:
    for _ in range(epochs):
        yield from batches


def _endless(batches: Iterable[Any]) -> Iterator[Any]:
    source = iter(batches)
    kept: list[Any] | None = [] if source is batches else None
    while True:
        count = 0
        for count, batch in enumerate(source, 1):  # noqa: B007 - counts what came
            if kept is not None:
                kept.append(batch)
            yield batch
        if not count:
            raise ValueError("repeat: batches is empty")
        if kept is not None:
            batches, kept = kept, None
        source = iter(batches)
