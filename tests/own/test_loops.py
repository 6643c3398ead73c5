"""Ops of users' loops: values, gradients, compiled steps."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
from microgrest.kernels.cpu import kinds

import microgrest as mg
from tests.own.loops import convolve, cube, decay, doubled, kernel, peaks, scaled, smooth

pytestmark = [pytest.mark.devices]

STEP = 1e-6


def numeric(f, t):
    """Central differences of the sum of what `f` makes of t."""
    array, g = t.detach().cpu().numpy().copy(), np.zeros(t.shape)
    for i in np.ndindex(*t.shape):
        for sign in (1, -1):
            moved = array.copy()
            moved[i] += sign * STEP
            with mg.no_grad():
                g[i] += sign * f(mg.tensor(moved)).item() / (2 * STEP)
    return g


def leaf(*shape):
    return mg.randn(shape, dtype=mg.float64, requires_grad=True)


def test_convolution():
    x, r = leaf(7), leaf(3)
    y = convolve(x, r)
    expected = 1.5 * np.convolve(x.detach().cpu().numpy(), r.detach().cpu().numpy())[:7]
    np.testing.assert_allclose(y.detach().cpu().numpy(), expected, rtol=1e-13)
    w = mg.randn(7, dtype=mg.float64)
    gx, gr = mg.autograd.grad((y * w).sum(), (x, r))
    np.testing.assert_allclose(
        gx.cpu().numpy(), numeric(lambda t: (convolve(t, r) * w).sum(), x), 1e-7
    )
    np.testing.assert_allclose(
        gr.cpu().numpy(), numeric(lambda t: (convolve(x, t) * w).sum(), r), 1e-7
    )


@pytest.mark.skipif(not hasattr(mg.autograd, "gradcheck"), reason="there is no gradcheck yet")
def test_gradcheck_takes_them():
    assert mg.autograd.gradcheck(convolve, (leaf(5), leaf(2)))
    assert mg.autograd.gradcheck(smooth, (leaf(2, 3),))
    assert mg.autograd.gradgradcheck(cube, (leaf(4),))


def test_what_returns_its_result():
    x = leaf(2, 5)
    y = smooth(x, strength=0.5)
    padded = np.pad(x.detach().cpu().numpy(), ((0, 0), (1, 1)))
    expected = 0.5 * (padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) / 4
    np.testing.assert_allclose(y.detach().cpu().numpy(), expected, rtol=1e-14)
    w = mg.randn(2, 5, dtype=mg.float64)
    (g,) = mg.autograd.grad((y * w).sum(), x)
    np.testing.assert_allclose(
        g.cpu().numpy(), numeric(lambda t: (smooth(t, 0.5) * w).sum(), x), 1e-7
    )


def test_several_results():
    x = mg.tensor([[1.0, 5.0, 5.0], [2.0, 0.0, 1.0]], requires_grad=True)
    highest, where = peaks(x)
    assert (highest.tolist(), where.tolist()) == ([5.0, 2.0], [1, 0])
    assert (highest.dtype, where.dtype) == (mg.float32, mg.int64)
    assert highest.requires_grad
    assert not where.requires_grad
    (highest * mg.tensor([2.0, 3.0])).sum().backward()
    assert x.grad.tolist() == [[0, 2, 0], [3, 0, 0]]


def test_second_derivatives_by_a_backward_of_the_backward():
    x = leaf(4)
    (g,) = mg.autograd.grad((cube(x) ** 2).sum(), x, create_graph=True)
    (h,) = mg.autograd.grad(g.sum(), x)
    np.testing.assert_allclose(h.cpu().numpy(), 30 * x.detach().cpu().numpy() ** 4, rtol=1e-12)
    (g,) = mg.autograd.grad(cube(x).sum(), x, create_graph=True)
    (h,) = mg.autograd.grad(g.sum(), x, create_graph=True)
    with pytest.raises(NotImplementedError, match="second derivative of cube_back is not known"):
        mg.autograd.grad(h.sum(), x)


def test_a_second_derivative_is_refused_by_name():
    x, r = leaf(4), leaf(2)
    (g,) = mg.autograd.grad(convolve(x, r).sum(), x, create_graph=True)
    with pytest.raises(NotImplementedError, match="second derivative of convolve is not known"):
        g.sum().backward()


def test_a_derivative_that_nobody_gave_is_refused_by_name():
    y = doubled(leaf(3))
    with pytest.raises(NotImplementedError, match="the derivative of doubled is not known"):
        y.sum().backward()


def test_returned_results_and_the_gradient_of_a_number():
    x = mg.tensor([-3.0, 0.5, 1.0], requires_grad=True)
    out, inside = scaled(x, 2.0)
    assert (out.tolist(), inside.tolist()) == ([-6, 1, 2], [False, True, True])
    assert inside.dtype is mg.bool
    assert not inside.requires_grad
    (g,) = mg.autograd.grad(out.sum(), x)
    assert g.tolist() == [2.0] * 3


def test_numbers_and_elements():
    t, rate = mg.linspace(0, 2, 5, dtype=mg.float64), mg.tensor(0.7, dtype=mg.float64)
    rate.requires_grad_()
    np.testing.assert_allclose(
        decay(t, rate, 2, False).tolist(), np.exp(-1.4 * t.cpu().numpy()), 1e-14
    )
    y = decay(t, rate, 1, flip=True)
    np.testing.assert_allclose(y.tolist(), np.exp(0.7 * t.cpu().numpy()), 1e-14)
    (g,) = mg.autograd.grad(y.sum(), rate)
    assert g.shape == ()
    assert g.item() == pytest.approx((t.cpu().numpy() * np.exp(0.7 * t.cpu().numpy())).sum())


def test_a_loop_named_kernel_with_a_result_without_dimensions():
    total = kernel(mg.arange(5, dtype=mg.float32))
    assert (total.shape, total.dtype, total.item()) == ((), mg.float64, 10.0)


@pytest.mark.parametrize("n", [0, 1, 2, 9])
def test_extents(n):
    x = leaf(n)
    r = mg.ones(1, dtype=mg.float64)
    y = convolve(x, r)
    np.testing.assert_allclose(y.detach().cpu().numpy(), 1.5 * x.detach().cpu().numpy())
    (g,) = mg.autograd.grad(y.sum(), x)
    assert g.tolist() == [1.5] * n
    assert smooth(mg.zeros(n, 0)).shape == (n, 0)


def test_operands_that_are_not_contiguous():
    x = leaf(5, 2)
    y = smooth(x.t(), 2.0)
    np.testing.assert_array_equal(
        y.detach().cpu().numpy(), smooth(x.t().contiguous(), 2.0).tolist()
    )
    (g,) = mg.autograd.grad(y.sum(), x)
    assert g.shape == (5, 2)
    wide = mg.ones(1, dtype=mg.float64).expand(4)
    assert cube(wide * 2).tolist() == [8.0] * 4
    assert cube(mg.arange(6, dtype=mg.float64)[::2]).tolist() == [0, 8, 64]
    z = leaf(3)
    (g,) = mg.autograd.grad(cube(z).sum(), z)  # the gradient that comes is expanded
    np.testing.assert_allclose(g.cpu().numpy(), 3 * z.detach().cpu().numpy() ** 2, rtol=1e-14)


def test_arrays_and_integers():
    assert doubled(np.arange(3)).tolist() == [0, 2, 4]
    assert doubled(mg.arange(3, dtype=mg.int32)).dtype is mg.int32
    np.testing.assert_array_equal(
        cube(mg.tensor([math.nan, math.inf])).cpu().numpy(), [math.nan, math.inf]
    )


def test_an_input_that_was_written_to_since_is_found():
    x, r = leaf(4), leaf(2)
    signal = x * 1
    y = convolve(signal, r)
    signal.mul_(2)
    with pytest.raises(RuntimeError, match="inplace operation"):
        y.sum().backward()


def train(x, r, target, optimizer):
    optimizer.zero_grad()
    y = smooth(convolve(x, r).reshape(2, -1), 0.5)
    highest, _ = peaks(y)
    loss = (y - target).square().sum() + highest.sum() + decay(r, r[0], 1, False).sum()
    loss.backward()
    optimizer.step()
    return loss


def test_compiled_steps_do_what_eager_ones_do():
    found = []
    for wrap in (lambda f: f, mg.compile):
        mg.manual_seed(3)
        x, r, target = leaf(8), leaf(3), mg.randn(2, 4, dtype=mg.float64)
        optimizer = mg.optim.Adam([x, r], lr=0.01)
        step = wrap(train)
        losses = [step(x, r, target, optimizer).item() for _ in range(6)]
        found.append([*losses, *x.tolist(), *r.tolist()])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-10)


@pytest.mark.host
def test_steps_repeat():
    mg.manual_seed(3)
    x, r, target = leaf(8), leaf(3), mg.randn(2, 4, dtype=mg.float64)
    optimizer = mg.optim.SGD([x, r], lr=1e-3)
    step = mg.compile(lambda: train(x, r, target, optimizer))
    first = step().item()
    step.repeat(50)
    assert step().item() < first
    assert "as much of the response as there is signal before" in step.source()


@pytest.mark.host
def test_what_is_compiled_is_what_python_runs():
    generator = np.random.default_rng(0)
    for op, given in [
        (convolve, [(6,), (3,), (6,)]),
        (smooth, [(2, 4), 0.5, (2, 4)]),
        (peaks, [(3, 4), (3,), (3,)]),
        (convolve.backward, [(6,), (6,), (3,), (6,), (3,)]),
    ]:
        shapes = [s for s in given if isinstance(s, tuple)]
        types = ["float64"] * len(shapes)
        types = [*types[:-1], "int64"] if op is peaks else types
        dims = [len(s) if isinstance(s, tuple) else -1 for s in given]
        values = [np.float64(v) for v in given if not isinstance(v, tuple)]
        params = op.loop.given(dims, types, ["float64"] * len(values))
        sizes = [n for s in shapes for n in s]
        arrays = [
            generator.normal(size=math.prod(s)).astype(t)
            for s, t in zip(shapes, types, strict=True)
        ]
        again = [a.copy() for a in arrays]
        kinds.run(op.loop.kind, params, arrays, tuple(sizes), tuple(values))
        op.loop.kind.oracle(params, *again, *sizes, *values)
        for a, b in zip(arrays, again, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-14)


def test_copies_and_pickles_are_the_op_itself():
    assert copy.deepcopy(convolve) is convolve
    assert pickle.loads(pickle.dumps(cube)) is cube


α = 2.0


@mg.kernel(out="größe")
def schätzung(größe, out): out[:] = α * größe; out[0] = len("{ä}")  # fmt: skip  # noqa: E702


def test_names_in_other_scripts_and_a_body_in_one_line():
    step = mg.compile(lambda x: schätzung(x) + 1)
    for _ in range(4):
        assert step(mg.ones(3)).tolist() == [4.0, 3.0, 3.0]


@pytest.mark.large
def test_many_elements_run_in_parallel():
    x = mg.arange(300_000, dtype=mg.float64)
    np.testing.assert_array_equal(doubled(x).cpu().numpy(), 2 * x.cpu().numpy())
