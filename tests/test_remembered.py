"""Calls like one before, which are remembered, against the same calls of which nothing is known."""

import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from microgrest.functions.indexing import viewed
from microgrest.tensor.storage import forget_kernels

INDEX = mg.tensor([1, 0, 1])
# Functions of x, of 2 dimensions or more.
CALLS: dict[str, Callable[[Any], Any]] = {
    "sum": lambda x: x.sum(0),
    "sum of the last": lambda x: x.sum(-1, keepdim=True),
    "amax": lambda x: x.amax((0, 1)),
    "max": lambda x: x.max(1)[0],
    "places of max": lambda x: x.max(1, True)[1],
    "argmin": lambda x: x.argmin(),
    "any": lambda x: x.any(1),
    "whole sum": lambda x: mg.sum(x),
    "mean": lambda x: mg.mean(x, dim=1, keepdim=True),
    "var": lambda x: x.var(0),
    "std": lambda x: mg.std(x, 1, correction=0),
    "prod": lambda x: mg.prod(x, dim=-1),
    "all": lambda x: mg.all(x, dim=0),
    "kthvalue": lambda x: x.kthvalue(1, 0)[0],
    "logsumexp": lambda x: mg.logsumexp(x, 0),
    "cummax": lambda x: x.cummax(1)[0],
    "another var": lambda x: x.var(0, correction=0),
    "norm": lambda x: x.norm(2, 0),
    "cumsum": lambda x: x.cumsum(0),
    "sort": lambda x: x.sort(0, True)[0],
    "topk": lambda x: x.topk(1, 0)[0],
    "median": lambda x: x.median(0)[0],
    "slices": lambda x: x[INDEX],
    "columns": lambda x: x[:, INDEX],
    "picked": lambda x: x[INDEX, INDEX],
    "product": lambda x: x @ x.transpose(-1, -2),
    "product of contiguous ones": lambda x: x @ (x + 1).transpose(-1, -2).contiguous(),
    "vector norm": lambda x: mg.linalg.vector_norm(x, 2, dim=1),
    "another vector norm": lambda x: mg.linalg.vector_norm(x, 3, 1),
    "layer_norm": lambda x: mg.nn.functional.layer_norm(x, x.shape[1:]),
    "scaled layer_norm": lambda x: mg.nn.functional.layer_norm(x, x.shape[1:], x[0], x[1], 0.1),
    "softmax": lambda x: mg.softmax(x, 1),
    "joined": lambda x: mg.cat([x, x, x[:1]]),
    "joined side by side": lambda x: mg.cat((x[:, :1], x), 1),
}
VIEWS: dict[str, Callable[[Any], Any]] = {
    "part": lambda x: x[1:],
    "part of a part": lambda x: x[1:, ::2],
    "column": lambda x: x[:, 1],
    "column from the end": lambda x: x[..., -1][:2],
    "element of each": lambda x: x[:2, 1, None],
}
FLOATS = {"var", "another var", "softmax", "mean", "std", "logsumexp"}
FLOATS |= {name for name in CALLS if "norm" in name}


def operands() -> Iterator[Any]:
    """Tensors that differ from one another in one respect or another, in an order that mixes them.

    Of the same shapes some are contiguous, some transposed, expanded or part of others.
    """
    for shape, name in itertools.product(((2, 3), (3, 2), (2, 3, 2)), ("float32", "float64")):
        values = np.arange(np.prod(shape)) * 7 % 5 + 1.5
        x = mg.tensor(values.reshape(shape), dtype=getattr(mg, name))
        yield x
        yield x.clone().requires_grad_()
        yield x.transpose(0, 1)
        yield x[:1].expand(*shape).detach()
        yield mg.cat([x, x])[1 : 1 + shape[0]].requires_grad_()
    yield mg.tensor([[3, 1, 2], [4, 6, 5]])
    yield mg.tensor([[3, 1, 2], [4, 6, 5]], dtype=mg.int32)


