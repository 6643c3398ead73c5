"""`step.repeat` does what as many calls do, and answers on the way."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from bits import linear_in_parts as linear_in_parts
from interpreter import build

import microgrest as mg
from microgrest.compiler.call import repeat as repeating
from microgrest.compiler.call.step import Step


def compiled(fn: Callable[..., Any]) -> Step:
    """`fn` over the interpreter of traces."""
    return Step(fn, build=build)


class Fit:
    """A line fitted to data, by Adam."""

    def __init__(self, rate: float = 0.05) -> None:
        mg.manual_seed(0)
        self.model = mg.nn.Linear(2, 1)
        self.optimizer = mg.optim.Adam(self.model.parameters(), lr=rate)
        self.x = mg.linspace(-1, 1, 16).reshape(8, 2)
        self.calls = 0

    def loss(self, x: Any) -> Any:
        self.optimizer.zero_grad()
        loss = (self.model(x) - 1).square().mean()
        loss.backward()
        self.optimizer.step()
        return loss

    def step(self) -> Any:
        return self.loss(self.x)

    def weights(self) -> Any:
        return np.concatenate([p.detach().numpy().reshape(-1) for p in self.model.parameters()])


def by_hand(n: int) -> tuple[Any, list[float]]:
    """Weights and losses of `n` eager steps."""
    fit = Fit()
    losses = [fit.step().item() for _ in range(n)]
    return fit.weights(), losses


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of a few steps, whatever the machine does."""
    monkeypatch.setattr(repeating, "_paced", lambda pace, steps, seconds: 7)


# Results


@pytest.mark.parametrize("n", [1, 2, 3, 10, 25])
def test_n_steps_are_n_calls(n: int) -> None:
    weights, losses = by_hand(n)
    fit = Fit()
    result = compiled(fit.step).repeat(n)
    assert result.item() == losses[-1]
    assert result.grad_fn is None
    np.testing.assert_array_equal(fit.weights(), weights)
    assert {state["step"] for state in fit.optimizer.state.values()} == {n}


def test_results_do_not_depend_on_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    weights, _ = by_hand(30)
    for size in (1, 4, 1000):
        monkeypatch.setattr(repeating, "_paced", lambda *a, size=size: size)
        fit = Fit()
        compiled(fit.step).repeat(30)
        np.testing.assert_array_equal(fit.weights(), weights)


def test_arguments_are_given_to_every_step() -> None:
    total = mg.zeros(())

    def step(x: Any, k: int) -> Any:
        total.add_(x.sum() * k)
        return total + 0

    assert compiled(step).repeat(10, mg.ones(3), 2).item() == 60
    assert total.item() == 60


def test_no_steps() -> None:
    fit = Fit()
    weights = fit.weights()
    step = compiled(fit.step)
    assert step.repeat(0) is None
    result, history = step.repeat(0, history=1)
    assert result is None
    assert history.shape == (0,)
    np.testing.assert_array_equal(fit.weights(), weights)


# Callbacks


def test_callbacks_come_after_every_so_many_steps() -> None:
    _, losses = by_hand(25)
    seen: list[tuple[int, float]] = []
    step = compiled(Fit().step)
    step.repeat(25, callback=lambda k, loss: seen.append((k, loss.item())), every=10)
    assert seen == [(10, losses[9]), (20, losses[19])]


def test_a_callback_after_each_step() -> None:
    seen: list[int] = []
    compiled(Fit().step).repeat(5, callback=lambda k, loss: seen.append(k))
    assert seen == [1, 2, 3, 4, 5]


def test_until_ends_the_steps() -> None:
    weights, losses = by_hand(15)
    fit = Fit()
    seen: list[int] = []
    result = compiled(fit.step).repeat(
        1000,
        until=lambda k, loss: k >= 13,
        callback=lambda k, loss: seen.append(k),
        every=5,
    )
    assert result.item() == losses[-1]
    assert seen == [5, 10, 15]
    np.testing.assert_array_equal(fit.weights(), weights)


