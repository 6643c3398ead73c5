"""Data sets, samplers, batches and loaders, as PyTorch has them (see tests/torch_compare too)."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import microgrest as mg
from microgrest.utils.data import (
    BatchSampler,
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    StackDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    default_convert,
    get_worker_info,
    random_split,
)
from microgrest.utils.data.epochs import gathers

X, Y = mg.arange(20.0).reshape(10, 2), mg.arange(10)
WORKERS = [0, 1, 3]


class Squares(Dataset[int]):
    """Items that take a moment, in which others may overtake."""

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> int:
        time.sleep(0.001 * (index % 3))
        return index * index


class Numbers(IterableDataset[int]):
    """0 to 9, shared out among workers."""

    def __iter__(self) -> Iterator[int]:
        info = get_worker_info()
        yield from range(10) if info is None else range(info.id, 10, info.num_workers)


def same(found: Any, wanted: Any) -> None:
    """The very numbers, in the same containers."""
    assert type(found) is type(wanted)
    if isinstance(wanted, mg.Tensor):
        assert found.dtype is wanted.dtype and found.tolist() == wanted.tolist()
    elif isinstance(wanted, (list, tuple)):
        for x, y in zip(found, wanted, strict=True):
            same(x, y)
    else:
        assert found == wanted


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("size", [1, 3, 5, 10, 11])
def test_tensors_by_one_gather_are_those_one_by_one(size: int, drop_last: bool) -> None:
    class Slow(TensorDataset):
        """One that a loader must ask item by item."""

    quick, slow = (
        DataLoader(kind(X, Y), size, drop_last=drop_last) for kind in (TensorDataset, Slow)
    )
    assert gathers(quick) and not gathers(slow)
    same(list(quick), list(slow))
    assert len(quick) == len(list(quick)) == (10 // size if drop_last else -(-10 // size))
    orders = []
    for kind in (TensorDataset, Slow):
        generator = mg.Generator().manual_seed(3)
        loader = DataLoader(
            kind(X, Y), size, shuffle=True, drop_last=drop_last, generator=generator
        )
        orders.append([batch for _ in range(2) for batch in loader])
    same(*orders)


def test_a_batch_is_a_copy() -> None:
    x = mg.zeros(4)
    for shuffle in (False, True):
        for (batch,) in DataLoader(TensorDataset(x), 4, shuffle=shuffle):
            batch.fill_(1)
    assert x.sum().item() == 0


def test_gradients_go_through_batches() -> None:
    x = mg.ones(4, requires_grad=True)
    for shuffle in (False, True):
        x.grad = None
        for (batch,) in DataLoader(TensorDataset(x), 3, shuffle=shuffle):
            (batch * 2).sum().backward()
        assert x.grad is not None and x.grad.tolist() == [2, 2, 2, 2]


def test_shuffling_differs_from_epoch_to_epoch_and_takes_each_once() -> None:
    mg.manual_seed(0)
    loader = DataLoader(Squares(), 4, shuffle=True)
    epochs = [[i for batch in loader for i in batch.tolist()] for _ in range(3)]
    assert all(sorted(epoch) == [i * i for i in range(10)] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    mg.manual_seed(0)
    assert [i for batch in loader for i in batch.tolist()] == epochs[0]


@pytest.mark.parametrize("workers", WORKERS)
def test_workers_give_batches_in_order(workers: int) -> None:
    for _ in range(2):
        batches = list(DataLoader(Squares(), 4, num_workers=workers))
        assert [b.tolist() for b in batches] == [[0, 1, 4, 9], [16, 25, 36, 49], [64, 81]]
    assert [int(x) for x in DataLoader(Squares(), batch_size=None, num_workers=workers)] == [
        i * i for i in range(10)
    ]


@pytest.mark.parametrize("workers", WORKERS)
def test_iterable_data_sets_are_iterated_by_each_worker(workers: int) -> None:
    loader = DataLoader(Numbers(), 2, num_workers=workers)
    for _ in range(2):
        assert sorted(i for batch in loader for i in batch.tolist()) == list(range(10))
    assert sorted(DataLoader(Numbers(), None, num_workers=workers)) == list(range(10))
    if workers < 3:  # parts of 10 and of 5 and 5
        assert all(len(b) == 2 for b in DataLoader(Numbers(), 2, num_workers=0, drop_last=True))


def test_who_a_worker_is() -> None:
    class Who(Dataset[Any]):
        def __len__(self) -> int:
            return 6

        def __getitem__(self, index: int) -> Any:
            info = get_worker_info()
            assert info is not None and info.dataset is self
            return info.id, info.num_workers, info.seed, threading.get_ident()

    begun: list[int] = []
    loader = DataLoader(
        Who(), None, num_workers=2, worker_init_fn=begun.append, collate_fn=lambda x: x
    )
    found = list(loader)
    assert get_worker_info() is None and sorted(begun) == [0, 1]
    assert [who[:2] for who in found] == [(0, 2), (1, 2)] * 3
    assert len({who[2] for who in found}) == len({who[3] for who in found}) == 2
    assert found[1][2] == found[0][2] + 1
    mg.manual_seed(5)
    first = next(iter(loader))[2]
    mg.manual_seed(5)
    assert next(iter(loader))[2] == first


def test_workers_that_persist() -> None:
    begun: list[int] = []
    loader = DataLoader(
        Squares(), 4, num_workers=2, worker_init_fn=begun.append, persistent_workers=True
    )
    assert [b.tolist() for b in loader] == [b.tolist() for b in loader]
    assert sorted(begun) == [0, 1]


class Broken(Squares):
    """One item is wrong."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getitem__(self, index: int) -> int:
        if index == 7:
            raise self.error
        return index


