"""A compiled step does what the function does, call by call."""

from __future__ import annotations

from typing import Any

import numpy as np
import programs
import pytest
from bits import linear_in_parts as linear_in_parts
from interpreter import build

import microgrest as mg
from microgrest.compiler.call.step import KEPT, Step


def flattened(value: Any) -> list[Any]:
    if isinstance(value, (tuple, list)):
        return [x for v in value for x in flattened(v)]
    if isinstance(value, dict):
        return [x for v in value.values() for x in flattened(v)]
    return [value.detach().numpy().copy() if isinstance(value, mg.Tensor) else value]


def run(make: Any, calls: int, compiled: bool) -> list[Any]:
    """What the calls returned and left behind."""
    step, tensors = make()
    if compiled:
        step = Step(step, build=build)
    states = []
    for _ in range(calls):
        result = step()
        grads = [t.grad if t.grad is not None else "no gradient" for t in tensors]
        states.append(flattened([result, tensors, grads]))
    if compiled:
        assert len(step.recordings) == 1
    return states


@pytest.mark.parametrize("name", programs.PROGRAMS)
def test_replay_equals_eager(name: str) -> None:
    eager, compiled = (run(programs.PROGRAMS[name], 6, c) for c in (False, True))
    for call, (a, b) in enumerate(zip(eager, compiled, strict=True)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert type(x) is type(y)
            np.testing.assert_array_equal(x, y, err_msg=f"call {call}", strict=True)


def compiled(fn: Any) -> Step:
    return Step(fn, build=build)


def parameter(*values: float) -> Any:
    return mg.tensor(list(values), requires_grad=True)


@pytest.mark.parametrize("amsgrad", [False, True])
def test_adam_counts_its_steps(amsgrad: bool) -> None:
    def make() -> Any:
        w = mg.tensor([1.0, 2.0], dtype=mg.float64, requires_grad=True)
        rule = mg.optim.Adam([w], lr=0.1, amsgrad=amsgrad)

        def step() -> Any:
            rule.zero_grad()
            loss = (w**2).sum()
            loss.backward()
            rule.step()
            return loss

        return step, w, rule

    eager, a, rule = make()
    step, b, other = make()
    step = compiled(step)
    for i in range(100):
        if i == 50:
            rule.param_groups[0]["lr"] = other.param_groups[0]["lr"] = 0.01
        np.testing.assert_allclose(step().numpy(), eager().detach().numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(b.detach().numpy(), a.detach().numpy(), rtol=1e-10)
    assert other.state[b]["step"] == 100
    assert len(step.recordings) == 1


def test_scheduler_in_the_step() -> None:
    def make() -> Any:
        w = mg.tensor([1.0, 2.0], dtype=mg.float64, requires_grad=True)
        rule = mg.optim.SGD([w], lr=0.1, momentum=0.5)
        schedule = mg.optim.lr_scheduler.StepLR(rule, 3, gamma=0.5)

        def step() -> Any:
            rule.zero_grad()
            loss = (w**2).sum()
            loss.backward()
            rule.step()
            schedule.step()
            return loss

        return step, schedule

    eager, one = make()
    step, other = make()
    step = compiled(step)
    for _ in range(12):
        np.testing.assert_array_equal(step().numpy(), eager().detach().numpy())
    assert other.get_last_lr() == one.get_last_lr()
    assert len(step.recordings) == 1


def test_results_are_new_nested_and_detached() -> None:
    w = parameter(1.0, 2.0)

    def fn(x: Any) -> Any:
        y = x * w
        return y, [y.sum(), {"same": y, "row": y[1:]}], w, x, None, 1.5

    step, x = compiled(fn), mg.tensor([3.0, 4.0])
    results = [step(x) for _ in range(4)]
    for y, (total, found), same_w, same_x, nothing, number in results:
        assert y.tolist() == [3.0, 8.0] and total.item() == 11.0
        assert found["same"] is y and found["row"].tolist() == [8.0]
        assert found["row"]._storage is y._storage
        assert same_w is w and same_x is x and nothing is None and number == 1.5
        assert not y.requires_grad and y.grad_fn is None and total.grad_fn is None
    assert len({id(y) for y, *_ in results}) == 4
    assert len({y.data_ptr() for y, *_ in results}) == 4


def test_views_of_inputs_stay_views() -> None:
    x = mg.zeros(2, 3)

    def fn() -> Any:
        x.add_(1)
        return x[1], x.t()

    step = compiled(fn)
    for _ in range(4):
        row, turned = step()
    assert row.tolist() == [4.0] * 3
    row[0] = 9
    assert x[1, 0].item() == 9 and turned[0, 1].item() == 9


def test_gradients_are_as_eager_leaves_them() -> None:
    w = parameter(1.0, 2.0)

    def fn() -> None:
        w.grad = None
        (w**2).sum().backward()

    step = compiled(fn)
    step(), step(), step()
    first = w.grad
    assert first.tolist() == [2.0, 4.0] and type(first) is mg.Tensor
    with mg.no_grad():
        w.mul_(2)
    step()
    assert w.grad is not first, "somebody holds it"
    assert first.tolist() == [2.0, 4.0] and w.grad.tolist() == [4.0, 8.0]
    held = w.grad.detach()
    with mg.no_grad():
        w.mul_(2)
    step()
    assert held.tolist() == [4.0, 8.0] and w.grad.tolist() == [8.0, 16.0]


def test_gradients_that_nobody_holds_serve_again() -> None:
    w = parameter(1.0, 2.0)

    def fn() -> None:
        w.grad = None
        (w**2).sum().backward()

    step = compiled(fn)
    for _ in range(3):
        step()
    before = id(w.grad), w.grad.data_ptr()
    step()
    assert (id(w.grad), w.grad.data_ptr()) == before


def test_arguments_are_rebindable() -> None:
    w = parameter(1.0)
    step = compiled(lambda x, y, scale: ((x["a"] * w - y) * scale).sum())
    for i in range(5):
        x, y = mg.full((3,), float(i)), mg.ones(3)
        assert step({"a": x}, y, scale=2).item() == (i - 1) * 6
    assert len(step.recordings) == 1
    assert step({"a": mg.ones(4)}, mg.ones(4), scale=2).item() == 0
    assert step({"a": mg.ones(3)}, mg.ones(3), scale=3).item() == 0


def test_versions_are_counted() -> None:
    x, y = mg.zeros(3), mg.ones(3, requires_grad=True)

    def fn() -> None:
        x.add_(1)

    step = compiled(fn)
    step(), step()
    loss = (x * y).sum()
    step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_new_optimizer_state_is_no_error() -> None:
    w, late = parameter(1.0), parameter(2.0)
    rule = mg.optim.Adam([w, late], lr=0.1)
    both = {"on": False}

    def fn() -> Any:
        rule.zero_grad()
        loss = (w**2).sum()
        if both["on"]:
            loss = loss + (late**2).sum()
        loss.backward()
        rule.step()
        return loss

    step = compiled(fn)
    for _ in range(3):
        step()
    both["on"] = True
    for _ in range(4):
        step()
    assert rule.state[late]["step"] == 4 and rule.state[w]["step"] == 7
    assert late.item() < 2.0 - 0.3


def test_index_out_of_range_in_a_replay() -> None:
    table, words = mg.arange(5, dtype=mg.float32), mg.tensor([0, 4])
    step = compiled(lambda: table[words])
    step(), step()
    words[0] = -5
    assert step().tolist() == [0.0, 4.0]
    words[0] = 5
    with pytest.raises(IndexError, match="out of range"):
        step()


def test_several_steps_at_once_and_their_history() -> None:
    def make() -> Any:
        w = mg.tensor([1.0, 2.0], dtype=mg.float64, requires_grad=True)
        rule = mg.optim.Adam([w], lr=0.1)

        def step() -> Any:
            rule.zero_grad()
            loss = (w**2).sum() + mg.rand(1).sum()
            loss.backward()
            rule.step()
            return loss

        return step

    mg.manual_seed(3)
    eager = make()
    losses = [eager().item() for _ in range(10)]
    mg.manual_seed(3)
    step = compiled(make())
    step(), step()
    history = np.empty((8, 1))
    (found,) = step.recordings
    last = found.run((), {}, 8, history)
    np.testing.assert_allclose(history[:, 0], losses[2:], rtol=1e-12)
    assert last.item() == history[-1, 0]


def test_a_step_within_a_step_is_part_of_it() -> None:
    inner = compiled(lambda x: x * 2)
    outer = compiled(lambda x: inner(x) + 1)
    for i in range(4):
        assert outer(mg.tensor([float(i)])).item() == 2 * i + 1
    assert [op.name for op in outer.recordings[0].trace.ops] == ["mul", "add"]


def test_as_a_decorator() -> None:
    @mg.compile
    def plain(x: Any) -> Any:
        """Twice."""
        return x * 2

    @mg.compile(verify=3)
    def verified(x: Any) -> Any:
        return x * 2

    assert plain.__name__ == "plain" and plain.__doc__ == "Twice."
    assert plain(mg.ones(1)).item() == 2 and verified.verify == 3
    with pytest.raises(TypeError, match="takes a function"):
        mg.compile(3)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="verify"):
        mg.compile(verify=-1)
    with pytest.raises(TypeError, match="cannot be pickled"):
        import pickle

        pickle.dumps(plain)


def test_a_gradient_that_is_returned_is_the_gradient() -> None:
    w = parameter(1.0, 2.0)

    def fn() -> Any:
        w.grad = None
        (w**2).sum().backward()
        return w.grad, w.grad[:1]

    step = compiled(fn)
    for _ in range(4):
        g, part = step()
        assert g is w.grad and part._storage is g._storage and part.tolist() == [2.0]


def test_recordings_are_kept_for_several_shapes_and_are_bounded() -> None:
    step = compiled(lambda x: x * 2)
    for n in (1, 2):
        for _ in range(3):
            assert step(mg.ones(n)).shape == (n,)
    first, second = step.recordings
    assert step(mg.ones(1)).tolist() == [2.0] and step.recordings == [second, first]
    for n in range(3, KEPT + 9):
        step(mg.ones(n)), step(mg.ones(n))
    assert len(step.recordings) == KEPT


def test_pool_memory_and_empty_results() -> None:
    x = mg.ones(40000)

    def fn() -> Any:
        return (x * 2)[10:], x[:0] * 1, mg.zeros(0), [x.sum()]

    step = compiled(fn)
    for _ in range(4):
        big, none, zeros, (total,) = step()
        assert big.shape == (39990,) and big[0].item() == 2 and total.item() == 40000
        assert none.shape == zeros.shape == (0,)
