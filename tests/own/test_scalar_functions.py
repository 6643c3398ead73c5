"""Ops of users' scalar functions: values and derivatives, beside PyTorch and finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numba import njit, vectorize

import microgrest as mg
from microgrest import elementwise

pytestmark = [pytest.mark.devices]

LN2 = math.log(2)
COEFFICIENTS = (1.0, -0.5, 0.25)


@elementwise
def pseudo_voigt(x, height, center, width=1.0, share=0.5):
    """A peak between a Gaussian's and a Lorentzian's shape."""
    z = (x - center) / width
    gauss, lorentz = math.exp(-LN2 * z**2), 1 / (1 + z * z)
    return height * (share * lorentz + (1 - share) * gauss)


@elementwise
def sinc(x):
    return math.sin(x) / x if x != 0 else 1.0


@elementwise
def modified_gauss(x, s, k):
    z = (s * k - x / s) / np.sqrt(2)
    return k / 2 * np.exp(0.5 * (s * k) ** 2 - x * k) * math.erfc(z)


@elementwise
def polynomial(x):
    total = 0.0
    for c in reversed(COEFFICIENTS):
        total = total * x + c
    return total


@elementwise
def pieces(x, a):
    if x < -1:
        return a * x
    elif x < 1:
        y = x**3
        y += a
    else:
        y = math.log(x) * np.sqrt(a)
    return y - 0.3


@njit
def helper(x, scale=2.0):
    return scale * np.tanh(x)


@vectorize
def ramp(x):
    return max(x, 0.0)


def plain(x):
    return np.where(x > 0.2, 0.1, 0.7) * x


@elementwise
def composed(x, y):
    s = sinc(x) + helper(y, scale=0.5) + plain(x)
    return s * ramp(x - 0.1) + mg.sigmoid(y)


@elementwise
def logic(x, y):
    inside = 0 < x < 1 and not y > 2
    return (x + y) * inside + (0.3 if x > 2 or y > 2 else x**-2)


@elementwise
def powers(x, n):
    return x**2 + x**5 - x**-3 + x**0.5 + x**n + 0.3**x + pow(x, 2.5) + x**0


@elementwise
def guarded_root(x):
    return np.sqrt(x) if x > 0 else 0.1 * x


@elementwise
def clipped(x, a):
    return np.clip(x, -a, None) + np.maximum(x, a) * np.sign(a) + abs(x) % 0.7 + math.hypot(x, a)


GRID = [-2.3, -0.9, -0.4, 0.15, 0.35, 0.6, 1.7, 2.6]
POSITIVE = [0.2, 0.5, 0.9, 1.4, 2.2, 3.1]
CASES = {
    "pseudo_voigt": (pseudo_voigt, GRID, 2.0, 0.1, 0.7, 0.4),
    "sinc": (sinc, GRID),
    "modified_gauss": (modified_gauss, GRID, 0.8, 1.1),
    "polynomial": (polynomial, GRID),
    "pieces": (pieces, GRID, 1.3),
    "composed": (composed, GRID, 0.7),
    "logic": (logic, POSITIVE, 0.4),
    "powers": (powers, POSITIVE, 1.7),
    "guarded_root": (guarded_root, GRID),
    "clipped": (clipped, GRID, 1.9),
}
STEP = 1e-5


def tensors(case, dtype=mg.float64, requires_grad=True):
    """Arguments of a case, all of the length of the first."""
    first, *others = case[1:]
    arrays = [first, *[np.full(len(first), v) for v in others]]
    return [mg.tensor(a, dtype=dtype).requires_grad_(requires_grad) for a in arrays]


def slopes(f, args, i):
    """Central differences of an elementwise f by argument i."""
    moved = [[a.detach() + h * (j == i) for j, a in enumerate(args)] for h in (STEP, -STEP)]
    with mg.no_grad():
        high, low = (f(*m) for m in moved)
    return ((high - low) / (2 * STEP)).cpu().numpy()


@pytest.mark.parametrize("name", CASES)
def test_values_are_those_of_the_function(name):
    op = CASES[name][0]
    args = tensors(CASES[name], requires_grad=False)
    rows = zip(*[a.tolist() for a in args], strict=True)
    plain_python = (
        [float(op.__wrapped__(*map(np.float64, row))) for row in rows]
        if (name != "composed")
        else op(*args).tolist()
    )
    np.testing.assert_allclose(op(*args).cpu().numpy(), plain_python, rtol=1e-14)


@pytest.mark.parametrize("name", CASES)
def test_first_derivatives(name):
    op, args = CASES[name][0], tensors(CASES[name])
    grads = mg.autograd.grad(op(*args).sum(), args)
    for i, g in enumerate(grads):
        np.testing.assert_allclose(g.cpu().numpy(), slopes(op, args, i), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", CASES)
def test_second_derivatives(name):
    op, args = CASES[name][0], tensors(CASES[name])
    for i in range(len(args)):

        def first(*given, i=i):
            with mg.enable_grad():
                leaves = [a.detach().requires_grad_() for a in given]
                (g,) = mg.autograd.grad(op(*leaves).sum(), leaves[i])
            return g

        (g,) = mg.autograd.grad(op(*args).sum(), args[i], create_graph=True)
        seconds = mg.autograd.grad(g.sum(), args, allow_unused=True) if g.requires_grad else ()
        for j, h in enumerate(seconds):
            found = np.zeros(len(args[0])) if h is None else h.cpu().numpy()
            np.testing.assert_allclose(found, slopes(first, args, j), rtol=2e-6, atol=2e-7)


def test_third_derivative():
    x = mg.tensor([0.3, 1.2], dtype=mg.float64, requires_grad=True)
    d = polynomial(x) * x
    for _ in range(3):
        (d,) = mg.autograd.grad(d.sum(), x, create_graph=True)
    np.testing.assert_allclose(d.tolist(), [6 * COEFFICIENTS[2]] * 2, rtol=1e-14)


@pytest.mark.parametrize("name", CASES)
def test_compiled_steps_do_the_same(name):
    op, args = CASES[name][0], tensors(CASES[name])

    def f():
        for a in args:
            a.grad = None
        loss = (op(*args) * 2).sin().sum()
        loss.backward()
        return loss

    eager = f().item()
    expected = [a.grad.cpu().numpy().copy() for a in args]
    step = mg.compile(f)
    for _ in range(4):
        assert step().item() == pytest.approx(eager, rel=1e-12)
    for a, e in zip(args, expected, strict=True):
        np.testing.assert_allclose(a.grad.cpu().numpy(), e, rtol=1e-11, atol=1e-14)


def test_one_kernel_each_way():
    """The node of the op is the only one, and it has one Program forward and one back."""
    x = mg.tensor(GRID, dtype=mg.float64, requires_grad=True)
    y = composed(x, 0.5)
    assert y.grad_fn.name() == "ComposedBackward0"
    nodes = [node for node, _ in y.grad_fn.next_functions if node is not None]
    assert [node.name().rpartition(":")[2] for node in nodes] == ["AccumulateGrad"]
    y.sum().backward()
    assert len(y.grad_fn.rule.programs) == 1


# What was not taken has no say


def test_the_arm_that_was_not_taken_does_not_count():
    x = mg.tensor([0.0, -1.0, 4.0], dtype=mg.float64, requires_grad=True)
    (g,) = mg.autograd.grad(guarded_root(x).sum(), x, create_graph=True)
    assert g.tolist() == [0.1, 0.1, 0.25]
    (h,) = mg.autograd.grad(g.sum(), x)
    assert h.tolist() == [0.0, 0.0, -1 / 32]
    z = mg.zeros(2, dtype=mg.float64, requires_grad=True)
    (g,) = mg.autograd.grad(sinc(z).sum(), z, create_graph=True)
    (h,) = mg.autograd.grad(g.sum(), z)
    assert g.tolist() == h.tolist() == [0.0, 0.0]


def test_overlapping_choices():
    @elementwise
    def f(x, y):
        a = 1 / x if x != 0 else 0.0
        b = a * y if y > 0 else 0.0
        return a + b if x > -5 else math.log(-x - 5) + b

    x = mg.tensor([0.0, 0.0, 2.0, 2.0, -6.0], dtype=mg.float64, requires_grad=True)
    y = mg.tensor([1.0, -1.0, 3.0, -3.0, 1.0], dtype=mg.float64, requires_grad=True)
    gx, gy = mg.autograd.grad(f(x, y).sum(), (x, y))
    assert gx.tolist() == [0, 0, -1.0, -0.25, pytest.approx(-1 - 1 / 36)]
    assert gy.tolist() == [0, 0, 0.5, 0, pytest.approx(-1 / 6)]


def test_a_composite_row_has_no_nan_either():
    """inf * 0 beyond the clip of hardswish's relu6."""
    x = mg.tensor([-math.inf, -4.0, 1.0, 5.0], dtype=mg.float64, requires_grad=True)
    (g,) = mg.autograd.grad(mg.nn.functional.hardswish(x)[1:].sum(), x)
    assert g.tolist() == [0.0, 0.0, pytest.approx(5 / 6), 1.0]


