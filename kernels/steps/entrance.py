"""The way into a step's module: memory that stays where it is comes as a table of addresses.

Numba takes 0.1 us to look at each array that it is called with, and an optimizer has four for every
parameter. So what is called is `enter`, which takes the addresses of most as one array, and as
arrays only what is another one in each call.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..writer import indent

IMPORTS = ("from numba import carray, types", "from numba.extending import intrinsic")
POINTER = """@intrinsic
def pointer(context, address):
    def generate(context, builder, signature, arguments):
        kind = context.get_value_type(types.voidptr)
        return builder.inttoptr(arguments[0], kind)

    return types.voidptr(address), generate"""


def entrance(head: Sequence[str], arrays: Sequence[tuple[str, int] | None]) -> str:
    """The text of `enter`, to follow that of `run`.

    `head` are the first parameters of both. Of each array after them `arrays` says what it holds,
    (dtype, size), if its address is in the table, and None if it comes as it is.
    """
    places = [i for i, known in enumerate(arrays) if known is not None]
    lines = []
    for row, i in enumerate(places):
        dtype, size = arrays[i] or ("", 0)
        kind = "np.bool_" if dtype == "bool" else f"np.{dtype}"
        lines.append(f"array{i} = carray(pointer(addresses[{row}]), {size}, {kind})")
    every = [f"array{i}" for i in range(len(arrays))]
    given = [name for i, name in enumerate(every) if i not in places]
    function = [
        '@njit(error_model="numpy", nogil=True)',
        f"def enter({', '.join([*head, 'addresses', *given])}):",
        *indent([*lines, f"return run({', '.join([*head, *every])})"]),
    ]
    return "\n".join(["", "", *IMPORTS, "", "", POINTER, "", "", *function, ""])
