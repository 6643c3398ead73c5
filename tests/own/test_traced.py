"""A user's function as an expression, its Jacobian, and a Program of both."""

from __future__ import annotations

import numpy as np
import pytest
from microgrest.kernels.cpu import elementwise as kernels

import microgrest as mg
from microgrest.ops.trace import Symbol
from microgrest.own.reader import read
from microgrest.own.traced import traced
from microgrest.types.dtypes import float32, float64


def model(x, a, b, c=0.5):
    return a * np.exp(-b * x) + (c if x > 1 else 0.1)


def run(program, *inputs):
    """The outputs of a Program over flat arrays, and single elements."""
    arrays = [
        np.atleast_1d(np.asarray(v, np.dtype(p.stored)))
        for v, p in zip(inputs, program.inputs, strict=True)
    ]
    n = max(a.size for a in arrays)
    outs = [np.empty(n, np.dtype(o.dtype)) for o in program.outputs]
    layout = "".join("v" if a.size == n else "e" for a in arrays) + "v" * len(outs)
    kernels.compiled(program, layout)(*arrays, *outs)
    return outs


@pytest.mark.parametrize("d", [float64, float32])
def test_program_with_jacobian(d):
    t = traced(model, 4)
    assert (t.name, t.names, t.defaults) == ("model", ("x", "a", "b", "c"), {"c": 0.5})
    program = t.program(d, wrt=(1, 2, 3))
    assert {p.stored for p in program.inputs} == {d.name}
    x = np.linspace(0, 2, 7)
    y, da, db, dc = run(program, x, 2.0, 0.7, 0.3)
    near = 1e-14 if d is float64 else 1e-6
    e = np.exp(-0.7 * x)
    np.testing.assert_allclose(y, 2 * e + np.where(x > 1, 0.3, 0.1), near)
    np.testing.assert_allclose(da, e, near)
    np.testing.assert_allclose(db, -2 * x * e, near)
    np.testing.assert_allclose(dc, (x > 1).astype(float))


def test_other_values_in_place_of_inputs():
    t = traced(model)
    x, a = Symbol("x"), Symbol("a")
    expression = t.at(x, a, 2.0, 0.25)
    assert type(expression) is Symbol
    again = traced(lambda x, a: model(x, a, 2.0, 0.25)).program(float64)
    values = np.array([0.5, 1.5])
    (y,) = run(again, values, 3.0)
    np.testing.assert_allclose(y, 3 * np.exp(-2 * values) + [0.1, 0.25], rtol=1e-15)


def test_what_depends_on_nothing():
    t = traced(lambda x, a: 0.1)
    assert (t.result, t.jacobian((0, 1))) == (0.1, [0.0, 0.0])
    y, dx = run(t.program(float64, wrt=(0,)), np.zeros(3), 1.0)
    assert (y.tolist(), dx.tolist()) == ([0.1] * 3, [0.0] * 3)


def test_an_op_is_what_was_read_already():
    op = mg.elementwise(model)
    assert traced(op) is op.traced


def test_several_results_and_rows_of_predictors():
    u, v, a = Symbol("u"), Symbol("v"), Symbol("a")
    first, second = read(lambda x, a: (x[0] * a, x[1] + 0.1), [(u, v), a], u, "fit")
    assert (first.row.name, first.args, second.row.name) == ("mul", (u, a), "add")
    assert second.args[0] is v


def test_refusals_are_in_the_name_of_the_caller():
    with pytest.raises(ValueError, match=r"fit: model takes 4 arguments \(x, a, b, c\), not 3"):
        traced(model, 3, "fit")
    with pytest.raises(NotImplementedError, match=r"^fit: <lambda>, .*numpy\.sum"):
        traced(lambda x: np.sum(x), what="fit")
    with pytest.raises(TypeError, match=r"^fit takes a function"):
        traced(3, what="fit")
