"""What a call may write to, in every form that writes, and what that does to the graph."""

from __future__ import annotations

import copy
import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from microgrest import optim
from microgrest.autograd import Function
from microgrest.ops.places import indexing as rows
from tests.test_forms import WRITING, Call, every

# out=

UNARY = ["exp", "sin", "sqrt", "neg", "reciprocal", "sigmoid", "tanh", "floor"]


@pytest.mark.parametrize("name", UNARY)
def test_out_of_unary_functions(name: str) -> None:
    x, f = mg.tensor([0.5, 2.0]), getattr(mg, name)
    wide = mg.empty(0, dtype=mg.float64)
    if name in ("neg", "floor"):
        with pytest.raises(RuntimeError, match="Expected out tensor to have dtype"):
            f(x, out=wide)
        wide = mg.empty(0)
    for out in (mg.empty(0), mg.zeros(2), mg.zeros(4)[::2], wide):
        result = f(x, out=out)
        assert result is out and out.shape == (2,)
        np.testing.assert_allclose(out.numpy(), f(x).numpy(), rtol=1e-6)
        assert out._version > 0


TAKING: list[tuple[str, tuple[Any, ...]]] = [
    ("add", (mg.ones(3), 1)),
    ("pow", (mg.ones(3), 2)),
    ("pow", (mg.ones(3), mg.ones(3))),
    ("clamp", (mg.ones(3), 0, 2)),
    ("clamp", (mg.ones(3), 0)),
    ("where", (mg.tensor([True, False, True]), mg.ones(3), mg.zeros(3))),
    ("round", (mg.ones(3),)),
    ("lerp", (mg.zeros(3), mg.ones(3), 0.5)),
    ("addcmul", (mg.zeros(3), mg.ones(3), mg.ones(3))),
    ("eq", (mg.ones(3), 1)),
    ("sum", (mg.ones(2, 3), 0)),
    ("mean", (mg.ones(2, 3), 0)),
    ("prod", (mg.ones(2, 3), 0)),
    ("amax", (mg.ones(2, 3), 0)),
    ("all", (mg.ones(2, 3), 0)),
    ("argmax", (mg.ones(2, 3), 0)),
    ("std", (mg.ones(2, 3), 0)),
    ("norm", (mg.ones(2, 3), 2, 0)),
    ("cumsum", (mg.ones(3), 0)),
    ("cumprod", (mg.ones(3), 0)),
    ("logcumsumexp", (mg.ones(3), 0)),
    ("mm", (mg.ones(3, 2), mg.ones(2, 3))),
    ("bmm", (mg.ones(1, 3, 2), mg.ones(1, 2, 3))),
    ("mv", (mg.ones(3, 2), mg.ones(2))),
    ("dot", (mg.ones(3), mg.ones(3))),
    ("matmul", (mg.ones(3, 2), mg.ones(2, 3))),
    ("addmm", (mg.ones(3), mg.ones(3, 2), mg.ones(2, 3))),
    ("outer", (mg.ones(3), mg.ones(2))),
    ("cat", ([mg.ones(2), mg.ones(1)],)),
    ("stack", ([mg.ones(3), mg.ones(3)],)),
    ("hstack", ([mg.ones(3), mg.ones(3)],)),
    ("gather", (mg.ones(3), 0, mg.tensor([0, 1]))),
    ("index_select", (mg.ones(3), 0, mg.tensor([0, 1]))),
    ("masked_select", (mg.ones(3), mg.tensor([True, False, True]))),
    ("take", (mg.ones(3), mg.tensor([0, 1]))),
    ("nonzero", (mg.ones(3),)),
    ("tril", (mg.ones(3, 3),)),
    ("diag", (mg.ones(3),)),
    ("arange", (3,)),
    ("eye", (3,)),
    ("full", ((3,), 2.0)),
    ("linspace", (0, 1, 3)),
    ("zeros", (3,)),
]


