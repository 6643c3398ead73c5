"""`utils.data` beside PyTorch's: the same programs, run by both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrest as mg

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


def plain(x: Any) -> Any:
    """Tensors as lists with their dtypes, containers with their types."""
    if hasattr(x, "tolist") and hasattr(x, "dtype"):
        return str(x.dtype).rpartition(".")[2], tuple(x.shape), x.tolist()
    if isinstance(x, dict):
        return {key: plain(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x).__name__, [plain(value) for value in x]
    return x


ITEMS: list[list[Any]] = [
    [1, 2, 3],
    [1.0, 2.0],
    [True, False],
    [np.float32(1), np.float32(2)],
    [np.int16(1), np.int16(2)],
    [np.ones((2, 2)), np.zeros((2, 2))],
    [np.array(3), np.array(4)],
    ["a", "b"],
    [b"a", b"b"],
    [(1, 2.0), (3, 4.0)],
    [[1, "x"], [2, "y"]],
    [{"a": 1, "b": (1.0, [2])}, {"a": 2, "b": (3.0, [4])}],
]


@pytest.mark.parametrize("items", ITEMS, ids=str)
def test_collating(items: list[Any]) -> None:
    ours, theirs = mg.utils.data, torch.utils.data
    assert plain(ours.default_collate(items)) == plain(theirs.default_collate(items))
    for item in items:
        assert plain(ours.default_convert(item)) == plain(theirs.default_convert(item))


@pytest.mark.parametrize("options", [{}, {"batch_size": 4}, {"batch_size": 4, "drop_last": True}])
@pytest.mark.parametrize("workers", [0, 2])
def test_loading(options: dict[str, Any], workers: int) -> None:
    found = []
    for library in (mg, torch):
        data = library.utils.data
        x = library.arange(10.0).reshape(10, 1)
        for dataset in (
            data.TensorDataset(x, library.arange(10)),
            data.Subset(data.TensorDataset(x), [3, 4, 9]),
            data.StackDataset(data.TensorDataset(x), list(range(10))),
        ):
            count = workers if library is mg else 0  # processes take seconds to start
            loader = data.DataLoader(dataset, num_workers=count, **options)
            found.append([len(loader), plain(list(loader))])
    assert found[:3] == found[3:]


REFUSED: list[Callable[[Any], Any]] = [
    lambda data: data.DataLoader([1], num_workers=-1),
    lambda data: data.DataLoader([1], timeout=-1),
    lambda data: data.DataLoader([1], prefetch_factor=1),
    lambda data: data.DataLoader([1], persistent_workers=True),
    lambda data: data.DataLoader([1], shuffle=True, sampler=[0]),
    lambda data: data.DataLoader([1], batch_sampler=[[0]], drop_last=True),
    lambda data: data.DataLoader([1], batch_size=None, drop_last=True),
    lambda data: data.DataLoader([1], batch_size=0),
    lambda data: data.DataLoader([1], batch_size=1.5),
    lambda data: data.DataLoader([], shuffle=True),
    lambda data: data.default_collate([object()]),
    lambda data: data.default_collate([[1], [1, 2]]),
    lambda data: data.StackDataset(),
    lambda data: data.StackDataset([1], [1, 2]),
    lambda data: data.StackDataset([1], a=[1]),
    lambda data: data.ConcatDataset([]),
    lambda data: data.ConcatDataset([[1], [2]])[-3],
    lambda data: data.ConcatDataset([[1], [2]])[2],
    lambda data: data.random_split([1, 2], [1, 2]),
    lambda data: data.random_split([1, 2], [1.5, -0.5]),
    lambda data: data.RandomSampler([1], replacement=1),
    lambda data: data.RandomSampler([1], num_samples=0),
    lambda data: data.BatchSampler([1], 0, False),
    lambda data: data.BatchSampler([1], 1, 0),
    lambda data: list(data.DataLoader([1], sampler=[3])),
]


@pytest.mark.parametrize("call", range(len(REFUSED)))
def test_what_is_refused(call: int) -> None:
    kinds = []
    for library in (mg, torch):
        with pytest.raises(Exception) as raised:
            REFUSED[call](library.utils.data)
        kinds.append(raised.type)
    assert kinds[0] is kinds[1]