def test_a_callback_may_change_what_the_step_rests_on() -> None:
    fit, twin = Fit(), Fit()

    def slow(k: int, loss: Any) -> None:
        fit.optimizer.param_groups[0]["lr"] = 0.05 / (1 + k)

    compiled(fit.step).repeat(20, callback=slow, every=4)
    for k in range(1, 21):
        twin.step()
        if k % 4 == 0:
            twin.optimizer.param_groups[0]["lr"] = 0.05 / (1 + k)
    np.testing.assert_array_equal(fit.weights(), twin.weights())


# Batches


def batches() -> list[tuple[Any]]:
    source = np.random.default_rng(0)
    shapes = [(4, 2), (4, 2), (3, 2)]
    return [(mg.tensor(source.normal(size=s).astype(np.float32)),) for s in shapes]


@pytest.mark.parametrize("kind", ["list", "generator", "single tensors", "extra"])
def test_batches_are_cycled(kind: str) -> None:
    twin = Fit()
    for i in range(20):
        twin.loss(*batches()[i % 3])
    fit = Fit()
    given: Any = batches()
    if kind == "generator":
        given = (batch for batch in given)
    elif kind == "single tensors":
        given = [batch[0] for batch in given]
    step = compiled(fit.loss if kind != "extra" else lambda fit, x: fit.loss(x))
    step.repeat(20, *([fit] if kind == "extra" else []), batches=given)
    np.testing.assert_array_equal(fit.weights(), twin.weights())
    assert len(step.recordings) == 2


def test_a_loader_is_iterated_anew() -> None:
    class Loader:
        rounds = 0

        def __iter__(self) -> Iterator[Any]:
            self.rounds += 1
            return iter([mg.full((2,), float(self.rounds)), mg.zeros(2)])

    loader = Loader()
    total = mg.zeros(2)
    compiled(lambda x: total.add_(x)).repeat(6, batches=loader)
    assert loader.rounds == 3
    assert total.tolist() == [6, 6]


def test_one_batch_is_the_same_as_an_argument() -> None:
    total = mg.zeros(2)
    compiled(lambda x: total.add_(x)).repeat(20, batches=[mg.ones(2)])
    assert total.tolist() == [20, 20]


# History


@pytest.mark.parametrize("every", [1, 3, 7, 30])
def test_history_of_a_loss(every: int) -> None:
    _, losses = by_hand(25)
    result, history = compiled(Fit().step).repeat(25, history=every)
    assert result.item() == losses[-1]
    assert history.dtype == np.float32
    assert history.tolist() == losses[every - 1 :: every]


def test_history_has_the_form_of_the_result() -> None:
    count = mg.zeros((), dtype=mg.int64)

    def step() -> Any:
        count.add_(1)
        copy = count * 1
        return {"count": copy, "pair": (copy, mg.ones(3) * count, "text"), "half": count * 0.5}

    _, history = compiled(step).repeat(6, history=2)
    assert history["count"].tolist() == [2, 4, 6]
    assert history["count"].dtype == np.int64
    assert history["pair"][0].tolist() == [2, 4, 6]
    assert history["pair"][1:] == (None, None)
    assert history["half"].tolist() == [1, 2, 3]


def test_history_ends_where_the_steps_do() -> None:
    _, losses = by_hand(6)
    _, history = compiled(Fit().step).repeat(50, history=2, until=lambda k, loss: k == 6)
    assert history.tolist() == losses[1::2]


def test_history_needs_numbers() -> None:
    with pytest.raises(ValueError, match="the step returns none"):
        compiled(lambda: mg.ones(3)).repeat(5, history=1)


# Progress and interruption


