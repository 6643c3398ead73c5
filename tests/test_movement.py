"""Views, splits, joins, reorderings and picks: values beside NumPy's, gradients by the adjoint.

All of these are linear in the tensor, so the gradient g of sum(w * op(x)) is the adjoint applied to
w, and sum(g * v) must be sum(w * op(v)) for every v. One identity checks a case in every direction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

import microgrest as mg

pytestmark = pytest.mark.devices

Array = np.ndarray[Any, Any]


class Case(NamedTuple):
    """An op as a call on a library and a tensor, NumPy's form of it, and a shape to try it on."""

    name: str
    op: Callable[[Any, Any], Any]
    ref: Callable[[Array], Any]
    shape: tuple[int, ...] = (3, 4)


def windows(x: Array, axis: int, size: int, step: int) -> Array:
    """NumPy's form of unfold."""
    every = np.lib.stride_tricks.sliding_window_view(x, size, axis)
    return every[tuple([slice(None)] * axis + [slice(None, None, step)])]


def embedded(x: Array, offset: int) -> Array:
    """diag_embed by a loop over the rows."""
    return np.stack([np.diag(row, offset) for row in x])


VIEWS = [
    Case("view", lambda t, x: x.view(2, -1), lambda x: x.reshape(2, -1)),
    Case("reshape of a transpose", lambda t, x: x.t().reshape(12), lambda x: x.T.reshape(12)),
    Case("flatten", lambda t, x: x.flatten(1), lambda x: x.reshape(2, 6), (2, 3, 2)),
    Case("unflatten", lambda t, x: x.unflatten(1, (2, -1)), lambda x: x.reshape(3, 2, 2)),
    Case("squeeze", lambda t, x: x.squeeze(), lambda x: x.squeeze(), (1, 3, 1)),
    Case("squeeze dim", lambda t, x: x.squeeze(0), lambda x: x.squeeze(0), (1, 3, 1)),
    Case("unsqueeze", lambda t, x: x.unsqueeze(-1), lambda x: x[..., None]),
    Case("transpose", lambda t, x: x.transpose(0, 1), lambda x: x.T),
    Case("swapaxes", lambda t, x: x.swapaxes(0, -1), lambda x: x.swapaxes(0, -1), (2, 3, 4)),
    Case("adjoint", lambda t, x: x.adjoint(), lambda x: x.swapaxes(-1, -2), (2, 3, 4)),
    Case("T", lambda t, x: x.T, lambda x: x.T),
    Case("permute", lambda t, x: x.permute(2, 0, 1), lambda x: x.transpose(2, 0, 1), (2, 3, 4)),
    Case("movedim", lambda t, x: x.movedim(0, 2), lambda x: np.moveaxis(x, 0, 2), (2, 3, 4)),
    Case(
        "expand", lambda t, x: x.expand(2, -1, 4), lambda x: np.broadcast_to(x, (2, 3, 4)), (3, 1)
    ),
    Case("narrow", lambda t, x: x.narrow(1, -3, 2), lambda x: x[:, 1:3]),
    Case("select", lambda t, x: x.select(1, -1), lambda x: x[:, -1]),
    Case("diagonal", lambda t, x: x.diagonal(1), lambda x: x.diagonal(1)),
    Case(
        "diagonal of a stack",
        lambda t, x: x.diagonal(0, 2, 0),
        lambda x: x.diagonal(0, 2, 0),
        (3, 2, 4),
    ),
    Case("unfold", lambda t, x: x.unfold(1, 3, 1), lambda x: windows(x, 1, 3, 1)),
    Case("unfold apart", lambda t, x: x.unfold(0, 2, 2), lambda x: windows(x, 0, 2, 2), (5, 2)),
    Case("unfold a transpose", lambda t, x: x.t().unfold(0, 2, 1), lambda x: windows(x.T, 0, 2, 1)),
    Case(
        "unfold an expansion",
        lambda t, x: x.expand(2, 3, 4).unfold(1, 2, 1),
        lambda x: windows(np.broadcast_to(x, (2, 3, 4)), 1, 2, 1),
    ),
    Case(
        "as_strided",
        lambda t, x: x.as_strided((2, 2), (1, 2), 1),
        lambda x: x.reshape(12)[[[1, 3], [2, 4]]],
    ),
    Case(
        "as_strided of a transpose",
        lambda t, x: x.t().as_strided((3,), (1,), 0),
        lambda x: x.reshape(12)[:3],
    ),
    Case(
        "as_strided of a slice",
        lambda t, x: x.clone()[1:].as_strided((2, 2), (1, 1), 5),
        lambda x: x.reshape(12)[[[5, 6], [6, 7]]],
    ),
    Case("split", lambda t, x: x.split(3, 1), lambda x: (x[:, :3], x[:, 3:])),
    Case("split by sizes", lambda t, x: x.split([1, 2], 0), lambda x: (x[:1], x[1:])),
    Case(
        "split_with_sizes",
        lambda t, x: x.split_with_sizes((1, 0, 3), 1),
        lambda x: np.split(x, [1, 1], 1),
    ),
    Case("chunk", lambda t, x: x.chunk(3, 1), lambda x: (x[:, :2], x[:, 2:])),
    Case("tensor_split", lambda t, x: t.tensor_split(x, 3, 1), lambda x: np.array_split(x, 3, 1)),
    Case(
        "tensor_split at", lambda t, x: x.tensor_split((1, -1), 1), lambda x: np.split(x, [1, 3], 1)
    ),
    Case("hsplit", lambda t, x: x.hsplit(2), lambda x: np.hsplit(x, 2)),
    Case("vsplit", lambda t, x: x.vsplit([1]), lambda x: np.vsplit(x, [1])),
    Case("dsplit", lambda t, x: x.dsplit(2), lambda x: np.dsplit(x, 2), (2, 3, 4)),
    Case("unbind", lambda t, x: x.unbind(1), lambda x: tuple(x.T)),
    Case(
        "meshgrid",
        lambda t, x: t.meshgrid(x[0], x[1], indexing="ij"),
        lambda x: np.meshgrid(x[0], x[1], indexing="ij"),
    ),
    Case(
        "meshgrid xy",
        lambda t, x: t.meshgrid(x[0], x[1], indexing="xy"),
        lambda x: np.meshgrid(x[0], x[1]),
    ),
    Case(
        "broadcast_tensors",
        lambda t, x: t.broadcast_tensors(x, x[0]),
        lambda x: np.broadcast_arrays(x, x[0]),
    ),
    Case("atleast_1d", lambda t, x: t.atleast_1d(x), np.atleast_1d, ()),
    Case("atleast_2d", lambda t, x: t.atleast_2d(x), np.atleast_2d, (3,)),
    Case("atleast_3d", lambda t, x: t.atleast_3d(x[0], x), lambda x: np.atleast_3d(x[0], x)),
]
COPIES = [
    Case("cat", lambda t, x: t.cat([x, x[:1]]), lambda x: np.concatenate([x, x[:1]])),
    Case("stack", lambda t, x: t.stack([x, x], -1), lambda x: np.stack([x, x], -1)),
    Case("hstack", lambda t, x: t.hstack((x, x)), lambda x: np.hstack((x, x))),
    Case(
        "hstack of vectors", lambda t, x: t.hstack((x[0], x[1])), lambda x: np.hstack((x[0], x[1]))
    ),
    Case("vstack", lambda t, x: t.vstack((x, x[0])), lambda x: np.vstack((x, x[0]))),
    Case("dstack", lambda t, x: t.dstack((x, x)), lambda x: np.dstack((x, x))),
    Case(
        "column_stack",
        lambda t, x: t.column_stack((x[:, 0], x)),
        lambda x: np.column_stack((x[:, 0], x)),
    ),
    Case("flip", lambda t, x: x.flip(1), lambda x: np.flip(x, 1)),
    Case("flip both", lambda t, x: x.flip((0, 1)), lambda x: np.flip(x)),
    Case("flip a view", lambda t, x: x.t()[1:].flip(0), lambda x: x.T[1:][::-1]),
    Case("fliplr", lambda t, x: x.fliplr(), np.fliplr),
    Case("flipud", lambda t, x: x.flipud(), np.flipud),
    Case("roll", lambda t, x: x.roll(1, 1), lambda x: np.roll(x, 1, 1)),
    Case("roll flat", lambda t, x: x.roll(-5), lambda x: np.roll(x, -5)),
    Case("roll both", lambda t, x: x.roll((1, 6), (0, 1)), lambda x: np.roll(x, (1, 6), (0, 1))),
    Case("rot90", lambda t, x: x.rot90(), np.rot90),
    Case("rot90 twice", lambda t, x: x.rot90(2), lambda x: np.rot90(x, 2)),
    Case(
        "rot90 back", lambda t, x: x.rot90(-1, (1, 2)), lambda x: np.rot90(x, -1, (1, 2)), (2, 3, 4)
    ),
    Case("rot90 around", lambda t, x: x.rot90(4), lambda x: x.copy()),
    Case("repeat", lambda t, x: x.repeat(2, 1, 3), lambda x: np.tile(x, (2, 1, 3))),
    Case("repeat none", lambda t, x: x.repeat(0, 1), lambda x: np.tile(x, (0, 1))),
    Case("tile", lambda t, x: x.tile(2), lambda x: np.tile(x, 2)),
    Case("tile more", lambda t, x: t.tile(x, (2, 1, 2)), lambda x: np.tile(x, (2, 1, 2))),
    Case("repeat_interleave", lambda t, x: x.repeat_interleave(2, 0), lambda x: x.repeat(2, 0)),
    Case("repeat_interleave flat", lambda t, x: x.repeat_interleave(3), lambda x: x.repeat(3)),
    Case(
        "repeat_interleave by counts",
        lambda t, x: x.repeat_interleave(t.tensor([2, 0, 1]), 0),
        lambda x: x.repeat([2, 0, 1], 0),
    ),
    Case(
        "cartesian_prod",
        lambda t, x: t.cartesian_prod(x[0], x[1]),
        lambda x: np.stack(np.meshgrid(x[0], x[1], indexing="ij"), -1).reshape(-1, 2),
    ),
    Case(
        "index_select",
        lambda t, x: x.index_select(1, t.tensor([3, 0, 0])),
        lambda x: x[:, [3, 0, 0]],
    ),
    Case(
        "gather",
        lambda t, x: x.gather(1, t.tensor([[0, 0], [3, 1]])),
        lambda x: np.take_along_axis(x[:2], np.array([[0, 0], [3, 1]]), 1),
    ),
    Case(
        "gather of a view",
        lambda t, x: x.t().gather(0, t.tensor([[2, 1]])),
        lambda x: np.take_along_axis(x.T[:, :2], np.array([[2, 1]]), 0),
    ),
    Case(
        "take_along_dim",
        lambda t, x: x.take_along_dim(t.tensor([[0, -1]]), 1),
        lambda x: np.take_along_axis(x, np.array([[0, -1]]), 1),
    ),
    Case(
        "take_along_dim flat",
        lambda t, x: t.take_along_dim(x, t.tensor([5, 0])),
        lambda x: x.take([5, 0]),
    ),
    Case(
        "take",
        lambda t, x: x.take(t.tensor([[0, -1], [5, 5]])),
        lambda x: x.take([[0, -1], [5, 5]]),
    ),
    Case(
        "masked_select",
        lambda t, x: x.masked_select(t.tensor([True, False, True, True])),
        lambda x: x[:, [0, 2, 3]].ravel(),
    ),
    Case("diag of a matrix", lambda t, x: x.diag(-1), lambda x: np.diag(x, -1)),
    Case("diag of a vector", lambda t, x: x.diag(1), lambda x: np.diag(x, 1), (3,)),
    Case("diagflat", lambda t, x: x.diagflat(), np.diagflat, (2, 2)),
    Case("diag_embed", lambda t, x: t.diag_embed(x, 1), lambda x: embedded(x, 1)),
    Case(
        "diag_embed elsewhere",
        lambda t, x: x.diag_embed(-1, 0, 2),
        lambda x: embedded(x, -1).transpose(1, 0, 2),
    ),
    Case("tril", lambda t, x: x.tril(-1), lambda x: np.tril(x, -1)),
    Case("triu", lambda t, x: t.triu(x, 1), lambda x: np.triu(x, 1), (2, 3, 4)),
    Case("trace", lambda t, x: x.trace(), np.trace),
    Case(
        "cross",
        lambda t, x: x.cross(t.ones_like(x), 1),
        lambda x: np.cross(x, np.ones(x.shape)),
        (2, 3),
    ),
]
CASES = VIEWS + COPIES
by_name = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def several(results: Any) -> list[Any]:
    """One result or many, as a list."""
    return list(results) if isinstance(results, (tuple, list)) else [results]


