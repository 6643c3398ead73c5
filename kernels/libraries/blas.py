"""Matrix products inside generated code: by a BLAS of this process, small ones by loops.

Generated code takes the address of gemm as an argument, so that no address is part of what the disk
cache keeps; how its arguments are passed is part of the text. `find` gives both, `source` the text.
"""

from __future__ import annotations

import ctypes
import importlib
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cache
from inspect import getsource
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import openblas

if TYPE_CHECKING:  # what the modules that carry the text below have
    call_gemm: Any = None
    cgutils: Any = None
    ir: Any = None
    types: Any = None

PREFIXES = {"float32": "s", "float64": "d"}
# What NumPy may be linked to, by the name of its cblas_?gemm, and bits of its integers. A name
# without a suffix takes 32 or 64 bits. 64 suit both wherever an argument fills a register or eight
# bytes of the stack: everywhere but on Apple, whose NumPy uses such a name for 32 bits.
NAMES = (
    ("scipy_cblas_{}gemm64_", 64, "OpenBLAS of NumPy's wheel"),
    ("scipy_cblas_{}gemm", 32, "OpenBLAS of NumPy's wheel"),
    ("cblas_{}gemm$NEWLAPACK$ILP64", 64, "Accelerate"),
    ("cblas_{}gemm$NEWLAPACK", 32, "Accelerate"),
    ("cblas_{}gemm64_", 64, "the BLAS that NumPy is linked to"),
    ("cblas_{}gemm_64", 64, "the BLAS that NumPy is linked to"),
    ("cblas_{}gemm", 32 if sys.platform == "darwin" else 64, "the BLAS that NumPy is linked to"),
)


class Form(NamedTuple):
    """How gemm takes its arguments: as Fortran does, by address, or as C; bits of an integer."""

    fortran: bool
    bits: int


class Found(NamedTuple):
    """A BLAS: what it is, its form, and gemm's address for each dtype."""

    description: str
    form: Form
    addresses: dict[str, int]


NOTHING = Found("loops (no BLAS found)", Form(False, 64), {})


def gemm(dtype: str) -> int:
    """The address of gemm for "float32" or "float64" in this process; 0 if there is none."""
    return find().addresses.get(dtype, 0)


def described() -> str:
    """Where products are computed, for people."""
    return find().description


@cache
def find() -> Found:
    """The BLAS that NumPy has loaded, else SciPy's, else `NOTHING`."""
    return next(_numpy(), None) or _scipy() or NOTHING


class Gemm(NamedTuple):
    """gemm for a dtype, as a `source.kind.Routine`."""

    dtype: str

    @property
    def described(self) -> str:
        """What computes, for people."""
        return f"products by {find().description}"

    @property
    def address(self) -> int:
        """Where it is in this process; 0 if nowhere, or for a type that it does not multiply."""
        return gemm(self.dtype)

    @property
    def argument(self) -> str:
        """What `finder` is asked for."""
        return PREFIXES.get(self.dtype, "")

    @property
    def finder(self) -> str:
        """The text of gemm_address(letter), which finds it in NumPy's library, for a module that
        imports ctypes, importlib, NumPy as np and Path."""
        return FINDER.format(name=_own_name())

    def alone(self) -> AbstractContextManager[None]:
        """A context in which it uses one thread."""
        return openblas.one_thread()


FINDER = '''
def gemm_address(letter):
    """Where NumPy's library multiplies matrices of float32, s, or float64, d; 0: by loops."""
    extension = importlib.import_module("numpy._core._multiarray_umath").__file__
    bundled = Path(np.__file__).parents[1].glob("numpy.libs/*openblas*.dll")
    for file in (extension, *bundled):
        found = getattr(ctypes.CDLL(str(file)), "{name}".format(letter), None)
        if letter and found:
            return ctypes.cast(found, ctypes.c_void_p).value
    return 0
'''


def _own_name() -> str:
    """The name of the gemm that runs here, if it is NumPy's: its letter in braces."""
    found = find()
    for library in openblas.libraries():
        for name, bits, _ in NAMES:
            own = _address(library, name.format("s"))
            if own and own == found.addresses.get("float32") and bits == found.form.bits:
                return name
    return "none of {}"


def _numpy() -> Iterator[Found]:
    for library in openblas.libraries():
        for name, bits, description in NAMES:
            addresses = {d: _address(library, name.format(p)) for d, p in PREFIXES.items()}
            if all(addresses.values()):
                yield Found(description, Form(False, bits), addresses)


def _address(library: ctypes.CDLL, name: str) -> int:
    symbol = getattr(library, name, None)
    return ctypes.cast(symbol, ctypes.c_void_p).value or 0 if symbol else 0


def _scipy() -> Found | None:
    """SciPy's BLAS. Of integers at an address it may read the low half, as 32 bits."""
    try:
        capsules = importlib.import_module("scipy.linalg.cython_blas").__pyx_capi__
        addresses = {d: _held(capsules[f"{p}gemm"]) for d, p in PREFIXES.items()}
    except (ImportError, AttributeError, KeyError, ValueError):
        return None
    bits = 64 if sys.byteorder == "little" else 32
    return Found("SciPy's BLAS", Form(True, bits), addresses)