def test_progress_is_told() -> None:
    seen: list[tuple[int, int]] = []
    compiled(Fit().step).repeat(20, progress=lambda done, n: seen.append((done, n)))
    assert seen[-1] == (20, 20)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_a_bar_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    compiled(Fit().step).repeat(5, progress=True)
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals need the main thread"
)
def test_ctrl_c_leaves_a_whole_step(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = Fit()
    step = compiled(fit.step)
    step.repeat(5)
    (found,) = step.recordings
    run = found._run

    def interrupted(*args: Any) -> int:
        signal.raise_signal(signal.SIGINT)
        return run(*args)

    monkeypatch.setattr(found, "_run", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored here
    try:
        with pytest.raises(KeyboardInterrupt):
            step.repeat(1000)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    monkeypatch.undo()
    done = {state["step"] for state in fit.optimizer.state.values()}
    weights, _ = by_hand(*done)
    np.testing.assert_array_equal(fit.weights(), weights)


def test_in_another_thread() -> None:
    fit = Fit()
    step = compiled(fit.step)
    thread = threading.Thread(target=lambda: step.repeat(10))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(fit.weights(), by_hand(10)[0])


# NaN and infinity


def here() -> int:
    """The line of the caller."""
    return sys._getframe(1).f_lineno


@pytest.mark.parametrize("size", [1, 7, 50])
def test_nan_in_a_result(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeating, "_paced", lambda *a: size)
    x = mg.full((), 12.5)
    line = here() + 4

    def step() -> Any:
        x.sub_(1)
        return x.sqrt() * 2

    message = rf"result at step 13: the first NaN came from sqrt at test_repeat.py:{line}"
    with pytest.raises(FloatingPointError, match=message):
        compiled(step).repeat(30)
    assert x.item() == -0.5


@pytest.mark.parametrize("size", [1, 7, 50])
def test_infinity_in_what_is_written(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeating, "_paced", lambda *a: size)
    x, count = mg.ones(3), mg.zeros(())
    line = here() + 4

    def step() -> Any:
        count.add_(1)
        x.mul_(1e10)
        return count + 0

    message = rf"writes at step 4: the first infinity came from mul at test_repeat.py:{line}"
    with pytest.raises(FloatingPointError, match=message):
        compiled(step).repeat(30)
    assert count.item() == 4


def test_nan_with_optimizers_schedulers_and_random_numbers() -> None:
    def run(eager: bool) -> Any:
        mg.manual_seed(1)
        p = mg.nn.Parameter(mg.ones(4))
        optimizer = mg.optim.SGD([p], lr=1.0, momentum=0.9)
        scheduler = mg.optim.lr_scheduler.StepLR(optimizer, 2, 3.0)

        def step() -> Any:
            optimizer.zero_grad()
            loss = (p * p * mg.rand(4)).sum()
            loss.backward()
            optimizer.step()
            scheduler.step()
            return loss

        if eager:
            steps, loss = 0, mg.zeros(())
            while bool(mg.isfinite(p).all() and mg.isfinite(loss)):
                steps, loss = steps + 1, step()
            return steps, optimizer.param_groups[0]["lr"]
        with pytest.raises(FloatingPointError) as caught:
            compiled(step).repeat(1000)
        return caught, optimizer.param_groups[0]["lr"]

    steps, rate = run(eager=True)
    caught, told = run(eager=False)
    assert f"at step {steps}:" in str(caught.value)
    assert told == rate


def test_nan_in_the_first_step() -> None:
    x = mg.full((), -1.0)
    with pytest.raises(FloatingPointError, match="at step 1: the first NaN came from log"):
        compiled(lambda: x.log()).repeat(5)


def test_infinities_that_end_well_are_fine() -> None:
    x = mg.zeros(3)

    def step() -> Any:
        x.add_(1)
        return mg.exp(mg.full((3,), -float("inf")) * x).sum()

    assert compiled(step).repeat(10).item() == 0


def test_nobody_looks() -> None:
    x = mg.full((), 3.0)
    assert mg.isnan(compiled(lambda: x.sub_(1).sqrt()).repeat(10, nan_check=False)).item()


def test_state_that_is_too_large_to_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeating, "KEPT_BYTES", 4)
    x = mg.full((3,), 12.5)
    compiled_step = compiled(lambda: x.sub_(1).sqrt())
    with pytest.raises(FloatingPointError, match=r"result at step \d+$"):
        compiled_step.repeat(30)
    y = mg.ones(3)
    with pytest.raises(FloatingPointError, match="appeared in steps 4 to 9"):
        compiled(lambda: (y.mul_(1e10) < 0).sum()).repeat(9)


# Arguments


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"n": -1}, ValueError, "n must be at least 0, got -1"),
        ({"n": 2.5}, TypeError, "n must be an integer, got 2.5"),
        ({"n": "3"}, TypeError, "n must be an integer"),
        ({"every": 0}, ValueError, "every must be at least 1, got 0"),
        ({"history": 0}, ValueError, "history must be at least 1"),
        ({"history": 0.5}, TypeError, "history must be an integer"),
        ({"callback": 3}, TypeError, "callback must be a function"),
        ({"until": 3}, TypeError, "until must be a function"),
        ({"batches": 3}, TypeError, "batches must be an iterable"),
        ({"batches": mg.ones(3)}, TypeError, "batches must be an iterable"),
        ({"batches": []}, ValueError, "batches is empty"),
    ],
)
def test_errors(options: dict[str, Any], error: type[Exception], text: str) -> None:
    step = compiled(lambda *x: mg.ones(()))
    with pytest.raises(error, match=text):
        step.repeat(**{"n": 5, **options})


