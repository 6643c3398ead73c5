"""Functions that only kernels call: typed and lowered, but not compiled on their own.

Numba makes machine code of every function, and LLVM optimizes it there, before a copy of it goes
into its caller, where all that is done again. Of a part, only the copy is ever used. So its library
holds what was lowered, for the caller's to take in, and nothing of it is emitted. On disk a shared
part is bitcode.

This module subclasses Numba's and is imported once Numba is.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from llvmlite import binding

# Numba's own types are not told apart from Any here: what is used of it is internal.
_dynfunc: Any = import_module("numba._dynfunc")
_codegen: Any = import_module("numba.core.codegen")
_compiler: Any = import_module("numba.core.compiler")
_machinery: Any = import_module("numba.core.compiler_machinery")
_passes: Any = import_module("numba.core.typed_passes")


class PartLibrary(_codegen.JITCodeLibrary):  # type: ignore[misc]
    """A library to be linked into others, never run."""

    def _optimize_final_module(self) -> None:
        """Its callers' modules are optimized with it."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


@_machinery.register_pass(mutates_CFG=True, analysis_only=False)
class PartLowering(_passes.NativeLowering):  # type: ignore[misc]
    """Lowering into a `PartLibrary`."""

    _name = "part_lowering"

    def run_pass(self, state: Any) -> bool:
        state.library = _library(state.targetctx, state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        lowered = state["cr"]
        entry = _entry(lowered.fndesc, lowered.env, state.library)
        state.targetctx.insert_user_function(entry, lowered.fndesc, [state.library])
        state["cr"] = lowered._replace(cfunc=entry)
        return True


class PartCompiler(_compiler.Compiler):  # type: ignore[misc]
    """The default pipeline, but for how it lowers."""

    def define_pipelines(self) -> list[Any]:
        (pipeline,) = super().define_pipelines()
        pipeline.passes = [
            (PartLowering if step is _passes.NativeLowering else step, why)
            for step, why in pipeline.passes
        ]
        return [pipeline]


def reduce(result: Any) -> tuple[Any, ...]:
    """What has to be kept of a part's compile result."""
    fndesc = result.fndesc
    fndesc.typemap = fndesc.calltypes = None
    bitcode = result.library._get_module_for_linking().as_bitcode()
    return result.library.name, bitcode, fndesc, result.environment, result.signature


def rebuild(
    target: Any, name: str, bitcode: bytes, fndesc: Any, environment: Any, signature: Any
) -> Any:
    """The compile result of which that was kept."""
    library = _library(target, name)
    library._final_module = binding.parse_bitcode(bitcode)
    library._finalize_final_module()
    known = {
        "target_context": target,
        "typing_context": target.typing_context,
        "library": library,
        "environment": environment,
        "entry_point": _entry(fndesc, environment, library),
        "fndesc": fndesc,
        "signature": signature,
        "objectmode": False,
        "lifted": (),
        "reload_init": [],
    }
    return _compiler.CompileResult(**dict.fromkeys(_compiler.CompileResult._fields) | known)


def _library(target: Any, name: str) -> PartLibrary:
    library = PartLibrary(target.codegen(), name)
    library.enable_object_caching()
    return library


def _entry(fndesc: Any, environment: Any, library: PartLibrary) -> Any:
    """The object that stands for the function where others call it; Python cannot."""
    name = fndesc.qualname.split(".")[-1]
    return _dynfunc.make_function(fndesc.lookup_module(), name, "", 0, environment, (library,))