def outcome(call: Callable[[Any], Any], x: Any) -> tuple[Any, ...]:
    """All that can be seen of a call: result, place in the graph, gradients of both orders."""
    y = call(x)
    seen = [y.detach().numpy().copy(), y.dtype, y.stride(), y.requires_grad, y.is_leaf]
    if y.requires_grad:
        leaf = [x]
        (g,) = mg.autograd.grad((y * y).sum(), leaf, create_graph=True)
        seen += [y.grad_fn.name(), g.detach().numpy().copy()]
        if g.requires_grad:
            seen.append(mg.autograd.grad((g * g).sum(), leaf)[0].numpy())
    return tuple(seen)


def same(a: Any, b: Any) -> bool:
    """Whether two parts of outcomes are equal, to the bit."""
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)
    return bool(a == b)


@pytest.mark.parametrize("name", CALLS | VIEWS)
def test_nothing_but_time_tells_a_remembered_call_from_a_new_one(name: str) -> None:
    call, fresh = (CALLS | VIEWS)[name], []
    given = [x for x in operands() if x.is_floating_point() or name not in FLOATS]
    for x in given:
        forget_kernels()
        viewed._known.clear()
        fresh.append(outcome(call, x))
    for _ in range(2):
        for x, expected in zip(given, fresh, strict=True):
            found = outcome(call, x)
            assert all(map(same, found, expected)), (x, found, expected)
            with mg.no_grad():
                plain = call(x)
            assert not plain.requires_grad and same(plain.numpy(), expected[0])


@pytest.mark.parametrize("name", CALLS)
def test_a_remembered_call_has_memory_of_its_own_each_time(name: str) -> None:
    x = mg.tensor([[3.0, 1.0, 2.0], [4.0, 6.0, 5.0]])
    first = [CALLS[name](x) for _ in range(3)][-1]
    kept = first.clone()
    CALLS[name](x + 1)
    x.mul_(2)
    CALLS[name](x)
    assert same(first.numpy(), kept.numpy())


@pytest.mark.parametrize("name", ["amax", "norm", "product", "softmax", "slices"])
def test_a_write_to_what_a_remembered_call_saved_is_noticed(name: str) -> None:
    x = mg.tensor([[3.0, 1.0], [4.0, 6.0], [1.0, 2.0]], requires_grad=True)
    call = (lambda x: mg.softmax(x, 0)) if name == "softmax" else CALLS[name]
    for _ in range(3):
        y = x * 1
        z = call(y)
        with mg.no_grad():
            (z if name == "softmax" else y).zero_()
        if name == "slices":  # which saves the index alone
            z.sum().backward()
            continue
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            z.sum().backward()


def test_calls_of_no_elements_and_of_several_meanings_of_one_number() -> None:
    for _ in range(3):
        assert mg.zeros(0, 3).sum(0).tolist() == [0.0] * 3
        assert mg.zeros(2, 0).sum(1).tolist() == [0.0] * 2
        assert mg.zeros(2, 0)[mg.tensor([1, 1])].shape == (2, 0)
        with pytest.raises(IndexError):
            mg.zeros(0, 3).amax(0)
        with pytest.raises(TypeError):
            mg.ones(2, 2).prod(True)  # type: ignore[arg-type]
        x = mg.tensor([[2.0, 1.0], [1.0, 3.0]])
        assert x.sort(0, True)[0].tolist() == [[2.0, 3.0], [1.0, 1.0]]
        assert x.sort(1, False)[0].tolist() == [[1.0, 2.0], [1.0, 3.0]]
        assert x.sort(descending=False, dim=1)[0].tolist() == [[1.0, 2.0], [1.0, 3.0]]
        assert x.sort(descending=True, dim=0)[0].tolist() == [[2.0, 3.0], [1.0, 1.0]]


def test_a_view_like_one_before_is_led_and_recorded_as_that_was() -> None:
    for _ in range(3):
        x = mg.arange(12.0).reshape(3, 4).requires_grad_()
        y = x[1:, ::2]
        inner = y.grad_fn.next_functions[0][0]
        assert y.grad_fn.name() == inner.name() == "SliceBackward0"
        assert inner.next_functions[0][0].variable is x
        assert inner._shape == (2, 4) and y.grad_fn._shape == (2, 2)
        z = x * 1
        part = z[1:, ::2]
        part.mul_(3)
        assert z.tolist()[1] == [12.0, 5.0, 18.0, 7.0] and part._base[0] is z
        z.sum().backward()
        assert x.grad.tolist() == [[1.0] * 4, [3.0, 1.0, 3.0, 1.0], [3.0, 1.0, 3.0, 1.0]]
        with pytest.raises(RuntimeError, match="leaf"):
            x[1:, ::2].mul_(3)
        with mg.no_grad():
            assert not x[1:, ::2].requires_grad
        with pytest.raises(IndexError):
            x[1:, 9]


