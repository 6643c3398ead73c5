"""How a step's module is called: memory that stays where it is comes as a table of addresses.

Numba takes 0.1 us to look at each array that it is called with, and an optimizer has four for every
parameter. So what is compiled takes the addresses of most as one array, and as arrays only what is
another one in each call. Loops take pointers, which are one argument where an array is seven, and
which nobody counts references of: they compile in two thirds of the time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...source.writer import indent

IMPORTS = (
    "from numba import carray, types",
    "from numba.core.imputils import impl_ret_borrowed",
    "from numba.extending import intrinsic",
    "from numba.np.arrayobj import make_array",
)
POINTERS = """def pointers_to(kind):
    @intrinsic
    def pointer(context, addresses, row):
        def generate(context, builder, signature, arguments):
            table = make_array(signature.args[0])(context, builder, arguments[0])
            address = builder.load(builder.gep(table.data, [arguments[1]]))
            return builder.inttoptr(address, context.get_value_type(signature.return_type))

        return types.CPointer(kind)(addresses, types.intp), generate

    return pointer


@intrinsic
def pointer_of(context, array):
    same = array.dtype == types.bool_

    def generate(context, builder, signature, arguments):
        if same:
            return impl_ret_borrowed(context, builder, array, arguments[0])
        return make_array(array)(context, builder, arguments[0]).data

    return (array if same else types.CPointer(array.dtype))(array), generate"""
_TYPES = {"bool": "bool_"}
_HEAD = re.compile(r"^def run\((.*)\):\n", re.MULTILINE)


def parameters(source: str) -> list[str]:
    """What `run` takes."""
    (found,) = _HEAD.findall(source)
    return str(found).split(", ")


def whole(name: str) -> str:
    """What an array is called where its pointer has its name."""
    return f"{name}_all"


def by_addresses(source: str, arrays: Sequence[tuple[str, int] | None]) -> str:
    """The module, `run` of which has pointers for arrays, made of a table of their addresses.

    The table is one argument after `routines`. Of each array that `run` took, `arrays` says what it
    holds, (dtype, size), if it has an address, and None if it comes as it is. Arrays that the text
    mentions by `whole` names are made, too.
    """
    mentioned = set(re.findall(r"\w+", source))
    names = parameters(source)
    first = len(names) - len(arrays)
    head, names = names[:first], names[first:]
    given = [whole(name) for name, known in zip(names, arrays, strict=True) if known is None]
    lines: list[str] = []
    rows = 0
    for name, known in zip(names, arrays, strict=True):
        array = whole(name)
        if known is None:
            lines.append(f"{name} = pointer_of({array})")
            continue
        dtype, size = known
        pointer = f"{dtype}_at(addresses, {rows})"
        rows += 1
        if dtype == "bool":  # one is a byte in memory, and a bit in a register
            lines.append(f"{name} = {array} = carray({pointer}, {size})")
            continue
        lines.append(f"{name} = {pointer}")
        lines += [f"{array} = carray({name}, {size})"] * (array in mentioned)
    begin = [f"def run({', '.join([*head, 'addresses', *given])}):", *indent(lines)]
    text = _HEAD.sub(lambda _: "\n".join([*begin, ""]), source)
    dtypes = dict.fromkeys(known[0] for known in arrays if known)
    makers = [f"{d}_at = pointers_to(types.{_TYPES.get(d, d)})" for d in dtypes]
    return "\n".join([text, "", *IMPORTS, "", "", POINTERS, "", *makers, ""])


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