# Shapes and types


def test_broadcasting_numbers_and_defaults():
    x = mg.linspace(-1, 1, 5, dtype=mg.float64)
    height = mg.tensor([[1.0], [2.0]], dtype=mg.float64, requires_grad=True)
    y = pseudo_voigt(x, height, 0.25, share=0.0)
    assert y.shape == (2, 5)
    expected = np.array([[1.0], [2.0]]) * np.exp(-LN2 * (x.cpu().numpy() - 0.25) ** 2)
    np.testing.assert_allclose(y.detach().cpu().numpy(), expected, rtol=1e-14)
    y.sum().backward()
    np.testing.assert_allclose(height.grad.cpu().numpy()[:, 0], expected[0].sum(), rtol=1e-14)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (2,), (3, 0), (2, 2), (2, 1, 3)])
def test_shapes_and_strides(shape):
    x = mg.randn(shape, dtype=mg.float64, requires_grad=True)
    turned = x.permute(*reversed(range(len(shape)))) if shape else x
    y = pieces(turned, 1.5)
    assert y.shape == turned.shape
    flat = pieces(turned.detach().reshape(-1), 1.5)
    np.testing.assert_array_equal(y.detach().cpu().numpy().ravel(), flat.cpu().numpy())
    (g,) = mg.autograd.grad(y.sum(), x)
    assert g.shape == x.shape


