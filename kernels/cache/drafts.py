"""Functions that only others of their module call: LLVM works on them once, in those that call them.

Numba optimizes every function and makes machine code of it, and then does the same again in each
one that calls it, where it is inlined. What nobody else asks for stays a draft until then.
"""

from __future__ import annotations

from typing import Any

from numba import _dynfunc
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class _Draft(JITCodeLibrary):  # type: ignore[misc]
    """Code to be linked into that of others; it has no address."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalized = True


class Drafted(Compiler):  # type: ignore[misc]
    """Compiles a function to such code."""

    def __init__(self, typing: Any, target: Any, library: Any, *rest: Any) -> None:
        super().__init__(typing, target, library, *rest)
        own = self.state.targetctx  # of this compilation alone
        own.get_executable = _entry
        self.state.library = _Draft(own.codegen(), "draft")
        self.state.library.enable_object_caching()


def _entry(library: Any, fndesc: Any, env: Any) -> Any:
    """What Numba knows a compiled function by; nobody can call this one."""
    name = fndesc.qualname.rpartition(".")[2]
    return _dynfunc.make_function(fndesc.lookup_module(), name, "", 0, env, (library,))
