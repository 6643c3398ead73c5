"""Workers of a DataLoader: threads, each with an executor of its own, which fetch batches ahead.

NumPy and our kernels let other threads run while they compute, and a thread shares the data set
with all others, so that nothing is copied, pickled or forked.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError as NotInTime
from dataclasses import dataclass
from typing import Any

Fetch = Callable[[], Any]


@dataclass(frozen=True)
class WorkerInfo:
    """Which of how many workers this thread is, a seed of its own, and the data set."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


class _Current(threading.local):
    info: WorkerInfo | None = None


_current = _Current()
END = object()  # what a worker gives that has no more batches


def get_worker_info() -> WorkerInfo | None:
    """The WorkerInfo of this thread; None where it is no worker of a DataLoader."""
    return _current.info


class Workers:
    """Threads, and the function that each calls as it begins."""

    def __init__(self, infos: list[WorkerInfo], begin: Callable[[int], None] | None) -> None:
        self.threads = [
            ThreadPoolExecutor(1, f"DataLoader {info.id}", _current.__setattr__, ("info", info))
            for info in infos
        ]
        self._begun = [
            thread.submit(told, begin or _nothing, info.id, info.id)
            for thread, info in zip(self.threads, infos, strict=True)
        ]

    def results(
        self, fetches: Iterator[tuple[int, Fetch]], ahead: int, timeout: float
    ) -> Iterator[tuple[int, Any]]:
        """What the fetches give, in their order, each with the worker that is named beside it.

        At most `ahead` are under way or wait. RuntimeError for one that takes over `timeout`
        seconds, if that is not 0.
        """
        for begun in self._begun:
            begun.result()
        pending: deque[tuple[int, Future[Any]]] = deque()
        try:
            for worker, fetch in fetches:
                pending.append((worker, self.threads[worker].submit(told, fetch, worker)))
                if len(pending) >= ahead:
                    yield _in_time(*pending.popleft(), timeout)
            while pending:
                yield _in_time(*pending.popleft(), timeout)
        finally:
            for _, future in pending:
                future.cancel()

    def close(self) -> None:
        """End the threads as soon as what they are at is done."""
        for thread in self.threads:
            thread.shutdown(wait=False, cancel_futures=True)

    def __del__(self) -> None:
        self.close()


def told(act: Callable[..., Any], worker: int, *args: Any) -> Any:
    """What `act` returns; an error tells the worker."""
    try:
        return act(*args)
    except Exception as error:
        where = f"Caught {type(error).__name__} in DataLoader worker {worker}: "
        raise _anew(error, where) from error


def item(dataset: Any, index: Any) -> Any:
    """An item of a data set; an error tells its number."""
    try:
        return dataset[index]
    except Exception as error:
        raise _anew(error, f"item {index!r}: ") from error


def _anew(error: Exception, where: str) -> Exception:
    """An error of the same type, or RuntimeError if that takes no text, that says where."""
    try:
        return type(error)(where + str(error))
    except TypeError:
        return RuntimeError(f"{where}{type(error).__name__}: {error}")


def _in_time(worker: int, future: Future[Any], timeout: float) -> tuple[int, Any]:
    try:
        return worker, future.result(timeout or None)
    except NotInTime:
        if future.done():  # by the data set's own
            raise
        raise RuntimeError(f"DataLoader timed out after {timeout} seconds") from None


def _nothing(worker: int) -> None:
    """What a worker does as it begins, unless somebody says."""
