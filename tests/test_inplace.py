"""Writes into existing memory: versions, what they do to the graph, what is refused."""

from __future__ import annotations

import inspect
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import microgrest as mg

pytestmark = pytest.mark.devices

Array = np.ndarray[Any, Any]


def leaf(*values: float) -> Any:
    data = values if len(values) > 1 else values[0]
    return mg.tensor(data, dtype=mg.float64, requires_grad=True)


# Programs that write at random places, and what they compute, written without any write.

VIEWS: list[tuple[Callable[[Any], Any], Array]] = [
    (lambda t: t, np.arange(6)),
    (lambda t: t[1:4], np.arange(1, 4)),
    (lambda t: t[::2], np.arange(0, 6, 2)),
    (lambda t: t.view(2, 3).T, np.arange(6).reshape(2, 3).T),
    (lambda t: t.view(3, 2)[1], np.arange(2, 4)),
    (lambda t: t.view(2, 3)[:, 1:][1], np.arange(4, 6)),
    (lambda t: t.view(2, 3).diagonal(), np.array([0, 4])),
    (lambda t: t.as_strided((2, 2), (3, 1), 1), np.array([[1, 2], [4, 5]])),
    (lambda t: t.unsqueeze(0).permute(1, 0), np.arange(6).reshape(6, 1)),
    (lambda t: t[5], np.array(5)),
]
CHANGES: list[tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]] = [
    (lambda v, w: v.mul_(w), lambda v, w: v * w),
    (lambda v, w: v.add_(w), lambda v, w: v + w),
    (lambda v, w: v.sub_(w, alpha=2), lambda v, w: v - 2 * w),
    (lambda v, w: v.copy_(w.expand(v.shape)), lambda v, w: v * 0 + w),
    (lambda v, w: v.sin_(), lambda v, w: v.sin()),
    (lambda v, w: v.mul_(v), lambda v, w: v * v),
    (lambda v, w: v.__setitem__(..., v.clone() * w), lambda v, w: v * w),
    (lambda v, w: v.zero_().add_(w), lambda v, w: v * 0 + w),
]
writes = st.lists(
    st.tuples(st.sampled_from(VIEWS), st.sampled_from(CHANGES), st.booleans()), max_size=4
)


def in_place(x: Any, w: Any, program: Any) -> Any:
    """The program as written: views taken early or late, changed in memory."""
    t = x * 1
    early = [view(t) for (view, _), _, _ in program]
    for ((view, _), (change, _), late), taken in zip(program, early, strict=True):
        change(view(t) if late else taken, w)
    return t, early


def out_of_place(x: Any, w: Any, program: Any) -> Any:
    """The same by gathering and scattering elements."""
    t = x * 1
    for (_, places), (_, compute), _ in program:
        flat = mg.tensor(np.ascontiguousarray(places.reshape(-1)))
        part = compute(t[flat], w)
        kept = np.ones(6)
        kept[places] = 0
        hits = mg.tensor((np.arange(6)[:, None] == places.reshape(-1)).astype(float))
        t = t * mg.tensor(kept) + (hits * part).sum(1)
    return t, [t[mg.tensor(np.ascontiguousarray(p))] for (_, p), _, _ in program]


def outcome(run: Callable[..., Any], program: Any) -> list[Array]:
    """Values, and first and second derivatives through the base and through every early view."""
    x, w = leaf(0.5, -1.0, 2.0, 0.25, -0.75, 1.5), leaf(1.25)
    t, views = run(x, w, program)
    loss = (t * t * t).sum() + sum((k + 2) * (v * v).sum() for k, v in enumerate(views))
    first = mg.autograd.grad(loss, (x, w), create_graph=True, materialize_grads=True)
    mixed = sum((g * (k + 1)).sin().sum() for k, g in enumerate(first))
    second = mg.autograd.grad(mixed, (x, w), materialize_grads=True)
    return [r.detach().cpu().numpy() for r in (t, *views, *first, *second)]


