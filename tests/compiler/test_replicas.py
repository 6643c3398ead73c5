"""Replicas: each is, bit for bit, the training that it would be alone, by `repeat`."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from interpreter import build

import microgrest as mg
from microgrest import nn, optim
from microgrest.compiler.call.step import Step
from microgrest.compiler.replicas import chunks
from microgrest.optim import lr_scheduler
from microgrest.random import default_generator

F = nn.functional


def compiled(fn: Callable[..., Any]) -> Step:
    """`fn` over the interpreter of traces."""
    return Step(fn, build=build)


def state(held: Any) -> dict[str, Any]:
    """All that a training changes, by name."""
    found: dict[str, Any] = {"stream": (default_generator._seed, default_generator._offset)}
    for name, value in vars(held).items():
        if isinstance(value, nn.Module):
            for key, t in value.state_dict().items():
                found[f"{name}.{key}"] = t.detach().numpy().tobytes()
            for key, p in value.named_parameters():
                found[f"{name}.{key}.grad"] = None if p.grad is None else p.grad.numpy().tobytes()
        elif isinstance(value, mg.Tensor):
            found[name] = value.detach().numpy().tobytes()
            found[f"{name}.grad"] = None if value.grad is None else value.grad.numpy().tobytes()
        elif isinstance(value, optim.Optimizer):
            saved = value.state_dict()
            found[f"{name}.options"] = repr(saved["param_groups"])
            for k, entries in saved["state"].items():
                for key, x in entries.items():
                    inside = x.numpy().tobytes() if isinstance(x, mg.Tensor) else x
                    found[f"{name}.{k}.{key}"] = inside
        elif isinstance(value, lr_scheduler.LRScheduler):
            found[name] = repr(value.state_dict())
    return found


def equal(a: Any, b: Any) -> bool:
    """Whether two results hold the same bits, in the same form."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, (mg.Tensor, np.ndarray)):
        a, b = np.asarray(a), np.asarray(b)
        return bool(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())
    return bool(a == b)


def one_of(result: Any, i: int) -> Any:
    """What a result of many is for replica `i`."""
    if isinstance(result, dict):
        return {k: one_of(v, i) for k, v in result.items()}
    if isinstance(result, (tuple, list)):
        return type(result)(one_of(v, i) for v in result)
    return result[i] if isinstance(result, np.ndarray) else result


def check(
    held: Any,
    step: Any,
    n: int,
    init: Any = None,
    *args: Any,
    steps: int = 7,
    of: Callable[[int], Any] = lambda i: (),
    **options: Any,
) -> Any:
    """Train `n` replicas, and each of them alone with arguments `of(i)`: the same all over."""
    many = step.replicas(n, init, *args, **options)
    starts = step.replicas(n, init, *args, **{**options, "seed": many.seeds})
    before = state(held)
    result, history = many.repeat(steps, history=2)
    assert state(held) == before
    for i in range(n):
        starts.load(i)
        alone, kept = step.repeat(steps, *(of(i) or args), history=2)
        wanted = state(held)
        assert equal(one_of(result, i), alone)
        assert equal(one_of(history, i), kept)
        starts.load(i)
        assert equal(many.load(i), alone)
        assert state(held) == wanted
    assert many.done.tolist() == [steps] * n and not many.errors
    return many


class Fit:
    """A net fitted to data, by an optimizer."""

    def __init__(
        self,
        make: Callable[..., Any] = optim.Adam,
        layers: Callable[[], list[nn.Module]] = list,
        **options: Any,
    ) -> None:
        mg.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), *layers(), nn.Linear(4, 1))
        self.optimizer = make(self.model.parameters(), **options)
        self.x = mg.linspace(-1, 1, 16).reshape(8, 2)
        self.y = self.x.square().sum(1, keepdim=True)

    def step(self) -> Any:
        return self.loss(self.x, self.y)

    def loss(self, x: Any, y: Any) -> Any:
        self.optimizer.zero_grad()
        loss = F.mse_loss(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss

    def init(self, i: int) -> None:
        """Other parameters, and another learning rate."""
        for module in self.model:
            if isinstance(module, nn.Linear):
                module.reset_parameters()
        self.optimizer.param_groups[0]["lr"] *= 1 + i


RULES = {
    "SGD": {"lr": 0.1},
    "momentum": {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    "Adam": {"amsgrad": True},
    "AdamW": {},
    "Adamax": {},
    "NAdam": {},
    "RAdam": {},
    "RMSprop": {"momentum": 0.5, "centered": True},
    "Adagrad": {"initial_accumulator_value": 0.5},
    "Adadelta": {"lr": 0.5},
    "Rprop": {},
    "ASGD": {"lr": 0.1, "t0": 3},
}


@pytest.mark.parametrize("name", RULES)
def test_every_rule(name: str) -> None:
    fit = Fit(getattr(optim, {"momentum": "SGD"}.get(name, name)), **RULES[name])
    check(fit, compiled(fit.step), 3, fit.init)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 9])
