"""Arguments that are parts of larger tensors: one recording for all, wherever they lie."""

from __future__ import annotations

from typing import Any

import interpreter
import pytest

import microgrest as mg
from microgrest.compiler.call.step import Step


def compiled(fn: Any) -> Step:
    return Step(fn, build=interpreter.build)


def sliced(n: int = 6, rows: int = 4) -> tuple[Any, list[Any]]:
    whole = mg.arange(float(n * rows * 2)).reshape(n * rows, 2)
    return whole, [whole[i * rows : (i + 1) * rows] for i in range(n)]


def test_slices_share_a_recording() -> None:
    _, xs = sliced()
    _, ys = sliced()
    step = compiled(lambda x, y: ((x - 1) * y.T.T).sum())
    for x, y in zip(xs, reversed(ys), strict=True):
        assert step(x, y).item() == ((x - 1) * y).sum().item()
    assert len(step.recordings) == 1


def test_two_slices_of_one_tensor_share_a_recording() -> None:
    _, xs = sliced()
    step = compiled(lambda x, y: x * y)
    for i in range(5):
        assert step(xs[i], xs[(i + 2) % 6]).equal(xs[i] * xs[(i + 2) % 6])
    assert len(step.recordings) == 1


def test_a_write_to_a_slice_is_seen_by_the_whole_and_counted_once() -> None:
    whole, xs = sliced()
    step = compiled(lambda x: x.mul_(-1).sum())
    expected = whole.clone()
    for i, x in enumerate(xs):
        before = whole._version
        result = step(x)
        expected[4 * i : 4 * i + 4] *= -1
        assert whole.equal(expected)
        assert whole._version == before + 1
        assert result.item() == x.sum().item()
    assert len(step.recordings) == 1
    assert all(x._storage is whole._storage and x._offset == 8 * i for i, x in enumerate(xs))


def test_results_that_are_views_of_a_slice_share_the_memory_of_the_whole() -> None:
    whole, xs = sliced()
    step = compiled(lambda x: (x[1:3].T, x))
    for i, x in enumerate(xs):
        part, same = step(x)
        assert same is x
        assert part._storage is whole._storage
        assert part.equal(whole[4 * i + 1 : 4 * i + 3].T)
        part.fill_(i)
        assert (whole[4 * i + 1 : 4 * i + 3] == i).all()
    assert len(step.recordings) == 1


def test_gradients_of_a_slice() -> None:
    _, xs = sliced()
    step = compiled(lambda x: (x * x).sum().backward())
    for x in xs:
        leaf = x.detach().requires_grad_()
        step(leaf)
        assert leaf.grad.equal(2 * x)
    assert len(step.recordings) == 1


def test_slices_that_overlap_are_recorded_apart() -> None:
    whole, _ = sliced()

    def fn(x: Any, y: Any) -> None:
        x += y * 1

    step = compiled(fn)
    for start in (0, 8, 4, 4, 4, 2, 2, 2, 4, 8):
        expected = whole.clone()
        expected[:4] += expected[start : start + 4].clone()
        step(whole[:4], whole[start : start + 4])
        assert whole.equal(expected), start


def test_slices_that_overlap_are_refused_where_eager_mode_refuses() -> None:
    whole, _ = sliced()

    def fn(x: Any, y: Any) -> None:
        x += y

    step = compiled(fn)
    for start in (0, 8, 4, 4, 4):
        step(whole[:4], whole[start : start + 4])
    before = whole.clone()
    for _ in range(3):
        with pytest.raises(RuntimeError, match="some elements of the input tensor and the written"):
            step(whole[:4], whole[2:6])
    assert whole.equal(before)


def test_the_whole_may_be_held_by_the_function() -> None:
    whole, xs = sliced()
    step = compiled(lambda x: (x - whole.mean()).sum())
    for x in xs * 2:
        assert step(x).item() == pytest.approx((x - whole.mean()).sum().item())
        whole.mul_(1.5)


def test_the_whole_may_be_read_by_deeper_code() -> None:
    whole, xs = sliced()

    def helper(x: Any) -> Any:
        return x.sum() + whole.sum()

    step = compiled(lambda x: helper(x))
    for x in xs:
        assert step(x).item() == pytest.approx((x.sum() + whole.sum()).item())
        whole.mul_(1.5)


def test_slices_that_are_not_contiguous_fit_at_their_place_only() -> None:
    whole, _ = sliced()
    step = compiled(lambda x: x * 2)
    for i in (0, 0, 0, 3, 3, 3, 0):
        column = whole[i : i + 4].T
        assert step(column).equal(column * 2)
    assert len(step.recordings) == 2


def test_a_call_that_fails_leaves_the_arguments_as_they_were() -> None:
    whole, xs = sliced()

    def fn(x: Any) -> Any:
        x.add_(1)
        return x.sum().item()

    step = compiled(fn)
    step(xs[1])
    version = whole._version
    with pytest.raises(RuntimeError, match="takes the values of a tensor to Python"):
        step(xs[1])
    assert xs[1]._storage is whole._storage
    assert xs[1]._offset == 8
    assert whole._version == version + 1


def test_a_step_that_asks_where_an_argument_begins() -> None:
    data = mg.arange(12.0)
    step = mg.compile(lambda x: x * x.storage_offset())
    for start in (0, 3, 6, 9, 3, 3, 6, 6):
        x = data[start : start + 3]
        assert step(x).tolist() == (x * start).tolist()
