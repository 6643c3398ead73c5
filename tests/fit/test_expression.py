"""Formulas of text: what they compute, their derivatives, fits of them, and what is refused."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys

import numpy as np
import pytest

import microgrest as mg
from microgrest.fit import ExpressionError, Formula, curve_fit, fit_many
from microgrest.fit.reading.expression import Expression
from microgrest.fit.reading.grammar import FUNCTIONS

X = np.linspace(0, 4, 50)
VALUES = {"a": 1.25, "b": -0.5, "c": 3.0}


@pytest.mark.parametrize(
    "text",
    [
        *("a + b * c - 2", "-a ** 2", "c ** -b", "2 ** 3 ** 2", "a // 0.3", "b % 2", "(a + b) / c"),
        *("1 < a <= 1.25", "a if b > 0 else c", "(a > 1 and b > 0) + 2 * (not a == 1)", "+a"),
        *("pi * e", "1_000.5e-3", "a\n  + b", "a or b", "7"),
    ],
)
def test_formulas_are_pythons(text: str) -> None:
    expected = eval(f"({text})", {"pi": math.pi, "e": math.e}, VALUES)
    assert Expression(text)(VALUES) == pytest.approx(float(expected), rel=1e-15)


def test_functions_are_those_of_their_names() -> None:
    ours = {"clip": "clamp", "ln": "log", "max": "maximum", "min": "minimum", "power": "pow"}
    for name, meaning in FUNCTIONS.items():
        args = [1.3 if name.endswith("cosh") else 0.3, 0.7, 0.9][: meaning.most]
        text = f"{name}({', '.join('abc'[: len(args)])})"
        found = Expression(text)(dict(zip("abc", args, strict=False)))
        function = getattr(mg, ours.get(name, name))
        tensors = [mg.tensor(v, dtype=mg.float64) for v in args]
        if name == "where":
            tensors[0] = tensors[0] != 0
        assert found == pytest.approx(function(*tensors).item(), rel=1e-14), name


def test_names_come_in_the_order_of_the_text() -> None:
    assert Expression("z * (b + a(1)) ".replace("a(1)", "exp(c)") + "- b").names == ("z", "b", "c")
    f = Formula("z * exp(-k * x) + c * x")
    assert f.parameters == ("z", "k", "c")
    assert f(2.0, 1.0, 0.5, 3.0) == f(2.0, c=3.0, z=1.0, k=0.5) == math.exp(-1) + 6
    with pytest.raises(TypeError, match="missing a required argument: 'c'"):
        f(2.0, 1.0, 0.5)


def test_what_is_no_number_is_so() -> None:
    assert Expression("a / b")({"a": 1.0, "b": 0.0}) == math.inf
    assert math.isnan(Expression("sqrt(a)")({"a": -1.0}))
    with pytest.raises(KeyError, match="b"):
        Expression("a / b")({"a": 1.0})


def test_arrays_broadcast_and_numbers_become_arrays() -> None:
    f = Formula("a * x + b")
    assert f(X[:0], 1, 2).shape == (0,)
    assert f(X[:, None], 1, X).shape == (50, 50)
    constant = Formula("c + 0 * x")(X, 2)
    assert constant.shape == X.shape and constant.flags.writeable
    assert Formula("where(x > 1, a, 2)")(X, 1.0).tolist() == np.where(X > 1, 1.0, 2.0).tolist()
    assert Formula("erfinv(x) * a")(np.array([0.0, 0.5]), 2.0)[1] == pytest.approx(0.9538725524)


def test_tensors_go_through_with_derivatives() -> None:
    f = Formula("a * exp(-k * x) if x > 1 else a * sqrt(x)")
    x = mg.tensor([0.25, 2.0], dtype=mg.float64)
    a, k = (mg.tensor(v, dtype=mg.float64, requires_grad=True) for v in (3.0, 0.5))
    y = f(x, a, k)
    assert y.tolist() == pytest.approx(f(x.numpy(), 3.0, 0.5).tolist())
    found = mg.autograd.grad(y.sum(), (a, k), create_graph=True)
    assert [g.item() for g in found] == pytest.approx([0.5 + math.exp(-1), -6 * math.exp(-1)])
    (second,) = mg.autograd.grad(found[1], k)
    assert second.item() == pytest.approx(12 * math.exp(-1))
    assert f(x.float(), 1.0, 1.0).dtype == mg.float32


def test_fits_are_those_of_the_function() -> None:
    def decay(x, a, k, c):
        return a * np.exp(-k * x) + c

    y = decay(X, 2.0, 0.7, 0.3) + 0.01 * np.sin(31 * X)
    text = Formula("a * exp(-k * x) + c")
    for found, expected in zip(curve_fit(text, X, y), curve_fit(decay, X, y), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9)
    many = fit_many(Formula("a * exp(-k * x) + c"), X, np.stack([y, 2 * y]))
    np.testing.assert_allclose(many.popt[0], curve_fit(decay, X, y)[0], rtol=1e-8)


def test_several_independent_variables() -> None:
    f = Formula("a * x + b * t ** 2", independent=["x", "t"])
    x = np.stack([X, np.cos(X)])
    y = f(x, 2.0, -1.0)
    assert y == pytest.approx(2 * X - np.cos(X) ** 2)
    assert curve_fit(f, x, y)[0] == pytest.approx([2.0, -1.0])
    assert fit_many(f, x, y[None]).popt[0] == pytest.approx([2.0, -1.0])


def test_formulas_are_kept_by_their_text_and_pickled() -> None:
    f = Formula("a*x")
    assert f == Formula(" a*x ") != Formula("a*x", "a")
    assert pickle.loads(pickle.dumps(f)) == f and len({f, Formula("a*x")}) == 1
    e = pickle.loads(pickle.dumps(Expression("2 * a", ["b", "a"])))
    assert e.names == ("b", "a") and e({"a": 1, "b": 0}) == 2


REFUSED = [
    ("__import__('os')", "column 1: no function '__import__'"),
    ("a + os.system", "column 5: names have no attributes"),
    ("np.exp(a)", "only functions by their names"),
    ("a[0]", "nothing to be indexed"),
    ("a + (lambda: 1)", "column 6: there are no functions of one's own"),
    ("(a := 3)", "nothing can be assigned"),
    ("[a for a in b]", "ListComp is not allowed"),
    ("f'{a}'", "JoinedStr is not allowed"),
    ("'text'", "'text' is no real number"),
    ("2j", "2j is no real number"),
    ("True", "True is no real number"),
    ("None", "None is no real number"),
    ("a ^ 2", r"column 1: `\^` is no power; write \*\*"),
    ("a + ~b", "column 5: Invert is not allowed"),
    ("a in b", "In is not allowed"),
    ("a is b", "Is is not allowed"),
    ("await a", "Await is not allowed"),
    ("__class__", "begins with _"),
    ("exp", "exp is a function"),
    ("a * x # + b", "column 7: there are no comments"),
    ("a + sqr(b)", "column 5: no function 'sqr' .did you mean sqrt"),
    ("exp()", "takes 1 argument, not 0"),
    ("exp(*a)", "plain arguments"),
    ("exp(x=a)", "plain arguments"),
    ("where(a, b)", "takes 3 arguments, not 2"),
    ("9**9**9", "beyond what a float holds"),
    ("a * 9**9**9", "beyond what a float holds"),
    ("1e999", "beyond what a float holds"),
    ("9" * 400, "beyond what a float holds"),
    ("1 / 0", "column 1: ZeroDivisionError"),
    ("(-8) ** (1 / 3)", "complex in place of a number"),
    ("a +", "column 4: invalid syntax"),
    ("a = 3", "invalid syntax"),
    ("a; b", "invalid syntax"),
    ("import os", "invalid syntax"),
    ("", "invalid syntax"),
    ("a\0", "null byte|cannot be read"),
    ("a" * 5000, "5000 characters, more than 4000"),
    ("-" * 3000 + "a", "nested|cannot be read"),
    ("(" * 300 + "a" + ")" * 300, "nested|cannot be read|too many"),
    ("exp(" * 120 + "a" + ")" * 120, "nested deeper than 100"),
    ("+".join("a" * 200), "nested deeper than 100"),
    ("é * ü + f(3)", "column 9: no function 'f'"),
]


@pytest.mark.parametrize(("text", "why"), REFUSED)
def test_what_is_no_formula_is_refused(text: str, why: str) -> None:
    with pytest.raises(ExpressionError, match=why) as caught:
        Expression(text)
    assert isinstance(caught.value, ValueError)
    assert text[:10].strip() in str(caught.value).replace("\\x00", "\0")


def test_unknown_and_missing_names() -> None:
    with pytest.raises(ExpressionError, match="unknown name 'd'; there are: a, b"):
        Expression("a + d", ["a", "b"])
    with pytest.raises(ExpressionError, match="independent variable 't' is not in it"):
        Formula("a * x", independent="t")
    with pytest.raises(TypeError, match="has to be a str, not int"):
        Expression(3)  # type: ignore[arg-type]


def test_nothing_is_run() -> None:
    code = (
        "import builtins\n"
        "from microgrest.fit.reading.expression import Expression\n"
        "def no(*a, **k): raise SystemExit('ran')\n"
        "for text in ('a.b', 'print(a)', '__import__(1)', 'exec(a)', '(lambda: a)()'):\n"
        "    builtins.print = builtins.exec = no\n"
        "    try: Expression(text)\n"
        "    except ValueError: pass\n"
        "    else: raise SystemExit(text)\n"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