def test_any_number(n: int) -> None:
    fit = Fit()
    many = check(fit, compiled(fit.step), n, fit.init)
    assert len(many) == n and many.result.shape == (n,)
    assert repr(many) == f"<{n} replicas of step>"


def test_draws_have_streams_of_their_own() -> None:
    fit = Fit(layers=lambda: [nn.Dropout(0.5)])
    many = check(fit, compiled(fit.step), 3)
    assert len(set(many.result)) == 3  # from the same parameters, by other draws
    again = Fit(layers=lambda: [nn.Dropout(0.5)])
    assert equal(compiled(again.step).replicas(3, seed=many.seeds).repeat(7), many.result)
    listed = compiled(fit.step).replicas(2, seed=[5, 5]).repeat(3)
    assert listed[0] == listed[1]
    own = mg.Generator().manual_seed(3)
    noisy = compiled(lambda: mg.rand(3, generator=own) + mg.rand(3))
    values = noisy.replicas(2).repeat(2)
    assert len(np.unique(values)) == 6
    assert own.initial_seed() == 3


def test_native_code() -> None:
    fit = Fit(layers=lambda: [nn.Dropout(0.2)])
    many = check(fit, mg.compile(fit.step), 5, fit.init, steps=40)
    assert len(set(many.result)) == 5


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = Fit()
    step, found = mg.compile(fit.step), []
    for threads in (1, 2, 7):
        monkeypatch.setattr(chunks.parallel, "get_num_threads", lambda n=threads: n)
        monkeypatch.setattr(chunks, "CHUNK_SECONDS", 0.001 * threads)
        many = step.replicas(9, fit.init, seed=3)
        found.append([*many.repeat(50, history=7), many[fit.model[0].weight]])
    assert equal(found[0], found[1]) and equal(found[0], found[2])


def test_schedulers_and_buffers() -> None:
    fit = Fit(optim.SGD, lambda: [nn.BatchNorm1d(4)], lr=0.1, momentum=0.5)
    scheduler = lr_scheduler.StepLR(fit.optimizer, 2, 0.5)

    def step() -> Any:
        loss = fit.step()
        scheduler.step()
        return loss

    held = SimpleNamespace(**vars(fit), scheduler=scheduler)
    many = check(held, compiled(step), 3, {"lr": [0.1, 0.2, 0.3]})
    assert not np.array_equal(*many[fit.model[2].running_mean][:2])
    many.load(2)
    assert fit.optimizer.param_groups[0]["lr"] == pytest.approx(0.3 / 8)


