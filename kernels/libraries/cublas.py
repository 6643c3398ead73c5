"""cuBLAS through ctypes, where it is installed: matrix products whose operands have a unit stride.

cuBLAS has its matrices column by column, and a row-major one read so is transposed. So
out.T = b.T a.T is what it is asked for. float32 stays float32: TF32 is off. float16 is summed in
float32, also across the parts of a split sum.

Reference: NVIDIA, cuBLAS Library User Guide, cublasGemmStridedBatchedEx.
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from ctypes import POINTER, byref, c_char_p, c_int, c_longlong, c_void_p
from functools import lru_cache
from typing import Any, NamedTuple

from ..source.matrices import Place, Problem

_LARGEST = 2**31 - 1
_DEFAULT_ALGORITHM = -1
_FULL_PRECISION_SUMS = 16  # CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION, no TF32 either
_SUCCESS = 0


class _Type(NamedTuple):
    """cudaDataType of the elements, cublasComputeType_t, and the type of the factors."""

    data: int
    compute: int
    scalar: Any


_TYPES = {
    "float16": _Type(2, 68, ctypes.c_float),
    "float32": _Type(0, 68, ctypes.c_float),
    "float64": _Type(1, 70, ctypes.c_double),
}
_FACTORS = {t.scalar: (byref(t.scalar(1)), byref(t.scalar(0))) for t in _TYPES.values()}
_MATRIX = [c_void_p, c_int, c_int, c_longlong]  # address, type, leading dimension, batch stride
_SIGNATURES: dict[str, list[Any]] = {
    "cublasCreate_v2": [POINTER(c_void_p)],
    "cublasDestroy_v2": [c_void_p],
    "cublasSetStream_v2": [c_void_p, c_void_p],
    "cublasSetMathMode": [c_void_p, c_int],
    "cublasGemmStridedBatchedEx": [
        *[c_void_p, c_int, c_int, c_int, c_int, c_int, c_void_p, *_MATRIX, *_MATRIX],
        *[c_void_p, *_MATRIX, c_int, c_int, c_int],
    ],
}


@lru_cache(maxsize=1)
def problem() -> str | None:
    """Why cuBLAS is not used, and what to do; None where it is."""
    if os.environ.get("MICROGREST_CUBLAS") == "0":
        return "cuBLAS is turned off by MICROGREST_CUBLAS=0"
    try:
        _library()
    except (ImportError, OSError, RuntimeError) as error:  # of cuda.pathfinder and ctypes
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return f"cuBLAS is not installed: pip install 'nvidia-cublas' ({reason})"
    return None


def takes(what: Problem, dtype: str) -> bool:
    """Whether cuBLAS is there and has a product for these types, strides and sizes."""
    if dtype not in _TYPES or problem() is not None:
        return False
    return max(what[:4]) <= _LARGEST and arguments(what) is not None


class Arguments(NamedTuple):
    """The matrices of a call, in cuBLAS's terms: transposed or not, and leading dimensions."""

    a_transposed: bool
    a_leading: int
    b_transposed: bool
    b_leading: int
    out_leading: int


@lru_cache(maxsize=4096)
def arguments(what: Problem) -> Arguments | None:
    """How cuBLAS sees the operands of `what`, or None where their strides are not for it."""
    a, b = _seen(what.a, what.m, what.k), _seen(what.b, what.n, what.k)
    if a is None or b is None:
        return None
    # A line of a is a row, one of b a column: lines of contiguous terms make a transposed b.
    return Arguments(not a[0], a[1], b[0], b[1], max(what.out.line, what.n))


def _seen(x: Place, lines: int, terms: int) -> tuple[bool, int] | None:
    """(whether the terms of a line are contiguous, the stride between lines or else terms)."""
    for along, step, leading, extent, others in (
        (True, x.step, x.line, terms, lines),
        (False, x.line, x.step, lines, terms),
    ):
        if others <= 1:
            leading = max(extent, 1)
        if (step == 1 or extent <= 1) and max(extent, 1) <= leading <= _LARGEST:
            return along, leading
    return None


def matmul(what: Problem, dtype: str, stream: Any, a: Any, b: Any, out: Any) -> None:
    """Queue the product of two spans, which `takes` has agreed to, in the current stream."""
    own = _handles.of(out.device)
    own.work_in(int(stream.handle))
    own.multiply(what, dtype, a.ptr, b.ptr, out.ptr)


class Handle:
    """cuBLAS on one device in one thread, which no other may use at the same time."""

    def __init__(self, library: Any) -> None:
        self.library, self.stream = library, 0
        created = c_void_p()
        _check(library, "cublasCreate_v2", byref(created))
        self.handle = created.value
        _check(library, "cublasSetMathMode", self.handle, _FULL_PRECISION_SUMS)
        # Not at exit: the driver may have gone before.
        weakref.finalize(self, _destroy, library, self.handle, os.getpid()).atexit = False

    def work_in(self, stream: int) -> None:
        """Queue what follows in `stream`."""
        if stream != self.stream:
            _check(self.library, "cublasSetStream_v2", self.handle, stream)
            self.stream = stream

    def multiply(self, what: Problem, dtype: str, a: int, b: int, out: int) -> None:
        """out = a b, of matrices that begin at, or `at` elements after, these addresses."""
        seen = arguments(what)
        assert seen is not None
        data, compute, scalar = _TYPES[dtype]
        one, zero = _FACTORS[scalar]
        size = {0: 4, 1: 8, 2: 2}[data]
        _check(
            self.library,
            "cublasGemmStridedBatchedEx",
            self.handle,
            *(int(seen.b_transposed), int(seen.a_transposed), what.n, what.m, what.k, one),
            *(b + what.b.at * size, data, seen.b_leading, what.b.batch),
            *(a + what.a.at * size, data, seen.a_leading, what.a.batch, zero),
            *(out + what.out.at * size, data, seen.out_leading, what.out.batch),
            *(what.batch, compute, _DEFAULT_ALGORITHM),
        )


def _destroy(library: Any, handle: int | None, process: int) -> None:
    """Free a handle; not in a forked process, which drops those of threads that it has not."""
    if os.getpid() == process:
        library.cublasDestroy_v2(handle)


class _Handles(threading.local):
    """This thread's handles, by device."""

    def __init__(self) -> None:
        self.known: dict[Any, Handle] = {}

    def of(self, device: Any) -> Handle:
        """The handle for `device`, which is the current one."""
        found = self.known.get(device)
        if found is None:
            found = self.known[device] = Handle(_library())
        return found


_handles = _Handles()


@lru_cache(maxsize=1)
def _library() -> Any:
    from cuda.pathfinder import load_nvidia_dynamic_lib

    found = load_nvidia_dynamic_lib("cublas")
    return declared(ctypes.CDLL(found.abs_path))


def declared(library: Any) -> Any:
    """`library` with the types of its functions."""
    for name, types in _SIGNATURES.items():
        getattr(library, name).argtypes = types
    library.cublasGetStatusName.argtypes = [c_int]
    library.cublasGetStatusName.restype = c_char_p
    return library


def _check(library: Any, name: str, *values: Any) -> None:
    """Call a function; RuntimeError with cuBLAS's own name for what failed."""
    status = getattr(library, name)(*values)
    if status != _SUCCESS:
        text = (library.cublasGetStatusName(status) or b"unknown status").decode()
        raise RuntimeError(
            f"CUDA error: {text} ({status}) when calling {name}. MICROGREST_CUBLAS=0 in the "
            "environment computes matrix products without cuBLAS"
        )