def sample(shape: tuple[int, ...], seed: int) -> Array:
    """Small random integers, whose sums of products are exact."""
    return np.asarray(np.random.default_rng(seed).integers(-9, 10, shape), "float64")


def weighted(results: Sequence[Any], weights: Sequence[Any]) -> Any:
    """The sum of all elements of all results, each times its weight."""
    return sum(((r * w).sum() for r, w in zip(results, weights, strict=True)), 0.0)


@by_name
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool", "float16"])
def test_forward(case: Case, dtype: str) -> None:
    array = sample(case.shape, 0).astype(dtype)
    before = array.copy()
    summing = case.name in ("trace", "cross")
    if summing and dtype in ("bool", "float16"):
        return
    got, want = several(case.op(mg, mg.tensor(array))), several(case.ref(array))
    for y, reference in zip(got, want, strict=True):
        assert y.dtype is getattr(mg, dtype)
        assert tuple(y.shape) == np.shape(reference)
        np.testing.assert_array_equal(y.cpu().numpy(), reference)
    np.testing.assert_array_equal(array, before)


@by_name
def test_gradient_is_the_adjoint(case: Case) -> None:
    x = mg.tensor(sample(case.shape, 1)).requires_grad_()
    v = sample(case.shape, 2)
    results, expected = several(case.op(mg, x)), several(case.ref(v))
    weights = [mg.tensor(sample(r.shape, 3)).requires_grad_() for r in results]
    if not sum(r.numel() for r in results):
        return
    (g,) = mg.autograd.grad(weighted(results, weights), x, create_graph=True)
    assert g.shape == x.shape
    inner = float(weighted(expected, [w.detach().cpu().numpy() for w in weights]))
    assert (g * mg.tensor(v)).sum().item() == inner
    second = mg.autograd.grad((g * mg.tensor(v)).sum(), weights, allow_unused=True)
    for s, e in zip(second, expected, strict=True):
        if e.size:
            np.testing.assert_array_equal(s.cpu().numpy(), e)