def _held(capsule: Any) -> int:
    """The address in a PyCapsule, under the name that it has."""
    name = ctypes.pythonapi.PyCapsule_GetName
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return pointer(capsule, name(capsule)) or 0


# What generated modules carry. The functions below are compiled there, with these constants; under
# the interpreter they run as they are, but for `gemm_call`.

IMPORTS = (
    "from typing import Any",
    "",
    "import numpy as np",
    "from llvmlite import ir",
    "from numba import njit, types",
    "from numba.core import cgutils",
    "from numba.extending import intrinsic",
)
# The flags let sums vectorize; NaN and infinities keep their meaning. Only compiled code calls
# these functions: without what Python needs to call them they compile in 3/4 of the time.
DECORATOR = """@njit(
    error_model="numpy",
    fastmath={"contract", "reassoc", "arcp", "nsz"},
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
)"""
FORTRAN, INTEGER = False, 64
# From so many multiplications on gemm is faster than loops: 0.04 and 0.08 us against 0.11 and 0.18
# for 8x8x8, OpenBLAS 0.3.31 with its kernels for AVX-512 and for AVX2.
LARGE = 400


def source(form: Form | None = None) -> str:
    """The text of `product` and of all it calls, for a module that begins with `IMPORTS`.

    It calls a gemm of `form`; of the form of the one that was found, unless given.
    """
    return _source(form or find().form)


@cache
def _source(form: Form) -> str:
    return "\n\n\n".join(texts(form).values()) + "\n"


@cache
def texts(form: Form) -> dict[str, str]:
    """The parts of it, by the function that each defines, callees first."""
    fortran, bits = form
    constants = f"FORTRAN = {fortran}\nINTEGER = {bits}"
    call = f"{getsource(gemm_call).strip()}\n\n\ncall_gemm = intrinsic(gemm_call)"
    found = {"call_gemm": f"{constants}\n\n\n{call}"}
    for function in (rows, sums, by_loops, leading, packed, by_gemm):
        found[function.__name__] = f"{DECORATOR}\n{getsource(function).strip()}"
    limit = f"LARGE = {LARGE}"
    return found | {"product": f"{limit}\n\n\n{DECORATOR}\n{getsource(product).strip()}"}


def product(
    gemm: int, batch: int, m: int, n: int, k: int,
    a: Any, a_at: int, a_batch: int, a_line: int, a_step: int,
    b: Any, b_at: int, b_batch: int, b_line: int, b_step: int,
    out: Any, o_at: int, o_batch: int, o_line: int, o_step: int,
) -> None:  # fmt: skip
    """out[i, j] = sum over t of a[i, t] * b[t, j], for each of `batch`, as `matrices.Problem` says.

    a, b, out: flat, contiguous and writable, of one dtype, float32 or float64; `out` overlaps
    neither. Numbers are int64. gemm: an address, or 0 for loops alone.
    """
    if n == 1 or (o_line == 1 and o_step != 1 and m > 1):  # out.T = b.T a.T
        m, n, a, b, o_line, o_step = n, m, b, a, o_step, o_line
        a_at, a_batch, b_at, b_batch = b_at, b_batch, a_at, a_batch
        a_line, a_step, b_line, b_step = b_line, b_step, a_line, a_step
    if b_batch == 0 and a_batch == m * a_line and o_batch == m * o_line:  # one tall product
        m *= batch
        batch = 1
    # Vectors are left to loops: not every gemm is good at them.
    large = gemm != 0 and m > 1 and n > 1 and m * n * k >= LARGE
    fits = o_step == 1 and o_line >= n
    for q in range(batch):
        x, y, z = a_at + q * a_batch, b_at + q * b_batch, o_at + q * o_batch
        if fits and large:
            by_gemm(gemm, m, n, k, a, x, a_line, a_step, b, y, b_line, b_step, out, z, o_line)
        else:
            by_loops(m, n, k, a, x, a_line, a_step, b, y, b_line, b_step, out, z, o_line, o_step)


def by_gemm(
    gemm: int, m: int, n: int, k: int,
    a: Any, a_at: int, a_line: int, a_step: int,
    b: Any, b_at: int, b_line: int, b_step: int,
    out: Any, o_at: int, o_line: int,
) -> None:  # fmt: skip
    """One product; an operand of which neither dimension is contiguous is copied first."""
    a_ld, b_ld = leading(m, k, a_line, a_step), leading(n, k, b_line, b_step)
    if a_ld == 0:
        a, a_at, a_ld = packed(m, k, a, a_at, a_line, a_step), 0, k
    if b_ld == 0:
        b, b_at, b_ld = packed(n, k, b, b_at, b_line, b_step), 0, k
    sizes = (m, n, k, abs(a_ld), abs(b_ld), o_line)
    call_gemm(gemm, (a_ld < 0, b_ld > 0), sizes, a, a_at, b, b_at, out, o_at)


