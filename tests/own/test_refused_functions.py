"""What `elementwise` refuses: the error names the function, the line and what it is about."""

from __future__ import annotations

import functools
import math
import random

import numpy as np
import pytest

import microgrest as mg
from microgrest import elementwise

TENSOR, ARRAY, NAME = mg.ones(2), np.ones(3), "text"


def recursive(x):
    return recursive(x) + 1


def with_while(x):
    while x > 1:
        x = x / 2
    return x


def with_comprehension(x):
    return sum([x * k for k in range(3)])


def with_try(x):
    try:
        return 1 / x
    except ZeroDivisionError:
        return 0.0


def with_raise(x):
    if x < 0:
        raise ValueError(x)
    return x


def with_print(x):
    print(x)
    return x


def returns_nothing(x):
    y = x  # noqa: F841


def returns_sometimes(x):
    if x > 0:
        return x


def returns_two(x):
    return x, x


def returns_bare(x):
    if x > 0:
        return
    return x


def set_on_one_side(x):
    if x > 0:
        y = x
    return y


def used_too_early(x):
    y = y + x  # noqa: F821
    return y


def with_global(x):
    global NAME
    NAME = x
    return x


def loop_over_value(x):
    total = 0.0
    for _ in range(x):
        total += 1
    return total


def too_long(x):
    for i in range(100_000):
        x = x + i
    return x


def writes_to_an_index(x):
    x[0] = 1
    return x


def with_method(x):
    return x.exp()


def with_with(x):
    with mg.no_grad():
        return x


def inner_function(x):
    def f(y):
        return y

    return f(x)


def deletes(x):
    y = x
    del y
    return x


def two_for_three(x):
    a, b = 1.0, 2.0, x
    return a + b


REFUSED = [
    (recursive, "recursion"),
    (with_while, "While is not supported; a loop has to run over constants"),
    (with_comprehension, "ListComp is not supported"),
    (with_try, "Try is not supported; a kernel raises nothing"),
    (with_raise, "Raise is not supported"),
    (with_print, "print is not supported"),
    (returns_nothing, "does not return a number on every way"),
    (returns_sometimes, "does not return a number on every way"),
    (returns_two, "tuple in place of a number"),
    (returns_bare, "it has to return a number"),
    (set_on_one_side, "set on one side of an `if` only"),
    (used_too_early, "'y' is used before it is set"),
    (with_global, "Global is not supported; pass it as an argument"),
    (loop_over_value, "range is not supported|has to run over constants"),
    (too_long, "more than 20000 operations"),
    (writes_to_an_index, "only names can be assigned to"),
    (with_method, r"no \.exp here; call functions such as math\.exp"),
    (with_with, "With is not supported"),
    (inner_function, "FunctionDef is not supported; define it outside"),
    (deletes, "Delete is not supported"),
    (two_for_three, "2 names for 3 values"),
    (lambda x: x @ x, "operator MatMult is not supported"),
    (lambda x: x & 1, "operator BitAnd is not supported"),
    (lambda x: ~x, "operator ~ is not supported"),
    (lambda x: x in (1, 2), "`in` and `is` are not supported"),
    (lambda x: x + TENSOR, "Tensor, which has to be an argument"),
    (lambda x: x + ARRAY, "ndarray, which has to be an argument"),
    (lambda x: x + NAME, "'text' in place of a number"),
    (lambda x: x + 1j, "complex in place of a number"),
    (lambda x: x + undefined, "the name 'undefined' is not defined yet"),  # noqa: F821
    (lambda x: np.sum(x), r"numpy\.sum is not supported"),
    (lambda x: math.comb(x, 2), r"math\.comb is not supported"),
    (lambda x: random.random() * x, "is not supported"),
    (lambda x: mg.sum(x), "sum is not supported"),
    (lambda x: math.exp(x, 2), r"exp\(\) does not take these arguments"),
    (lambda x: np.exp(x, where=x), r"exp\(\) does not take these arguments"),
    (lambda x: mg.clamp(x, maximum=1), r"clip\(\) does not take these arguments"),
    (lambda x: math.pie * x, "no attribute 'pie'"),
    (lambda x: ARRAY[x], "index constants by constants"),
    (lambda x: COEFFICIENTS[3] * x, "out of range"),
    (lambda x: x + 1 / 0, "ZeroDivisionError"),
    (lambda x: x + math.sqrt(-1), "ValueError"),
    (lambda x: NAME(x), "is no function"),
    (lambda x: max(*[x, x]), r"`\*` and `\*\*` in calls"),
    (lambda x: f"{x}", "JoinedStr is not supported"),
    (lambda x: "a", "'a' in place of a number"),
    (lambda x: with_default(x, 1, 2), "too many positional"),
]
COEFFICIENTS = (1.0, 2.0)


