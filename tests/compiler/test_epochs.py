"""`step.repeat` of a loader is the loop over the loader, bit for bit."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from microgrest.kernels.source.codegen import interpreted
from microgrest.kernels.steps.cpu import along

import microgrest as mg
from microgrest.compiler.call import repeat as repeating
from microgrest.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
)

Data = TensorDataset


class Some(IterableDataset[Any]):
    """Items one after the other, of nobody knows how many."""

    def __iter__(self) -> Iterator[Any]:
        yield from zip(mg.linspace(-1, 1, 14).reshape(7, 2), mg.linspace(0, 1, 7), strict=True)


def shuffled(data: Any, size: int = 4, **options: Any) -> Any:
    """Its order and the step's dropout are drawn of one stream."""
    return DataLoader(data, size, shuffle=True, **options)


LOADERS: dict[str, Callable[[Any], Any]] = {
    "in order": lambda data: DataLoader(data, 4),
    "shuffled, the last one smaller": shuffled,
    "dropped": lambda data: shuffled(data, drop_last=True),
    "of one row": lambda data: shuffled(data, 1),
    "larger than the data": lambda data: shuffled(data, 100),
    "one item": lambda data: shuffled(Subset(data, [3])),
    "subset": lambda data: shuffled(Subset(Subset(data, [*range(20)]), np.arange(17))),
    "empty": lambda data: DataLoader(Subset(data, []), 4),
    "its own stream": lambda data: shuffled(data, generator=mg.Generator().manual_seed(5)),
    "weights": lambda data: DataLoader(data, 4, sampler=WeightedRandomSampler([*range(22)], 14)),
    "batch sampler": lambda data: DataLoader(
        data, batch_sampler=BatchSampler(RandomSampler(data), 5, False)
    ),
    "a list of numbers": lambda data: DataLoader(data, 4, sampler=[5, 3, 1, 1, 2, 0]),
    "workers": lambda data: shuffled(data, num_workers=2),
    "one function": lambda data: DataLoader(
        data, 4, collate_fn=lambda items: tuple(map(mg.stack, zip(*items, strict=True)))
    ),
    "items": lambda data: DataLoader(Some(), 3),
    "list": lambda data: [(x, y) for x, y in DataLoader(data, 8)],
}


class Fit:
    """A line with dropout, by Adam, of 22 rows."""

    def __init__(self) -> None:
        mg.manual_seed(0)
        self.model = mg.nn.Linear(2, 1)
        self.optimizer = mg.optim.Adam(self.model.parameters(), lr=0.05)
        self.data = Data(mg.randn(22, 2), mg.randn(22))
        self.step = mg.compile(self.loss)

    def loss(self, x: Any, y: Any) -> Any:
        self.optimizer.zero_grad()
        found = self.model(mg.nn.functional.dropout(x, 0.3))
        loss = (found[:, 0] - y).square().mean()
        loss.backward()
        self.optimizer.step()
        return loss

    def state(self) -> list[Any]:
        state = self.optimizer.state_dict()["state"]
        return [
            *(p.tolist() for p in self.model.parameters()),
            *(np.asarray(t).tolist() for s in state.values() for t in s.values()),
            mg.rand(3).tolist(),  # as many numbers were drawn
        ]


