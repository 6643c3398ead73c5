"""DataLoader: batches of a data set, in a sampler's order, fetched here or ahead by threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from ...random import Generator, randint
from .collate import default_collate, default_convert
from .datasets import IterableDataset, length
from .epochs import gathers, next_epoch
from .samplers import BatchSampler, RandomSampler, SequentialSampler
from .workers import END, Fetch, WorkerInfo, Workers, item


class DataLoader:
    """An iterable of the batches of `dataset`; each iteration is an epoch.

    Batches have `batch_size` items, in random order if `shuffle`, the last one fewer unless
    `drop_last`; None gives single items. `sampler` gives the item numbers, or `batch_sampler` lists
    of them. `collate_fn` makes a batch of a list of items. Random orders come of `generator`.

    With `num_workers` threads, each of them fetches up to `prefetch_factor` batches ahead. Nothing
    is pickled or forked; what items draw at random should come from a generator of the worker,
    seeded with `get_worker_info().seed`. `worker_init_fn` is called with its number as a worker
    begins; `persistent_workers` stay for the next epoch. A batch that takes over `timeout` seconds
    is a RuntimeError. What is about processes and pinned memory is accepted and does nothing.

    A TensorDataset, or a Subset of one, takes one gather a tensor and batch without workers.
    `step.repeat(loader, epochs=n)` takes them into native code.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[list[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        iterable = isinstance(dataset, IterableDataset)
        if iterable:
            given = {"shuffle": shuffle or None, "sampler": sampler, "batch_sampler": batch_sampler}
            _check_unspecified(given)
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, "
                    "and drop_last"
                )
            batch_size, drop_last = None, False
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with "
                "drop_last"
            )
        if sampler is None and not iterable:
            sampler = (
                RandomSampler(dataset, generator=generator)
                if shuffle
                else SequentialSampler(dataset)
            )
        if batch_size is not None:
            # Of an iterable data set nothing but the size is ever asked.
            batch_sampler = BatchSampler(sampler or (), batch_size, drop_last)
        self.dataset: Any = dataset
        self.batch_size, self.drop_last = batch_size, drop_last
        self.sampler, self.batch_sampler, self.generator = sampler, batch_sampler, generator
        self.num_workers, self.timeout = num_workers, timeout
        self.prefetch_factor = prefetch_factor or (2 if num_workers else None)
        self.persistent_workers, self.worker_init_fn = persistent_workers, worker_init_fn
        self.pin_memory, self.pin_memory_device, self.in_order = (
            pin_memory,
            pin_memory_device,
            in_order,
        )
        self.multiprocessing_context = multiprocessing_context
        batched = batch_sampler is not None
        self.collate_fn = collate_fn or (default_collate if batched else default_convert)
        self._workers: Workers | None = None

    def __len__(self) -> int:
        """Batches in an epoch; TypeError where the data set or the sampler has no length."""
        if isinstance(self.dataset, IterableDataset):
            n, size = length(self.dataset), self.batch_size or 1
            return n // size if self.drop_last else -(-n // size)
        return length(self._numbers())

    def __iter__(self) -> Iterator[Any]:
        if self.num_workers:
            return self._by_workers()
        if isinstance(self.dataset, IterableDataset):
            return map(self.collate_fn, _parts(self.dataset, self.batch_size, self.drop_last))
        if gathers(self):
            return self._gathered()
        return map(self._fetched, self._numbers())

    def _numbers(self) -> Iterable[Any]:
        """What an iteration fetches: lists of item numbers, or numbers."""
        numbers = self.sampler if self.batch_sampler is None else self.batch_sampler
        assert numbers is not None
        return numbers

    def _fetched(self, numbers: Any, get: Callable[[Any, Any], Any] | None = None) -> Any:
        """The batch of some numbers, each item by `get`."""
        one = get or (lambda dataset, i: dataset[i])
        if self.batch_sampler is None:
            return self.collate_fn(one(self.dataset, numbers))
        together = getattr(self.dataset, "__getitems__", None)
        items = together(numbers) if together else [one(self.dataset, i) for i in numbers]
        return self.collate_fn(items)

    def _gathered(self) -> Iterator[Any]:
        yield from next_epoch(self).batches()

    # Workers

    def _by_workers(self) -> Iterator[Any]:
        workers = self._workers or self._begun()
        if self.persistent_workers:
            self._workers = workers
        ahead = self.num_workers * (self.prefetch_factor or 2)
        live = [True] * self.num_workers
        try:
            for worker, result in workers.results(self._fetches(live), ahead, self.timeout):
                if result is END:
                    live[worker] = False
                else:
                    yield result
        finally:
            if not self.persistent_workers:
                workers.close()

    def _begun(self) -> Workers:
        seed = int(randint(1 << 62, (), generator=self.generator))
        n = self.num_workers
        infos = [WorkerInfo(k, n, seed + k, self.dataset) for k in range(n)]
        return Workers(infos, self.worker_init_fn)

    def _fetches(self, live: list[bool]) -> Iterator[tuple[int, Fetch]]:
        """What each worker in turn does, while it is `live`."""
        if not isinstance(self.dataset, IterableDataset):
            for turn, numbers in enumerate(self._numbers()):
                yield turn % self.num_workers, partial(self._fetched, numbers, item)
            return
        # A generator begins when it is first asked: by the worker, which then may ask who it is.
        parts = [
            _parts(self.dataset, self.batch_size, self.drop_last) for _ in range(self.num_workers)
        ]

        def next_part(worker: int) -> Any:
            part = next(parts[worker], END)
            return part if part is END else self.collate_fn(part)

        while any(live):
            for worker in range(self.num_workers):
                if live[worker]:
                    yield worker, partial(next_part, worker)


def _parts(dataset: Iterable[Any], size: int | None, drop_last: bool) -> Iterator[Any]:
    """The items of an iterable data set, or lists of `size` of them."""
    items = iter(dataset)
    if size is None:
        yield from items
        return
    while part := [*islice(items, size)]:
        if len(part) == size or not drop_last:
            yield part


def _check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent: bool
) -> None:
    if num_workers < 0:
        raise ValueError(
            f"num_workers option should be non-negative, got {num_workers}; use num_workers=0 to "
            "fetch batches in the thread that asks for them"
        )
    if timeout < 0:
        raise ValueError(f"timeout option should be non-negative, got {timeout}")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError("prefetch_factor option needs num_workers > 0")
    if prefetch_factor is not None and prefetch_factor < 1:
        raise ValueError(f"prefetch_factor option should be positive, got {prefetch_factor}")
    if persistent and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


def _check_unspecified(options: dict[str, Any]) -> None:
    for name, value in options.items():
        if value is not None:
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, but got "
                f"{name}={value}"
            )
