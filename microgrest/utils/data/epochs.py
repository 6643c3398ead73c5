"""Epochs over tensors: batches that are rows of them, for which no item is made by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ...tensor import Tensor
from .collate import default_collate
from .datasets import Subset, TensorDataset
from .samplers import (
    BatchSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
    numbers,
)

_ORDERED = (RandomSampler, SequentialSampler, SubsetRandomSampler, WeightedRandomSampler)


class Epoch(NamedTuple):
    """`n` rows of `tensors`, in `order` (int64; None: as they stand), by `size`."""

    tensors: Sequence[Tensor]
    order: Tensor | None
    n: int
    size: int

    def rows(self, start: int, stop: int) -> list[Tensor]:
        """Copies of the rows from number `start` of the order up to `stop`, of each tensor."""
        if self.order is None:
            return [t[start:stop].clone() for t in self.tensors]
        part = self.order[start:stop]
        return [t[part] for t in self.tensors]

    def batches(self) -> Iterator[list[Tensor]]:
        """`size` rows each, the last one fewer."""
        for start in range(0, self.n, self.size):
            yield self.rows(start, min(start + self.size, self.n))


def gathers(loader: Any) -> bool:
    """Whether an epoch of a DataLoader is an Epoch: nobody else has a say in what a batch is."""
    batches = loader.batch_sampler
    return (
        loader.num_workers == 0
        and loader.collate_fn is default_collate
        and type(batches) is BatchSampler
        and type(batches.sampler) in _ORDERED
        and _on_cpu(tensors_of(loader.dataset))
    )


def next_epoch(loader: Any) -> Epoch:
    """The epoch that an iteration of a loader that gathers takes; draws its order."""
    batches: Any = loader.batch_sampler
    order, size = batches.sampler.order(), batches.batch_size
    n = len(order)
    if batches.drop_last:
        n -= n % size
    chosen, dataset = None if isinstance(order, range) else order, loader.dataset
    while type(dataset) is Subset:
        indices = numbers(dataset.indices)
        chosen, dataset = indices if chosen is None else indices[chosen], dataset.dataset
    return Epoch(dataset.tensors, chosen, n, size)


def tensors_of(dataset: Any) -> Sequence[Any]:
    """The tensors whose rows are the items of a data set, or of what it is a subset of."""
    while type(dataset) is Subset:
        dataset = dataset.dataset
    return dataset.tensors if type(dataset) is TensorDataset else ()


def _on_cpu(tensors: Sequence[Any]) -> bool:
    return bool(tensors) and all(t.device.type == "cpu" for t in tensors)
