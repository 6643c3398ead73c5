"""Program + layout -> the readable source of one kernel module.

A layout says how each operand meets the iteration space, one letter each, inputs then outputs:

    flat      v  an array of n elements          e  an array of one element
              x  one element that stands for n, as an expanded tensor's does
              f  a Python float   i  a Python int (by value)
              outputs: v, or r (folded to one element), or a digit: stored over that input
    strided   v  an array walked by its own strides     c  the same, stride 1 in the last dimension
              e  an array constant in the last dimension    f, i  as above

Loops that only map carry {contract}; loops that fold carry the whole re-association set, which
keeps NaN and infinity. Scalar helpers are functions of their own with {contract} only.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType

from .program import Output, Program, Reduce
from .scalar import SHORT, cast, functions, render, statements

MAP_FLAGS = '{"contract"}'
FOLD_FLAGS = '{"contract", "reassoc", "arcp", "nsz"}'
# Elements of a block: what one float32 lane sum covers, and what one parallel task does.
FOLD_BLOCK = 2048
MAP_BLOCK = 16384
# Accumulators of a fold that LLVM does not turn into lanes itself.
LANES = 64
# Unsigned, so that Numba does not test every index for a count from the end, which no SIMD survives.
BLOCK_LOOP = "for i in range(np.uint64(start), np.uint64(stop)):"
NUMBERS = {"f": "float64", "i": "int64"}


def indent(lines: Iterable[str], depth: int = 1) -> list[str]:
    """`lines`, `depth` levels further in."""
    return ["    " * depth + line for line in lines]


class Writer:
    """What the kernels of one Program share: names of operands, loads, the body, stores."""

    def __init__(self, program: Program, layout: str, names: ModuleType) -> None:
        self.program, self.names = program, names
        k = len(program.inputs)
        self.letters, self.stores = layout[:k], layout[k:]
        self.arrays = [p.name for p in program.inputs]
        self.outs = [
            self.arrays[int(s)] if s.isdigit() else f"out{i or ''}" for i, s in enumerate(self.stores)
        ]
        self.folds = [out for out in program.outputs if out.reduce]

    @property
    def parameters(self) -> list[str]:
        """The kernel's parameters: inputs, then the outputs that are arrays of their own."""
        own = [o for o, s in zip(self.outs, self.stores, strict=True) if not s.isdigit()]
        return self.arrays + own

    @property
    def parameters_of_block(self) -> list[str]:
        """The arrays that a block reads and stores to: all but the folded results."""
        folded = [o for o, s in zip(self.outs, self.stores, strict=True) if s == "r"]
        return [p for p in self.parameters if p not in folded]

    @property
    def length(self) -> str:
        """An expression for n, the length of the iteration space."""
        for name, letter in zip(self.arrays + self.outs, self.letters + self.stores, strict=True):
            if letter == "v":
                return f"{name}.size"
        return "1"

    def value(self, i: int) -> str:
        """The name of an input's value in registers."""
        return f"{self.arrays[i]}_"

    def index(self, array: str) -> str:
        """Where the innermost loop stands in `array`."""
        return "0" if array in self.arrays and self.letters[self.arrays.index(array)] in "ex" else "i"

    def load(self, i: int) -> str:
        """The assignment that brings input `i` into a register."""
        p = self.program.inputs[i]
        if self.letters[i] in NUMBERS:
            return f"{self.value(i)} = {cast(p.name, NUMBERS[self.letters[i]], p.loaded)}"
        return f"{self.value(i)} = {read(f'{p.name}[{self.index(p.name)}]', p.stored, p.loaded)}"

    def constants(self) -> list[str]:
        """Loads that do not move with the innermost index."""
        return [self.load(i) for i, c in enumerate(self.letters) if c not in "vc"]

    @property
    def guarded(self) -> bool:
        """Whether some function has a vectorizing form for the usual range of its argument only.

        A block is then tried with that form, and done again where it met an argument beyond. So
        nothing may be stored over an input.
        """
        used = {(f, i.compute) for i in self.program.body for f in functions(i.formula)}
        aliased = any(s.isdigit() for s in self.stores)
        return not aliased and any(self.names.vector(f, d) for f, d in used)

    def body(self, accumulators: list[str] | None = None, near: bool = False) -> list[str]:
        """Loads that move, instructions, then a store or a fold for each output."""
        loaded = [self.value(i) for i in range(len(self.arrays))]
        lines, values = statements(self.program, self.names, loaded, near)
        lines = [self.load(i) for i, c in enumerate(self.letters) if c in "vc"] + lines
        folded = iter(accumulators or [])
        for j, (out, value) in enumerate(zip(self.program.outputs, values, strict=True)):
            held = self.program.dtype(out.value)
            if out.reduce:
                lane = out.reduce.lane
                lines.append(self.fold(out.reduce, next(folded), cast(value, held, lane), lane))
            else:
                target = f"{self.outs[j]}[{self.index(self.outs[j])}]"
                lines.append(f"{target} = {write(value, held, out.dtype)}")
        return lines

    def fold(self, fold: Reduce, acc: str, x: str, dtype: str) -> str:
        """One step of a fold."""
        return f"{acc} = {render(fold.step, {'acc': acc, 'x': x}, dtype, self.names)}"

    def initial(self, fold: Reduce, dtype: str) -> str:
        """The value a fold starts from."""
        return render(fold.init, {}, dtype, self.names)

    def finish(self, out: Output, acc: str, n: str) -> str:
        """The stored value of a folded output."""
        fold = out.reduce
        assert fold is not None
        text = render(fold.final, {"acc": acc, "n": cast(n, "int64", fold.total)}, fold.total, self.names)
        return write(text, fold.total, out.dtype)

    def helpers(self) -> list[str]:
        """The sources of the scalar functions that the kernel calls."""
        used = {(f, i.compute) for i in self.program.body for f in functions(i.formula)}
        if any(p.stored == "float16" for p in self.program.inputs):
            used.add(("half_to_float", "float32"))
        if any(o.dtype == "float16" for o in self.program.outputs):
            used.add(("float_to_half", "float32"))
        wanted = [self.names.scalar(f, d) for f, d in sorted(used)]
        if self.guarded:
            wanted += [name for f, d in sorted(used) for name in self.names.vector(f, d) or ()]
        helpers: list[str] = self.names.helpers(wanted)
        return helpers