@pytest.mark.parametrize(
    ("name", "args"), TAKING, ids=[f"{n} {i}" for i, (n, _) in enumerate(TAKING)]
)
def test_out_of_every_function(name: str, args: tuple[Any, ...]) -> None:
    """The result is in `out`: one of its shape, an empty one, one of another shape, a view."""
    f = getattr(mg, name)
    expected = f(*args)
    shape, dtype = tuple(expected.shape), expected.dtype
    spread = mg.zeros(*shape, 2, dtype=dtype)
    exact = mg.full(shape, 7, dtype=dtype)
    for out in (exact, mg.empty(0, dtype=dtype), spread[..., 0]):
        array, resized = out._storage, not out.numel()
        assert f(*args, out=out) is out
        assert out.equal(expected) and (resized or out._storage is array) and out._version > 0
    assert not spread[..., 1].any()
    other = mg.zeros(*shape, 3, dtype=dtype)
    with pytest.warns(UserWarning, match="An output with one or more elements was resized"):
        f(*args, out=other)
    assert other.equal(expected)
    with pytest.raises((TypeError, AttributeError)):
        f(*args, out=3)
    if expected.numel() > 1:
        with pytest.raises(RuntimeError, match="single memory location"):
            f(*args, out=mg.zeros((), dtype=dtype).expand(shape))


@pytest.mark.parametrize(
    ("name", "args"),
    [
        (n, a)
        for n, a in TAKING
        if any(isinstance(t, mg.Tensor) and t.is_floating_point() for t in a)
    ],
    ids=str,
)
def test_out_is_not_recorded(name: str, args: tuple[Any, ...]) -> None:
    f = getattr(mg, name)
    expected = f(*args)
    if expected.is_floating_point():
        leaves = [
            t.clone().requires_grad_() if isinstance(t, mg.Tensor) and t.is_floating_point() else t
            for t in args
        ]
        with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
            f(*leaves, out=mg.empty(0))
        with mg.no_grad():
            assert f(*leaves, out=mg.empty(0)).equal(expected)
        with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
            f(*args, out=mg.zeros(expected.shape, requires_grad=True))


def test_out_of_a_type_that_cannot_hold_the_result() -> None:
    x, whole = mg.tensor([1.5]), mg.tensor([1])
    for call in (
        lambda: mg.add(x, 1.0, out=whole),
        lambda: mg.exp(whole, out=whole),
        lambda: mg.mean(x, 0, out=mg.tensor(1)),
        lambda: mg.matmul(mg.ones(1, 1), mg.ones(1, 1), out=mg.ones(1, 1, dtype=mg.float64)),
        lambda: mg.cat([x], out=whole),
        lambda: mg.argmax(x, out=mg.tensor(1.0)),
        lambda: mg.eq(x, x).logical_and(mg.eq(x, x)) and mg.add(whole, 1, out=mg.tensor([True])),
    ):
        with pytest.raises(RuntimeError, match=r"can't be cast|Expected out tensor to have dtype"):
            call()
    with pytest.raises(RuntimeError, match="can't be cast"):
        mg.add(mg.ones(3), 1, out=whole)
    assert whole.tolist() == [1] and whole._version == 0
    assert mg.mul(x, 2, out=mg.empty(0, dtype=mg.float16)).item() == 3.0
    assert mg.sum(x.int(), 0, out=mg.empty((), dtype=mg.float64)).item() == 1.0
    assert mg.cumsum(mg.ones(2), 0, out=mg.empty(0, dtype=mg.int64)).tolist() == [1, 2]


def test_out_of_two_results() -> None:
    x = mg.tensor([[1.0, 3.0, 2.0]])
    values, places = mg.empty(0), mg.empty(0, dtype=mg.int64)
    found = mg.max(x, 1, out=(values, places))
    assert found.values is values and values.tolist() == [3.0] and places.tolist() == [1]
    with pytest.raises(TypeError, match="must be a tuple of 2 Tensors"):
        mg.max(x, 1, out=values)


def test_out_that_is_an_operand_is_not_resized() -> None:
    v = mg.tensor(1.0)
    for call in (lambda: mg.xlogy(mg.ones(2), v, out=v), lambda: mg.add(v, mg.ones(2), out=v)):
        with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
            call()
    assert v.shape == () and v.item() == 1


def test_out_of_what_has_no_derivative() -> None:
    y = mg.tensor([1.0, -1.0], requires_grad=True) * 1
    assert mg.gt(y, 0, out=y) is y and y.tolist() == [1, 0]
    assert mg.argmax(y, out=mg.empty((), dtype=mg.int64)).item() == 0


