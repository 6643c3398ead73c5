"""Compiled code that calls compiled code at an address, which so becomes no part of it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from inspect import getsource
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what the module that carries the text below has
    cgutils: Any = None
    types: Any = None

IMPORTS = """from numba import types
from numba.core import cgutils
from numba.extending import intrinsic"""


def text(functions: Mapping[str, str]) -> str:
    """The text of functions that call code at an address, which is their first argument; of each
    its text as Python is given."""
    plain = getsource(call_at).replace(": Any", "").replace(" -> Any", "").strip()
    calls = []
    for name, text in functions.items():
        (node,) = ast.parse(text).body
        assert isinstance(node, ast.FunctionDef)
        given = ", ".join(a.arg for a in node.args.args)
        calls.append(f"@intrinsic\ndef {name}(typing, {given}):\n    return call_at({given})")
    return "\n\n\n".join([IMPORTS, plain, *calls])


def address(function: Any, types: str) -> int:
    """Where the code of a compiled function for these types is; compiles it if it has none.

    It stays there as long as the function is kept.
    """
    function.compile(types)
    (result,) = function.overloads.values()
    return int(result.library.get_pointer_to_function(result.fndesc.llvm_func_name))


def call_at(address: Any, *given: Any) -> Any:
    """A call as Numba's own functions call each other; who is called raises nothing."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = context.call_conv.get_function_type(types.none, given)
        packed = context.get_arg_packer(given).as_arguments(builder, args[1:])
        room = [cgutils.alloca_once(builder, t.pointee) for t in kind.args[:2]]
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [*room, *packed])
        return context.get_dummy_value()

    return types.none(address, *given), generate
