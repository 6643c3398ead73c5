"""A user's loop over arrays as a kernel kind."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..kernels.source.kind import Kind, Operand
from .linking import Linked
from .source import python_function, signature, source_of
from .twins import Twin

_CPU = '''"""{label}: a user's loop."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange
{definitions}


@njit(error_model="numpy")
def kernel({parameters}):
{body}
'''
PARALLEL = ", parallel=True"


class Given(NamedTuple):
    """A call, but for its values: the text of the functions, and how each parameter is given.

    Of an array these are its dimensions, of a number -1. `dtypes` are the arrays', the last
    `outputs` of which are written, and `numbers` the numbers'.
    """

    name: str
    text: str
    parameters: tuple[str, ...]
    dims: tuple[int, ...]
    dtypes: tuple[str, ...]
    numbers: tuple[str, ...]
    outputs: int
    returns: bool

    @property
    def arrays(self) -> list[tuple[str, int]]:
        """Names and dimensions of the arrays, the results last."""
        return [(n, d) for n, d in zip(self.parameters, self.dims, strict=True) if d >= 0]


class Loop:
    """A function over arrays: `inputs` and `outputs` by name, in the order of its parameters.

    It fills its outputs, which are its last parameters and begin as zeros, or returns them.
    """

    def __init__(self, function: Any, outputs: Sequence[str], what: str, cuda: Any = None) -> None:
        own = python_function(function, what)
        self.source = source = source_of(own, what)
        if isinstance(source.tree, ast.Lambda):
            raise TypeError(f"{what} takes a function that def makes, not a lambda")
        names = list(signature(own, what).parameters)
        self.name, self.what = source.name, what
        self.returns = _returns_arrays(source.tree)
        count = len(outputs)
        if not self.returns and names[len(names) - count :] != list(outputs):
            raise TypeError(
                f"{what}: the last parameters of {self.name} have to be its results, "
                f"{', '.join(outputs)}, or it has to return them; they are {', '.join(names)}"
            )
        self.outputs = tuple(outputs)
        self.inputs = tuple(names if self.returns else names[: len(names) - count])
        self._check_writes()
        linked = Linked(what, '@njit(error_model="numpy")')
        linked.add(source, getattr(function, "targetoptions", {}), "loop")
        self.text = linked.text
        twin = None if cuda is None else Twin(cuda, (*self.inputs, *self.outputs), what)
        self.kind = Kind(
            name=self.name,
            operands=_operands,
            oracle=_oracle(function),
            cpu=lambda params, names, threads: _cpu(params, threads),
            grid=twin.launches if twin else None,
            tasks=(lambda *given: 1 << 20) if PARALLEL in self.text else None,
            fails=(f"{self.name} returned another shape, or number, of results than was declared",)
            * self.returns,
        )

    def given(self, dims: Sequence[int], dtypes: Sequence[str], numbers: Sequence[str]) -> Given:
        """The parameters of a call of the kind."""
        names, counts = (*self.inputs, *self.outputs), (len(self.outputs), self.returns)
        kinds = tuple(dtypes), tuple(numbers)
        return Given(self.name, self.text, names, tuple(dims), *kinds, *counts)

    def _check_writes(self) -> None:
        """NotImplementedError for a loop that writes to what it is given to read."""
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                root: Any = node
                while isinstance(root, (ast.Subscript, ast.Attribute)):
                    root = root.value
                if isinstance(root, ast.Name) and root.id in self.inputs:
                    raise NotImplementedError(
                        f"{self.what}: {self.source.at(node)}: {root.id!r} is an input, which "
                        "cannot be written to; write to a result"
                    )


def _returns_arrays(tree: ast.FunctionDef) -> bool:
    """Whether a function returns its results, rather than fill them."""
    inner = {
        n
        for f in ast.walk(tree)
        if isinstance(f, ast.FunctionDef) and f is not tree
        for n in ast.walk(f)
    }
    return any(
        isinstance(n, ast.Return) and n.value is not None and n not in inner for n in ast.walk(tree)
    )


def _operands(params: Given) -> tuple[Operand, ...]:
    names = [name for name, _ in params.arrays]
    read = len(names) - params.outputs
    return tuple(Operand(name, "r" if i < read else "w") for i, name in enumerate(names))


def _cpu(params: Given, threads: bool) -> str:
    arrays = params.arrays
    shapes = {n: [f"{n}_n{k}" for k in range(d)] for n, d in arrays}
    numbers = [n for n, d in zip(params.parameters, params.dims, strict=True) if d < 0]
    sizes = [s for shape in shapes.values() for s in shape]
    views = {n: f"{n}.reshape(({', '.join(s)}))" if len(s) > 1 else n for n, s in shapes.items()}
    results = [n for n, _ in arrays[len(arrays) - params.outputs :]]
    given = [views.get(n, n) for n in params.parameters if not params.returns or n not in results]
    body = _returning(results, shapes, given) if params.returns else _filling(results, given)
    return _CPU.format(
        label=params.name,
        definitions=params.text if threads else params.text.replace(PARALLEL, ""),
        parameters=", ".join([*(n for n, _ in arrays), *sizes, *numbers]),
        body="\n".join(f"    {line}" for line in body),
    )


def _filling(results: Sequence[str], given: Sequence[str]) -> list[str]:
    """The lines that call a function that fills its results."""
    zeros = [f"{n}[:] = 0" for n in results]
    return [*zeros, f"loop({', '.join(given)})"]


def _returning(
    results: Sequence[str], shapes: Mapping[str, Sequence[str]], given: Sequence[str]
) -> list[str]:
    """The lines that call a function that returns its results, and bring these where they belong.

    They return 0, or 1 where a shape is another than was declared.
    """
    lines = [f"found = loop({', '.join(given)})"]
    if len(results) > 1:
        lines += [f"if len(found) != {len(results)}:", "    return 1"]
    for i, name in enumerate(results):
        value = f"found[{i}]" if len(results) > 1 else "found"
        shape = shapes[name]
        if not shape:
            lines.append(f"{name}[0] = {value}")
            continue
        lines += [f"one = {value}", f"if one.shape != ({', '.join(shape)},):", "    return 1"]
        view = f"{name}.reshape(({', '.join(shape)},))"
        lines.append(f"{view}[{', '.join(':' for _ in shape)}] = one")
        lines = [line.replace("one", f"found{i}") for line in lines]
    return [*lines, "return 0"]


def _oracle(function: Any) -> Callable[..., None]:
    """What the loop means: itself, as Python runs it."""
    own = python_function(function, "")

    def oracle(params: Given, *given: Any) -> None:
        arrays, rest = len(params.arrays), iter(given)
        flat = [next(rest) for _ in range(arrays)]
        shaped = iter(
            [
                a.reshape([next(rest) for _ in range(d)]) if d else a
                for a, (_, d) in zip(flat, params.arrays, strict=True)
            ]
        )
        values = [next(shaped) if d >= 0 else next(rest) for d in params.dims]
        results = values[len(values) - params.outputs :]
        for y in results:
            y[...] = 0
        if not params.returns:
            own(*values)
            return
        found = own(*values[: len(values) - params.outputs])
        for y, z in zip(results, found if params.outputs > 1 else [found], strict=True):
            y[...] = z

    return oracle