def test_all_of_an_operand_seen_otherwise() -> None:
    x = mg.ones(2, 3, 4)[::2]
    x[:] += x * 1
    x[None] = x
    x[...] *= x
    assert x.tolist() == mg.full((1, 3, 4), 4.0).tolist()
    empty = mg.ones(0, 3)
    empty[:] += empty[:0]
    assert mg.zeros(0, 2).expand(2, 0, 2).add_(1).shape == (2, 0, 2)
    turned = mg.zeros(4, 2, 0).mT
    turned[()] += mg.zeros(4, 0, 2)
    assert turned.shape == (4, 0, 2)


def test_powers_in_place_are_those_out_of_place() -> None:
    x = mg.tensor([float("-inf"), -0.0, 4.0])
    for n in (0.5, -0.5, -1, 2, 3, 2.5):
        for y in (x.clone().pow_(n), operator.ipow(x.clone(), n), mg.pow(x, n, out=mg.empty(0))):
            np.testing.assert_array_equal(y.numpy(), (x**n).numpy())
    assert operator.ipow(mg.tensor([True, False]), False).tolist() == [True, True]


def test_out_over_an_operand() -> None:
    x = mg.arange(4.0)
    assert mg.add(x, 1, out=x) is x and x.tolist() == [1, 2, 3, 4]
    with pytest.raises(RuntimeError, match="some elements of the input tensor"):
        mg.exp(x[1:], out=x[:-1])
    m = mg.arange(4.0).view(2, 2)
    assert mg.mm(m, m, out=m).tolist() == [[2, 3], [6, 11]]


def test_a_view_that_was_resized_is_none_any_more() -> None:
    base = mg.zeros(2, 3)
    row = base[0]
    with pytest.warns(UserWarning, match="was resized"):
        mg.add(mg.ones(2), 1, out=row)
    assert base.tolist() == [[2, 2, 0], [0, 0, 0]]
    base.mul_(mg.ones(3, requires_grad=True) * 2)
    assert base.requires_grad and not row.requires_grad and row.tolist() == [4, 4]


def test_an_empty_view_grows_within_its_storage() -> None:
    x = mg.zeros(4)
    assert mg.add(mg.ones(2), 1, out=x[:0]).tolist() == [2, 2] and x.tolist() == [2, 2, 0, 0]
    assert mg.add(mg.ones(2), 1, out=x[4:]).tolist() == [2, 2] and x.tolist() == [2, 2, 0, 0]


# Memory


@every("add", "mul", "pow", "copysign", only=WRITING)
def test_no_form_writes_over_a_part_of_an_operand(call: Call) -> None:
    x = mg.arange(1.0, 5.0)
    square = x.view(2, 2)
    for a, b in ((x[1:], x[:-1]), (x, x[0]), (square, square.T), (square, x[:2])):
        with pytest.raises(RuntimeError, match="some elements of the input tensor and the written"):
            call(a, b)
    assert x.tolist() == [1, 2, 3, 4] and x._version == 0


@pytest.mark.parametrize(
    "write",
    [
        lambda a, b: a.add_(b),
        lambda a, b: operator.iadd(a, b),
        lambda a, b: a.copy_(b),
        lambda a, b: a.__setitem__(slice(None), b),
        lambda a, b: a.__setitem__([0, 1, 2], b),
        lambda a, b: a.addcmul_(b, b),
        lambda a, b: a.lerp_(a.clone(), b),
        lambda a, b: a.clamp_(b, b),
        lambda a, b: a.pow_(b),
        lambda a, b: mg.add(b, 1, out=a),
        lambda a, b: mg.where(b > 0, b, b, out=a),
        lambda a, b: optimize(a, b),
    ],
)
def test_writes_over_a_part_of_an_operand_are_refused(write: Call) -> None:
    x = mg.arange(4.0)
    with pytest.raises(RuntimeError, match="some elements of the input tensor and the written-to"):
        write(x[1:], x[:-1])
    assert x.tolist() == [0, 1, 2, 3] and x._version == 0