def read(text: str, stored: str, loaded: str) -> str:
    """An element as a register value; float16 is stored as its bits."""
    if stored == "float16":
        return cast(f"half_to_float({text})", "float32", loaded)
    return cast(text, stored, loaded)


def write(text: str, held: str, stored: str) -> str:
    """A register value as an element."""
    if stored == "float16":
        return f"float_to_half({cast(text, held, 'float32')})"
    return cast(text, held, stored)


def title(program: Program, layout: str) -> str:
    """The module's first line: what this kernel is."""
    types = ", ".join(p.stored for p in program.inputs)
    outs = ", ".join(f"{'fold ' if o.reduce else ''}{o.dtype}" for o in program.outputs)
    return f'"""{program.name}: ({types}) -> {outs}; layout {layout}."""'


def shorts(lines: Iterable[str]) -> list[str]:
    """Definitions of the short type names that `lines` use."""
    text = "\n".join(lines)
    return [f"{s} = np.{d if d != 'bool' else 'bool_'}" for d, s in SHORT.items() if f"{s}(" in text]


def module(doc: str, helpers: Iterable[str], decorator: str, kernel: list[str], imports: list[str]) -> str:
    """The module's text: imports, short type names, helpers, kernel."""
    parts = ["\n".join([doc, "", "import math", "", "import numpy as np", *imports])]
    short = shorts(kernel)
    if short:
        parts.append("\n".join(short))
    parts += [f"\n{decorator}\n{text.strip()}" for text in helpers]
    parts.append("\n" + "\n".join(kernel))
    return "\n\n".join(parts) + "\n"


# CPU


def njit(flags: str, *, parallel: bool = False) -> str:
    also = ", parallel=True, nogil=True" if parallel else ""
    return f'@njit(error_model="numpy", fastmath={flags}{also})'


# LLVM holds vectors to 256 bits on processors that once ran slower with more; loops that compute more
# than they load gain a quarter from the full width. Such a function stays apart from its caller,
# which might not have the attribute.
WIDE = '''@intrinsic
def use_wide_vectors(context):
    def generate(context, builder, signature, arguments):
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate'''


def cpu_module(writer: Writer, layout: str, kernel: list[str], *, parallel: bool) -> str:
    """A CPU kernel's module."""
    imports = ["from numba import njit, prange" if parallel else "from numba import njit"]
    helpers = writer.helpers()
    if helpers:
        imports = [imports[0] + ", types", "from numba.extending import intrinsic", "", WIDE]
        kernel = [part for line in kernel for part in (line, *_width(line))]
    return module(title(writer.program, layout), helpers, writer.names.DECORATOR, kernel, imports)


def _width(line: str) -> list[str]:
    return ["    use_wide_vectors()"] if line.startswith("def ") else []