@pytest.mark.parametrize("last", [3, 4, 5])
def test_schedules_that_come_to_zero_and_that_leave_it(
    last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = Fit(optim.SGD, lr=0.1)
    group = fit.optimizer.param_groups[0]
    cosine = lr_scheduler.LambdaLR(fit.optimizer, lambda k: max(0.0, 1 - k / last))

    def step() -> Any:
        loss = fit.step()
        cosine.step()
        return loss

    ending = compiled(step).replicas(2, fit.init)
    monkeypatch.setattr(ending._chunks, "_length", lambda n, room: min(room, 2))
    _, history = ending.repeat(9, history=1)
    assert not ending.errors and (history[:, last:] == history[:, last : last + 1]).all()

    class Decay(lr_scheduler.LambdaLR):
        def step(self, *epoch: Any) -> None:
            super().step(*epoch)
            group["weight_decay"] = 0.1 * (self.last_epoch > last)

    decay = Decay(fit.optimizer, lambda k: 1.0)

    def decaying() -> Any:
        loss = fit.step()
        decay.step()
        return loss

    many = compiled(decaying).replicas(2)
    monkeypatch.setattr(many._chunks, "_length", lambda n, room: min(room, 2))
    many.repeat(9)
    assert sorted(many.errors) == [0, 1] and many.done.tolist() == [last // 2 * 2] * 2
    assert "replica 0: a schedule brings 'weight_decay' from zero" in str(many.errors[0])


def test_own_and_shared_data() -> None:
    fit = Fit()
    step = compiled(fit.loss)
    mg.manual_seed(1)
    xs, ys = mg.rand(3, 8, 2), mg.rand(8, 3, 1)
    many = check(fit, step, 3, fit.init, xs, fit.y, in_dims=(0, None), of=lambda i: (xs[i], fit.y))
    shared = [a.ndim for a in many._stacks.arrays]
    assert shared.count(1) == 1  # the targets
    check(fit, step, 3, None, xs, ys, in_dims=(0, 1), of=lambda i: (xs[i], ys[:, i].clone()))
    check(
        fit,
        step,
        3,
        None,
        xs,
        xs[:, :, :1].clone(),
        in_dims=0,
        of=lambda i: (xs[i], xs[i, :, :1].clone()),
    )


def test_values_by_tensor() -> None:
    fit = Fit()
    step = compiled(fit.step)
    weight = fit.model[0].weight
    start = np.stack([weight.detach().numpy() * k for k in range(1, 4)])
    by_values = {weight: start, fit.y: mg.rand(3, 8, 1), "lr": [0.1, 0.2, 0.3]}
    by_values["betas"] = [(0.9, 0.99), (0.8, 0.99), (0.7, 0.9)]
    begins = step.replicas(3, by_values)

    def init(i: int) -> None:
        with mg.no_grad():
            weight.copy_(mg.tensor(start[i]))
            fit.y.copy_(by_values[fit.y][i])
        fit.optimizer.param_groups[0].update({key: by_values[key][i] for key in ("lr", "betas")})

    assert equal(begins.repeat(7), step.replicas(3, init).repeat(7))
    check(fit, step, 3, by_values)


def test_a_step_that_was_compiled_goes_on() -> None:
    fit = Fit()
    step = compiled(fit.step)
    step.repeat(5)
    trained = state(fit)
    many = check(fit, step, 2, {"lr": [0.1, 0.2]})
    many.load(0)
    assert fit.optimizer.state[fit.model[0].weight]["step"] == 12
    assert trained["optimizer.0.step"] == 5


@pytest.mark.parametrize("name", RULES)
def test_what_is_not_compiled_yet_begins_as_its_first_step(name: str) -> None:
    def made() -> Fit:
        return Fit(getattr(optim, {"momentum": "SGD"}.get(name, name)), **RULES[name])

    eager, fit = made(), made()
    losses = [eager.step().item() for _ in range(5)]
    step = compiled(fit.step)
    values = {k: v for k, v in state(fit).items() if k.startswith("model") and "grad" not in k}
    stream = default_generator.get_state().tolist()
    many = step.replicas(2, seed=1)
    assert values.items() <= state(fit).items()
    assert default_generator.get_state().tolist() == stream
    _, history = many.repeat(5, history=1)
    assert history[0] == pytest.approx(losses, rel=1e-5)
    many.load(1)
    assert state(fit)["optimizer.0.step" if "SGD" not in name and name != "momentum" else "stream"]
    a, b = eager.model[0].weight.detach().numpy(), fit.model[0].weight.detach().numpy()
    np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


def test_states_that_somebody_has_asked_for() -> None:
    fit, other = Fit(), Fit()
    for p in fit.model.parameters():
        assert not fit.optimizer.state[p]  # there from now on, and empty
    losses = compiled(fit.step).replicas(2, fit.init, seed=1).repeat(4)
    assert equal(losses, compiled(other.step).replicas(2, other.init, seed=1).repeat(4))


def test_gradients_that_pile_up() -> None:
    fit = Fit(optim.SGD, lr=0.01)

    def step() -> Any:
        loss = F.mse_loss(fit.model(fit.x), fit.y)
        loss.backward()
        fit.optimizer.step()
        return loss

    piled = compiled(step)
    check(fit, piled, 3, fit.init)
    piled.repeat(3)
    check(fit, piled, 2, fit.init)


def test_views_frozen_parameters_and_memory_of_numpy() -> None:
    mg.manual_seed(0)
    whole = mg.rand(6)
    left, right = whole[:3], whole[3:]
    array = np.zeros(3, np.float32)
    over = mg.from_numpy(array)
    p = mg.rand(3, requires_grad=True)
    frozen = mg.rand(3)
    held = SimpleNamespace(whole=whole, p=p, over=over, frozen=frozen)

    def step() -> Any:
        p.grad = None
        loss = ((p - left) * frozen + right).square().sum()
        loss.backward()
        with mg.no_grad():
            p.sub_(0.1 * p.grad)
            left.add_(0.01 * p)
            over.mul_(0.5).add_(p)
        return {"loss": loss, "each": (p * 2, right), "n": 3}

    stacked = compiled(step)
    init = {frozen: mg.rand(2, 3), right: mg.rand(2, 3), left: mg.rand(2, 3)}
    many = check(held, stacked, 2, init)
    assert many.result["each"][0].shape == (2, 3) and many.result["n"] == 3
    assert np.array_equal(many[whole][:, :3], many[left])
    assert not array.any() or not np.array_equal(many[over][0], many[over][1])


@pytest.mark.parametrize("dtype", [mg.float16, mg.float64])
def test_types(dtype: Any) -> None:
    p, k = mg.linspace(0, 1, 5, dtype=dtype), mg.arange(5)
    held = SimpleNamespace(p=p, k=k)

    def step() -> Any:
        p.mul_(0.5).add_(k)
        k.add_(1)
        return p.sum(), k.max(), p

    check(held, compiled(step), 2, {p: np.arange(10).reshape(2, 5), k: np.ones((2, 5), int)})


def test_nothing_to_do() -> None:
    p = mg.rand(0)
    step = compiled(lambda: p.add_(1).sum())
    assert step.replicas(2).repeat(3).tolist() == [0.0, 0.0]
    assert step.replicas(2).repeat(0) is None


def test_methods() -> None:
    class Trainer(Fit):
        loss = mg.compile(Fit.loss)

    trainer = Trainer()
    object.__setattr__(Trainer.__dict__["loss"], "_build", build)
    xs = mg.rand(2, 8, 2)
    many = trainer.loss.replicas(2, trainer.init, xs, trainer.y, in_dims=(0, None))
    assert many.repeat(3).shape == (2,)
    with pytest.raises(ValueError, match="3 dimensions of 2"):
        trainer.loss.replicas(2, None, xs, in_dims=(0, None))


# Faults


@np.errstate(all="ignore")
def test_a_replica_that_diverges_disturbs_no_other() -> None:
    fit = Fit(optim.SGD, lr=0.1)
    step = compiled(fit.step)
    rates = [0.1, 1e18, 0.2, 3e18]
    many = step.replicas(4, {"lr": rates})
    starts = step.replicas(4, {"lr": rates})
    result, history = many.repeat(20, history=1)
    assert sorted(many.errors) == [1, 3] and many.best() in (0, 2)
    assert repr(many) == "<4 replicas of step, 2 failed>"
    for i in range(4):
        starts.load(i)
        if i in (1, 3):
            with pytest.raises(FloatingPointError) as caught:
                step.repeat(20)
            said = str(caught.value).partition(": ")[0]
            assert str(many.errors[i]) == f"replica {i}: {said}"
            assert said.endswith(f"at step {many.done[i]}")
            assert np.isnan(history[i, many.done[i] :]).all()
            many.load(i)
            assert fit.optimizer.param_groups[0]["lr"] == rates[i]
        else:
            assert equal(step.repeat(20), result[i])
            assert many.done[i] == 20
    many.repeat(5)
    assert many.done[0] == 25 and many.done[1] < 25


def test_written_memory_that_is_not_finite() -> None:
    p, rate = mg.ones(2), mg.ones(())
    step = compiled(lambda: [p.mul_(rate), rate.clone()][1])
    many = step.replicas(3, {rate: np.array([1.0, 1e10, 1.0])})
    many.repeat(20)
    assert str(many.errors[1]) == (
        "replica 1: NaN or infinity in a tensor that the step writes at step 4"
    )
    assert list(many.errors) == [1] and many.done.tolist() == [20, 4, 20]
    assert many[p][1].tolist() == [np.inf, np.inf]
    unseen = step.replicas(2, {rate: np.array([1.0, 1e10])})
    unseen.repeat(20, nan_check=False)
    assert not unseen.errors and unseen.done.tolist() == [20, 20]


@pytest.mark.parametrize("how", ["interpreted", "native"])
def test_an_index_out_of_range(how: str) -> None:
    table, at, total = mg.arange(5.0), mg.zeros(1, dtype=mg.int64), mg.zeros(1)

    def fn() -> Any:
        total.add_(table[at])
        at.add_(1)
        return total.sum()

    step = compiled(fn) if how == "interpreted" else mg.compile(fn)
    many = step.replicas(3, {at: np.array([[0], [3], [1]])})
    _, history = many.repeat(4, history=1)
    assert list(many.errors) == [1] and isinstance(many.errors[1], IndexError)
    assert "replica 1" in str(many.errors[1]) and "out of range" in str(many.errors[1])
    assert many.done.tolist() == [4, 2, 4]
    assert many[at].reshape(-1).tolist() == [4, 5, 5]
    assert many[total].reshape(-1).tolist() == [6.0, 7.0, 10.0]
    assert history[1, :2].tolist() == [3.0, 7.0] and np.isnan(history[1, 2:]).all()


def test_without_copies_for_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "KEPT_BYTES", 4)
    p, rate = mg.ones(2), mg.ones(())
    step = compiled(lambda: [p.mul_(rate), rate.clone()][1])
    many = step.replicas(2, {rate: np.array([1.0, 1e10])})
    many.repeat(20)
    assert "appeared in steps" in str(many.errors[1]) or "at step" in str(many.errors[1])
    assert many.done[0] == 20


# Hooks


def test_until_and_callbacks() -> None:
    fit = Fit(lr=0.05)
    step = compiled(fit.step)
    many, starts = step.replicas(3, fit.init, seed=1), step.replicas(3, fit.init, seed=1)
    seen: list[Any] = []
    limit = 0.2
    _, history = many.repeat(
        60,
        every=4,
        callback=lambda k, loss: seen.append((k, loss.shape)),
        until=lambda k, loss: loss < limit,
        history=4,
    )
    assert seen[:2] == [(4, (3,)), (8, (3,))]
    assert len(set(many.done)) > 1
    for i in range(3):
        starts.load(i)
        loss, kept = step.repeat(60, every=4, until=lambda k, loss: loss.item() < limit, history=4)
        wanted = state(fit)
        assert equal(many.load(i), loss) and state(fit) == wanted
        assert equal(history[i, : len(kept)], kept) and np.isnan(history[i, len(kept) :]).all()
    many.repeat(2)  # those that stopped go on
    assert many.done.max() <= 62 and many.done.min() >= 6
    ended = step.replicas(3, fit.init)
    ended.repeat(9, until=lambda k, loss: k == 5)
    assert ended.done.tolist() == [5, 5, 5]
    with pytest.raises(ValueError, match="until must say of 3 replicas"):
        ended.repeat(9, until=lambda k, loss: np.ones(2))


def test_ctrl_c_keeps_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = Fit()
    step = compiled(fit.step)
    many, whole = step.replicas(3, fit.init, seed=1), step.replicas(3, fit.init, seed=1)
    told: list[int] = []
    native = many._chunks._native

    def interrupted(*given: Any) -> None:
        native(*given)
        if told == [5, 10]:
            told.append(0)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(many._chunks, "_native", interrupted)
    monkeypatch.setattr(many._chunks, "_length", lambda n, room: min(room, 5))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            many.repeat(30, progress=lambda done, n: told.append(done))
    finally:
        signal.signal(signal.SIGINT, before)
    assert many.done.tolist() == [15] * 3 and told == [5, 10, 0]
    assert equal(many.repeat(15), whole.repeat(30))


# What is refused


def test_refusals() -> None:
    fit = Fit()
    counted = SimpleNamespace(turn=0)

    def turns() -> Any:
        counted.turn = (counted.turn + 1) % 2
        return fit.step()

    with pytest.raises(RuntimeError, match=r"changes .*turn"):
        compiled(turns).replicas(2)
    with pytest.raises(RuntimeError, match="verify"):
        mg.compile(fit.step, verify=1).replicas(2)
    step = compiled(fit.step)
    for n, kind in ((-1, ValueError), (1.5, TypeError), ("2", TypeError)):
        with pytest.raises(kind, match="n must be"):
            step.replicas(n)
    with pytest.raises(RuntimeError, match="replicate the outer step"):
        compiled(lambda: step.replicas(2).repeat(1))()
    rated = Fit(lr=mg.tensor(0.1))
    with pytest.raises(RuntimeError, match="'lr' of an optimizer is a tensor"):
        compiled(rated.step).replicas(2)
    damped = Fit(optim.SGD, lr=0.1, momentum=0.5, dampening=0.5)
    with pytest.raises(RuntimeError, match="dampening"):
        compiled(damped.step).replicas(2)


def test_inits_that_change_more_than_values() -> None:
    fit = Fit(layers=lambda: [nn.Dropout(0.5)])
    step, before = compiled(fit.step), state(fit)
    inits: list[Any] = [
        lambda i: fit.model.train(i != 1),
        lambda i: fit.optimizer.param_groups[0].update(weight_decay=0.1 * (i == 1)),
        lambda i: fit.model[0].weight.requires_grad_(i != 1),
    ]
    for init in inits:
        with pytest.raises(RuntimeError, match="replica 1 begins as another step"):
            step.replicas(2, init, seed=1)
        assert fit.model[0].weight.requires_grad and fit.model.training
        assert before.items() - state(fit).items() <= {
            item for item in before.items() if "grad" in item[0] or "optimizer" in item[0]
        }
    for init, kind, text in (
        (3, TypeError, "init must be a function"),
        ({3: [1, 2]}, TypeError, "as keys, got 3"),
        ({"rate": [1, 2]}, ValueError, "called 'rate'; there are betas"),
        ({"lr": [0.1]}, ValueError, "a value for each of 2 replicas"),
        ({"lr": 0.1}, ValueError, "a value for each of 2 replicas"),
        ({fit.model[0].bias: np.ones((2, 3))}, ValueError, r"shape \(2, 4\), got \(2, 3\)"),
        ({fit.model[0].bias: np.ones((2, 4), complex)}, TypeError, "complex"),
        ({mg.ones(1): np.ones((2, 1))}, ValueError, "nothing to do with"),
    ):
        with pytest.raises(kind, match=text):
            step.replicas(2, init)
    with pytest.raises(ValueError, match="3 seeds were given for 2"):
        step.replicas(2, seed=[1, 2, 3])


def test_inits_and_loads_where_other_tensors_stand() -> None:
    fit, loaded = Fit(), Fit()
    step = compiled(fit.step)

    def other_memory(i: int) -> None:
        fit.model[0].weight.data = mg.ones(4, 2)

    with pytest.raises(RuntimeError, match=r"init\(0\) puts another tensor .*weight"):
        step.replicas(2, other_memory)
    many = step.replicas(2, fit.init, seed=1)
    many.repeat(3)
    fit.optimizer.zero_grad()
    fit.model[0].weight.data = mg.ones(4, 2)
    loss = many.load(1)
    values = many[fit.model[2].bias][1]
    assert fit.model[2].bias.detach().numpy().tobytes() == values.tobytes()
    assert loss.item() == many.result[1] and fit.model[0].weight.grad is not None
    after = step.repeat(4)
    many = compiled(loaded.step).replicas(2, loaded.init, seed=1)
    many.repeat(3)
    many.load(1)
    assert equal(after, many.step.repeat(4))
    assert state(fit) == state(loaded)


def test_arguments_that_do_not_fit() -> None:
    p = mg.ones(2)
    step = compiled(lambda x, k: x.add_(p).sum() * k)
    for args, dims, kind, text in (
        ((mg.ones(3, 2), 1), (0, None), ValueError, "no dimension 0 of 2 replicas"),
        ((mg.ones(2, 2), 1), (2, None), ValueError, "no dimension 2"),
        ((mg.ones(2, 2), 1), (0, 0), TypeError, "argument 1 .* is no tensor"),
        ((mg.ones(2, 2), 1), (0,), ValueError, "1 dimensions of 2"),
        ((mg.ones(2, 2), 1), (0, None), RuntimeError, "writes to argument 0"),
    ):
        with pytest.raises(kind, match=text):
            step.replicas(2, None, *args, in_dims=dims)


def test_asking_for_what_there_is_not() -> None:
    fit = Fit()
    many = compiled(fit.step).replicas(2)
    with pytest.raises(KeyError, match="nothing to do"):
        many[mg.ones(1)]
    with pytest.raises(TypeError, match="a tensor of the step"):
        many[0]
    with pytest.raises(IndexError):
        many.load(2)
    with pytest.raises(RuntimeError, match="no replica of 2 has a result"):
        many.best()
    many.repeat(1)
    assert many.load(-1) is not None
    fit.model.eval()
    with pytest.raises(RuntimeError, match="another one by now"):
        many.load(0)
    with pytest.raises(RuntimeError, match="first"):
        p = mg.ones(3)
        compiled(lambda: p * 2).replicas(2).best()
    with pytest.raises(ValueError, match="history keeps"):
        compiled(lambda: mg.ones(3) * 2).replicas(2).repeat(2, history=1)
