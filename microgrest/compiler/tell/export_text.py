"""Text of an exported module: arrays as they are described, made and checked, and layout."""

from __future__ import annotations

import ast
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import numpy as np

from ...kernels.steps.trace import Buffer

WIDTH = 100
FLAT = '''
def flat(name, array, dtype, size):
    """The memory of a contiguous array, one-dimensional; ValueError for another kind of array."""
    array = np.asarray(array)
    if array.dtype != dtype or array.size != size or not array.flags.c_contiguous:
        raise ValueError(
            f"{name} must be a contiguous array of {size} elements of type {dtype}, got "
            f"{array.dtype} of shape {array.shape}"
        )
    return array.reshape(-1)
'''


@dataclass(frozen=True)
class Array:
    """An array that `fit` takes or makes.

    `begins` is the number that fills it before a first step; None for what has to be given. `order`
    is its place among the tensors that the step was found to use.
    """

    name: str
    buffer: Buffer
    written: bool
    value: Any
    begins: float | None
    order: int = 0

    @property
    def dtype(self) -> str:
        """The type in which a user has it: memory holds the bits of float16 as integers."""
        return "float16" if self.buffer.dtype == "uint16" else self.buffer.dtype

    def describe(self) -> str:
        """A line for people."""
        return f"{self.name}: {self.dtype}[{self.buffer.size}], {self.buffer.name}"

    def new(self) -> str:
        """An expression that makes it."""
        size, dtype = self.buffer.size, self.dtype
        if self.begins is None:
            return f'np.empty({size}, "{self.buffer.dtype}")'
        if self.begins == 0:
            return f'np.zeros({size}, "{dtype}")'
        return f'np.full({size}, {literal(self.begins)}, "{dtype}")'

    def flat(self) -> str:
        """An expression of its memory, checked."""
        found = self.name if self.begins is None else f'state["{self.name}"]'
        text = f'flat("{self.name}", {found}, "{self.dtype}", {self.buffer.size})'
        return text + '.view("uint16")' * (self.dtype == "float16")

    def shown(self) -> np.ndarray[Any, Any]:
        """Its value, as a user has it."""
        value: np.ndarray[Any, Any] = self.value
        return value.view(np.float16) if self.dtype == "float16" else value


def body(source: str, imports: Sequence[str]) -> str:
    """A generated module without its docstring, with further imports, and with `flat`."""
    _, *nodes = ast.parse(source).body
    own = list(takewhile(lambda node: isinstance(node, (ast.Import, ast.ImportFrom)), nodes))
    lines = source.split("\n")[own[-1].end_lineno :]
    wanted = dict.fromkeys([*map(ast.unparse, own), *imports])
    future = [text for text in wanted if text.startswith("from __future__")]
    rest = sorted((t for t in wanted if t not in future), key=lambda t: (t[0] == "f", t))
    ordered = [*future, *rest]
    return "\n".join(ordered) + "\n\n\n" + "\n".join(lines).strip() + "\n\n\n" + FLAT.strip()


def head(title: str, more: str, arrays: Sequence[str]) -> str:
    """The docstring of a module."""
    listed = "\n".join(f"    {line}" for line in arrays)
    return f'"""{title}\n\n{more}\n\n{listed}\n"""'


def function(signature: str, documentation: Sequence[str], lines: Sequence[str]) -> str:
    """A function; its documentation is a title, and more lines where there is more to say."""
    title, *more = documentation
    quoted = '"""' + "\n".join([title, "", *more, ""] if more else [title]) + '"""'
    return signature + ":\n" + textwrap.indent("\n".join([quoted, *lines]), "    ")


def call(name: str, arguments: Sequence[str]) -> str:
    """A call or a signature, on one line where it fits there."""
    line = f"{name}({', '.join(arguments)})"
    if len(line) < WIDTH - 8 and "\n" not in line:
        return line
    return "\n".join([f"{name}(", *(textwrap.indent(a + ",", "    ") for a in arguments), ")"])


def wrapped(text: str) -> list[str]:
    """A paragraph in lines."""
    return textwrap.wrap(text, WIDTH - 8)


def literal(value: Any) -> str:
    """A number, a text or a tuple of such as it is written in Python."""
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' * (len(value) == 1)})"
    if isinstance(value, (float, np.floating)):
        return str(value) if math.isfinite(value) else f'float("{value}")'
    return str(value) if isinstance(value, np.generic) else repr(value)
