"""Generated from op_info: every elementwise op, forward and backward, in every layout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from microgrest.ops.row import ROWS
from tests.op_info import ARITHMETIC, BITS, ELEMENTWISE, Array, OpInfo

pytestmark = pytest.mark.devices

DIFFERENTIABLE = [info for info in ELEMENTWISE if info.gradient]
EXTREME = [info for info in ELEMENTWISE if info.extremes]
JOINING = [info for info in ELEMENTWISE if len(info.domain) > 1]
INTEGRAL = [info for info in [*ELEMENTWISE, *BITS] if info.ints]
REFUSING = [info for info in ELEMENTWISE if not info.ints and not info.numbers and not info.options]
# What strides do to gradients is no matter of the op, but of what its rule saves.
STRIDED = (
    "mul",
    "div",
    "lerp",
    "where",
    "maximum",
    "exp",
    "sin",
    "neg",
    "round",
    "softplus",
    "gelu",
)
RELATIVE = {"float32": 2e-6, "float64": 1e-12}
STEP = 1e-5


def every(infos: Sequence[OpInfo]) -> pytest.MarkDecorator:
    """One test per row."""
    return pytest.mark.parametrize("info", infos, ids=str)


def expected(info: OpInfo, arrays: Sequence[Array]) -> Array:
    """The reference on `arrays`."""
    with np.errstate(all="ignore"):
        return np.asarray(info.ref(*arrays))


def wide(a: Array) -> Array:
    """`a` as float64, if it is of floats."""
    return a.astype("float64") if a.dtype.kind == "f" else a


def check(info: OpInfo, arrays: Sequence[Array], dtype: str | None = None) -> None:
    """The op on `arrays` agrees with the reference, has type `dtype`, and writes no operand."""
    compare(info, arrays, expected(info, [wide(a) for a in arrays]), dtype)


def compare(info: OpInfo, arrays: Sequence[Array], want: Array, dtype: str | None = None) -> None:
    """The same with the value that is wanted."""
    before = [a.copy() for a in arrays]
    y = info.find(mg)(*(mg.tensor(a) for a in arrays))
    dtype = dtype or ("bool" if want.dtype == bool else arrays[-1].dtype.name)
    assert y.dtype is getattr(mg, dtype)
    assert tuple(y.shape) == want.shape
    tolerance = RELATIVE.get(dtype, 0)
    with np.errstate(over="ignore"):
        want = want.astype(dtype)
    np.testing.assert_allclose(y.cpu().numpy(), want, tolerance, tolerance)
    for a, b in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(a, b)


def leaves(arrays: Sequence[Array]) -> list[Any]:
    """Tensors of `arrays` that want gradients, masks apart."""
    tensors = [mg.tensor(a.copy()) for a in arrays]
    return [t.requires_grad_() if t.is_floating_point() else t for t in tensors]


def gradients(info: OpInfo, arrays: Sequence[Array], weights: Array) -> tuple[list[Any], list[Any]]:
    """The operands that want gradients, and the gradients of sum(weights * op(operands))."""
    operands = leaves(arrays)
    wanted = [t for t in operands if t.requires_grad]
    y = info.find(mg)(*operands)
    return wanted, list(mg.autograd.grad(y, wanted, mg.tensor(weights), create_graph=True))


def slopes(f: Callable[[Sequence[Array]], Array], arrays: Sequence[Array]) -> list[Array]:
    """Central differences of an elementwise `f`, with respect to each floating operand."""
    found = []
    for i, a in enumerate(arrays):
        if a.dtype.kind == "f":
            up, down = ([*arrays[:i], a + h, *arrays[i + 1 :]] for h in (STEP, -STEP))
            found.append((f(up) - f(down)) / (2 * STEP))
    return found


@every(ELEMENTWISE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_forward(info: OpInfo, dtype: str) -> None:
    check(info, info.samples((5, 7), dtype))


@every(INTEGRAL)
def test_integers(info: OpInfo) -> None:
    result = {"same": "int32", "float": "float32", "bool": "bool"}[info.ints]
    check(info, info.integers((4, 5), "int32"), result)


@every([info for info in [*ARITHMETIC, *BITS] if info.ints == "same"])
@pytest.mark.parametrize("dtype", ["uint8", "int64"])
def test_arithmetic_of_other_integers(info: OpInfo, dtype: str) -> None:
    check(info, info.integers((4, 5), dtype), dtype)


@every(REFUSING)
def test_integers_are_refused(info: OpInfo) -> None:
    operands = [mg.tensor(a) for a in info.integers((3,), "int64")]
    with pytest.raises((RuntimeError, NotImplementedError), match=r"not implemented|not supported"):
        info.find(mg)(*operands)


@every(EXTREME)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extremes(info: OpInfo, dtype: str) -> None:
    arrays = info.extreme(dtype)
    compare(info, arrays, expected(info, arrays))


@every([info for info in EXTREME if len(info.domain) == 1])
def test_signed_zero(info: OpInfo) -> None:
    zeros = np.array([0.0, -0.0])
    want = expected(info, [zeros])
    got = info.find(mg)(mg.tensor(zeros)).cpu().numpy()
    np.testing.assert_array_equal(
        np.signbit(got) | np.isnan(got), np.signbit(want) | np.isnan(want)
    )


@every(DIFFERENTIABLE)
def test_first_derivative(info: OpInfo) -> None:
    arrays = info.samples((40,), seed=2)
    weights = np.random.default_rng(3).uniform(0.5, 1.5, 40)
    _, found = gradients(info, arrays, weights)
    want = slopes(lambda at: weights * expected(info, at), arrays)
    for g, w in zip(found, want, strict=True):
        np.testing.assert_allclose(g.detach().cpu().numpy(), w, 1e-6, 1e-8)


@every(DIFFERENTIABLE)
def test_second_derivative(info: OpInfo) -> None:
    arrays = info.samples((40,), seed=2)
    rng = np.random.default_rng(3)
    weights = rng.uniform(0.5, 1.5, 40)
    mixture = rng.uniform(0.5, 1.5, len(arrays))

    def mixed(at: Sequence[Array]) -> tuple[list[Any], Any]:
        wanted, first = gradients(info, at, weights)
        return wanted, sum(c * g for c, g in zip(mixture, first, strict=False))

    wanted, total = mixed(arrays)
    found: Sequence[Any] = [None] * len(wanted)
    if total.requires_grad:
        found = mg.autograd.grad(total.sum(), wanted, allow_unused=True)
    want = slopes(lambda at: mixed(at)[1].detach().cpu().numpy(), arrays)
    for g, w in zip(found, want, strict=True):
        np.testing.assert_allclose(0.0 if g is None else g.cpu().numpy(), w, 1e-6, 1e-7)


@every(JOINING)
def test_broadcasting(info: OpInfo) -> None:
    shapes = [(3, 1, 4), (2, 1), (4,)]
    arrays = [info.samples(shapes[i])[i] for i in range(len(info.domain))]
    check(info, arrays)


@every([info for info in DIFFERENTIABLE if len(info.domain) > 1])
def test_gradients_of_broadcast_operands_are_sums(info: OpInfo) -> None:
    shapes = [(3, 1, 4), (2, 1), (4,)]
    arrays = [info.samples(shapes[i], seed=i)[i] for i in range(len(info.domain))]
    whole = [np.ascontiguousarray(a) for a in np.broadcast_arrays(*arrays)]
    weights = np.ones(whole[0].shape)
    wanted, found = gradients(info, arrays, weights)
    _, parts = gradients(info, whole, weights)
    for t, g, part in zip(wanted, found, parts, strict=True):
        assert g.shape == t.shape
        axes = tuple(range(3 - t.ndim))
        folded = part.detach().cpu().numpy().sum(axes) if axes else part.detach().cpu().numpy()
        kept = tuple(d for d, extent in enumerate(t.shape) if extent == 1)
        np.testing.assert_allclose(g.detach().cpu().numpy(), folded.sum(kept, keepdims=True), 1e-12)


@every(ELEMENTWISE)
def test_strides(info: OpInfo) -> None:
    check(info, [a.T[::2, 1::2] for a in info.samples((6, 8))])


@every([info for info in DIFFERENTIABLE if info.name in STRIDED])
def test_gradient_through_strides(info: OpInfo) -> None:
    arrays = info.samples((6, 8))
    weights = np.random.default_rng(4).uniform(0.5, 1.5, (4, 3))
    operands = leaves(arrays)
    wanted = [t for t in operands if t.requires_grad]
    y = info.find(mg)(*(t.transpose(0, 1)[::2, 1::2] for t in operands))
    found = mg.autograd.grad(y, wanted, mg.tensor(weights))
    _, dense = gradients(info, [np.ascontiguousarray(a.T[::2, 1::2]) for a in arrays], weights)
    for g, d in zip(found, dense, strict=True):
        np.testing.assert_allclose(g.cpu().numpy().T[::2, 1::2], d.detach().cpu().numpy(), 1e-12)
        assert np.count_nonzero(g.cpu().numpy()) == np.count_nonzero(d.detach().cpu().numpy())


@every(ELEMENTWISE)
@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3)], ids=str)
def test_scalars_and_empties(info: OpInfo, shape: tuple[int, ...]) -> None:
    check(info, info.samples(shape))


@every(BITS)
def test_bits_of_floats_are_refused(info: OpInfo) -> None:
    operands = [mg.tensor(a) for a in info.samples((3,))]
    with pytest.raises(RuntimeError, match="not implemented"):
        info.find(mg)(*operands)


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64"])
def test_integer_division_of_the_most_negative_number(dtype: str) -> None:
    low = np.iinfo(dtype).min
    a, b = (
        mg.tensor([low, low, low + 1], dtype=getattr(mg, dtype)),
        mg.tensor(-1).to(getattr(mg, dtype)),
    )
    assert mg.floor_divide(a, b).tolist() == [low, low, -(low + 1)]
    assert mg.div(a, b, rounding_mode="trunc").tolist() == [low, low, -(low + 1)]
    assert mg.remainder(a, b).tolist() == [0, 0, 0]
    assert mg.fmod(a, b).tolist() == [0, 0, 0]


@pytest.mark.parametrize("name", ["floor_divide", "remainder", "fmod"])
def test_integer_division_by_zero(name: str) -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        getattr(mg, name)(mg.tensor([1, 2]), mg.tensor([1, 0]))


def test_integer_powers() -> None:
    base, exponent = mg.tensor([2, -1, 0, 1, -1, -3, 0]), mg.tensor([-1, -1, -1, -3, -2, 3, 0])
    assert mg.pow(base, exponent).tolist() == [0, -1, 0, 1, 1, -27, 1]


def test_shifts_out_of_range() -> None:
    assert (mg.tensor([1, 2, 3]) << mg.tensor([64, -1, 2])).tolist() == [0, 0, 12]
    assert (mg.tensor([-8, 8, -8]) >> mg.tensor([70, -1, 2])).tolist() == [-1, 0, -2]


@pytest.mark.parametrize("name", ["sub", "floor_divide", "remainder", "pow"])
def test_bools_are_refused(name: str) -> None:
    masks = mg.tensor([True, False]), mg.tensor([True, True])
    with pytest.raises(RuntimeError, match="bool"):
        getattr(mg, name)(*masks)


def test_floor_division_corrects_the_rounded_quotient() -> None:
    assert mg.tensor([1.0], dtype=mg.float64).floor_divide(0.1).item() == 9.0


def test_every_row_has_a_test_row() -> None:
    rows = {row.name for row in ROWS.values() if row.kind == "elementwise"}
    internal = {name for name in rows if ROWS[name].extra.get("internal")}
    tested = {info.name for info in [*ELEMENTWISE, *BITS]}
    assert rows - internal - {"clone"} == {name for name in tested if "." not in name}