def test_expanded_and_sliced_operands():
    x = mg.tensor([0.5, 2.0], dtype=mg.float64)
    wide = x.expand(3, 2)
    np.testing.assert_array_equal(sinc(wide).cpu().numpy(), np.tile(sinc(x).cpu().numpy(), (3, 1)))
    long = mg.arange(10, dtype=mg.float64)
    np.testing.assert_array_equal(sinc(long[::3]).cpu().numpy(), sinc(long).cpu().numpy()[::3])


@elementwise
def blend(x, y, z):
    return x * y + z / (1 + y * y)


SHAPES = [
    ((3,), (3,), (3,)),
    ((3,), (), (1,)),
    ((), (2, 2), (1, 1)),
    ((1,), (), ()),
    ((1, 1), (1,), ()),
    ((), (), ()),
    ((0,), (1,), (0,)),
    ((1,), (2, 1), (3,)),
    ((2, 3), (3,), (2, 1)),
    ((1, 1, 1), (4,), ()),
]


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("others", [(), (2,), (0.5,), (2, 0.5)])
def test_three_operands_by_either_path(shapes, others):
    """The first call goes the general way, the next one by the kernel that it found."""
    tensors = [mg.randn(s, dtype=mg.float64, requires_grad=True) for s in shapes]
    args = [*tensors[: 3 - len(others)], *others]
    arrays = [np.array(a.tolist()).reshape(a.shape) for a in args if isinstance(a, mg.Tensor)]
    x, y, z = [*arrays, *others]
    expected = x * y + z / (1 + np.square(y))
    leaves = [a for a in args if isinstance(a, mg.Tensor)]
    wanted = None
    for _ in range(3):
        result = blend(*args)
        assert result.shape == np.shape(expected)
        np.testing.assert_allclose(result.detach().cpu().numpy(), expected, rtol=1e-14)
        grads = [g.tolist() for g in mg.autograd.grad(result.sum(), leaves)]
        for first, again in zip(wanted or grads, grads, strict=True):
            np.testing.assert_allclose(again, first, rtol=1e-14)  # sums of another order
        wanted = grads
    with mg.no_grad():
        assert not blend(*args).requires_grad


