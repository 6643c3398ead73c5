"""Loops with CUDA twins: the same numbers, and machine code without a GPU."""

from __future__ import annotations

import numpy as np
import pytest
from microgrest.kernels.source.kind import Room

import microgrest as mg
from microgrest import kernel

cuda = pytest.importorskip("numba.cuda")
pytestmark = [pytest.mark.devices]
FACTOR = 2.0


@cuda.jit(device=True)
def scaled(a):
    return FACTOR * a


@cuda.jit
def table_twin(x, y, power, table, total):
    i = cuda.grid(1)
    m = table.shape[1]
    if i >= table.size:
        return
    j, k = i // m, i % m
    table[j, k] += scaled(x[j] * y[k]) ** power + 0 * y[-1]
    if k == 0:
        for column in range(len(y)):
            total[j] += x[j] + y[column]


@cuda.jit
def table_back_twin(grad_table, x, y, grad_x):
    i = cuda.grid(1)
    if i < x.size:
        for k in range(y.shape[0]):
            grad_x[i] += scaled(y[k]) * grad_table[i, k]


def table_back(grad_table, x, y, grad_x):
    for i in range(x.size):
        for k in range(y.size):
            grad_x[i] += FACTOR * y[k] * grad_table[i, k]


@kernel(
    table=lambda x, y: (x.shape[0], y.shape[0]),
    total="x",
    backward=table_back,
    cuda=table_twin,
    cuda_backward=table_back_twin,
)
def outer(x, y, power, table, total):
    for i in range(x.size):
        for k in range(y.size):
            table[i, k] = (FACTOR * x[i] * y[k]) ** power
            total[i] += x[i] + y[k]


@pytest.mark.parametrize(("n", "m"), [(3, 4), (1, 1), (0, 2), (40, 3)])
def test_twins_do_what_loops_do(n, m):
    x = mg.randn(n, dtype=mg.float64, requires_grad=True)
    y = mg.randn(m, dtype=mg.float64)
    table, total = outer(x, y, 1)
    a, b = np.array(x.tolist()), np.array(y.tolist())
    np.testing.assert_allclose(table.detach().cpu().numpy(), 2 * np.outer(a, b), rtol=1e-14)
    np.testing.assert_allclose(total.detach().cpu().numpy(), m * a + b.sum(), rtol=1e-12)
    (g,) = mg.autograd.grad(table.sum(), x)
    np.testing.assert_allclose(g.cpu().numpy(), np.full(n, 2 * b.sum()), rtol=1e-12)


def test_twins_in_compiled_steps():
    x = mg.randn(5, dtype=mg.float64, requires_grad=True)
    y = mg.randn(3, dtype=mg.float64)

    def f():
        x.grad = None
        loss = outer(x, y, 1)[0].square().sum()
        loss.backward()
        return loss

    eager, gradient = f().item(), x.grad.tolist()
    step = mg.compile(f)
    for _ in range(4):
        assert step().item() == pytest.approx(eager, rel=1e-13)
    np.testing.assert_allclose(x.grad.tolist(), gradient, rtol=1e-12)


def test_on_a_gpu_it_is_the_twin_that_runs():
    @cuda.jit
    def says_two(x, out):
        out[cuda.grid(1) % x.size] = 2.0

    @kernel(out="x", cuda=says_two)
    def says_one(x, out):
        out[:] = 1.0

    x = mg.zeros(3)
    assert says_one(x).tolist() == [2.0 if x.is_cuda else 1.0] * 3


def test_all_tensors_are_on_one_device():
    here, there = mg.ones(2), mg.ones(2, device="cpu")
    if here.is_cuda:
        with pytest.raises(RuntimeError, match=r"in outer.*y is on cpu"):
            outer(here, there, 1)
    else:
        assert outer(here, there, 1)[0].tolist() == [[2.0, 2.0]] * 2


@pytest.mark.host
def test_machine_code_without_a_gpu():
    pytest.importorskip("cuda.bindings.nvjitlink")
    from microgrest.kernels.cuda.driver.compile import compiled

    params = outer.loop.given((1, 1, -1, 2, 1), ("float32",) * 4, ("int64",))
    launches = outer.loop.kind.grid(params, (5, 3, 15, 5), (5, 3, 5, 3, 5), Room(256, 1024))
    assert [stage.arguments[0] for stage in launches.stages] == ["table", "total", "x"]
    for stage in launches.stages:
        assert compiled(stage.source, (9, 0)).spills == 0


# What is refused


def body(x, out):
    out[:] = x


def two_dimensions(x, out):
    i, j = cuda.grid(2)
    out[i] = x[j]


def whole_array(x, out):
    out[:] = x[0]


def too_few_indices(x, out):
    out[cuda.grid(1)] = x[0]


def passed_on(x, out):
    out[0, 0] = len(x) + sum(x)


def strange_attribute(x, out):
    out[0, 0] = x.T[0, 0]


@pytest.mark.host
def test_threads_have_one_dimension():
    with pytest.raises(NotImplementedError, match=r"two_dimensions, .*cuda\.grid\(1\)"):
        kernel(out="x", cuda=two_dimensions)(body)


@pytest.mark.host
@pytest.mark.parametrize(
    ("twin", "message"),
    [
        (whole_array, "'out' has 2 dimensions: index each"),
        (too_few_indices, "'x' has 2 dimensions: index each|'out' has 2 dimensions"),
        (passed_on, "'x', an array, can only be indexed"),
        (strange_attribute, "of 'x' there are shape, size and ndim"),
    ],
)
def test_arrays_can_only_be_indexed(twin, message):
    op = kernel(out="x", cuda=twin)(body)
    params = op.loop.given((2, 2), ("float32",) * 2, ())
    with pytest.raises(NotImplementedError, match=message) as caught:
        op.loop.kind.grid(params, (4, 4), (2, 2, 2, 2), Room(256, 1024))
    assert twin.__name__ in str(caught.value)