def leading(lines: int, terms: int, line: int, step: int) -> int:
    """The leading dimension of a matrix of adjacent terms; minus it, of adjacent lines; or 0."""
    if step == 1 and line >= terms:
        return line
    if line == 1 and step >= lines:
        return -step
    return 0


def packed(lines: int, terms: int, x: Any, at: int, line: int, step: int) -> Any:
    """A copy, line after line."""
    out = np.empty(lines * terms, x.dtype)
    for i in range(lines):
        for t in range(terms):
            out[i * terms + t] = x[at + i * line + t * step]
    return out


def gemm_call(
    typing: Any, gemm: Any, turned: Any, sizes: Any,
    a: Any, a_at: Any, b: Any, b_at: Any, out: Any, o_at: Any,
) -> Any:  # fmt: skip
    """A call of gemm at an address: out = a b, row-major, each of a and b turned or not.

    To gemm it is out.T = b.T a.T, column-major, which is the order that Fortran knows.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        integer, letter = ir.IntType(INTEGER), ir.IntType(8 if FORTRAN else 32)
        yes, no = (ord("T"), ord("N")) if FORTRAN else (112, 111)
        real = context.get_value_type(a.dtype)

        def start(i: int) -> Any:
            """Where operand `i` of args, an array or a pointer, begins."""
            if isinstance(signature.args[i], types.CPointer):
                return builder.gep(args[i], [args[i + 1]])
            array = context.make_array(signature.args[i])(context, builder, args[i])
            return builder.gep(array.data, [args[i + 1]])

        flags = cgutils.unpack_tuple(builder, args[1])
        a_op, b_op = (builder.select(f, letter(yes), letter(no)) for f in flags)
        numbers = cgutils.unpack_tuple(builder, args[2])
        m, n, k, a_ld, b_ld, o_ld = (
            builder.trunc(x, integer) if INTEGER < 64 else x for x in numbers
        )
        one, zero = real(1.0), real(0.0)
        x, y, z = start(3), start(5), start(7)
        values = [b_op, a_op, n, m, k, one, y, b_ld, x, a_ld, zero, z, o_ld]
        if FORTRAN:
            for i in (0, 1, 2, 3, 4, 5, 7, 9, 10, 12):
                values[i] = cgutils.alloca_once_value(builder, values[i])
        else:
            values.insert(0, letter(102))  # column-major
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), values)
        return context.get_dummy_value()

    return types.void(gemm, turned, sizes, a, a_at, b, b_at, out, o_at), generate


def by_loops(
    m: int, n: int, k: int,
    a: Any, a_at: int, a_line: int, a_step: int,
    b: Any, b_at: int, b_line: int, b_step: int,
    out: Any, o_at: int, o_line: int, o_step: int,
) -> None:  # fmt: skip
    """One product. Indices are unsigned: Numba would look for negative ones among others."""
    u = np.uint64
    size = u(m), u(n), u(k)
    x, y = (u(a_at), u(a_line), u(a_step)), (u(b_at), u(b_line), u(b_step))
    z = u(o_at), u(o_line), u(o_step)
    if b_line == 1 and o_step == 1 and n > 1:
        rows(size, a, x, b, y, out, z)
    else:
        sums(size, a, x, b, y, out, z)


def rows(size: Any, a: Any, x: Any, b: Any, y: Any, out: Any, z: Any) -> None:
    """for i: out[i, :] = 0; for t: out[i, :] += a[i, t] * b[t, :], four t at a time."""
    m, n, k = size
    whole = k - k % np.uint64(4)
    for i in range(m):
        o = z[0] + i * z[1]
        for j in range(n):
            out[o + j] = 0
        p, q = x[0] + i * x[1], y[0]
        for _ in range(np.uint64(0), whole, np.uint64(4)):
            p1, q1 = p + x[2], q + y[2]
            p2, q2 = p1 + x[2], q1 + y[2]
            p3, q3 = p2 + x[2], q2 + y[2]
            a0, a1, a2, a3 = a[p], a[p1], a[p2], a[p3]
            for j in range(n):
                more = a0 * b[q + j] + a1 * b[q1 + j] + a2 * b[q2 + j] + a3 * b[q3 + j]
                out[o + j] += more
            p, q = p3 + x[2], q3 + y[2]
        for _ in range(whole, k):
            a0 = a[p]
            for j in range(n):
                out[o + j] += a0 * b[q + j]
            p, q = p + x[2], q + y[2]


def sums(size: Any, a: Any, x: Any, b: Any, y: Any, out: Any, z: Any) -> None:
    """for i, j: out[i, j] = sum over t of a[i, t] * b[t, j]; vectorized where both steps are 1."""
    m, n, k = size
    for i in range(m):
        for j in range(n):
            p, q = x[0] + i * x[1], y[0] + j * y[1]
            total = a.dtype.type(0)
            for t in range(k):
                total += a[p + t * x[2]] * b[q + t * y[2]]
            out[z[0] + i * z[1] + j * z[2]] = total
