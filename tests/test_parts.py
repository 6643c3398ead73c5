"""Many parts of a tensor at once, and loops over them: what `select`, `slice` and `copy_` do."""

from __future__ import annotations

import copy
import gc
import pickle
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

import microgrest as mg
from microgrest.tensor.weak import WeakList

pytestmark = pytest.mark.devices

LEAVES: dict[str, Callable[[], mg.Tensor]] = {
    "plain": lambda: mg.arange(12.0).view(3, 4),
    "columns": lambda: mg.arange(12.0).view(4, 3).t(),
    "expanded": lambda: mg.arange(4.0).expand(3, 4),
    "a view": lambda: mg.arange(24.0).view(6, 4)[1:6:2],
    "one": lambda: mg.ones(3, 1),
    "none": lambda: mg.ones(3, 0),
}


@pytest.mark.parametrize("name", LEAVES)
@pytest.mark.parametrize("wanted", [False, True])
def test_the_parts_are_those_of_single_calls(name: str, wanted: bool) -> None:
    x = LEAVES[name]().requires_grad_(wanted)
    for parts in (tuple(x), x.unbind(0), tuple(p[0] for p in x.split(1)), x.detach().unbind()):
        for i, part in enumerate(parts):
            single = x.select(0, i)
            assert part.tolist() == single.tolist()
            assert part.stride() == single.stride()
            assert part.data_ptr() == single.data_ptr()
    assert [p.shape for p in x.split(2)] == [(2, x.shape[1]), (1, x.shape[1])]
    assert [p.shape for p in x.tensor_split([1, 1], 1)][1] == (3, 0)


def test_writes_to_parts_reach_the_base_in_the_graph() -> None:
    base, factor = mg.zeros(3, 2), mg.tensor(2.0, requires_grad=True)
    first, second, third = base
    second.copy_(mg.ones(2) * factor)
    assert base.requires_grad
    assert third.requires_grad
    base.sum().backward()
    assert factor.grad.item() == 2
    assert first.tolist() == [0, 0]


def test_gradients_through_parts() -> None:
    x = mg.arange(4.0).requires_grad_()
    total = sum(part**2 for part in x)
    (first,) = mg.autograd.grad(total, x, create_graph=True)
    assert first.tolist() == [0, 2, 4, 6]
    assert mg.autograd.grad(first.sum(), x)[0].tolist() == [2] * 4
    (first,) = mg.autograd.grad((x.split(3)[0] ** 2).sum(), x)
    assert first.tolist() == [0, 2, 4, 0]


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("join", ["cat", "stack"])
@pytest.mark.parametrize("n", [1, 2, 40])
def test_joined_and_taken_apart(join: str, dim: int, n: int) -> None:
    parts = [(mg.arange(6.0).view(3, 2) + i).requires_grad_() for i in range(n)]
    parts[-1] = (mg.arange(6.0).view(2, 3).t() + n).detach().requires_grad_()
    y = getattr(mg, join)(parts, dim)
    pieces = y.unbind(dim) if join == "stack" else y.chunk(n, dim)
    for part, piece in zip(parts, pieces, strict=True):
        assert part.tolist() == piece.tolist()
    grads = mg.autograd.grad((y**2).sum(), parts, create_graph=True)
    for part, g in zip(parts, grads, strict=True):
        assert g.tolist() == (2 * part).tolist()
    assert mg.autograd.grad(grads[-1].sum(), parts[-1])[0].tolist() == [[2, 2]] * 3


def test_joining_promotes_and_refuses() -> None:
    assert mg.stack([mg.ones(2), mg.ones(2, dtype=mg.int64)]).dtype is mg.float32
    assert mg.stack([mg.tensor(1), mg.tensor(2)]).tolist() == [1, 2]
    assert mg.cat([mg.ones(0), mg.ones(2)]).tolist() == [1, 1]
    with pytest.raises(TypeError, match="expected Tensor as element 1"):
        mg.cat([mg.ones(2), 1])
    with pytest.raises(RuntimeError, match="equal size"):
        mg.stack([mg.ones(2), mg.ones(3)])


