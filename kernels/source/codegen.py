"""Program + layout -> the readable source of one CPU kernel. `writer` says what a layout is.

Loops that only map carry {contract}; loops that fold carry the whole re-association set, which
keeps NaN and infinity. Scalar helpers are functions of their own with {contract} only.
"""

from __future__ import annotations

from types import ModuleType

from .program import Program
from .scalar import cast
from .writer import StridedWriter, Writer, indent, module, title

MAP_FLAGS = '{"contract"}'
FOLD_FLAGS = '{"contract", "reassoc", "arcp", "nsz"}'
# Elements of a block: what one float32 lane sum covers, and what one parallel task does.
FOLD_BLOCK = 2048
MAP_BLOCK = 16384
# Elements that an accumulator in memory takes between its load and its store. With one, a step that
# keeps one of two values would store what it has loaded, or the other: LLVM makes a masked store of
# that, which takes ten times as long.
TOGETHER = 2
# Unsigned: Numba tests no index for a count from the end then, which SIMD would not survive.
BLOCK_LOOP = "for i in range(np.uint64(start), np.uint64(stop)):"


def njit(flags: str, *, parallel: bool = False, counted: bool = True) -> str:
    """A decorator; not `counted`, without counts of references.

    Numba counts atomically whenever a part of an array is taken, which cost a fit a third of its
    time, and threads that share the array wait for one another.
    """
    also = ", parallel=True, nogil=True" if parallel else "" if counted else ", _nrt=False"
    return f'@njit(error_model="numpy", fastmath={flags}{also})'


# LLVM holds vectors to 256 bits on processors whose forerunners ran slower with more; loops that
# compute more than they load gain a quarter from the full width. Such a function stays apart from
# its caller, which might not have the attribute.
WIDE = """@intrinsic
def use_wide_vectors(context):
    def generate(context, builder, signature, arguments):
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate"""


def cpu_module(writer: Writer, layout: str, kernel: list[str], *, parallel: bool) -> str:
    """A CPU kernel's module."""
    imports = ["from numba import njit, prange" if parallel else "from numba import njit"]
    helpers = writer.helpers()
    if helpers and not interpreted():
        imports = [imports[0] + ", types", "from numba.extending import intrinsic", "", WIDE]
        kernel = [part for line in kernel for part in (line, *_width(line))]
    return module(title(writer.program, layout), helpers, writer.names.DECORATOR, kernel, imports)


def interpreted() -> bool:
    """Whether kernels run as plain Python (NUMBA_DISABLE_JIT), where there are no intrinsics."""
    from numba import config

    return bool(vars(config)["DISABLE_JIT"])


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
    folds = [(acc, o.reduce) for acc, o in zip(accs, w.folds, strict=True) if o.reduce]
    starts = [f"{acc} = {w.initial(fold, fold.lane)}" for acc, fold in folds]
    starts += ["near = True"] if near else []
    results = [*accs, "near"] if near else accs
    name = "near_block" if near else "block"
    return [
        njit(FOLD_FLAGS if accs else MAP_FLAGS),
        f"def {name}({', '.join(w.parameters_of_block)}, start, stop):",
        *indent([*w.constants(), *starts, BLOCK_LOOP, *indent(w.body(accs, near))]),
        *indent([f"return {', '.join(results)}"] if results else []),
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
    results = [o for o, s in zip(w.outs, w.stores, strict=True) if s == "r"]
    begin, merge, end = [], [], []
    for acc, total, out, stored in zip(accs, totals, w.folds, results, strict=True):
        fold = out.reduce
        assert fold is not None
        begin.append(f"{total} = {w.initial(fold, fold.total)}")
        merge.append(w.fold(fold, total, cast(acc, fold.lane, fold.total), fold.total))
        end.append(f"{stored}[0] = {w.finish(out, total, 'n')}")
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


def strided(
    program: Program, layout: str, ndim: int, names: ModuleType, *, parallel: bool = False
) -> str:
    """A CPU kernel over an n-d space that walks arrays by strides: kernel(geometry, *arrays).

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