def test_three_operands_of_several_kinds():
    x = mg.tensor([1.0, 2.0])
    for _ in range(2):
        assert blend(x, x.to(mg.float64), 1).dtype is mg.float64
        assert blend(x, x, mg.tensor(1.0, dtype=mg.float64)).dtype is mg.float32
        assert blend(x.to(mg.int64), 2, 3).dtype is mg.float32
        turned = blend(x.expand(2, 2).t(), x, True).tolist()
        np.testing.assert_allclose(turned, [[1.5, 2.2], [2.5, 4.2]], rtol=1e-6)
        assert blend(x.half(), 1.5, 0.1).dtype is mg.float16
    mg.set_default_dtype(mg.float64)
    try:
        assert blend(x.to(mg.int64), 2, 3).dtype is mg.float64
    finally:
        mg.set_default_dtype(mg.float32)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_constants_have_the_type_of_the_operands(dtype):
    """0.1 and 0.7, chosen between, are not rounded to float32 on the way."""
    d = getattr(mg, dtype)

    @elementwise
    def f(x):
        a = 0.1 if x > 0 else 0.7
        return a + 0 * x

    y = f(mg.tensor([1.0, -1.0], dtype=d))
    assert y.dtype is d
    assert y.tolist() == np.array([0.1, 0.7], dtype).tolist()


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool"])
def test_integers_become_floating(dtype):
    y = polynomial(mg.tensor([0, 1, 1], dtype=getattr(mg, dtype)))
    assert y.dtype is mg.get_default_dtype()
    assert y.tolist() == [1.0, 0.75, 0.75]


def test_comparisons_give_bools():
    op = elementwise(lambda x, y: x * x + y * y < 1)
    y = op(mg.tensor([0.5, 2.0], requires_grad=True), 0.5)
    assert y.dtype is mg.bool
    assert y.tolist() == [True, False]
    assert not y.requires_grad


def test_bools_count_as_numbers():
    op = elementwise(lambda x: (x > 0) + (x > 1) + 0.25 * (not x > 2))
    x = mg.tensor([-1.0, 0.5, 1.5, 3.0], dtype=mg.float64)
    assert op(x).tolist() == [0.25, 1.25, 2.25, 2.0]


def test_nan_and_infinities():
    x = mg.tensor([math.nan, math.inf, -math.inf, -0.0], dtype=mg.float64)
    square = elementwise(lambda x: 1 - x + x**2 / 4)
    np.testing.assert_array_equal(square(x).cpu().numpy(), [math.nan, math.nan, math.inf, 1.0])
    np.testing.assert_array_equal(pieces(x, 2.0).cpu().numpy()[1:], [math.inf, -math.inf, 1.7])
    sign = elementwise(lambda x: np.sign(x) + max(x, 0.0) - min(x, 0.0))
    np.testing.assert_array_equal(sign(x).cpu().numpy(), [math.nan, math.inf, math.inf, 0.0])


def test_results_that_depend_on_nothing_or_are_an_argument():
    x = mg.ones(3, dtype=mg.float64, requires_grad=True)
    constant = elementwise(lambda x: 2.5)
    assert constant(x).tolist() == [2.5] * 3
    second = elementwise(lambda x, y: y)
    y = second(x, mg.full((3,), 4.0, dtype=mg.float64))
    assert y.tolist() == [4.0] * 3
    (g,) = mg.autograd.grad((second(x, x) + constant(x)).sum(), x)
    assert g.tolist() == [1.0] * 3


