"""Program + layout -> the readable source of one CUDA kernel module; layouts as in `codegen`.

Body, loads and stores are the CPU's; around them stands a grid-stride loop, so that any grid covers
any n. Arrays are bare pointers, everything else is passed by value: a launch is a list of integers
and numbers, with nothing to copy to the device first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType

from ...source.program import Program, Reduce
from ...source.scalar import NARROW, SHORT, cast
from ...source.writer import (
    NUMBERS,
    Source as Source,
    StridedWriter,
    Writer,
    indent,
    module,
    title,
)


def flat(program: Program, layout: str, names: ModuleType) -> Source:
    """A CUDA kernel over n contiguous elements: kernel(*inputs, *outputs, n).

    for i in range(thread, n, threads): out[i] = f(a[i], b[i], ...)
    """
    w = CudaWriter(in_memory(program), layout, names)
    loop = _grid_stride("np.int64", "n", w.body())
    parameters = [*w.typed_parameters(), ("n", "int64")]
    return source(w, f"{layout}, CUDA", parameters, [*w.constants(), *loop])


def strided(program: Program, layout: str, ndim: int, names: ModuleType) -> Source:
    """A CUDA kernel over an n-d space, each array walked by strides: kernel(geometry, *arrays).

    `geometry` is that of `codegen.strided`: a tuple in the source, as many integers at a launch.
    The loop counts all elements, the last dimension fastest, so that neighboring threads meet
    neighboring elements.
    """
    w = CudaStridedWriter(in_memory(program), layout, names, ndim)
    unpacked = w.unpack()
    length = " * ".join(f"n{d}" for d in range(ndim))
    loop = _grid_stride("np.uint64", length, [*w.unravel(), *w.constants(), *w.body()])
    parameters = [("geometry", f"UniTuple(uint64, {len(unpacked)})"), *w.typed_parameters()]
    return source(w, f"{ndim}-d {layout}, CUDA", parameters, [*unpacked, *loop])


class CudaWriter(Writer):
    """A Writer whose numbers arrive in the type they are used in: no float64 beside float32."""

    def load(self, i: int) -> str:
        """As `Writer.load`, from a number of the loaded type."""
        if self.letters[i] not in NUMBERS:
            return super().load(i)
        loaded = self.program.inputs[i].loaded
        return f"{self.value(i)} = {cast(self.arrays[i], memory_type(loaded), loaded)}"

    def initial(self, fold: Reduce, dtype: str) -> str:
        """As `Writer.initial`; a lowest integer is one literal, since its negative is too large."""
        return f"{SHORT[dtype]}({fold.init})" if dtype in NARROW else super().initial(fold, dtype)

    def typed_parameters(self) -> list[tuple[str, str]]:
        """Each parameter with its type: pointers, and numbers by value."""
        types = [
            memory_type(p.loaded) if c in NUMBERS else pointer(p.stored)
            for p, c in zip(self.program.inputs, self.letters, strict=True)
        ]
        stores = zip(self.program.outputs, self.stores, strict=True)
        types += [pointer(out.dtype) for out, s in stores if not s.isdigit()]
        return list(zip(self.parameters, types, strict=True))


class CudaStridedWriter(CudaWriter, StridedWriter):
    """A StridedWriter for one loop over all elements in place of a nest."""

    def unravel(self) -> list[str]:
        """The coordinates of element i, then each array's position, the last dimension aside."""
        last, rest, lines = self.ndim - 1, "i", []
        for d in range(last, 0, -1):
            lines.append(f"i{d} = {rest} % n{d}")
            rest += f" // n{d}"
        lines.append(f"i0 = {rest}")
        for a in self.walked if last else ():
            steps = [f"i{d} * {a}_s{d}" for d in range(last)]
            lines.append(f"{self.at(a, last)} = {' + '.join([self.at(a, 0), *steps])}")
        return lines


def memory_type(dtype: str) -> str:
    """The type of `dtype` in device memory: a bool is a byte there, which Numba cannot tell."""
    return "uint8" if dtype == "bool" else dtype


def pointer(stored: str) -> str:
    """The type of an array; float16 is read and written as its bits, by helpers."""
    return f"CPointer({'uint16' if stored == 'float16' else stored})"


def in_memory(program: Program) -> Program:
    """`program` with its operands stored in the types of device memory."""
    inputs = tuple(replace(p, stored=memory_type(p.stored)) for p in program.inputs)
    outputs = tuple(replace(out, dtype=memory_type(out.dtype)) for out in program.outputs)
    return replace(program, inputs=inputs, outputs=outputs)


def _grid_stride(integer: str, length: str, body: list[str]) -> list[str]:
    """The loop of i, an `integer`, over this thread's elements, which are a grid apart."""
    return [
        f"i = {integer}(cuda.grid(1))",
        f"while i < {length}:",
        *indent([*body, f"i += {integer}(cuda.gridsize(1))"]),
    ]


def source(
    w: Writer,
    layout: str,
    parameters: list[tuple[str, str]],
    body: list[str],
    imports: Sequence[str] = ("from numba import cuda",),
    functions: Sequence[str] = (),
) -> Source:
    """A module of helpers, `functions`, and the kernel with these typed parameters."""
    names, types = zip(*parameters, strict=True)
    kernel = [*functions, "@cuda.jit", f"def kernel({', '.join(names)}):", *indent(body)]
    text = module(title(w.program, layout), w.helpers(), w.names.DECORATOR, kernel, [*imports])
    return Source(text, f"void({', '.join(types)})")
