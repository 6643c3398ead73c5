"""The same programs on PyTorch: every variable that they bind must come out the same.

Programs stand in `programs/`: in some files blocks under a title, in others one a line.
"""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgrest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

PROGRAMS = Path(__file__).parent / "programs"
# Nodes that have no counterpart: PyTorch replays views by as_strided, and filling has a node here
# that copies.
UNNAMED = {"AsStridedBackward0", "FillBackward2", "FillBackward3", "ZeroBackward0"}


def blocks(name: str) -> Iterator[Any]:
    """The programs of a file of blocks: `# title`, then lines up to the next empty one."""
    for block in (PROGRAMS / name).read_text().strip().split("\n\n# "):
        title, _, source = block.removeprefix("# ").partition("\n")
        yield pytest.param(source, id=f"{name.partition('.')[0]}: {title}")


def lines(name: str) -> list[str]:
    """The programs of a file that has one a line."""
    return (PROGRAMS / name).read_text().splitlines()


def environment(library: Any) -> dict[str, Any]:
    """What a program finds when it starts."""

    def leaf(*values: float) -> Any:
        data = list(values) if len(values) > 1 else values[0]
        return library.tensor(data, dtype=library.float64, requires_grad=True)

    return {"torch": library, "np": np, "copy": copy, "pickle": pickle, "leaf": leaf}


def variables(library: Any) -> dict[str, Any]:
    """The tensors that the programs on indexing read and write."""
    return environment(library) | {
        "x": library.arange(6).view(2, 3),
        "y": library.arange(24).view(2, 3, 4),
        "z": library.tensor(3),
        "e": library.zeros(0),
        "f": library.tensor([1.0, 2.0]),
        "b": library.tensor([True, False]),
    }


def run(library: Any, source: str, names: dict[str, Any]) -> Any:
    """What `source` binds, described, or the type of the error that it ends with."""
    given = {k for k in names if k in environment(library)}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(source, names)
    except Exception as error:
        return type(error).__name__, error
    finally:
        library.set_grad_enabled(True)
    found = {k: v for k, v in names.items() if k not in given and not k.startswith("__")}
    return describe(library, found)


def describe(library: Any, value: Any) -> Any:
    """A value in terms that both libraries share."""
    if isinstance(value, library.Tensor):
        return describe_tensor(library, value)
    if isinstance(value, library.dtype):
        return str(value).partition(".")[2]
    if isinstance(value, (library.device, library.finfo, library.iinfo, library.layout)):
        return str(value).replace("microgrest", "torch")
    if isinstance(value, dict):
        return {k: describe(library, v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [describe(library, v) for v in value]
    if isinstance(value, str):
        return value.replace("torch::autograd::", "")
    return (value.dtype.name, value) if isinstance(value, np.ndarray) else value


def describe_tensor(library: Any, t: Any) -> dict[str, Any]:
    node = t.grad_fn and t.grad_fn.name().replace("torch::autograd::", "")
    return {
        "dtype": describe(library, t.dtype),
        "shape": tuple(t.shape),
        "values": t.detach().numpy(),
        "requires grad": t.requires_grad,
        "leaf": t.is_leaf,
        "node": node,
        "grad": describe(library, t.grad) if t.is_leaf or t.retains_grad else None,
    }


def agree(ours: Any, theirs: Any) -> None:
    """Equal all the way down; floats to 1e-6, the names of nodes where both have one."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        if theirs.get("node") in UNNAMED:
            ours["node"] = theirs["node"]
        for key in theirs:
            agree(ours[key], theirs[key])
    elif isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            agree(a, b)
    elif isinstance(theirs, (float, np.ndarray)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-12)
    else:
        assert type(ours) is type(theirs)
        assert ours == theirs


def compare(source: str, names: Any) -> None:
    ours = run(microgrest, source, names(microgrest))
    theirs = run(torch, source, names(torch))
    if isinstance(theirs, tuple) or isinstance(ours, tuple):
        assert isinstance(theirs, tuple), f"only microgrest raises: {ours[1]!r}"
        assert isinstance(ours, tuple), f"only PyTorch raises: {theirs[1]!r}"
        assert ours[0] == theirs[0], f"{ours[1]!r} for {theirs[1]!r}"
        return
    agree(ours, theirs)


def extremes(library: Any) -> dict[str, Any]:
    """What the programs on special values find: infinities, NaN, zeros, and a list of such."""
    inf, nan = float("inf"), float("nan")
    special = [nan, inf, -inf, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 3.0, -3.0, 6.0, 100.0, -100.0]
    names = {"inf": inf, "nan": nan, "special": [*special, 2.0, 1e-30]}
    return environment(library) | names


@pytest.mark.parametrize("source", [*blocks("backward.txt"), *blocks("hooks.txt")])
def test_gradients(source: str) -> None:
    compare(source, environment)


@pytest.mark.parametrize("source", [*blocks("modes.txt"), *blocks("sharing.txt")])
def test_modes_and_sharing(source: str) -> None:
    compare(source, environment)


@pytest.mark.parametrize("source", list(blocks("writes.txt")))
def test_writes_in_the_graph(source: str) -> None:
    compare(source, environment)


@pytest.mark.parametrize("expression", lines("expressions.txt"))
def test_expressions(expression: str) -> None:
    compare(f"result = {expression}", environment)


@pytest.mark.parametrize("program", lines("forms.txt"))
def test_forms_of_calls(program: str) -> None:
    compare(program, environment)


@pytest.mark.parametrize(
    "program",
    [
        program
        for name in ("reductions", "edges", "bools", "extremes", "shapes")
        for program in lines(f"{name}.txt")
    ],
)
def test_kinds(program: str) -> None:
    compare(program, extremes)


TENSOR = ["creation", "types", "devices", "views", "items_in_graphs", "prints", "arrays", "draws"]


@pytest.mark.parametrize("program", [p for name in TENSOR for p in lines(f"{name}.txt")])
def test_the_tensor(program: str) -> None:
    try:
        compare(program, extremes)
    finally:
        for library in (microgrest, torch):
            library.set_default_dtype(library.float32)


@pytest.mark.parametrize("expression", lines("reads.txt"))
def test_reading_items(expression: str) -> None:
    compare(f"result = {expression}", variables)


@pytest.mark.parametrize("statement", lines("items.txt"))
def test_writing_items(statement: str) -> None:
    compare(f"{statement}\nversions = [t._version for t in (x, y, z, e, f, b)]", variables)
