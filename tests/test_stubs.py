"""The generated type stubs are current, and name everything that is attached at run time."""

from __future__ import annotations

import ast

import pytest

import microgrest as mg
from microgrest import stubs
from microgrest.functions.pointwise import arithmetic, rows as pointwise, special
from microgrest.ops.row import ROWS
from microgrest.tensor.methods import Methods


def stub(name: str) -> str:
    """The text of a stub file as it stands in the package."""
    return stubs.FILES[name].read_text(encoding="utf-8")


def functions(body: list[ast.stmt]) -> dict[str, ast.FunctionDef]:
    """The functions among statements, by name; an overloaded one counts once."""
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", ["pointwise", "methods"])
def test_current(name: str) -> None:
    assert stub(name) == getattr(stubs, name)(), "run `python -m microgrest.stubs`"


def test_every_public_row_has_a_function() -> None:
    kinds = "elementwise", "kernel"
    rows = [r for r in ROWS.values() if r.kind in kinds and not r.extra.get("internal")]
    listed = functions(ast.parse(stub("pointwise")).body)
    for row in rows:
        for name in (row.name, *row.extra.get("aliases", ())):
            assert callable(getattr(mg, name))
            assert name in listed or hasattr(arithmetic, name) or hasattr(special, name)
    assert set(listed) == set(vars(pointwise)["__all__"])


def test_stub_parameters_are_accepted() -> None:
    """A function takes what its stub says, by the names that the stub says."""
    for name, node in functions(ast.parse(stub("pointwise")).body).items():
        row = stubs._row(name)
        x = mg.tensor([1, 1]) if row.formula == "!" else mg.tensor([0.5, 0.5])
        known = {"Tensor": x, "Operand": x, "Number": 1}
        types = {a.arg: ast.unparse(a.annotation or a) for a in node.args.args}
        arguments = {name: known[t] for name, t in types.items() if t in known}
        result = getattr(mg, name)(**arguments)
        several = result if isinstance(result, tuple) else (result,)
        assert all(isinstance(y, mg.Tensor) for y in several), name


def test_every_method_is_listed() -> None:
    tree = ast.parse(stub("methods"))
    (listed,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    attached = {n for n, v in vars(Methods).items() if callable(v) or isinstance(v, property)}
    assert set(functions(listed.body)) == attached - {"__doc__"}