@pytest.mark.parametrize("case", VIEWS, ids=lambda case: case.name)
def test_views_share_memory_and_version(case: Case) -> None:
    if case.name in ("reshape of a transpose", "as_strided of a slice"):
        return
    x = mg.tensor(sample(case.shape, 4))
    for y in several(case.op(mg, x)):
        assert y._storage is x._storage
        assert y._version == x._version
    with mg.no_grad():
        x.zero_()
    assert all(not y.numel() or y.eq(0).all() for y in several(case.op(mg, x)))


@pytest.mark.parametrize("case", COPIES, ids=lambda case: case.name)
def test_copies_do_not(case: Case) -> None:
    x = mg.tensor(sample(case.shape, 5))
    for y in several(case.op(mg, x)):
        assert y._storage is not x._storage
        assert y.is_contiguous() or case.name.startswith("rot90")


def test_write_through_an_unfolded_view_of_the_graph() -> None:
    x = mg.ones(6, dtype=mg.float64).requires_grad_()
    y = x * 1
    window = y.unfold(0, 2, 2)
    window.mul_(mg.tensor([2.0, 3.0], dtype=mg.float64))
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 3.0] * 3


def test_write_through_as_strided_stays_inside() -> None:
    """The gradient of what a view beyond a slice wrote would lie outside the slice's gradient."""
    whole = mg.zeros(8)
    part = whole[:3].detach()
    beyond = part.as_strided((2,), (1,), 5)
    part.add_(mg.ones(3, requires_grad=True))
    beyond.mul_(2)
    with pytest.raises(RuntimeError, match="reaches beyond"):
        part.sum().backward()
    moved = whole[2:5].detach()
    view = moved.as_strided((2,), (1,), 2)
    moved.add_(mg.ones(3, requires_grad=True))
    view.mul_(2)
    with pytest.raises(RuntimeError, match="other strides"):
        moved.sum().backward()