@pytest.fixture(params=[1, 5])
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of so many steps, whatever the machine does, the loop over them in machine code."""
    monkeypatch.setattr(repeating, "_paced", lambda pace, steps, seconds: request.param)


@pytest.mark.parametrize("kind", LOADERS)
@pytest.mark.usefixtures("chunks")
def test_a_loader_is_the_loop_over_it(kind: str) -> None:
    fit, twin = Fit(), Fit()
    loader, theirs = LOADERS[kind](fit.data), LOADERS[kind](twin.data)
    mg.manual_seed(1)
    losses = [twin.step(*batch).item() for _ in range(5) for batch in theirs]
    state = twin.state()
    mg.manual_seed(1)
    told: list[Any] = []
    result, history = fit.step.repeat(
        loader, epochs=5, history=1, progress=lambda done, n: told.append((done, n))
    )
    assert history.tolist() == losses
    assert (result is None) if kind == "empty" else result.item() == losses[-1]
    assert fit.state() == state
    known = None if kind == "items" else len(losses)
    assert not losses or told[-1] == (len(losses), known)


@pytest.mark.skipif(interpreted(), reason="there is no machine code")
def test_the_loop_is_machine_code(monkeypatch: pytest.MonkeyPatch) -> None:
    fit, twin = Fit(), Fit()
    mg.manual_seed(0)
    fit.step.repeat(DataLoader(fit.data, 2), epochs=2)
    calls: list[int] = []
    run = along.Along.__call__

    def counted(self: Any, numbers: Any, *given: Any) -> int:
        calls.append(len(numbers))
        return run(self, numbers, *given)

    monkeypatch.setattr(along.Along, "ready", lambda self: True)
    monkeypatch.setattr(along.Along, "__call__", counted)
    monkeypatch.setattr(repeating, "_paced", lambda *a: 11)
    mg.manual_seed(1)
    fit.step.repeat(DataLoader(fit.data, 2), epochs=3)
    assert sum(calls) >= 22
    state = fit.state()
    mg.manual_seed(0)
    for _ in range(2):
        for batch in DataLoader(twin.data, 2):
            twin.step(*batch)
    mg.manual_seed(1)
    for _ in range(3):
        for batch in DataLoader(twin.data, 2):
            twin.step(*batch)
    assert twin.state() == state


@pytest.mark.skipif(interpreted(), reason="there is no machine code")
@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals need the main thread"
)
@pytest.mark.parametrize("chunk", [3, 5])
def test_ctrl_c_leaves_whole_steps(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """While native code is in the third epoch; the next call goes on from there."""
    fit, twin = Fit(), Fit()
    run = along.Along.__call__
    calls: list[int] = []

    def interrupted(self: Any, numbers: Any, *given: Any) -> int:
        calls.append(len(numbers))
        if sum(calls) > 12:
            signal.raise_signal(signal.SIGINT)
        return run(self, numbers, *given)

    monkeypatch.setattr(along.Along, "ready", lambda self: True)
    monkeypatch.setattr(along.Along, "__call__", interrupted)
    monkeypatch.setattr(repeating, "_paced", lambda *a: chunk)
    mg.manual_seed(1)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored here
    try:
        with pytest.raises(KeyboardInterrupt):
            fit.step.repeat(shuffled(fit.data), epochs=100)
    finally:
        signal.signal(signal.SIGINT, before)
    monkeypatch.setattr(along.Along, "__call__", run)
    (done,) = {int(state["step"]) for state in fit.optimizer.state.values()}
    assert 12 < done < 30
    state = fit.state()
    mg.manual_seed(1)
    for _, batch in zip(
        range(done), (b for _ in range(9) for b in shuffled(twin.data)), strict=False
    ):
        twin.step(*batch)
    assert state == twin.state()
    fit.step.repeat(shuffled(fit.data), epochs=1)
    (after,) = {int(state["step"]) for state in fit.optimizer.state.values()}
    assert after == done + 6


def test_batches_are_taken_by_number_too() -> None:
    fit, twin = Fit(), Fit()
    mg.manual_seed(1)
    fit.step.repeat(15, batches=shuffled(fit.data))
    state = fit.state()
    mg.manual_seed(1)
    order = (batch for _ in range(3) for batch in shuffled(twin.data))
    for _, batch in zip(range(15), order, strict=False):
        twin.step(*batch)
    assert twin.state() == state


def test_arguments_before_batches_callbacks_and_an_end() -> None:
    total, seen = mg.zeros(()), []
    step = mg.compile(lambda k, x: total.add_(k * x.sum()))
    loader = DataLoader(Data(mg.ones(12)), 2)
    step.repeat(loader, 3, epochs=4, every=6, callback=lambda k, t: seen.append((k, t.item())))
    assert seen == [(6, 36), (12, 72), (18, 108), (24, 144)]
    step.repeat(loader, 3, epochs=9, every=6, until=lambda k, t: k == 12)
    assert total.item() == 144 + 72


@pytest.mark.filterwarnings("ignore:invalid value encountered in sqrt:RuntimeWarning")
@pytest.mark.usefixtures("chunks")
def test_nan_of_a_batch_is_at_its_step() -> None:
    """In the third epoch; orders are drawn of the stream of the step's own numbers."""

    def trained(eager: bool) -> Any:
        mg.manual_seed(0)
        weight, x = mg.full((), 3.0), mg.ones(8)
        x[5] = 1.5

        def step(x: Any) -> Any:
            weight.sub_((x * (0.2 + 0.1 * mg.rand(2))).sum())
            return (weight + 3).sqrt()

        loader = DataLoader(Data(x), 2, shuffle=True)
        if not eager:
            with pytest.raises(FloatingPointError) as caught:
                mg.compile(step).repeat(loader, epochs=9)
            return str(caught.value), weight.item()
        losses = (step(*batch).item() for _ in range(9) for batch in loader)
        number = next(k for k, loss in enumerate(losses, 1) if loss != loss)
        return number, weight.item()

    (number, weight), (text, ours) = trained(eager=True), trained(eager=False)
    assert number > 8
    assert f"at step {number}: the first NaN came from sqrt" in text
    assert ours == weight