def flat(program: Program, layout: str, names: ModuleType, *, parallel: bool = False) -> str:
    """A CPU kernel over n contiguous elements: kernel(*inputs, *outputs).

    for i in range(n): out[i] = f(a[i], b[i], ...)          and / or     out[0] = fold of f(...)
    """
    w = Writer(program, layout, names)
    kernel = _fold_kernel(w, parallel) if w.folds else _map_kernel(w, parallel)
    return cpu_module(w, layout, kernel, parallel=parallel)


def block(w: Writer, accs: list[str], near: bool) -> list[str]:
    """A function that does the elements from start to stop and returns its folds, and `near`."""
    if any(o.reduce and o.reduce.explicit for o in w.folds):
        return lanes_block(w, accs)
    starts = [f"{a} = {w.initial(o.reduce, o.reduce.lane)}" for a, o in zip(accs, w.folds, strict=True) if o.reduce]
    results = [*accs, "near"] if near else accs
    return [
        njit(FOLD_FLAGS if accs else MAP_FLAGS),
        f"def {'near_block' if near else 'block'}({', '.join(w.parameters_of_block)}, start, stop):",
        *indent([*w.constants(), *starts, *(["near = True"] if near else []), BLOCK_LOOP]),
        *indent(w.body(accs, near), 2),
        *indent([f"return {', '.join(results)}"] if results else []),
        "",
        "",
    ]


def lanes_block(w: Writer, accs: list[str]) -> list[str]:
    """The same by explicit lanes, an array each, so that every lane is its own loop-carried value."""
    pairs = [(f"{a}_lanes", a, o.reduce) for a, o in zip(accs, w.folds, strict=True) if o.reduce]
    return [
        njit(FOLD_FLAGS),
        f"def block({', '.join(w.parameters_of_block)}, start, stop):",
        *indent(w.constants()),
        *indent(f"{lanes} = np.full({LANES}, {w.initial(f, f.lane)})" for lanes, _, f in pairs),
        *indent([f"rest = stop - (stop - start) % {LANES}", f"for base in range(start, rest, {LANES}):"]),
        *indent([f"for k in range({LANES}):", "    i = np.uint64(base + k)"], 2),
        *indent([f"{acc} = {lanes}[k]" for lanes, acc, _ in pairs], 3),
        *indent(w.body(accs), 3),
        *indent([f"{lanes}[k] = {acc}" for lanes, acc, _ in pairs], 3),
        *indent([f"{acc} = {w.initial(f, f.lane)}" for _, acc, f in pairs]),
        *indent([f"for k in range({LANES}):"]),
        *indent([w.fold(f, acc, f"{lanes}[k]", f.lane) for lanes, acc, f in pairs], 2),
        *indent(["for i in range(np.uint64(rest), np.uint64(stop)):"]),
        *indent(w.body(accs), 2),
        *indent([f"return {', '.join(accs)}"]),
        "",
        "",
    ]


def _blocks(w: Writer, accs: list[str], size: int) -> tuple[list[str], list[str]]:
    """Functions that do a block, and the lines that do the one at `start`."""
    arguments = ", ".join([*w.parameters_of_block, "start", "stop"])
    stop = f"stop = min(n, start + {size})"
    results = ", ".join(accs)
    again = f"{results} = block({arguments})" if accs else f"block({arguments})"
    if not w.guarded:
        return block(w, accs, False), [stop, again]
    first = f"{', '.join([*accs, 'near'])} = near_block({arguments})"
    functions = [*block(w, accs, True), *block(w, accs, False)]
    return functions, [stop, first, "if not near:", *indent([again])]


def _map_kernel(w: Writer, parallel: bool) -> list[str]:
    if not parallel and not w.guarded:
        functions: list[str] = []
        loop = ["for i in range(n):", *indent(w.body())]
    else:
        size = MAP_BLOCK if not w.guarded else FOLD_BLOCK
        functions, lines = _blocks(w, [], size)
        loop = [f"for start in range(0, n, {size}):", *indent(lines)]
        if parallel:
            loop = [
                f"for k in prange((n + {size - 1}) // {size}):",
                *indent([f"start = k * {size}", *lines]),
            ]
    constants = [] if functions else w.constants()
    return [
        *functions,
        njit(MAP_FLAGS, parallel=parallel),
        f"def kernel({', '.join(w.parameters)}):",
        *indent([f"n = {w.length}", *constants, *loop]),
    ]


