"""How a step's module is called: memory that stays where it is comes as a table of addresses.

Numba takes 0.1 us to look at each array that it is called with, and an optimizer has four for every
parameter. So what is compiled takes the addresses of most as one array, and as arrays only what is
another one in each call.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..source.writer import indent

IMPORTS = (
    "from numba import types",
    "from numba.extending import intrinsic",
    "from numba.np.arrayobj import make_array, populate_array",
)
ARRAY_AT = """@intrinsic
def array_at(context, addresses, row, size, dtype):
    kind = types.Array(dtype.dtype, 1, "C")

    def generate(context, builder, signature, arguments):
        table = make_array(signature.args[0])(context, builder, arguments[0])
        address = builder.load(builder.gep(table.data, [arguments[1]]))
        array = make_array(kind)(context, builder)
        data = builder.inttoptr(address, array.data.type)
        step = context.get_constant(types.intp, context.get_abi_sizeof(array.data.type.pointee))
        populate_array(array, data, [arguments[2]], [step], step, None)
        return array._getvalue()

    return kind(addresses, types.intp, types.intp, dtype), generate"""
_HEAD = re.compile(r"^def run\((.*)\):\n", re.MULTILINE)


def parameters(source: str) -> list[str]:
    """What `run` takes."""
    (found,) = _HEAD.findall(source)
    return str(found).split(", ")


def by_addresses(source: str, arrays: Sequence[tuple[str, int] | None]) -> str:
    """The module, `run` of which finds arrays by their addresses, one argument after `routines`.

    Of each array that it took, `arrays` says what it holds, (dtype, size), if it has an address,
    and None if it comes as it is.
    """
    names = parameters(source)
    first = len(names) - len(arrays)
    head, names = names[:first], names[first:]
    given = [name for name, known in zip(names, arrays, strict=True) if known is None]
    lines: list[str] = []
    for name, known in zip(names, arrays, strict=True):
        if known is not None:
            dtype, size = known
            kind = "bool_" if dtype == "bool" else dtype
            lines.append(f"{name} = array_at(addresses, {len(lines)}, {size}, types.{kind})\n")
    begin = [f"def run({', '.join([*head, 'addresses', *given])}):\n", *indent(lines)]
    text = _HEAD.sub(lambda _: "".join(begin), source)
    return "\n".join([text, "", *IMPORTS, "", "", ARRAY_AT, ""])


def signature(dtypes: Sequence[str], routines: int) -> tuple[Any, ...]:
    """The types of the arguments of such a `run`: so many routines, and arrays of `dtypes`."""
    import numba
    from numba.np.numpy_support import from_dtype

    types: Any = numba.types

    def array(dtype: str, dimensions: int) -> Any:
        return types.Array(from_dtype(np.dtype(dtype)), dimensions, "C")

    tables = array("float64", 2), array("uint64", 2), array("float64", 2)
    addresses = types.UniTuple(types.int64, routines)
    return types.int64, *tables, addresses, array("uint64", 1), *(array(d, 1) for d in dtypes)