@pytest.mark.filterwarnings("ignore:invalid value encountered in sqrt:RuntimeWarning")
@pytest.mark.parametrize("loaded", [False, True])
def test_a_batch_that_is_written_is_written_once(loaded: bool) -> None:
    """Although steps run again, to find where a NaN came from."""

    def trained(eager: bool) -> Any:
        weight, x = mg.full((), 3.0), mg.arange(1.0, 17.0).reshape(8, 2)
        batches = DataLoader(Data(x), 1) if loaded else [(row.clone(),) for row in x]

        def step(x: Any) -> Any:
            x.mul_(2)
            weight.sub_(x.sum() / 40)
            return (weight + 3).sqrt()

        if eager:
            for _, batch in zip(range(8), (b for _ in range(2) for b in batches), strict=False):
                step(*batch)
        else:
            with pytest.raises(FloatingPointError, match="at step 8"):
                mg.compile(step).repeat(8, batches=batches)
        return weight.item(), x.tolist(), [mg.stack(batch).tolist() for batch in batches]

    assert trained(eager=False) == trained(eager=True)


def test_an_index_out_of_range_ends_before_its_step() -> None:
    rows = mg.arange(24) % 5
    rows[17] = 7
    table, total = mg.arange(5.0), mg.zeros(())
    step = mg.compile(lambda at: total.add_(table[at].sum()))
    loader = DataLoader(Data(rows[:16]), 2)
    step.repeat(loader, epochs=3)
    before = total.item()
    with pytest.raises(IndexError, match="out of range"):
        step.repeat(DataLoader(Data(rows), 2))
    assert total.item() == before + table[rows[:16]].sum().item()


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize("kind", ["data", "batch"])
def test_a_step_may_write_to(kind: str) -> None:
    """Rows are gathered ahead, but for those that a step before them changes."""

    def trained(repeated: bool) -> list[list[float]]:
        mg.manual_seed(0)
        data, seen = mg.arange(1.0, 15), mg.zeros(3)

        def step(x: Any) -> Any:
            seen.mul_(0.5).add_(x)
            (data if kind == "data" else x).mul_(0.5)
            return (seen + x).sum()

        compiled = mg.compile(step)
        loader = DataLoader(Data(data), 3, shuffle=True, drop_last=True)
        if repeated:
            _, history = compiled.repeat(loader, epochs=6, history=1)
            return [history.tolist(), seen.tolist(), data.tolist()]
        losses = [compiled(*batch).item() for _ in range(6) for batch in loader]
        return [losses, seen.tolist(), data.tolist()]

    assert trained(True) == trained(False)


@pytest.mark.usefixtures("chunks")
def test_an_item_that_is_not_there_ends_before_its_batch() -> None:
    total = mg.zeros(())
    step = mg.compile(lambda x: total.add_(x.sum()))
    loader = DataLoader(Subset(Data(mg.arange(1.0, 13)), [*range(10), 12]), 2)
    for k in (1, 2):
        with pytest.raises(IndexError, match="out of bounds"):
            step.repeat(loader, epochs=3)
        assert total.item() == 55 * k


def test_gradients_of_the_data_are_those_of_the_loop() -> None:
    x = mg.ones(4, requires_grad=True)
    step = mg.compile(lambda x: x.sum() * 2)
    assert step.repeat(DataLoader(Data(x), 2), epochs=2).item() == 4


@pytest.mark.parametrize(
    ("given", "options", "error", "text"),
    [
        (10, {"epochs": 2}, TypeError, "epochs are of a loader"),
        ([mg.ones(2)], {"batches": [mg.ones(2)]}, TypeError, "not both"),
        ([mg.ones(2)], {"epochs": 1.5}, TypeError, "epochs must be an integer"),
        ([mg.ones(2)], {"epochs": -1}, ValueError, "epochs must be at least 0"),
        (iter([mg.ones(2)]), {"epochs": 2}, TypeError, "iterated only once"),
        (DataLoader(Some()), {"progress": True}, ValueError, "a loader that has a length"),
    ],
)
def test_what_cannot_be(given: Any, options: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        mg.compile(lambda x: x.sum()).repeat(given, **options)
