"""What `kernel` refuses, when an op is made and when it is called."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from numba import njit

import microgrest as mg
from microgrest import kernel
from tests.own.loops import convolve, cube, cube_back, decay, smooth

NAMES, LARGE, TENSOR = ["a"], np.zeros(1000), mg.ones(2)
f32 = 2.0


def copies(x, out):
    for i in range(x.size):
        out[i] = x[i]


def copies_back(grad_out, grad_x):
    for i in range(grad_out.size):
        grad_x[i] = grad_out[i]


def writes_its_input(x, out):
    x[0] = 1.0
    out[0] = x[0]


def adds_to_its_input(x, out):
    x[0, 1] += 1.0


def needs_a_list(x, out):
    out[0] = len(NAMES)


def needs_a_large_array(x, out):
    out[0] = LARGE[0]


def needs_a_tensor(x, out):
    out[0] = TENSOR[0]


def needs_an_op(x, out):
    out[0] = cube(x)[0]


def needs_another_module(x, out):
    out[0] = random.random()


def needs_nothing_known(x, out):
    out[0] = unknown  # noqa: F821


def takes_a_name_of_ours(x, out):
    out[0] = f32


def returns_its_gradient(grad_out):
    return grad_out


def makes_no_gradient(grad_out, out):
    out[0] = grad_out[0]


def takes_something_else(grad_out, y, grad_x):
    grad_x[0] = y[0]


def takes_no_gradient(x, grad_x):
    grad_x[0] = x[0]


def yields(x):
    yield x


def make(**declared):
    return lambda function=copies: kernel(**declared)(function)


UNDECLARED = [
    (lambda: kernel(), TypeError, "declare each result"),
    (lambda: kernel(copies), TypeError, r"declare each result .* @kernel\(out="),
    (lambda: kernel(copies, out="x"), TypeError, "declare each result"),
    (lambda: kernel(out=3), TypeError, "out=3: a result is like an input"),
    (lambda: kernel(out=(2, 3)), TypeError, "a result is like an input"),
    (lambda: kernel(out="y")(copies), TypeError, "'out' is declared by 'y', but .* are x"),
    (lambda: kernel(out=lambda y: y.shape)(copies), TypeError, "'out' is declared by 'y'"),
    (lambda: kernel(out=len)(copies), TypeError, "def or lambda, not .*len"),
    (lambda: kernel(y="x")(copies), TypeError, "last parameters of copies .* y, or"),
    (lambda: kernel(x="x", out="x")(copies), TypeError, "copies are none"),
    (lambda: kernel(a="x", b="x", c="x")(copies), TypeError, "last parameters of copies"),
    (lambda: kernel(out="x")(3), TypeError, "def or lambda, not 3"),
    (lambda: kernel(out="x")(np.sin), TypeError, "def or lambda"),
    (lambda: kernel(out="x")(lambda x, out: None), TypeError, "not a lambda"),
    (lambda: kernel(out="x")(yields), TypeError, "yields or awaits"),
    (lambda: kernel(out="x")(copies_star), TypeError, r"has a parameter \*more"),
    (lambda: kernel(out="x", backward=3)(copies), TypeError, "def or lambda, not 3"),
    (
        lambda: kernel(out="x", backward=returns_its_gradient)(copies),
        TypeError,
        "returns_its_gradient, the backward of copies, has to have parameters .* grad_x",
    ),
    (
        lambda: kernel(out="x", backward=makes_no_gradient)(copies),
        TypeError,
        "makes_no_gradient, the backward of copies, has to have parameters .* grad_x",
    ),
    (
        lambda: kernel(out="x", backward=takes_something_else)(copies),
        TypeError,
        "may take grad_out, out, x, .*; not y",
    ),
    (
        lambda: kernel(out="x", backward=takes_no_gradient)(copies),
        TypeError,
        "some gradient among them",
    ),
    (lambda: kernel(out="x", backward=convolve)(copies), TypeError, "not signal, response, out"),
    (
        lambda: kernel(out="x", cuda_backward=copies_back)(copies),
        TypeError,
        "cuda_backward is the twin of a backward",
    ),
    (
        lambda: kernel(out="x", cuda=copies_back)(copies),
        TypeError,
        "copies_back has to have the parameters x, out; it has grad_out, grad_x",
    ),
    (lambda: kernel(out="x")(writes_its_input), NotImplementedError, "'x' is an input"),
    (lambda: kernel(out="x")(adds_to_its_input), NotImplementedError, "'x' is an input"),
    (lambda: kernel(out="x")(needs_a_list), NotImplementedError, "'NAMES' is list"),
    (lambda: kernel(out="x")(needs_a_large_array), NotImplementedError, "'LARGE' is ndarray"),
    (lambda: kernel(out="x")(needs_a_tensor), NotImplementedError, "'TENSOR' is Tensor"),
    (lambda: kernel(out="x")(needs_an_op), NotImplementedError, "'cube' is Op"),
    (lambda: kernel(out="x")(needs_another_module), NotImplementedError, "'random' is module"),
    (lambda: kernel(out="x")(needs_nothing_known), NotImplementedError, "'unknown' is not defined"),
    (lambda: kernel(out="x")(takes_a_name_of_ours), NotImplementedError, "another name than 'f32'"),
]


def copies_star(x, *more):
    pass


@pytest.mark.parametrize(("wrong", "error", "message"), UNDECLARED)
def test_wrong_declarations(wrong, error, message):
    with pytest.raises(error, match=message) as caught:
        wrong()
    if error is NotImplementedError:
        assert __file__ in str(caught.value)


COPIES = kernel(out="x", backward=copies_back)(copies)
BAD_SHAPE = kernel(out=lambda x: "shape")(copies)
NEGATIVE = kernel(out=lambda x: (x.size(0) - 5,))(copies)


@kernel(out=lambda x: (2,))
@njit
def returns_another_shape(x):
    return x * 2.0


@kernel(a="x", b="x")
@njit
def returns_three(x):
    return x, x, x


@kernel(out="x")
def opens_a_file(x, out):
    with open("x") as f:
        out[0] = len(f.read())


@kernel(out="x")
def mixes_types(x, out):
    y = x[0]
    if x.size > 3:
        y = "text"
    out[0] = len(y)


@kernel(out="x")
def takes_two_dimensions(x, out):
    out[0, 0] = x[0, 0]


CALLS = [
    (lambda: COPIES(), TypeError, r"copies\(\): missing a required argument: 'x'"),
    (lambda: COPIES(TENSOR, TENSOR), TypeError, "takes x, and makes its results"),
    (lambda: COPIES(TENSOR, out=TENSOR), TypeError, "takes x, and makes its results"),
    (lambda: COPIES(TENSOR, y=1), TypeError, "unexpected keyword argument 'y'"),
    (lambda: COPIES(3.0), TypeError, "no argument is a Tensor or an array"),
    (lambda: COPIES([1.0, 2.0]), TypeError, "'x' must be Tensor, array or number, not list"),
    (lambda: COPIES("a"), TypeError, "'x' must be Tensor, array or number, not str"),
    (lambda: COPIES(None), TypeError, "not NoneType"),
    (lambda: COPIES(mg.ones(2, dtype=mg.float16)), TypeError, "'x' is float16"),
    (lambda: COPIES(np.array(["a"])), TypeError, "can't convert np.ndarray"),
    (lambda: smooth(mg.ones(2, 2), 1 << 70), TypeError, "more than 64 bits"),
    (lambda: smooth(mg.ones(2, 2), 1j), TypeError, "'strength' must be .* not complex"),
    (lambda: BAD_SHAPE(TENSOR), TypeError, "declaration of 'out' has to give a shape"),
    (lambda: NEGATIVE(TENSOR), TypeError, "declaration of 'out' has to give a shape"),
    (
        lambda: returns_another_shape(mg.ones(3)),
        RuntimeError,
        "returns_another_shape returned another shape, or number, of results than was declared",
    ),
    (lambda: returns_three(TENSOR), RuntimeError, "returns_three returned another shape"),
    (lambda: opens_a_file(TENSOR), TypeError, r"cannot compile opens_a_file\(x: 1-d float32\)"),
    (lambda: mixes_types(TENSOR), TypeError, "cannot compile mixes_types"),
    (lambda: takes_two_dimensions(TENSOR), TypeError, "cannot compile takes_two_dimensions"),
    (lambda: decay(TENSOR, 1.0, 2.0, False), TypeError, "cannot compile decay"),
    (lambda: cube_back(TENSOR), TypeError, "missing a required argument: 'x'"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), CALLS)
def test_wrong_calls(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()


def test_a_failure_in_a_step_says_so_too():
    step = mg.compile(lambda x: returns_another_shape(x) + 1)
    for _ in range(4):
        assert step(mg.ones(2)).tolist() == [3.0, 3.0]
    with pytest.raises(RuntimeError, match="returned another shape, or number, of results"):
        step(mg.ones(3))


def test_a_gradient_of_another_shape_is_refused():
    wrong = kernel(grad_x=lambda grad_out: (1,))(copies_back)
    op = kernel(out="x", backward=wrong)(copies)
    y = op(mg.ones(3, requires_grad=True))
    with pytest.raises(RuntimeError, match="gradient"):
        y.sum().backward()


def test_without_source():
    space = {}
    exec("def f(x, out):\n    out[0] = x[0]", space)
    with pytest.raises(OSError, match="kernel: the source of f cannot be found"):
        kernel(out="x")(space["f"])


def test_constants_stay_as_they_were():
    scale = 2.0

    def scaled(x, out):
        for i in range(x.size):
            out[i] = scale * x[i]

    first = kernel(out="x")(scaled)
    scale = math.pi
    second = kernel(out="x")(scaled)
    assert (first(TENSOR)[0].item(), second(TENSOR)[0].item()) == (2.0, pytest.approx(math.pi))