def optimize(a: mg.Tensor, b: mg.Tensor) -> None:
    """A step of an optimizer over `a` with the gradient `b`."""
    p = mg.nn.Parameter(a)
    p.grad = b
    optim.SGD([p], lr=0.1).step()


def test_overlap_that_is_no_range_is_as_if_copied() -> None:
    x = mg.arange(12.0).view(3, 4)
    expected = x.numpy().copy()
    expected[:, 1:] += expected[:, :-1].copy()
    x[:, 1:].add_(x[:, :-1])
    assert x.tolist() == expected.tolist()
    p = mg.nn.Parameter(x[:, 1:])
    p.grad = x[:, :-1]
    expected[:, 1:] -= expected[:, :-1].copy()
    optim.SGD([p], lr=1.0).step()
    assert x.tolist() == expected.tolist()


WRITES: dict[str, Callable[[Any], Any]] = {
    "add_": lambda t: t.add_(1),
    "neg_": lambda t: t.neg_(),
    "+=": lambda t: operator.iadd(t, 1.0),
    "copy_": lambda t: t.copy_(mg.ones(2, 3)),
    "fill_ by a tensor": lambda t: t.fill_(mg.tensor(1.0)),
    "masked_fill_": lambda t: t.masked_fill_(mg.tensor([True, False, True]), 1.0),
    "clamp_": lambda t: t.clamp_(0, 1),
    "addcmul_": lambda t: t.addcmul_(mg.ones(2, 3), mg.ones(2, 3)),
    "slice": lambda t: t.__setitem__(slice(None), 1),
    "index": lambda t: t.__setitem__([0], 1.0),
    "index_put_": lambda t: t.index_put_((mg.tensor([0]),), mg.ones(3)),
    "uniform_": lambda t: t.uniform_(),
    "normal_": lambda t: t.normal_(),
    "bernoulli_": lambda t: t.bernoulli_(),
    "random_": lambda t: t.random_(),
    "out": lambda t: mg.exp(mg.ones(2, 3), out=t),
    "out of a sum": lambda t: mg.sum(mg.ones(2, 3, 1), 2, out=t),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_writes_to_expanded_memory(write: Callable[[Any], Any]) -> None:
    t = mg.zeros(2, 1)
    with pytest.raises(RuntimeError, match=r"single memory location. Please clone"):
        write(t.expand(2, 3))
    assert t.tolist() == [[0], [0]] and t._version == 0


def test_numbers_fill_expanded_memory() -> None:
    t = mg.ones(2, 1)
    assert t.expand(2, 3).zero_().tolist() == [[0, 0, 0], [0, 0, 0]] and t.tolist() == [[0], [0]]
    assert t.expand(2, 3).fill_(2).sum() == 12 and t.tolist() == [[2], [2]] and t._version == 2
    assert mg.ones(0, 1).expand(0, 3).zero_().shape == (0, 3)
    assert mg.ones(1).expand(0).fill_(3).shape == (0,)
    windows = mg.arange(4.0).unfold(0, 2, 1)
    assert windows.fill_(5).tolist() == [[5, 5]] * 3


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_writes_to_leaves(write: Callable[[Any], Any]) -> None:
    leaf = mg.ones(2, 3, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"a leaf Variable|don't support automatic"):
        write(leaf)
    with pytest.raises(RuntimeError, match=r"a view of a leaf|don't support automatic|no_grad"):
        write(leaf[:])
    with mg.no_grad():
        write(leaf)
    assert leaf._version == 1


# The graph: what was there before a write has a gradient of zeros

OVERWRITES: dict[str, Callable[[Any], Any]] = {
    "zero_": lambda y: y.zero_(),
    "fill_": lambda y: y.fill_(3),
    "fill_ by a tensor": lambda y: y.fill_(mg.tensor(3.0)),
    "copy_": lambda y: y.copy_(mg.ones(3)),
    "[:]": lambda y: y.__setitem__(slice(None), 1),
    "[...]": lambda y: y.__setitem__(..., 1),
    "index": lambda y: y.__setitem__([0, 1, 2], 1.0),
    "mask": lambda y: y.__setitem__(mg.tensor([True, True, True]), 1.0),
    "masked_fill_": lambda y: y.masked_fill_(mg.tensor(True), 1.0),
    "uniform_": lambda y: y.uniform_(),
    "normal_": lambda y: y.normal_(),
    "bernoulli_": lambda y: y.bernoulli_(),
    "random_": lambda y: y.random_(),
    "custom": lambda y: Overwrite.apply(y),
}


class Overwrite(Function):
    """Ones, in place."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.mark_dirty(x)
        return x.copy_(mg.ones(3))

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return mg.zeros(3)


@pytest.mark.parametrize("write", OVERWRITES.values(), ids=OVERWRITES)
def test_what_is_overwritten_has_a_gradient_of_zeros(write: Callable[[Any], Any]) -> None:
    x = mg.ones(3, requires_grad=True)
    y = x * 2
    write(y)
    assert y.requires_grad
    y.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0, 0, 0]


@pytest.mark.parametrize("write", OVERWRITES.values(), ids=OVERWRITES)
def test_what_is_overwritten_through_a_view(write: Callable[[Any], Any]) -> None:
    x = mg.ones(4, requires_grad=True)
    y = x * 2
    write(y[1:])
    y.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [2, 0, 0, 0]


def test_momentum_sees_the_zeros() -> None:
    p = mg.nn.Parameter(mg.ones(2))
    by = optim.SGD([p], lr=0.5, weight_decay=1.0)
    (p * 2).zero_().sum().backward()
    by.step()
    assert p.tolist() == [0.5, 0.5]


def test_copies_carry_the_gradient_of_their_source() -> None:
    x, v = mg.ones(3, requires_grad=True), mg.ones(3, requires_grad=True)
    y = x * 2
    y.copy_(v * 3)
    (y * y).sum().backward()
    assert x.grad is not None and v.grad is not None
    assert x.grad.tolist() == [0, 0, 0] and v.grad.tolist() == [18, 18, 18]


def test_what_cannot_be_differentiated_is_not_written() -> None:
    y = mg.ones(3, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match="derivative for floor_divide_ is not implemented"):
        y.floor_divide_(2)
    assert y.tolist() == [2, 2, 2]


# Where PyTorch refuses, and the gradient here is right; see docs/differences.md


def test_writes_to_outputs_of_split_and_unbind() -> None:
    for take in (lambda y: y.unbind()[0], lambda y: y.split(1)[0], lambda y: y.chunk(3)[0]):
        x = mg.tensor([1.0, 2.0, 3.0], requires_grad=True)
        y = x * x
        take(y).mul_(5)
        y.sum().backward()
        assert x.grad is not None and x.grad.tolist() == [10, 4, 6]


def test_updates_by_oneself() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    y *= y
    (g,) = mg.autograd.grad(y.sum(), x, create_graph=True)
    assert g.tolist() == [2, 4]
    assert mg.autograd.grad(g.sum(), x)[0].tolist() == [2, 2]
    y = x * 1
    y.pow_(y)
    (g,) = mg.autograd.grad(y.sum(), x)
    np.testing.assert_allclose(g.numpy(), [1, 4 * (np.log(2) + 1)], rtol=1e-6)


def test_a_view_made_in_no_grad_stays_outside_the_graph() -> None:
    x = mg.ones(3, requires_grad=True)
    y = x * 2
    with mg.no_grad():
        v = y[0]
    y.mul_(2)
    assert not v.requires_grad and v.item() == 4
    (y * v).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [16, 16, 16]


# Filling by a mask


def test_masked_fill_keeps_the_type() -> None:
    mask = mg.tensor([True, False])
    for data, dtype, value, expected in (
        ([1, 2], mg.int64, 2.7, [2, 2]),
        ([1, 2], mg.int64, mg.tensor(2.7), [2, 2]),
        ([True, False], mg.bool, 3, [True, False]),
        ([1, 2], mg.uint8, -1, [255, 2]),
        ([1.0, 2.0], mg.float16, mg.tensor(3, dtype=mg.int64), [3.0, 2.0]),
    ):
        x = mg.tensor(data, dtype=dtype)
        for made in (x.masked_fill(mask, value), mg.masked_fill(x, mask, value)):
            assert made.dtype is dtype and made.tolist() == expected
        assert x.masked_fill_(mask, value) is x and x.tolist() == expected


def test_masked_fill_leaves_the_rest_alone() -> None:
    x = mg.tensor([2**24 + 1, 2**62 + 1, 5])
    x.masked_fill_(mg.tensor([False, False, True]), 2.0)
    assert x.tolist() == [2**24 + 1, 2**62 + 1, 2]
    assert x.masked_fill_(x == 2, x[0]).tolist() == [2**24 + 1, 2**62 + 1, 2**24 + 1]


@pytest.mark.parametrize(
    ("mask", "value", "error"),
    [
        (mg.tensor([1, 0]), 1.0, RuntimeError),
        (mg.tensor([True, False]), mg.ones(1), RuntimeError),
        (mg.tensor([True, False]), "a", TypeError),
        (True, 1.0, TypeError),
    ],
)
def test_masked_fill_refuses(mask: Any, value: Any, error: type[Exception]) -> None:
    for call in (mg.Tensor.masked_fill, mg.Tensor.masked_fill_, mg.masked_fill):
        with pytest.raises(error):
            call(mg.ones(2), mask, value)


def test_masked_fill_is_differentiable() -> None:
    x, v = mg.ones(2, 2, requires_grad=True), mg.tensor(3.0, requires_grad=True)
    mask = mg.tensor([True, False])
    for made in (x.masked_fill(mask, v), (x * 1).masked_fill_(mask, v)):
        x.grad = v.grad = None
        (made * made).sum().backward()
        assert x.grad is not None and v.grad is not None
        assert x.grad.tolist() == [[0, 2], [0, 2]] and v.grad.item() == 12


# Writing to elements


@pytest.mark.parametrize(
    "index", [[0], mg.tensor([0]), (slice(None), [1]), mg.tensor([True, True])]
)
def test_elements_take_their_own_dtype(index: Any) -> None:
    x = mg.arange(4).view(2, 2)
    with pytest.raises(RuntimeError, match="Index put requires the source and destination dtypes"):
        x[index] = mg.tensor([5.7, 6.7])
    assert x.tolist() == [[0, 1], [2, 3]]
    x[index] = 5.7
    assert 5 in x.tolist()[0]


def test_a_mask_and_one_element_converts() -> None:
    x = mg.arange(3)
    x[mg.tensor([True, False, False])] = mg.tensor([5.7])
    x[1] = mg.tensor(6.7)
    x[2:] = mg.tensor([7.7])
    assert x.tolist() == [5, 6, 7]
    x[True] = mg.tensor([1.5, 2.5, 3.5])
    assert x.tolist() == [1, 2, 3]


def test_leading_ones_are_trimmed() -> None:
    x = mg.zeros(3)
    x[[0]] = mg.ones(1, 1, 1)
    x[mg.tensor([False, True, True])] = mg.full((1, 2), 2.0)
    assert x.tolist() == [1, 2, 2]
    with pytest.raises(RuntimeError, match="shape mismatch"):
        x[[0, 1]] = mg.ones(3)


# What a rule saves


def test_a_rule_is_kept_by_what_steers_it() -> None:
    x, v = mg.zeros(3, requires_grad=True), mg.ones(1, requires_grad=True)
    for accumulate, expected in ((False, [0, 1, 1]), (True, [1, 1, 1]), (False, [0, 1, 1])):
        y = x * 1
        y.index_put_((mg.tensor([0]),), v * 1, accumulate=accumulate)
        assert mg.autograd.grad(y.sum(), x)[0].tolist() == expected


def test_a_rule_that_reads_what_it_did_not_save_raises() -> None:
    x = mg.ones(3, requires_grad=True)
    y = rows.scatter_add(x, mg.tensor([0, 1, 2]), shape=(3,))
    node = y.grad_fn
    # As if the tensor of places had not been saved.
    node.rule, node.saved, node.versions = copy.copy(node.rule), (), ()
    node.rule.saved = []
    node.extra = node.extra[0], node.rule.stubs
    with pytest.raises(RuntimeError, match="reads what it did not save"):
        y.sum().backward()


def test_warnings_are_not_raised_for_fitting_outputs() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mg.add(mg.ones(3), 1, out=mg.ones(3))
        mg.sum(mg.ones(3), 0, out=mg.empty(0))
