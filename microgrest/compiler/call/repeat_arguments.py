"""The arguments of repeated steps: the same ones, or one batch after the other, again and again."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from ...tensor import Tensor

Args = tuple[Any, ...]


class Same:
    """The same arguments at every step."""

    def __init__(self, args: Args) -> None:
        self.args = args

    def take(self, limit: int) -> tuple[Args, int]:
        """The arguments of the steps to come, and how many of at most `limit` steps have them."""
        return self.args, limit


class Cycled:
    """`args` and those of one batch a step.

    After the last batch comes the first again: of a collection or a loader as a new iteration
    gives it, of what can be iterated only once as it was.
    """

    def __init__(self, args: Args, batches: Iterable[Any]) -> None:
        self.args, self.batches = args, _endless(batches)

    def take(self, limit: int) -> tuple[Args, int]:
        """As `Same.take`; one step."""
        return _joined(self.args, next(self.batches)), 1


def arguments(args: Args, batches: Any) -> Same | Cycled:
    """What gives every step its arguments; TypeError for batches that are no iterable of them."""
    if batches is None:
        return Same(args)
    if isinstance(batches, Tensor) or not isinstance(batches, Iterable):
        raise TypeError(
            "repeat: batches must be an iterable of tuples of arguments, or of single tensors, "
            f"got {type(batches).__name__}"
        )
    if isinstance(batches, (list, tuple)) and len(batches) == 1:
        return Same(_joined(args, batches[0]))
    return Cycled(args, batches)


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
