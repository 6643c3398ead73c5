"""Functions that only others of their module call: LLVM works on them once, where they are called.

Numba optimizes every function and makes machine code of it, and then does the same again in each
one that calls it, where it is inlined. What nobody else asks for stays a draft until then.
"""

from __future__ import annotations

from typing import Any

from numba import _dynfunc  # type: ignore[attr-defined]
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class _Draft(JITCodeLibrary):
    """Code to be linked into that of others; it has no address."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalized = True


class Drafted(Compiler):
    """Compiles a function to such code."""

    def __init__(self, typing: Any, target: Any, library: Any, *rest: Any) -> None:
        super().__init__(typing, target, library, *rest)  # type: ignore[no-untyped-call]
        own = self.state.targetctx  # of this compilation alone
        own.get_executable = _entry
        draft: Any = _Draft(own.codegen(), "draft")  # type: ignore[no-untyped-call]
        draft.enable_object_caching()
        self.state.library = draft


def _entry(library: Any, fndesc: Any, env: Any) -> Any:
    """What Numba knows a compiled function by; nobody can call this one."""
    name = fndesc.qualname.rpartition(".")[2]
    return _dynfunc.make_function(fndesc.lookup_module(), name, "", 0, env, (library,))
