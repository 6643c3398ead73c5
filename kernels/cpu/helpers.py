"""The scalar functions of `vecmath`, compiled once per machine: what CPU kernels import.

A generated text is whole: it carries every helper that it calls. What is compiled imports them from
here instead, where each is a cached module of its own; Numba would type and compile a copy of them
for every kernel otherwise. They are inlined all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from .. import cache
from ..vecmath import texts
from . import names

# A helper as `names.DECORATOR` has it, or without the order to inline, and what is blank below.
_DEFINITION = re.compile(
    r'^@njit\(error_model="numpy", fastmath=\{"contract"\}(?:, forceinline=True)?\)\n'
    r"(def (\w+)\(.*\n(?:(?: .*)?\n)*)",
    re.MULTILINE,
)
_IMPORTS = "import math\n\nimport numpy as np\nfrom numba import njit\n"
_NUMBA = re.compile(r"^from numba import .*\n", re.MULTILINE)


def load(text: str, label: str) -> ModuleType:
    """The module that `text` defines, as by `cache.load`, with the helpers of this one."""
    return cache.load(shared(text), label)


def ahead(text: str, label: str, types: str, *, long: bool = False) -> cache.Pending:
    """What `cache.ahead` does, for the module that `load` will give."""
    return cache.ahead(shared(text), label, types, long=long)


def shared(text: str) -> str:
    """`text`, with an import for the helpers that it defines word for word."""
    found: list[str] = []

    def removed(match: re.Match[str]) -> str:
        body, name = match.groups()
        if texts.sources().get(name) != body.strip():
            return match[0]
        found.append(name)
        return ""

    rest = _DEFINITION.sub(removed, text)
    return _importing(rest, (name for name in found if re.search(rf"\b{name}\(", rest)))


def __getattr__(name: str) -> Any:
    """The helper `name`, as Numba has compiled it or will at its first call."""
    text = texts.sources().get(name)
    if text is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    whole = f'"""{name}: a scalar function."""\n\n{_IMPORTS}\n\n{names.DECORATOR}\n{text}\n'
    callees = texts.calls(text) & texts.sources().keys()
    helper = getattr(cache.load(_importing(whole, callees), name), name)
    globals()[name] = helper
    return helper


def _importing(text: str, wanted: Iterable[str]) -> str:
    """`text`, with an import of these helpers, and of what they are at this version."""
    found = sorted(wanted)
    if not found:
        return text
    digest = cache.digest(*names.helpers(found))
    line = f"from {__name__} import {', '.join(found)}  # {digest}\n"
    return _NUMBA.sub(lambda match: match[0] + line, text, count=1)