class Odd(Exception):
    """One that takes more than a text."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__(a, b)


def test_an_error_in_a_worker_names_the_item() -> None:
    with pytest.raises(ValueError, match="no such file"):
        list(DataLoader(Broken(ValueError("no such file")), 4))
    for error, kind in ((ValueError("no such file"), ValueError), (Odd(1, 2), RuntimeError)):
        with pytest.raises(kind, match=r"DataLoader worker 1: item 7: ") as raised:
            list(DataLoader(Broken(error), 4, num_workers=2))
        assert raised.value.__cause__.__cause__ is error  # type: ignore[union-attr]


def test_errors_of_other_parts_of_a_worker() -> None:
    def refuse(worker: int) -> None:
        raise KeyError(worker)

    with pytest.raises(KeyError, match="DataLoader worker 0"):
        list(DataLoader(Squares(), 4, num_workers=2, worker_init_fn=refuse))
    with pytest.raises(RuntimeError, match="DataLoader worker 0: stack"):
        list(DataLoader([mg.ones(1), mg.ones(2)], 2, num_workers=1))


def test_a_batch_that_takes_too_long() -> None:
    class Slow(Squares):
        def __getitem__(self, index: int) -> int:
            time.sleep(0.3)
            return index

    with pytest.raises(RuntimeError, match=r"timed out after 0\.01 seconds"):
        list(DataLoader(Slow(), 1, num_workers=1, timeout=0.01))


def test_no_thread_stays() -> None:
    before = threading.active_count()
    loader = DataLoader(Squares(), 2, num_workers=3)
    for _ in loader:
        break
    list(loader)
    del loader
    gc.collect()
    end = time.monotonic() + 30
    while threading.active_count() > before:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_no_more_than_the_prefetched_are_fetched_ahead() -> None:
    fetched: list[int] = []

    class Counting(Squares):
        def __getitem__(self, index: int) -> int:
            fetched.append(index)
            return index

    batches = iter(DataLoader(Counting(), 1, num_workers=2, prefetch_factor=2))
    next(batches)
    time.sleep(0.05)
    assert len(fetched) <= 4


class Point(NamedTuple):
    """An item with names."""

    x: float
    label: str


def test_collate() -> None:
    same(default_collate([1, 2]), mg.tensor([1, 2]))
    same(default_collate([1.5, 2]), mg.tensor([1.5, 2], dtype=mg.float64))
    same(default_collate([True, False]), mg.tensor([True, False]))
    same(default_collate([np.float32(1), np.float32(2)]), mg.tensor([1.0, 2.0]))
    arrays = [np.ones(2), np.zeros(2)]
    same(default_collate(arrays), mg.tensor([[1.0, 1], [0, 0]], dtype=mg.float64))
    assert default_collate(["a", "b"]) == ["a", "b"]
    same(default_collate([(X[0], 1), (X[1], 2)]), [X[:2], mg.tensor([1, 2])])
    found = default_collate([{"a": 1, "b": [2.0]}, {"a": 3, "b": [4.0]}])
    same(found["a"], mg.tensor([1, 3]))
    same(found["b"], [mg.tensor([2.0, 4], dtype=mg.float64)])
    point = default_collate([Point(1.0, "a"), Point(2.0, "b")])
    assert isinstance(point, Point) and point.label == ("a", "b") and point.x.tolist() == [1, 2]
    for batch, error, text in (
        ([object()], TypeError, "default_collate: batch must contain tensors"),
        ([[1], [1, 2]], RuntimeError, "equal size"),
        ([mg.ones(1), mg.ones(2)], RuntimeError, "equal size"),
    ):
        with pytest.raises(error, match=text):
            default_collate(batch)


def test_convert() -> None:
    same(default_convert(np.ones(2)), mg.ones(2, dtype=mg.float64))
    assert default_convert("a") == "a" and default_convert(3) == 3
    found = default_convert({"a": (np.int64(3), [np.zeros(1)])})
    same(found["a"][0], mg.tensor(3))
    assert isinstance(default_convert(Point(1.0, "b")), Point)


def test_data_sets_of_data_sets() -> None:
    both = Squares() + Squares()
    assert isinstance(both, ConcatDataset) and len(both) == 20
    assert [both[i] for i in (0, 9, 10, 19, -1, -20)] == [0, 81, 0, 81, 81, 0]
    for index, error in ((20, IndexError), (-21, ValueError)):
        with pytest.raises(error, match=str(index)):
            both[index]
    assert list(Numbers() + Numbers()) == [*range(10), *range(10)]
    part = Subset(TensorDataset(X, Y), [3, 1])
    assert len(part) == 2 and part[0][1].item() == 3 and part[[1, 0]][1].tolist() == [1, 3]
    assert [b.tolist() for _, b in DataLoader(part, 2)] == [[3, 1]]
    stacked = StackDataset(Squares(), Squares())
    assert stacked[3] == (9, 9) and len(stacked) == 10
    named = StackDataset(a=Squares(), b=TensorDataset(Y))
    assert named[2]["a"] == 4
    assert [len(b["a"]) for b in DataLoader(named, 4)] == [4, 4, 2]


def test_random_split() -> None:
    for lengths, wanted in (([7, 3], [7, 3]), ([0.55, 0.45], [6, 4]), ([1 / 3] * 3, [4, 3, 3])):
        parts = random_split(Squares(), lengths, mg.Generator().manual_seed(1))
        assert [len(p) for p in parts] == wanted
        assert sorted(i for p in parts for i in p.indices) == list(range(10))
    with pytest.warns(UserWarning, match="index 1 is 0"):
        random_split(Squares(), [1.0, 0.0])
    with pytest.raises(ValueError, match="sum to 9, not 10"):
        random_split(Squares(), [4, 5])
    with pytest.raises(ValueError, match="between 0 and 1"):
        random_split(Squares(), [1.5, -0.5])


def test_samplers() -> None:
    mg.manual_seed(1)
    assert list(SequentialSampler(Squares())) == list(range(10))
    assert sorted(RandomSampler(Squares())) == list(range(10))
    many = list(RandomSampler(Squares(), num_samples=25))
    assert len(many) == 25 and sorted(many[:10]) == sorted(many[10:20]) == list(range(10))
    drawn = list(RandomSampler(Squares(), replacement=True, num_samples=200))
    assert set(drawn) == set(range(10)) and len(drawn) == 200
    assert sorted(SubsetRandomSampler([2, 5, 7])) == [2, 5, 7]
    assert list(BatchSampler(SequentialSampler(range(5)), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(BatchSampler([0, 1, 2], 2, True)) == [[0, 1]]
    loader = DataLoader(Squares(), batch_sampler=[[1, 2], [3]])
    assert len(loader) == 2 and [b.tolist() for b in loader] == [[1, 4], [9]]
    assert [b.tolist() for b in DataLoader(Squares(), 2, sampler=[3, 2, 1])] == [[9, 4], [1]]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"num_workers": -1}, "num_workers option should be non-negative"),
        ({"timeout": -1}, "timeout option should be non-negative"),
        ({"prefetch_factor": 2}, "prefetch_factor"),
        ({"num_workers": 1, "prefetch_factor": 0}, "prefetch_factor"),
        ({"persistent_workers": True}, "persistent_workers option needs num_workers > 0"),
        ({"shuffle": True, "sampler": [1]}, "sampler option is mutually exclusive with shuffle"),
        ({"batch_sampler": [[1]], "batch_size": 2}, "batch_sampler option is mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, "disables auto-batching"),
        ({"batch_size": 0}, "batch_size should be a positive integer value"),
        ({"batch_size": 2.0}, "batch_size should be a positive integer value"),
        ({"drop_last": 1}, "drop_last should be a boolean value"),
    ],
)
def test_options_that_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        DataLoader(Squares(), **options)


def test_more_that_is_refused() -> None:
    for name, value in (("shuffle", True), ("sampler", [1]), ("batch_sampler", [[1]])):
        with pytest.raises(ValueError, match=f"expected unspecified {name} option"):
            DataLoader(Numbers(), **{name: value})
    with pytest.raises(ValueError, match="num_samples=0"):
        DataLoader([], shuffle=True)
    assert list(DataLoader([])) == []
    with pytest.raises(AssertionError, match=r"\[10, 9\]"):
        TensorDataset(X, Y[:9])
    with pytest.raises(ValueError, match=r"\[10, 1\]"):
        StackDataset(Squares(), [1])
    with pytest.raises(ValueError, match="At least one"):
        StackDataset()
    with pytest.raises(AssertionError, match="IterableDataset"):
        ConcatDataset([Numbers()])
    with pytest.raises(AssertionError, match="IterableDataset"):
        list(ChainDataset([Squares()]))
    with pytest.raises(TypeError):
        len(DataLoader(Numbers()))


def test_a_loader_is_iterated_anew_and_in_pieces() -> None:
    loader = DataLoader(TensorDataset(X, Y), 5)
    first, second = iter(loader), iter(loader)
    same(next(first), next(second))
    assert [b.tolist() for _, b in second] == [[5, 6, 7, 8, 9]]


ORDERS = {
    "batch sampler": lambda data, g: {
        "batch_sampler": BatchSampler(RandomSampler(data, generator=g), 4, False)
    },
    "given numbers": lambda data, g: {"sampler": SubsetRandomSampler([7, -1, 0, 3, 3], g)},
    "weights": lambda data, g: {
        "sampler": WeightedRandomSampler([*range(len(data))], 7, generator=g)
    },
    "more than once": lambda data, g: {"sampler": RandomSampler(data, num_samples=13, generator=g)},
    "drawn anew": lambda data, g: {"sampler": RandomSampler(data, True, generator=g)},
}


@pytest.mark.parametrize("kind", ORDERS)
def test_orders_of_tensors_are_those_one_by_one(kind: str) -> None:
    class Slow(TensorDataset):
        """One that a loader must ask item by item."""

    found = []
    for dataset in (TensorDataset(X, Y), Slow(X, Y)):
        for data in (dataset, Subset(Subset(dataset, [*range(9, 0, -1)]), np.arange(8))):
            options: Any = ORDERS[kind](data, mg.Generator().manual_seed(3))
            options |= {} if "batch_sampler" in options else {"batch_size": 3}
            loader = DataLoader(data, **options)
            assert gathers(loader) is (type(dataset) is TensorDataset)
            found.append([*loader, *loader])
    same(found[:2], found[2:])