@settings(deadline=None, max_examples=60)
@given(writes)
def test_any_writes_differentiate_like_none(program: Any) -> None:
    got, want = outcome(in_place, program), outcome(out_of_place, program)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_a_write_to_a_view_gives_the_base_a_new_node() -> None:
    x = leaf(1.0, 2.0, 3.0)
    y = x * 2
    v = y[1:]
    old = y.grad_fn
    v.mul_(10)
    assert type(y.grad_fn).__name__ == "CopySlices"
    assert y.grad_fn.next_functions[0][0] is old
    assert v.grad_fn.next_functions[0][0] is y.grad_fn
    again = v.grad_fn
    y.add_(1)
    assert v.grad_fn is not again
    assert v.tolist() == [41, 61]


def test_a_plain_base_joins_the_graph_and_its_views_with_it() -> None:
    base = mg.zeros(4, dtype=mg.float64)
    before, after = base[:2], base[2:]
    w = leaf(3.0)
    before.copy_(w)
    assert base.requires_grad
    assert after.requires_grad
    (base.sum() + after.sum()).backward()
    assert w.grad.item() == 2


def test_a_view_that_is_gone_is_forgotten() -> None:
    base = leaf(1.0, 2.0) * 1
    for _ in range(100):
        base[0]
    assert len(base._views) == 0


# Versions


WRITES: dict[str, Callable[[Any], Any]] = {
    "add_": lambda t: t.add_(1),
    "+=": lambda t: t.__iadd__(1),
    "a tensor": lambda t: t.mul_(mg.full((4,), 2.0)),
    "an element": lambda t: t.mul_(mg.tensor(2.0)),
    "fill_": lambda t: t.fill_(2),
    "zero_": lambda t: t.zero_(),
    "copy_": lambda t: t.copy_(mg.ones(4)),
    "an item": lambda t: t.__setitem__(0, 1),
    "items": lambda t: t.__setitem__([0, 1], 1),
    "a mask": lambda t: t.__setitem__(t > 0, 1),
    "a view": lambda t: t[1:].mul_(2),
    "a detached view": lambda t: t.detach()[1:].mul_(2),
    "out=": lambda t: mg.add(t, t, out=t),
    "clamp_": lambda t: t.clamp_(0, 1),
    "masked_fill_": lambda t: t.masked_fill_(t > 0, 0.0),
    "index_put_": lambda t: t.index_put_((mg.tensor([0]),), mg.tensor(1.0)),
    "sin_": lambda t: t.sin_(),
    "pow_": lambda t: t.pow_(3),
    "normal_": lambda t: t.normal_(),
}


@pytest.mark.parametrize("name", WRITES)
def test_each_write_counts_once(name: str) -> None:
    t = mg.ones(4)
    view, detached = t[1:], t.detach()
    WRITES[name](t)
    WRITES[name](t)
    assert t._version == view._version == detached._version == 2


@pytest.mark.parametrize("name", WRITES)
def test_a_saved_tensor_may_not_be_written(name: str) -> None:
    x = mg.ones(4, requires_grad=True)
    y = x * 1
    z = y.exp() * y
    with mg.no_grad():
        WRITES[name](y)
    line = inspect.currentframe().f_lineno - 1  # type: ignore[union-attr]
    with pytest.raises(RuntimeError, match="modified by an inplace operation") as caught:
        z.sum().backward()
    message = str(caught.value)
    assert f"[{y.type()} [4]], saved by " in message
    assert "is at version 1; expected version 0 instead" in message
    assert __file__ in message
    own = inspect.getsourcelines(inspect.getmodule(WRITES[name]))[0]  # type: ignore[arg-type]
    where = int(message.partition(f"{__file__}:")[2].partition(".")[0])
    assert where == line or f'"{name}"' in own[where - 1]


def test_what_is_not_counted() -> None:
    t = mg.ones(4)
    t.data.add_(1)
    t.cpu().numpy()[0] = 5
    t + 1
    assert t._version == 0


def test_a_gradient_saved_in_a_graph_may_not_be_accumulated_into() -> None:
    x, w = leaf(2.0), leaf(3.0)
    (x * x).backward()
    y = x.grad * w
    (x * x).backward()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


# What is refused