@pytest.mark.parametrize("value", [1.5, 2, True, 1e300, "tensor", "number", "wide", "strided"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int64", "uint8", "bool"])
def test_assigning_in_a_loop(value: Any, dtype: str) -> None:
    kind = getattr(mg, dtype)
    values = {
        "tensor": mg.tensor([1, 0]).to(kind),
        "number": mg.tensor(1).to(kind),
        "wide": mg.ones(1, 1, 2, dtype=mg.float64),
        "strided": mg.tensor([[1, 5], [0, 5]]).to(kind)[:, 0],
    }
    value = values.get(value, value)
    by_index, by_slice = mg.zeros(3, 2, dtype=kind), mg.zeros(3, 2, dtype=kind)
    if isinstance(value, float) and value > 1e9:
        with pytest.raises(RuntimeError, match="overflow") if dtype != "bool" else nullcontext():
            by_index[0] = value
        return
    versions = by_index._version, by_slice._version
    for i in (0, 2, -2):
        by_index[i] = value
        by_slice[i % 3 : i % 3 + 1] = value
    assert by_index.tolist() == by_slice.tolist()
    assert (by_index._version, by_slice._version) == (versions[0] + 3, versions[1] + 3)
    with pytest.raises(IndexError, match="out of bounds for dimension 0 with size 3"):
        by_index[3] = value


def test_assigning_is_recorded_where_it_has_to_be() -> None:
    x, row = mg.zeros(2, 2), mg.ones(2, requires_grad=True)
    x[0] = row
    x.sum().backward()
    assert row.grad.tolist() == [1, 1]
    y = mg.ones(2, requires_grad=True) * 2
    saved = y * y
    y.detach()[0] = 5.0
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        saved.sum().backward()
    with pytest.raises(RuntimeError, match="leaf Variable"):
        row[0] = 1.0
    z = mg.arange(3.0)
    z[0] = z[2]
    assert z.tolist() == [2, 1, 2]


@pytest.mark.parametrize("move", ["unsqueeze_", "squeeze_", "t_", "transpose_"])
def test_views_in_place_stay_in_the_graph_under_no_grad(move: str) -> None:
    args = {"unsqueeze_": (0,), "transpose_": (0, 1)}.get(move, ())
    for make in (lambda a: a * 2, lambda a: (a * 2).view(1, 3), lambda a: (a * 2)[:]):
        a = mg.ones(1, 3, requires_grad=True)
        b = make(a)
        with mg.no_grad():
            getattr(b, move)(*args)
        assert b.requires_grad
        b.add_(1)
        b.sum().backward()
        assert a.grad.tolist() == [[2, 2, 2]]
    leaf = mg.ones(1, 3, requires_grad=True)
    with mg.no_grad():
        getattr(leaf, move)(*args)
    (leaf * 2).sum().backward()
    assert leaf.is_leaf
    assert leaf.grad.shape == leaf.shape


@pytest.mark.parametrize(
    "duplicate",
    [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))],
    ids=["deepcopy", "pickle"],
)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bool"])
def test_copies_share_what_the_originals_share(duplicate: Any, dtype: str) -> None:
    t = mg.zeros(4, 2, dtype=getattr(mg, dtype))
    whole, part, column, seen = duplicate([t, t[1], t[:, 0], t[:1].expand(3, 2)])
    whole.fill_(1)
    assert part.tolist() == t[1].to(mg.float32).add(1).to(t.dtype).tolist()
    assert column.stride() == (2,)
    assert seen.stride() == (0, 1)
    assert not t.any().item()
    part[0] = 0
    assert not whole[1, 0].item()


def test_a_module_that_holds_a_view_of_its_buffer() -> None:
    class Window(mg.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("memory", mg.zeros(4))
            self.window = self.memory[1:3]

    for twin in (copy.deepcopy(Window()),):
        twin.memory.fill_(2)
        assert twin.window.tolist() == [2, 2]


def test_copied_parameters_start_afresh() -> None:
    layer = mg.nn.Linear(2, 1)
    layer(mg.ones(1, 2)).sum().backward()
    layer.weight.label = "mine"
    twin = copy.deepcopy(layer)
    assert twin.weight.grad is None
    assert not hasattr(twin.weight, "label")
    assert twin.weight.requires_grad
    plain = mg.ones(2, requires_grad=True)
    plain.grad = mg.ones(2)
    assert copy.deepcopy(plain).grad.tolist() == [1, 1]
    assert copy.copy(plain).grad is None


def test_a_weak_list_forgets_what_ended() -> None:
    class Thing: ...

    kept, found = [Thing() for _ in range(3)], WeakList()
    for thing in kept:
        found.add(thing)
    for _ in range(1000):
        found.add(Thing())
    gc.collect()
    assert list(found) == kept
    assert len(found._refs) < 100