def test_elements_that_share_memory_share_the_gradient() -> None:
    x = mg.tensor([3.0], requires_grad=True)
    y = x.expand(4)
    y.as_strided((2,), (0,), 0).backward(mg.tensor([1.0, 2.0]))
    assert x.grad.tolist() == [3.0]


@pytest.mark.parametrize("shape", [(0, 3), (2, 0)])
def test_empty(shape: tuple[int, ...]) -> None:
    x = mg.zeros(shape)
    for y in (
        x.flip(0),
        x.roll(1, 0),
        x.roll(3),
        x.rot90(),
        x.repeat(2, 1),
        x.tril(),
        mg.cat([x, x]),
    ):
        assert y.numel() == 0
    assert [tuple(p.shape) for p in mg.zeros(0).chunk(2)] == [(0,), (0,)]
    assert [tuple(p.shape) for p in mg.zeros(0).split(0)] == [(0,)]
    assert tuple(mg.zeros(0, 3).nonzero().shape) == (0, 2)


def test_zero_dimensional() -> None:
    x = mg.tensor(5.0)
    assert x.repeat(2).tolist() == [5.0, 5.0]
    assert x.repeat_interleave(2).tolist() == [5.0, 5.0]
    assert x.flip(0).item() == x.roll(1).item() == x.t().item() == x.take(mg.tensor(0)).item() == 5
    assert x.gather(0, mg.tensor([0, 0])).tolist() == [5.0, 5.0]
    assert x.index_select(0, mg.tensor([0])).shape == ()
    assert x.unfold(0, 1, 1).tolist() == x.masked_select(mg.tensor(True)).tolist() == [5.0]
    assert tuple(x.nonzero().shape) == (1, 0)
    assert [i.tolist() for i in x.nonzero(as_tuple=True)] == [[0]]


