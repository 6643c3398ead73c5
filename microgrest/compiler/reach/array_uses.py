"""Whether code has a NumPy array for its memory only, to make tensors over it, or reads it, too.

torch.from_numpy(a)                      its memory, which the native function reads anew
torch.as_tensor(data["x"]).add_(1)       likewise
float(a[0]), a.shape, helper(a), b = a   anything else: what Python may have read is guarded
"""

from __future__ import annotations

import dis
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from types import CodeType
from typing import Any

# Functions that make a tensor over the memory of their one argument.
_MAKERS = {"from_numpy", "as_tensor", "asarray", "from_dlpack"}
_SILENT = {"CACHE", "NOP", "PRECALL", "PUSH_NULL", "EXTENDED_ARG", "COPY_FREE_VARS"}
_PARTS = re.compile(r"\[[^]]*\]|\{[^}]*\}")

Instruction = tuple[str, Any]


def is_memory_only(path: str, codes: tuple[CodeType, ...]) -> bool:
    """Whether code gets at the array at `path` to make tensors over its memory, and never else.

    It does so by every name on the path. One of them that is not loaded for anything else is
    enough, since nothing else can have come that way.
    """
    uses = _uses(codes)
    return any(uses.get(name, False) for name in _PARTS.sub("", path).split("."))


@lru_cache(maxsize=64)
def _uses(codes: tuple[CodeType, ...]) -> dict[str, bool]:
    """The names that code loads, each with whether this is for memory in all places."""
    found: dict[str, bool] = {}
    for code in codes:
        for name, memory in _loads(_instructions(code)):
            found[name] = found.get(name, True) and memory
        inner = tuple(c for c in code.co_consts if isinstance(c, CodeType))
        for name, memory in _uses(inner).items() if inner else ():
            found[name] = found.get(name, True) and memory
    return found


def _instructions(code: CodeType) -> list[Instruction]:
    told = dis.get_instructions(code)
    return [(i.opname, i.argval) for i in told if i.opname not in _SILENT]


def _loads(code: Sequence[Instruction]) -> Iterator[tuple[str, bool]]:
    """The names that are loaded, each with whether that is part of a maker's argument."""
    end = 0
    for i, (name, value) in enumerate(code):
        if "LOAD_" in name and name != "LOAD_CONST":  # some instructions also store, or load two
            if isinstance(value, str) and value in _MAKERS and i >= end:
                end = _argument_end(code, i + 1)
            for loaded in value if isinstance(value, tuple) else (value,):
                yield str(loaded), i < end


def _argument_end(code: Sequence[Instruction], start: int) -> int:
    """Where the one argument of a call ends that only loads; `start` if it is not like that."""
    for i in range(start, len(code)):
        name, value = code[i]
        if name in ("CALL", "CALL_FUNCTION", "CALL_METHOD"):
            return i if value == 1 and i > start else start
        subscript = name == "BINARY_SUBSCR" or (name == "BINARY_OP" and value == 26)
        if subscript and isinstance(code[i - 1][1], str) and code[i - 1][0] == "LOAD_CONST":
            continue
        if not name.startswith("LOAD_"):
            return start
    return start
