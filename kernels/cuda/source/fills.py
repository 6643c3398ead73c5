"""Sources of the CUDA kernels of random draws: a thread per counter of Philox."""

from __future__ import annotations

from types import ModuleType

from ...source.draws.philox import INTEGER, Draw
from ...source.scalar import cast
from ...source.writer import indent, module
from .maps import Source, memory_type, pointer

_WORDS = ("a", "b", "c", "d")  # of a counter


def source(draw: Draw, dtype: str, names: ModuleType) -> Source:
    """kernel(out, seed, offset, size, *parameters), with `size` elements of `dtype` in `out`.

    for i in range(thread, counters, threads):  a, b, c, d = philox(seed, offset + i)
        out[i * per_counter : ...] = draw(a, ..., *parameters), ...
    """
    stored, k = memory_type(dtype), draw.per_counter
    kernel = [
        "@cuda.jit",
        f"def kernel({', '.join(['out', 'seed', 'offset', 'size', *draw.parameters])}):",
        *indent([f"counters = (size + {k - 1}) // {k}", "i = np.int64(cuda.grid(1))"]),
        *indent(["while i < counters:"]),
        *indent([f"{', '.join(_WORDS)} = philox(seed, offset + np.uint64(i))"], 2),
        *indent([f"at = i * {k}", *_stores(draw, stored), "i += cuda.gridsize(1)"], 2),
    ]
    doc = f'"""{(draw.function.__doc__ or "").splitlines()[0]} ({dtype}, CUDA)"""'
    helpers = [*names.helpers(draw.helpers), *draw.sources]
    head = f"{doc}\n\nfrom __future__ import annotations"
    text = module(head, helpers, names.DECORATOR, kernel, ["from numba import cuda"])
    types = [pointer(stored), "uint64", "uint64", "int64", *_types(draw)]
    return Source(text, f"void({', '.join(types)})")


def _types(draw: Draw) -> list[str]:
    """The types of the parameters: words, unless the values are floating-point numbers."""
    floating = draw.dtype.startswith("float")
    return [draw.dtype if floating else "uint64"] * len(draw.parameters)


def _stores(draw: Draw, stored: str) -> list[str]:
    """The values of one counter, each stored unless it is past the end."""
    lines, values = [], ["x", "y"][: draw.values]
    for group in range(4 // draw.words):
        words = _WORDS[group * draw.words :][: draw.words]
        arguments = ", ".join([*words, *draw.parameters])
        lines.append(f"{', '.join(values)} = {draw.function.__name__}({arguments})")
        for j, value in enumerate(values, group * draw.values):
            store = f"out[at + {j}] = {cast(value, draw.dtype, stored)}"
            lines += [f"if at + {j} < size:", f"    {store}"] if j else [store]
    return lines


def permutation() -> Source:
    """kernel(out, size, seed, offset): a permutation, drawn by the first thread, step by step."""
    kernel = [
        "@cuda.jit",
        "def kernel(out, size, seed, offset):",
        "    if cuda.threadIdx.x == 0:",
        "        for i in range(size):",
        "            x, y, z, _ = philox(seed, offset + np.uint64(i))",
        "            j = np.int64(below(x, y, z, np.uint64(i + 1)))",
        "            out[i] = out[j]",
        "            out[j] = i",
    ]
    doc = '"""A permutation, by one thread, CUDA."""\n\nfrom __future__ import annotations'
    decorator = "@cuda.jit(device=True)"
    text = module(doc, INTEGER.sources, decorator, kernel, ["from numba import cuda"])
    return Source(text, "void(CPointer(int64), int64, uint64, uint64)")