def test_nonzero() -> None:
    x = mg.tensor([[0, 1], [2, 0]])
    assert x.nonzero().tolist() == x.argwhere().tolist() == [[0, 1], [1, 0]]
    assert [i.tolist() for i in x.nonzero(as_tuple=True)] == [[0, 1], [1, 0]]
    assert [i.tolist() for i in mg.where(x > 0)] == [[0, 1], [1, 0]]


def test_in_place_forms() -> None:
    x = mg.arange(6.0, requires_grad=True)
    y = x * 2
    before = y.view(2, 3)
    y.unsqueeze_(0).transpose_(0, 1).squeeze_().mul_(mg.arange(6.0))
    y.sum().backward()
    assert tuple(y.shape) == (6,)
    assert x.grad.tolist() == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    assert before.sum().item() == y.sum().item()
    assert mg.ones(2, 3).t_().shape == (3, 2)
    assert mg.ones(3, 3).tril_(-1).sum().item() == 3
    assert mg.ones(3, 3).triu_(1).sum().item() == 3
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        x.unsqueeze_(0)


def test_views_made_before_an_in_place_form_follow_it() -> None:
    x = mg.ones(2, 3, requires_grad=True)
    y = x * 1
    row = y[0]
    y.t_()
    y.mul_(2)
    (row.sum() + y.sum()).backward()
    assert x.grad.tolist() == [[4.0] * 3, [2.0] * 3]