def test_numbers_arrays_and_out():
    assert sinc(0.0).item() == 1.0
    np.testing.assert_allclose(
        sinc(np.array([0.0, 1.0])).cpu().numpy(), [1, math.sin(1)], rtol=1e-15
    )
    out = mg.empty(2, dtype=mg.float64)
    assert sinc(mg.tensor([0.0, 1.0], dtype=mg.float64), out=out) is out
    assert out[0].item() == 1.0


# What is read


def test_constants_stay_as_they_were():
    scale = 2.0
    op = elementwise(lambda x: scale * x)
    scale = 3.0
    assert op(mg.ones(1)).item() == 2.0
    assert op.__wrapped__(1.0) == 3.0


def test_scalars_of_numpy_are_constants():
    small = np.float32(0.1)
    op = elementwise(lambda x: x * small + np.float64(0.1) + np.int32(2) + np.bool_(True))
    assert op(mg.tensor([2.0], dtype=mg.float64)).item() == 2.0 * float(small) + 0.1 + 2 + 1


def test_one_of_several_lambdas_in_a_line():
    pair = [elementwise(lambda x: x + 1.0), elementwise(lambda x: x + 2.0)]
    assert [op(mg.zeros(1)).item() for op in pair] == [1.0, 2.0]


def test_functions_of_scipy():
    special = pytest.importorskip("scipy.special")
    op = elementwise(lambda x: special.expit(x) + special.erf(x))
    x = np.array([-1.0, 0.3])
    np.testing.assert_allclose(
        op(mg.tensor(x)).cpu().numpy(), special.expit(x) + special.erf(x), rtol=1e-14
    )


def test_names_that_generated_source_uses():
    @elementwise
    def kernel(exp, out, i, n, g, y, np_):
        return math.exp(exp) + out * i + n * g - y / np_

    args = [mg.tensor([v], dtype=mg.float64, requires_grad=True) for v in range(1, 8)]
    y = kernel(*args)
    assert y.item() == pytest.approx(math.e + 2 * 3 + 4 * 5 - 6 / 7)
    y.backward()
    assert [a.grad.item() for a in args[1:5]] == [3, 2, 5, 4]
    (g,) = mg.autograd.grad(kernel(*args), args[4], create_graph=True)
    assert mg.autograd.grad(g, args[3])[0].item() == 1


def test_names_in_other_scripts():
    op = elementwise(lambda λ, σ: λ / σ)
    assert op(mg.tensor([6.0]), 2).item() == 3.0


def test_one_named_like_an_op():
    @elementwise
    def exp(x):
        return 2 * x

    x = mg.ones(1, requires_grad=True)
    (g,) = mg.autograd.grad(exp(x), x, create_graph=True)
    assert (exp(x).item(), g.item(), mg.exp(mg.zeros(1)).item()) == (2, 2, 1)


def test_an_op_of_an_op_is_itself():
    assert elementwise(sinc) is sinc
    assert sinc.__name__ == "sinc"
    assert pseudo_voigt.__doc__.startswith("A peak")


@pytest.mark.large
def test_large_arrays():
    x = mg.linspace(-3, 3, 300_000, dtype=mg.float64, requires_grad=True)
    y = pseudo_voigt(x, 1.0, 0.0)
    y.sum().backward()
    z = x.detach().cpu().numpy()
    expected = 0.5 / (1 + z * z) + 0.5 * np.exp(-LN2 * z * z)
    np.testing.assert_allclose(y.detach().cpu().numpy(), expected, rtol=1e-13)
    slope = -z / (1 + z * z) ** 2 - LN2 * z * np.exp(-LN2 * z * z)
    np.testing.assert_allclose(x.grad.cpu().numpy(), slope, rtol=1e-12, atol=1e-15)