def with_default(x, y=1.0):
    return x + y


@pytest.mark.parametrize(("function", "message"), REFUSED)
def test_it_says_where_and_what(function, message):
    with pytest.raises(NotImplementedError, match=message) as caught:
        elementwise(function)
    text = str(caught.value)
    assert text.startswith(f"elementwise: {function.__name__}, {__file__}, line ")
    line = int(text.split(", line ")[1].split(":")[0])
    first = function.__code__.co_firstlineno
    assert first <= line <= first + 8


def test_an_inlined_function_is_named():
    with pytest.raises(NotImplementedError, match=r"elementwise: with_while, .*`while x > 1:`"):
        elementwise(lambda x: with_while(x) + 1)


class Callable:
    def __call__(self, x):
        return x

    def method(self, x):
        return x


async def awaits(x):
    return x


def yields(x):
    yield x


NO_FUNCTIONS = [
    (3, "written in Python with def or lambda"),
    (Callable(), "written in Python with def or lambda"),
    (Callable, "not a class"),
    (Callable().method, "not .*a method"),
    (math.exp, "written in Python with def or lambda"),
    (np.exp, "written in Python with def or lambda"),
    (functools.partial(with_default, y=2), "not .*a partial"),
    (awaits, "yields or awaits"),
    (yields, "yields or awaits"),
    (lambda: 1.0, "takes no arguments"),
    (lambda *x: 1.0, r"has a parameter \*x"),
    (lambda **x: 1.0, r"has a parameter \*\*x"),
    (lambda x, *, y: x, "keyword-only y"),
    (lambda x, y=None: x, "default of 'y' is None"),
    (lambda x, y="a": x, "default of 'y' is 'a'"),
]


@pytest.mark.parametrize(("function", "message"), NO_FUNCTIONS)
def test_it_takes_functions_of_numbers(function, message):
    with pytest.raises(TypeError, match=message):
        elementwise(function)


def test_without_source():
    space = {}
    exec("def f(x):\n    return x", space)
    with pytest.raises(OSError, match="source of f cannot be found"):
        elementwise(space["f"])


def test_assert(tmp_path, monkeypatch):
    """Of a test's own file pytest would rewrite it."""
    (tmp_path / "asserting.py").write_text("def f(x):\n    assert x > 0\n    return x\n")
    monkeypatch.syspath_prepend(tmp_path)
    import asserting

    with pytest.raises(NotImplementedError, match="line 2: `assert x > 0`: Assert is not"):
        elementwise(asserting.f)


def test_source_that_has_changed(tmp_path, monkeypatch):
    path = tmp_path / "changing.py"
    path.write_text("def f(x):\n    return x + 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    import changing

    path.write_text("def f(x):\n    return x + 1234\n")
    with pytest.raises(OSError, match="its source has changed"):
        elementwise(changing.f)


OP = elementwise(with_default)


@pytest.mark.parametrize(
    ("args", "named", "error", "message"),
    [
        ((), {}, TypeError, r"with_default\(\): missing a required argument: 'x'"),
        ((1, 2, 3), {}, TypeError, r"with_default\(\): too many positional arguments"),
        ((TENSOR,), {"z": 1}, TypeError, "unexpected keyword argument 'z'"),
        ((TENSOR, 1), {"y": 1}, TypeError, "multiple values for argument 'y'"),
        (("a",), {}, TypeError, "must be a Tensor or a number, not str"),
        ((TENSOR, None), {}, TypeError, "must be a Tensor or a number, not NoneType"),
        ((TENSOR, [1, 2]), {}, TypeError, "must be a Tensor or a number, not list"),
        ((TENSOR, mg.ones(3)), {}, RuntimeError, r"with_default\(\)|must match|broadcast"),
    ],
)
def test_wrong_calls(args, named, error, message):
    with pytest.raises(error, match=message):
        OP(*args, **named)


def test_out_has_to_fit():
    with pytest.raises(RuntimeError, match="out"):
        OP(mg.ones(2), out=mg.empty(2, dtype=mg.int64))