ERRORS: list[tuple[str, type[Exception], Callable[[Any, Any], Any]]] = [
    ("sum exactly to 3", RuntimeError, lambda t, x: x.split([1, 1])),
    ("non-negative", RuntimeError, lambda t, x: x.split(-1)),
    ("can only be 0", RuntimeError, lambda t, x: x.split(0)),
    ("at least a 1-dimensional", RuntimeError, lambda t, x: t.tensor(1.0).split(1)),
    ("greater than 0", RuntimeError, lambda t, x: x.chunk(0)),
    ("must be larger than 0", RuntimeError, lambda t, x: x.tensor_split(0)),
    ("not divisible", RuntimeError, lambda t, x: x.hsplit(3)),
    ("at least 3 dim", RuntimeError, lambda t, x: x.dsplit(2)),
    ("Dimension out of range", IndexError, lambda t, x: x.unbind(2)),
    ("Dimension out of range", IndexError, lambda t, x: x.flip(2)),
    ("multiple times", RuntimeError, lambda t, x: x.flip(0, 0)),
    ("missing 1 required", TypeError, lambda t, x: x.flip()),
    (">= 2-d", RuntimeError, lambda t, x: x[0].fliplr()),
    ("must align", RuntimeError, lambda t, x: x.roll(1, (0, 1))),
    ("rotation dims to be different", RuntimeError, lambda t, x: x.rot90(1, (0, 0))),
    ("total rotation dims == 2", RuntimeError, lambda t, x: x.rot90(1, (0,))),
    ("can not be smaller", RuntimeError, lambda t, x: x.repeat(2)),
    ("negative dimension", RuntimeError, lambda t, x: x.repeat(-1, 1)),
    ("same size as input", RuntimeError, lambda t, x: x.repeat_interleave(t.tensor([1, 2]), 0)),
    ("not be negative|non-negative", RuntimeError, lambda t, x: x.repeat_interleave(-1)),
    ("output_size", RuntimeError, lambda t, x: x.repeat_interleave(2, 0, output_size=7)),
    ("same number of dimensions", RuntimeError, lambda t, x: x.gather(0, t.tensor([0]))),
    ("Expected dtype", RuntimeError, lambda t, x: x.gather(0, t.tensor([[0.0]]))),
    ("out of bounds for dimension 0", RuntimeError, lambda t, x: x.gather(0, t.tensor([[3]]))),
    ("no larger than self", RuntimeError, lambda t, x: x.gather(0, t.zeros(1, 5, dtype=t.int64))),
    ("index out of range", IndexError, lambda t, x: x.index_select(0, t.tensor([-1]))),
    ("be a vector", IndexError, lambda t, x: x.index_select(0, t.tensor([[0]]))),
    ("Expected dtype", RuntimeError, lambda t, x: x.index_select(0, t.tensor([], dtype=t.int16))),
    ("not implemented", NotImplementedError, lambda t, x: (x > 0).clip_(max=True)),
    ("out of range", IndexError, lambda t, x: x.take(t.tensor([12]))),
    ("Expected a long tensor", RuntimeError, lambda t, x: x.take(t.tensor([0.5]))),
    ("BoolTensor", RuntimeError, lambda t, x: x.masked_select(t.tensor([1]))),
    ("same number of dimensions", RuntimeError, lambda t, x: x.take_along_dim(t.tensor([0]), 1)),
    ("1D or 2D", RuntimeError, lambda t, x: x[None].diag()),
    ("cannot be identical", RuntimeError, lambda t, x: x.diag_embed(0, 1, 1)),
    ("at least 2 dimensions", RuntimeError, lambda t, x: x[0].tril()),
    ("expected a matrix", RuntimeError, lambda t, x: x[0].trace()),
    ("maximum size for tensor", RuntimeError, lambda t, x: x.unfold(1, 5, 1)),
    ("step is 0", RuntimeError, lambda t, x: x.unfold(1, 2, 0)),
    ("indexing must be one of", RuntimeError, lambda t, x: t.meshgrid(x[0], indexing="ji")),
    ("0D or 1D", RuntimeError, lambda t, x: t.meshgrid(x, indexing="ij")),
    ("1D vector", RuntimeError, lambda t, x: t.cartesian_prod(x)),
    ("non-empty", RuntimeError, lambda t, x: t.hstack([])),
    ("must match except", RuntimeError, lambda t, x: t.cat([x, x[:, :2]])),
    ("cannot be concatenated", RuntimeError, lambda t, x: t.cat([x.sum()])),
    ("equal size", RuntimeError, lambda t, x: t.stack([x, x[0]])),
    ("start out of range", IndexError, lambda t, x: x.narrow(0, 4, 1)),
    ("exceeds dimension size", RuntimeError, lambda t, x: x.narrow(0, 1, 3)),
    ("out of bounds", RuntimeError, lambda t, x: x.as_strided((20,), (1,))),
    ("mismatch in length", RuntimeError, lambda t, x: x.as_strided((2,), (1, 1))),
    ("repeated dim", RuntimeError, lambda t, x: x.movedim((0, 0), (0, 1))),
]


@pytest.mark.parametrize(("text", "error", "call"), ERRORS)
def test_errors(text: str, error: type[Exception], call: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(error, match=text):
        call(mg, mg.arange(12.0).reshape(3, 4))
