"""A user's CUDA kernel over arrays as launches of a kernel kind.

Kernels here take bare pointers, and extents beside them. So indices are written as one, in
row-major order, and `x.shape`, `x.size` and `len(x)` as what they are; all else is as it was.
"""

from __future__ import annotations

import ast
import copy
from typing import Any

from ..kernels.cuda.source.maps import memory_type, pointer
from ..kernels.source.kind import VALUES, Launches, Metas, Room, Sizes, Stage
from ..kernels.source.writer import Source as Text
from .linking import Linked
from .source import python_function, signature, source_of

_HEAD = '''"""{label}: a user's kernel; CUDA."""

import math

import numpy as np
from numba import cuda
{definitions}


@cuda.jit(device=True)
def place(i, n):
    return i + n if i < 0 else i


@cuda.jit
def kernel({parameters}):
{body}
'''
_ZEROS = '''"""Zeros; CUDA."""

import numpy as np
from numba import cuda


@cuda.jit
def kernel(x, n):
    i = np.int64(cuda.grid(1))
    while i < n:
        x[i] = 0
        i += np.int64(cuda.gridsize(1))
'''


class Twin:
    """A CUDA kernel with the parameters of a loop, a thread for each element at least."""

    def __init__(self, function: Any, parameters: tuple[str, ...], what: str) -> None:
        own = python_function(function, what)
        self.source, self.what = source_of(own, what), what
        if isinstance(self.source.tree, ast.Lambda):
            raise TypeError(f"{what} takes a function that def makes, not a lambda")
        names = tuple(signature(own, what).parameters)
        if names != parameters:
            raise TypeError(
                f"{what}: {self.source.name} has to have the parameters {', '.join(parameters)}; "
                f"it has {', '.join(names)}"
            )
        self.linked = Linked(what, "@cuda.jit(device=True)")
        self.linked.uses(self.source)
        _Flat(self, {}).check()

    def launches(self, params: Any, metas: Metas, sizes: Sizes, room: Room) -> Launches:
        """Results become zeros, then the kernel runs, a thread for each element of an array."""
        arrays = params.arrays
        names = [name for name, _ in arrays]
        types = [pointer(memory_type(d)) for d in params.dtypes]
        most = max((m for m in metas if isinstance(m, int)), default=0)
        if not most:
            return Launches()
        zeros = [
            Stage(Text(_ZEROS, f"void({t}, int64)"), room.blocks_for(n), room.threads, (name, n))
            for name, t, n in list(zip(names, types, metas, strict=True))[-params.outputs :]
            if isinstance(n, int)
        ]
        signature = ", ".join([*types, *["int64"] * len(sizes), *params.numbers])
        given = (*names, *sizes, *([VALUES] if params.numbers else []))
        text = Text(self._text(params), f"void({signature})")
        blocks = -(-most // room.threads)
        return Launches((*zeros, Stage(text, blocks, room.threads, given)))

    def _text(self, params: Any) -> str:
        dims = dict(params.arrays)
        numbers = [n for n in params.parameters if n not in dims]
        parameters = [*dims, *(f"{n}_n{k}" for n, d in dims.items() for k in range(d)), *numbers]
        body = _Flat(self, dims).body()
        return _HEAD.format(
            label=params.name,
            definitions=self.linked.text,
            parameters=", ".join(parameters),
            body="\n".join(f"    {line}" for line in body.splitlines()),
        )

    def refused(self, node: ast.AST, why: str) -> NotImplementedError:
        """The error for what cannot be written so."""
        return NotImplementedError(f"{self.what}: {self.source.at(node)}: {why}")


class _Flat(ast.NodeTransformer):
    """Writes indices of arrays of `dims` dimensions as one; none are known for a first check."""

    def __init__(self, twin: Twin, dims: dict[str, int]) -> None:
        self.twin, self.dims = twin, dims

    def body(self) -> str:
        """The body of the kernel."""
        tree: Any = copy.deepcopy(self.twin.source.tree)
        nodes = [self.visit(node) for node in tree.body]
        return "\n".join(ast.unparse(ast.fix_missing_locations(node)) for node in nodes)

    def check(self) -> None:
        """NotImplementedError for more than one dimension of threads."""
        for node in ast.walk(self.twin.source.tree):
            grid = isinstance(node, ast.Call) and getattr(node.func, "attr", "") in _GRIDS
            if grid and [getattr(a, "value", 0) for a in node.args] != [1]:  # type: ignore[attr-defined]
                raise self.twin.refused(node, "threads have one dimension: cuda.grid(1)")

    def _array(self, node: ast.AST) -> str:
        found = isinstance(node, ast.Name) and node.id in self.dims
        return node.id if found else ""  # type: ignore[attr-defined]

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        name = self._array(node.value)
        if not name:
            return self.generic_visit(node)
        dims = self.dims[name]
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if len(parts) != max(dims, 1) or any(isinstance(p, ast.Slice) for p in parts):
            raise self.twin.refused(node, f"{name!r} has {dims} dimensions: index each of them")
        extents = [f"{name}_n{k}" for k in range(dims)] or ["1"]
        flat = ""
        for part, extent in zip(parts, extents, strict=True):
            place = f"place({ast.unparse(self.visit(part))}, {extent})"
            flat = f"({flat}) * {extent} + {place}" if flat else place
        index = ast.parse(flat, mode="eval").body
        return ast.copy_location(ast.Subscript(node.value, index, node.ctx), node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        name = self._array(node.value)
        if not name:
            return self.generic_visit(node)
        extents = [f"{name}_n{k}" for k in range(self.dims[name])]
        known = {
            "shape": f"({', '.join(extents)},)" if extents else "()",
            "size": " * ".join(extents) or "1",
            "ndim": f"{len(extents)}",
        }
        if node.attr not in known:
            raise self.twin.refused(node, f"of {name!r} there are shape, size and ndim")
        return ast.parse(known[node.attr], mode="eval").body

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if getattr(node.func, "id", "") == "len" and node.args and self._array(node.args[0]):
            return ast.Name(f"{self._array(node.args[0])}_n0", ast.Load())
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if self._array(node):
            raise self.twin.refused(node, f"{node.id!r}, an array, can only be indexed")
        return node


_GRIDS = ("grid", "gridsize")
