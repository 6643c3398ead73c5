"""CUDA kernels over contiguous elements that move several of them at a time.

A thread loads a run of neighbors from each array at once, 16 bytes of the widest, computes, and
stores as many: fewer instructions, and more bytes on their way, for the same elements. LLVM does
not merge single accesses by itself, because it knows no alignment, so the module written here
brings intrinsics of its own. Narrow elements move as 32-bit words; the assembler would split
vectors of them.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from ...source.program import Program
from ...source.scalar import functions, statements
from ...source.writer import indent, read, write
from . import maps
from .maps import CudaWriter, Source, in_memory, source

INTRINSICS = '''from llvmlite import ir
from numba import cuda, types
from numba.cuda.extending import intrinsic

RUN = {run}
I32 = ir.IntType(32)


@intrinsic
def load_run(context, pointer, index):
    """The RUN elements of `pointer` from `index` on, which have to be aligned."""

    def generate(context, builder, signature, arguments):
        item, words = types_of(context, pointer)
        place = builder.gep(arguments[0], [arguments[1]])
        run = builder.load(builder.bitcast(place, words.as_pointer()))
        run.align = RUN * item.width // 8
        values = []
        for k in range(RUN):
            word, shift = divmod(k * item.width, words.element.width)
            value = builder.extract_element(run, I32(word))
            if item.width < 32 == words.element.width:
                value = builder.trunc(builder.lshr(value, I32(shift)), item)
            values.append(builder.bitcast(value, context.get_data_type(pointer.dtype)))
        return context.make_tuple(builder, signature.return_type, values)

    return types.UniTuple(pointer.dtype, RUN)(pointer, index), generate


@intrinsic
def store_run(context, pointer, index, values):
    """Store RUN `values` to `pointer` from `index` on, aligned likewise."""

    def generate(context, builder, signature, arguments):
        item, words = types_of(context, pointer)
        run = words(None)
        for k in range(RUN):
            word, shift = divmod(k * item.width, words.element.width)
            value = builder.bitcast(builder.extract_value(arguments[2], k), item)
            if item.width < 32 == words.element.width:
                value = builder.shl(builder.zext(value, words.element), I32(shift))
                value = builder.or_(builder.extract_element(run, I32(word)), value)
            run = builder.insert_element(run, value, I32(word))
        place = builder.gep(arguments[0], [arguments[1]])
        stored = builder.store(run, builder.bitcast(place, words.as_pointer()))
        stored.align = RUN * item.width // 8
        return context.get_dummy_value()

    return types.void(pointer, index, values), generate


def types_of(context, pointer):
    """An element as an integer, and a run: a vector of these, of 32-bit words where they fit."""
    bits = pointer.dtype.bitwidth
    word = bits if bits >= 32 or RUN * bits < 32 else 32
    return ir.IntType(bits), ir.VectorType(ir.IntType(word), RUN * bits // word)'''

# The same for the simulator, which knows no intrinsics.
SIMULATED = """from numba import cuda

RUN = {run}


def load_run(array, index):
    return [array[index + k] for k in range(RUN)]


def store_run(array, index, values):
    for k in range(RUN):
        array[index + k] = values[k]"""

# Functions of one or two instructions; the others, and divisions, take registers.
LIGHT = {"ceil", "copysign", "fabs", "floor", "isfinite", "isinf", "isnan", "rint", "sqrt", "trunc"}


def flat(program: Program, layout: str, names: ModuleType, *, simulated: bool = False) -> Source:
    """As `maps.flat`, by runs: kernel(*inputs, *outputs, n).

    Every array of n elements has to start at a multiple of 16 bytes. Where a run would be of one
    element the kernel is that of `maps.flat`.
    """
    w = WideWriter(in_memory(program), layout, names)
    run, parameters = w.run, [*w.typed_parameters(), ("n", "int64")]
    if run == 1:
        return maps.flat(program, layout, names)
    body = [
        *w.constants(),
        f"i = {run} * np.int64(cuda.grid(1))",
        f"while i + {run - 1} < n:",
        *indent([*w.load_runs(), *w.store_runs()]),
        f"    i += {run} * np.int64(cuda.gridsize(1))",
        f"i = n - n % {run} + np.int64(cuda.grid(1))",
        "if i < n:",
        *indent(w.single()),
    ]
    tools = (SIMULATED if simulated else INTRINSICS).replace("{run}", str(run))
    return source(w, f"{layout} by {run}, CUDA", parameters, body, [tools], w.element())


class WideWriter(CudaWriter):
    """A CudaWriter with the body in a function, `element`, of what single elements hold."""

    @property
    def moving(self) -> list[int]:
        """The inputs that have n elements."""
        return [i for i, letter in enumerate(self.letters) if letter == "v"]

    @property
    def run(self) -> int:
        """Elements that a thread takes at a time: 16 bytes of the widest array, if registers do."""
        stored = [self.program.inputs[i].stored for i in self.moving]
        stored += [out.dtype for out in self.program.outputs]
        run = 16 // max(np.dtype(d).itemsize for d in stored)
        crowded = len(self.parameters) > 4 and bool(self.helpers())
        return run if not self.heavy else 1 if run < 4 else 2 if crowded else 4

    @property
    def heavy(self) -> bool:
        """Whether an element needs so many registers that only few fit side by side."""
        formulas = [instr.formula for instr in self.program.body]
        return any("/" in f or "%" in f or functions(f) - LIGHT for f in formulas)

    def element(self) -> list[str]:
        """The function from elements, or values that stay, to elements."""
        inputs = [(i, self.arrays[i], self.program.inputs[i]) for i in self.moving]
        loads = [f"{self.value(i)} = {read(a, p.stored, p.loaded)}" for i, a, p in inputs]
        loaded = [self.value(i) for i in range(len(self.arrays))]
        lines, values = statements(self.program, self.names, loaded)
        outputs = zip(self.program.outputs, values, strict=True)
        results = [write(x, self.program.dtype(out.value), out.dtype) for out, x in outputs]
        head = [self.names.DECORATOR, f"def element({self.arguments()}):"]
        return [*head, *indent([*loads, *lines, f"return {', '.join(results)}"]), "", ""]

    def arguments(self, which: str = "") -> str:
        """What `element` is called with; `which` picks an element from an array or a run."""
        names = enumerate(self.arrays)
        return ", ".join(f"{a}{which}" if i in self.moving else self.value(i) for i, a in names)

    def load_runs(self) -> list[str]:
        """Load a run from each array."""
        return [f"{self.arrays[i]}_run = load_run({self.arrays[i]}, i)" for i in self.moving]

    def store_runs(self) -> list[str]:
        """Compute each element of a run, and store the results."""
        results = [f"result{k}" for k in range(self.run)]
        lines = [f"{x} = element({self.arguments(f'_run[{k}]')})" for k, x in enumerate(results)]
        for out, part in self.parts():
            values = ", ".join(f"{x}{part}" for x in results)
            lines.append(f"store_run({out}, i, ({values}))")
        return lines

    def single(self) -> list[str]:
        """Compute the element at i."""
        stores = [f"{out}[i] = result{part}" for out, part in self.parts()]
        return [f"result = element({self.arguments('[i]')})", *stores]

    def parts(self) -> list[tuple[str, str]]:
        """Each output, and the index of its value in what `element` returns."""
        single = len(self.outs) == 1
        return [(out, "" if single else f"[{j}]") for j, out in enumerate(self.outs)]