def _fold_kernel(w: Writer, parallel: bool) -> list[str]:
    """A block of lanes per call; the blocks' results fold in order, so threads change nothing."""
    accs = [f"acc{j}" for j in range(len(w.folds))]
    totals = [f"total{j}" for j in range(len(w.folds))]
    functions, lines = _blocks(w, accs, FOLD_BLOCK)
    begin, merge, end = [], [], []
    for a, t, o, s in zip(accs, totals, w.folds, [o for o, s in zip(w.outs, w.stores, strict=True) if s == "r"], strict=True):
        fold = o.reduce
        assert fold is not None
        begin.append(f"{t} = {w.initial(fold, fold.total)}")
        merge.append(w.fold(fold, t, cast(a, fold.lane, fold.total), fold.total))
        end.append(f"{s}[0] = {w.finish(o, t, 'n')}")
    loop = [f"for start in range(0, n, {FOLD_BLOCK}):", *indent([*lines, *merge])]
    if parallel:
        loop = _parallel_blocks(w, accs, lines, merge)
    return [
        *functions,
        njit(MAP_FLAGS, parallel=parallel),
        f"def kernel({', '.join(w.parameters)}):",
        *indent([f"n = {w.length}", *begin, *loop, *end]),
    ]


def _parallel_blocks(w: Writer, accs: list[str], lines: list[str], merge: list[str]) -> list[str]:
    parts = [f"parts{j}" for j in range(len(accs))]
    lanes = [o.reduce.lane for o in w.folds if o.reduce]
    return [
        f"blocks = (n + {FOLD_BLOCK - 1}) // {FOLD_BLOCK}",
        *(f"{p} = np.empty(blocks, np.{lane})" for p, lane in zip(parts, lanes, strict=True)),
        "for k in prange(blocks):",
        *indent([f"start = k * {FOLD_BLOCK}", *lines]),
        *indent([f"{p}[k] = {a}" for p, a in zip(parts, accs, strict=True)]),
        "for k in range(blocks):",
        *indent([*(f"{a} = {p}[k]" for a, p in zip(accs, parts, strict=True)), *merge]),
    ]


class StridedWriter(Writer):
    """A Writer whose arrays are walked by strides: `a_at1` is where array a stands in dimension 1."""

    def __init__(self, program: Program, layout: str, names: ModuleType, ndim: int) -> None:
        super().__init__(program, layout, names)
        self.ndim = ndim
        letters = dict(zip(self.arrays + self.outs, self.letters + self.stores, strict=True))
        self.walked = {a: c for a, c in letters.items() if c in "vce"}

    def at(self, array: str, depth: int) -> str:
        """The position of `array` before the loop over dimension `depth`."""
        return f"{array}_at{depth - 1}" if depth else f"{array}_at"

    def index(self, array: str) -> str:
        last = self.ndim - 1
        step = {"c": f" + i{last}", "v": f" + i{last} * {array}_s{last}", "e": ""}
        return self.at(array, last) + step[self.walked[array]]

    def unpack(self) -> list[str]:
        """Extents, then offset and strides of each array, out of `geometry`."""
        wanted = [f"n{d}" for d in range(self.ndim)]
        for a in self.walked:
            wanted += [self.at(a, 0), *(f"{a}_s{d}" for d in range(self.ndim))]
        return [f"{name} = geometry[{k}]" for k, name in enumerate(wanted)]

    def loops(self, depth: int, parallel: bool) -> list[str]:
        """The nest from dimension `depth` inwards."""
        if depth == self.ndim - 1:
            return [*self.constants(), f"for i{depth} in range(n{depth}):", *indent(self.body())]
        steps = [f"{self.at(a, depth + 1)} = {self.at(a, depth)} + i{depth} * {a}_s{depth}" for a in self.walked]
        head = [f"for i{depth} in range(n{depth}):"]
        if parallel and depth == 0:
            head, steps = ["for row in prange(np.int64(n0)):"], ["i0 = np.uint64(row)", *steps]
        return [*head, *indent([*steps, *self.loops(depth + 1, parallel)])]


def strided(program: Program, layout: str, ndim: int, names: ModuleType, *, parallel: bool = False) -> str:
    """A CPU kernel over an n-d space, each array walked by its own strides: kernel(geometry, *arrays).

    `geometry` is uint64: the extents, then offset and strides of each array, in elements. Unsigned,
    so that Numba adds no test for negative indices.

    for i0, i1, ...: out[oo + i0*so0 + i1*so1] = f(a[oa + i0*sa0 + i1*sa1], ...)
    """
    w = StridedWriter(program, layout, names, ndim)
    kernel = [
        njit(MAP_FLAGS, parallel=parallel),
        f"def kernel(geometry, {', '.join(w.parameters)}):",
        *indent([*w.unpack(), *w.loops(0, parallel)]),
    ]
    return cpu_module(w, f"{ndim}-d {layout}", kernel, parallel=parallel)