@pytest.mark.parametrize("name", WRITES)
def test_leaves_that_require_grad_are_refused(name: str) -> None:
    if name == "a detached view":
        return
    x = mg.ones(4, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"leaf Variable that requires grad|support automatic"):
        WRITES[name](x)
    assert x.tolist() == [1, 1, 1, 1]
    assert x._version == 0
    with mg.no_grad():
        WRITES[name](x)
    assert x._version == 1
    assert x.is_leaf
    assert x.requires_grad


@pytest.mark.parametrize("view", [lambda t: t[0], lambda t: t.view(2, 2), lambda t: t.T])
@pytest.mark.parametrize("write", [lambda v: v.add_(1), lambda v: v.zero_(), lambda v: v.sin_()])
def test_views_of_such_leaves_are_refused(
    view: Callable[[Any], Any], write: Callable[[Any], Any]
) -> None:
    x = mg.ones(4, requires_grad=True)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        write(view(x))
    with mg.no_grad():
        write(view(x))
    with mg.no_grad():
        made = view(x)
    write(mg.zeros(4))
    with pytest.raises(RuntimeError, match="A view was created in no_grad mode"):
        write(made)


def test_a_view_whose_base_became_a_leaf_is_refused() -> None:
    x = mg.ones(4)
    v = x[:2]
    v.mul_(2)
    x.requires_grad_()
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        v.mul_(2)


def test_a_view_made_in_no_grad_takes_no_gradient() -> None:
    x, w = mg.ones(4), mg.ones((), requires_grad=True)
    with mg.no_grad():
        v = x[1:]
        deeper = v[1:]
    v.mul_(2)
    for view in (v, deeper, deeper[0]):
        with pytest.raises(RuntimeError, match="A view was created in no_grad mode and is being"):
            view.mul_(w)
    assert x.tolist() == [1, 2, 2, 2]


@pytest.mark.parametrize(
    "write",
    [
        lambda t: t.add_(1),
        lambda t: t.copy_(mg.ones(2, 3)),
        lambda t: t.__setitem__(slice(1), 1),
        lambda t: t.__setitem__([0], 1.0),
    ],
)
def test_expanded_memory_is_refused(write: Callable[[Any], Any]) -> None:
    t = mg.zeros(2, 1)
    with pytest.raises(RuntimeError, match=r"single memory location. Please clone\(\) the tensor"):
        write(t.expand(2, 3))
    assert t.tolist() == [[0], [0]]


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda t: t.add_(mg.ones(3, 2, 3)), r"output with shape \[2, 3\] doesn't match the broad"),
        (lambda t: t.add_(mg.ones(2)), r"size of tensor a \(3\) must match the size of tensor b"),
        (lambda t: t.copy_(mg.ones(4)), r"must match the size|doesn't match"),
        (lambda t: t.long().add_(0.5), r"result type .* can't be cast to the desired output type"),
        (lambda t: t.fill_(mg.ones(1)), "fill_ only supports 0-dimension value tensor"),
    ],
)
def test_shapes_and_types_must_fit(write: Callable[[Any], Any], message: str) -> None:
    t = mg.zeros(2, 3)
    with pytest.raises(RuntimeError, match=message):
        write(t)
    assert t._version == 0


def test_detach_of_a_view_in_place_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"Can't detach views in-place. Use detach\(\) instead"):
        (leaf(1.0, 2.0) * 1)[0].detach_()


@pytest.mark.host  # on a GPU places are made of the index first
@pytest.mark.parametrize(
    "write",
    [
        lambda x, v: x.index_add_(0, x[0], v),
        lambda x, v: x.index_copy_(0, x[0], v),
        lambda x, v: x.index_fill_(0, x[0], 7),
        lambda x, v: x.__setitem__(x[0], v),
        lambda x, v: x.index_put_((x[0],), v, accumulate=True),
        lambda x, v: x.put_(x[1], v[0]),
        lambda x, v: x.index_add_(0, mg.tensor([1, 0]), x),
    ],
)
def test_an_index_or_source_in_the_memory_that_is_written(write: Callable[..., Any]) -> None:
    x, v = mg.tensor([[0, 1], [0, 1]]), mg.full((2, 2), 10**6)
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        write(x, v)
    assert x.tolist() == [[0, 1], [0, 1]]


