"""The cases of picking_cases in every form: derivatives, strides, in place, `out=`, in a step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgrest as mg
from tests.picking_cases import CASES, WRITES, Array, Case, several
from tests.picking_errors import ERRORS

pytestmark = pytest.mark.devices

STEP = 1e-6
DIFFERENTIABLE = [c for c in CASES if c.orders]


def results(case: Case, tensors: Any, library: Any = mg) -> list[Array]:
    return [y.detach().cpu().numpy() for y in several(case.op(library, *tensors))]


def made(arrays: list[Array]) -> list[Any]:
    return [mg.tensor(a) for a in arrays]


def compare(found: list[Array], wanted: list[Array], tolerance: float = 0.0) -> None:
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_allclose(a, b, tolerance, tolerance)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_strides_and_operands_left_as_they_were(case: Case) -> None:
    arrays = case.operands(case.dtypes[0])
    tensors = [mg.tensor(np.ascontiguousarray(np.repeat(a.T, 2, 0))) for a in arrays if a.ndim]
    views = [t.permute(*range(t.ndim)[::-1])[..., ::2] for t in tensors]
    given = iter(views)
    mixed = [next(given) if a.ndim else mg.tensor(a) for a in arrays]
    compare(results(case, mixed), results(case, made(arrays)), 1e-12)
    for t, a in zip(mixed, arrays, strict=True):
        np.testing.assert_array_equal(t.cpu().numpy(), a)


def total(case: Case, tensors: Any) -> Any:
    """The sum of the squares of all results, each times its place."""
    found = [y for y in several(case.op(mg, *tensors)) if y.is_floating_point()]
    return sum((y * y * (mg.arange(y.numel()) + 1).reshape(y.shape)).sum() for y in found)


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=str)
def test_gradients(case: Case) -> None:
    """Along a random direction, by central differences; so the gradient of the gradient."""
    arrays = case.operands()
    rng = np.random.default_rng(4)
    along = [rng.normal(size=a.shape) for a in arrays]

    def slope(tensors: Any) -> Any:
        options: dict[str, Any] = {"create_graph": True, "materialize_grads": True}
        found = mg.autograd.grad(total(case, tensors) + 0 * tensors[0].sum(), tensors, **options)
        return sum((g * mg.tensor(v)).sum() for g, v in zip(found, along, strict=True))

    def moved(h: float) -> list[Any]:
        pairs = zip(arrays, along, strict=True)
        return [mg.tensor(a + h * v).requires_grad_() for a, v in pairs]

    leaves = moved(0.0)
    first = slope(leaves)
    ends = [total(case, moved(h)).item() for h in (STEP, -STEP)]
    assert first.item() == pytest.approx((ends[0] - ends[1]) / (2 * STEP), rel=1e-6, abs=1e-5)
    again = mg.autograd.grad(first + 0 * leaves[0].sum(), leaves, materialize_grads=True)
    second = sum((g * mg.tensor(v)).sum() for g, v in zip(again, along, strict=True)).item()
    ends = [slope(moved(h)).item() for h in (STEP, -STEP)]
    assert second == pytest.approx((ends[0] - ends[1]) / (2 * STEP), rel=1e-5, abs=1e-4)


class InPlace:
    """A tensor, or the library, whose ops write to their first operand."""

    def __init__(self, of: Any) -> None:
        self.of = of

    def __getattr__(self, name: str) -> Any:
        if self.of is not mg:
            return getattr(self.of, f"{name}_")
        if name.startswith(("scatter", "index")):
            return lambda x, *args, **options: getattr(x, name)(*args, **options)
        return getattr(mg, name)


WRITING = [
    c
    for c in WRITES
    if not c.name.startswith(("take", "gather", "index_select", "select", "slice", "diagonal"))
]


@pytest.mark.parametrize("case", WRITING, ids=str)
def test_in_place(case: Case) -> None:
    """The tensor is written to, and gradients are those of the function."""
    leaves, others = ([t.requires_grad_() for t in made(case.operands())] for _ in range(2))
    x = leaves[0] * 1
    version = x._version
    assert case.op(InPlace(mg), InPlace(x), *leaves[1:]) is x
    wanted = case.op(mg, *others)
    compare([x.detach().cpu().numpy()], [wanted.detach().cpu().numpy()])
    assert x._version > version
    for y, given in ((x, leaves), (wanted, others)):
        (y * y * (mg.arange(y.numel()) + 1).reshape(y.shape)).sum().backward()
        assert all(t.grad is not None for t in given)
    for a, b in zip(leaves, others, strict=True):
        np.testing.assert_allclose(a.grad.cpu().numpy(), b.grad.cpu().numpy(), 1e-12)
    leaf = mg.tensor(case.operands()[0]).requires_grad_()
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        case.op(InPlace(mg), InPlace(leaf), *leaves[1:])


ONCE = list({c.name.partition(" ")[0]: c for c in CASES}.values())


@pytest.mark.parametrize("case", [*ONCE, *(c for c in CASES if "reduce" in c.name)], ids=str)
def test_steps(case: Case) -> None:
    """A compiled step does what eager execution does, with other numbers as well."""
    step = mg.compile(lambda *tensors: case.op(mg, *tensors))
    dtype = "float32" if "float32" in case.dtypes else case.dtypes[0]
    if case.eager:
        tensors = made(case.operands(dtype))
        step(*tensors)
        with pytest.raises(RuntimeError, match=r"depends on values|to Python"):
            step(*tensors)
        return
    for seed in range(4):
        tensors = made(case.operands(dtype, seed))
        wanted = results(case, tensors)
        found = [y.detach().cpu().numpy() for y in several(step(*tensors))]
        compare(found, wanted, 1e-5)
    assert len(step.recordings) == 1


@pytest.mark.parametrize(("text", "error", "call"), ERRORS)
def test_errors(text: str, error: type[Exception], call: Any) -> None:
    with pytest.raises(error, match=text):
        call(mg, mg.ones(3, 4))


def test_derivatives_that_nobody_has_raise() -> None:
    x = mg.tensor([1.0, 2.0, 2.0], requires_grad=True)
    for y in (x.unique(), x.unique_consecutive(), x.histogram(2).hist):
        assert y.requires_grad
        with pytest.raises(NotImplementedError, match="derivative for"):
            y.sum().backward()


def test_out() -> None:
    x = mg.tensor([[3.0, 1.0, 2.0]])
    values, indices = mg.empty(0), mg.empty(0, dtype=mg.int64)
    assert mg.topk(x, 2, out=(values, indices)).values is values
    assert (values.tolist(), indices.tolist()) == ([[3.0, 2.0]], [[0, 2]])
    index = mg.tensor([[0]])
    sums = mg.empty(0)
    assert mg.scatter_add(x, 1, index, mg.ones(1, 1), out=sums) is sums
    assert sums.tolist() == [[4.0, 1.0, 2.0]]
    with pytest.raises(RuntimeError, match="dtype"):
        mg.quantile(x, 0.5, out=mg.empty((), dtype=mg.float64))


def test_halves_are_summed_in_float32() -> None:
    x = mg.zeros(1, dtype=mg.float16)
    index = mg.zeros(4096, dtype=mg.int64)
    assert x.scatter_add(0, index, mg.ones(4096, dtype=mg.float16)).item() == 4096
    best = x.scatter_reduce(0, index[:3], mg.tensor([1.0, 3.0, 2.0], dtype=mg.float16), "amax")
    assert best.item() == 3 and best.dtype is mg.float16


def test_products_in_every_order_at_zeros() -> None:
    """Two zeros at one place: the second derivative is the product of the others."""
    y = mg.tensor([0.0, 3.0, 0.0, 5.0], dtype=mg.float64, requires_grad=True)
    x = mg.tensor([2.0, 1.0], dtype=mg.float64)
    found = x.scatter_reduce(0, mg.tensor([0, 0, 0, 1]), y, "prod")
    (first,) = mg.autograd.grad(found.sum(), y, create_graph=True)
    assert first.tolist() == [0, 0, 0, 1]
    (second,) = mg.autograd.grad(first[0], y)
    assert second.tolist() == [0, 0, 6, 0]


@pytest.mark.parametrize("replacement", [True, False])
def test_draws_are_as_frequent_as_their_weights(replacement: bool) -> None:
    mg.manual_seed(3)
    weights = mg.tensor([1.0, 0.0, 3.0, 6.0])
    drawn = mg.stack([weights.multinomial(2, replacement) for _ in range(40)])
    rows = weights.expand(4000, 4).multinomial(2, replacement)
    assert drawn.shape == (40, 2) and rows.shape == (4000, 2) and rows.dtype is mg.int64
    found = [mg.bincount(rows[:, k], minlength=4).cpu().numpy() / 4000 for k in (0, 1)]
    p = np.array([0.1, 0, 0.3, 0.6])
    later = p if replacement else p * (p / (1 - p)).sum() - p * p / (1 - p)
    for frequency, wanted in zip(found, (p, later), strict=True):
        np.testing.assert_allclose(frequency, wanted, atol=0.04)
    if not replacement:
        assert not (rows[:, 0] == rows[:, 1]).any().item()


def test_rows_are_seen_from_their_middle() -> None:
    """Distances of many points far away, by products, are as exact as by differences."""
    x = (np.random.default_rng(0).normal(size=(40, 3)) + 1e4).astype(np.float32)
    plain = np.sqrt(((x[:, None].astype(float) - x[None]) ** 2).sum(-1))
    found = mg.cdist(mg.tensor(x), mg.tensor(x)).cpu().numpy()
    np.testing.assert_allclose(found, plain, 1e-3, 2e-3)


@pytest.mark.parametrize("order", ["rising", "falling", "equal", "organ pipe", "random"])
def test_selections_of_many(order: str) -> None:
    """Buffers are cut down often, never, or of what is all alike."""
    n = 90 if mg.get_default_device().type == "cuda" else 50_000  # the simulator takes long
    x = {
        "rising": np.arange(n),
        "falling": np.arange(n)[::-1],
        "equal": np.zeros(n),
        "organ pipe": np.minimum(np.arange(n), np.arange(n)[::-1]),
        "random": np.random.default_rng(0).integers(0, n // 2, n),
    }[order].astype("float64")
    ranked = np.argsort(-x, kind="stable")
    rising = np.argsort(x, kind="stable")
    for k in (1, 7, n // 9, n // 2):
        assert mg.tensor(x).topk(k).indices.cpu().numpy().tolist() == ranked[:k].tolist()
        values, indices = mg.tensor(x).kthvalue(k)
        assert (values.item(), indices.item()) == (x[rising[k - 1]], rising[k - 1])


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "bool"])
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_slices_are_added_along_any_dimension(dim: int, dtype: str) -> None:
    """To a copy, in place, and in a view that is not contiguous; some slices more than once."""
    rng = np.random.default_rng(dim)
    at = [1, 0, 1, 2, 1]
    x, added = (rng.integers(-9, 9, (3, 3, 3)).astype(dtype) for _ in range(2))
    added = np.take(added, [0, 1, 2, 0, 1], dim)
    wanted = np.moveaxis(x.copy(), dim, 0)
    for j, slice_ in zip(at, np.moveaxis(added, dim, 0), strict=True):
        wanted[j] += slice_
    wanted = np.moveaxis(wanted, 0, dim)
    given, index = mg.tensor(added), mg.tensor(at)
    for target in (mg.tensor(x), mg.tensor(np.repeat(x, 2, -1))[..., ::2]):
        np.testing.assert_array_equal(target.index_add(dim, index, given).cpu(), wanted)
        target.index_add_(dim, index, given)
        np.testing.assert_array_equal(target.cpu(), wanted)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "bool"])
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_slices_are_written_along_any_dimension(dim: int, dtype: str) -> None:
    """By index_copy, index_fill and assignment; of those to one place the last stays."""
    rng = np.random.default_rng(dim)
    at, back = [1, 0, 1, 2], [-1, 0]
    x, theirs = (rng.integers(-9, 9, (3, 3, 3)).astype(dtype) for _ in range(2))
    theirs = np.take(theirs, [0, 1, 2, 0], dim)
    here: list[Any] = [slice(None)] * 3
    copied, filled, first = x.copy(), x.copy(), x.copy()
    for j, k in enumerate(at):
        here[dim] = k
        copied[tuple(here)] = np.take(theirs, j, dim)
    filled[(*here[:dim], back, *here[dim + 1 :])] = 1
    first[(*here[:dim], back, *here[dim + 1 :])] = x[:1, :1, :1]
    for t in (mg.tensor(x), mg.tensor(np.repeat(x, 2, -1))[..., ::2]):
        there = (*here[:dim], mg.tensor(back), *here[dim + 1 :])
        given, index = mg.tensor(theirs), mg.tensor(at)
        np.testing.assert_array_equal(t.index_copy(dim, index, given).cpu(), copied)
        np.testing.assert_array_equal(t.index_fill(dim, mg.tensor(back), 1).cpu(), filled)
        changed = t.clone()
        changed[there] = mg.tensor(x[:1, :1, :1])
        np.testing.assert_array_equal(changed.cpu(), first)
        t[(*here[:dim], index, *here[dim + 1 :])] = given
        np.testing.assert_array_equal(t.cpu(), copied)


def test_gather_along_the_last_of_one_row_keeps_its_places() -> None:
    """Places that equal the index are a copy, whatever is written to the index later."""
    x, index = mg.tensor([[1.0, 2.0, 3.0]], requires_grad=True), mg.tensor([[2, 2]])
    y = mg.gather(x, 1, index)
    index.zero_()
    y.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [[0.0, 0.0, 2.0]]