def test_what_is_equal_to_a_remembered_argument_is_not_the_same() -> None:
    x = mg.ones(2, 2)
    for _ in range(3):
        assert x.prod(1).shape == x.sum(1).shape == x.cumsum(1).shape[:1] == (2,)
        for wrong in (True, 1.0):
            for call in (x.prod, x.sum, x.cumsum, x.logsumexp):
                with pytest.raises(TypeError):
                    call(wrong)  # type: ignore[arg-type]
        assert x.sum(1, keepdim=True).shape == x.amax(1, True).shape == (2, 1)
        for call in (x.sum, x.amax, x.std, x.logsumexp):
            with pytest.raises(TypeError):
                call(1, keepdim=1.0)  # type: ignore[call-overload, arg-type]
        assert x.sum([0, 1]).item() == x.sum((0, 1)).item() == 4
        with pytest.raises(TypeError, match="unexpected keyword argument 'sum'"):
            x.sum(sum=1)  # type: ignore[call-overload]
        with pytest.raises(TypeError, match="input"):
            mg.sum(2.0, 1)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "name", ["sum", "max", "topk", "sort", "std", "softmax", "vector norm", "product"]
)
def test_the_second_call_is_no_new_one(name: str) -> None:
    """That is, it comes to fewer of Python's functions, which are counted."""
    x = mg.ones(3, 3, requires_grad=True)
    call = (lambda x: x @ x) if name == "product" else CALLS[name]
    for _ in range(20):  # until its kernel has taken NumPy's place
        call(x)
    forget_kernels()
    counts = []
    for _ in range(2):
        seen: list[str] = []
        sys.setprofile(lambda frame, event, arg, to=seen: to.append(event))
        try:
            call(x)
        finally:
            sys.setprofile(None)
        counts.append(seen.count("call"))
    assert 3 * counts[1] < counts[0], counts


def test_threads_that_remember_at_once() -> None:
    shapes = [(3, 4), (4, 3), (2, 3, 4), (1, 4)]
    calls = (lambda x: mg.sum(x, dim=0), lambda x: mg.softmax(x, 1), lambda x: x.std(0))
    operands = [mg.arange(1.0, np.prod(shape) + 1).reshape(shape) for shape in shapes]
    expected = [outcome(call, x.clone().requires_grad_()) for call in calls for x in operands]
    begin = threading.Barrier(9)

    def work(first: int) -> None:
        given = [x.clone().requires_grad_() for x in operands]
        places = [(call, x) for call in calls for x in given]
        begin.wait()
        for i in range(first, first + 100):
            k = i % len(places)
            assert all(map(same, outcome(*places[k]), expected[k])), k

    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(work, k) for k in range(8)]
        begin.wait()
        while not all(each.done() for each in found):
            forget_kernels()
    for each in found:
        each.result()


def test_out_and_hooks_take_part_in_remembered_calls() -> None:
    x = mg.tensor([[3.0, 1.0], [4.0, 6.0]], requires_grad=True)
    for _ in range(3):
        out = mg.empty(2)
        assert mg.amax(x.detach(), 0, out=out) is out
        assert out.tolist() == [4.0, 6.0]
        y, seen = x.amax(0), []
        y.register_hook(seen.append)
        (g,) = mg.autograd.grad(y.sum(), x)
        assert g.tolist() == [[0.0, 0.0], [1.0, 1.0]]
        assert [s.tolist() for s in seen] == [[1.0, 1.0]]
        with mg.autograd.graph.saved_tensors_hooks(lambda t: t * 1, lambda t: t):
            z = x.amax(0)
        assert mg.autograd.grad(z.sum(), x)[0].tolist() == g.tolist()