def test_a_tensor_with_gaps_is_written_to_itself_element_for_element_alone() -> None:
    x = mg.arange(8).view(2, 2, 2)[..., 0]
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        x[mg.tensor([1, 0])] = x
    assert x.add_(x).tolist() == [[0, 4], [8, 12]]


# Overlap: refused where memory has no gaps, as if the operands had been copied first elsewhere


def overlapping(f: Callable[[Any], Any], expect: Callable[[Array], Any]) -> None:
    t, array = mg.arange(12.0).view(3, 4), np.arange(12.0, dtype=np.float32).reshape(3, 4)
    f(t)
    expect(array)
    np.testing.assert_array_equal(t.cpu().numpy(), array)


def test_overlapping_operands() -> None:
    overlapping(
        lambda t: t.__setitem__((slice(None), slice(1, None)), t[:, :-1]),
        lambda a: a.__setitem__((slice(None), slice(1, None)), a[:, :-1].copy()),
    )
    overlapping(lambda t: t.mul_(t[:, :1]), lambda a: np.multiply(a, a[:, :1].copy(), out=a))
    overlapping(
        lambda t: t[:, :3].copy_(t[:, :3].T), lambda a: a.__setitem__((..., slice(3)), a[:, :3].T)
    )


def test_memory_shared_through_data() -> None:
    t = mg.arange(8.0).view(2, 4)
    t[:, 1:] = t.data[:, :-1]
    assert t.tolist() == [[0, 0, 1, 2], [4, 4, 5, 6]]


def test_views_of_views_share_their_path() -> None:
    """A chain of views takes memory, and time, in proportion to its length."""
    tracemalloc.start()
    x = leaf(1.0, 2.0) * 1
    views = [x]
    for _ in range(4000):
        views.append(views[-1].view(2))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 4000 * 4096


def test_a_write_reaches_every_view_of_a_chain() -> None:
    views = [leaf(1.0, 2.0) * 1]
    for _ in range(40):
        views.append(views[-1].view(2))
    views[-1].mul_(3)
    assert views[0].tolist() == [3.0, 6.0]
    assert views[20].grad_fn is not None


def test_a_view_of_what_was_reshaped_in_place_can_be_written_to() -> None:
    leaf = mg.ones(3, requires_grad=True)
    x = leaf * 1
    v = x[0:2]
    x.unsqueeze_(0)
    v.mul_(2)
    (x * mg.tensor([[1.0, 2.0, 3.0]])).sum().backward()
    assert leaf.grad is not None
    assert leaf.grad.tolist() == [2.0, 4.0, 3.0]


def test_gradients_of_writes_through_as_strided_may_have_any_strides() -> None:
    """An expanded gradient, and a turned one: strides say where as_strided goes."""
    x, s = (mg.ones(n, dtype=mg.float64, requires_grad=True) for n in (4, 2))
    for last in (
        lambda z: z.sum(),
        lambda z: (z.reshape(2, 2).t() * mg.tensor([[1.0], [1.0]])).sum(),
    ):
        z = x * 2
        z.as_strided((2,), (2,)).mul_(s * 3)
        found = mg.autograd.grad(last(z), [x, s])
        assert [g.tolist() for g in found] == [[6, 2, 6, 2], [6, 6]]
        y = mg.as_strided_scatter(x, s, (2,), (1,), 1)
        found = mg.autograd.grad(last(y), [x, s])
        assert [g.tolist() for g in found] == [[1, 0, 0, 1], [1, 1]]


def test_renorm_in_place() -> None:
    """Slices that are too long are scaled down where they are, with renorm's gradient."""
    x = mg.tensor([[3.0, 4.0], [0.3, 0.4]], requires_grad=True)
    y = x * 1
    assert y.renorm_(2, 0, 1.0) is y
    assert mg.allclose(y, mg.renorm(x, 2, 0, 1.0)) and mg.allclose(y[1], x[1])
    y.sum().backward()
    (want,) = mg.autograd.grad(mg.renorm(x, 2, 0, 1.0).sum(), x)
    assert mg.allclose(x.grad, want)