def test_a_step_that_is_recorded_repeats_nothing() -> None:
    inner = compiled(lambda: mg.ones(()))

    def outer() -> Any:
        return inner.repeat(3)

    step = compiled(outer)
    step()
    with pytest.raises(RuntimeError, match=r"repeat at .*test_repeat\.py"):
        step()


def test_numpy_integers_count() -> None:
    total = mg.zeros(())
    compiled(lambda: total.add_(1)).repeat(np.int64(5))
    assert total.item() == 5


def test_pace() -> None:
    assert paced(1, 1, 1e-7) == 16
    assert paced(100, 100, 0.05) == 100
    assert paced(100, 100, 1.0) == 5
    assert paced(1, 1, 10.0) == 1
    assert paced(1 << 17, 1 << 17, 1e-9) == repeating.LONGEST


paced = repeating._paced


def test_an_index_out_of_range_ends_after_a_whole_step() -> None:
    def make() -> Any:
        mg.manual_seed(0)
        table, words = mg.randn(5, requires_grad=True), mg.tensor([0, 4])
        rule = mg.optim.Adam([table], lr=0.1)
        schedule = mg.optim.lr_scheduler.ExponentialLR(rule, 0.99)

        def step(words: Any) -> Any:
            rule.zero_grad()
            loss = (table[words] ** 2).sum()
            loss.backward()
            rule.step()
            schedule.step()
            return loss

        return step, words, (table, rule, schedule)

    def left(table: Any, rule: Any, schedule: Any) -> Any:
        return table.tolist(), rule.state[table]["step"], schedule.last_epoch

    step, words, all_of_it = make()
    run = compiled(step)
    run.repeat(50, words)
    eager, _, expected = make()
    for _ in range(50):
        eager(words)
    assert left(*all_of_it)[1:] == left(*expected)[1:] == (50, 50)
    before = left(*all_of_it)
    words[1] = 9
    with pytest.raises(IndexError, match="out of range"):
        run.repeat(1000, words)
    assert left(*all_of_it) == before
    with pytest.raises(IndexError, match="out of range"):
        run(words)
    assert left(*all_of_it) == before
    words[1] = 4
    good, bad = mg.tensor([0, 4]), mg.tensor([0, 5])
    with pytest.raises(IndexError, match="out of range"):
        run.repeat(10, batches=[good, good, bad])
    eager(good), eager(good)
    assert left(*all_of_it)[1:] == left(*expected)[1:] == (52, 52)
    np.testing.assert_allclose(all_of_it[0].tolist(), expected[0].tolist(), rtol=1e-5)


def test_history_takes_room_as_steps_come() -> None:
    fit = Fit()
    _, losses = compiled(fit.step).repeat(10**12, history=1, until=lambda k, loss: k == 100)
    assert losses.shape == (100,) and np.isfinite(losses).all()


def test_history_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("microgrest.compiler.call.history.FIRST", 3)
    _, losses = compiled(Fit().step).repeat(100, history=2)
    _, expected = compiled(Fit().step).repeat(100, history=1)
    np.testing.assert_array_equal(losses, expected[1::2])


@dataclass
class Report:
    loss: mg.Tensor
    size: mg.Tensor
    name: str = "fit"


def test_history_of_a_dataclass() -> None:
    fit = Fit()

    def step() -> Report:
        loss = fit.step()
        return Report(loss, loss * 2)

    result, history = compiled(step).repeat(20, history=5)
    assert isinstance(history, Report) and history.name is None
    assert history.loss[-1] == result.loss.item() and history.loss.shape == (4,)
    np.testing.assert_array_equal(history.size, 2 * history.loss)
    mg.compile(step, verify=1).repeat(4)
