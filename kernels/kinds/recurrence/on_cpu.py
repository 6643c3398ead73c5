"""The CPU's source: products of all sequences of a step by BLAS, then units side by side.

forward     for t: by_state = h weight.T; for b, j: a step of a unit
backward    for t, the last first: for b, j: the way back through it; dh = dgates weight
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import ModuleType

from ...libraries import blas
from ...source.codegen import MAP_FLAGS, interpreted, njit
from ...source.writer import indent, module
from . import text
from .text import Recurrence

# No operand that is written shares memory with another: where LLVM knows, units go in full vectors,
# and there are too many operands for it to find out as it goes.
_APART = """@intrinsic
def share_nothing(context):
    def generate(context, builder, signature, arguments):
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        builder.function.attributes.add("noinline")
        for argument in builder.function.args:
            if isinstance(argument.type, ir.PointerType):
                argument.add_attribute("noalias")
        return context.get_dummy_value()

    return types.void(), generate


"""
SIZES = ("steps", "batch", "hidden", "shown", "reverse")


def forward(p: Recurrence, arrays: Sequence[str], names: ModuleType) -> str:
    """kernel(gemm, *arrays, *SIZES)"""
    gates = p.cell.gates
    read = [*arrays, "by_state"]
    units = _units(p, read, text.forward(p, names, {}))
    step = [
        *_copy("before[first * shown + i] = h[i]", "n * shown"),
        _product("n", gates, "hidden", "shown", "h, 0", "weight, 0, 0, shown, 1", "by_state, 0"),
        f"units({', '.join(read)}, first, n, hidden)",
    ]
    if p.projected:
        into = "y, first * shown"
        by = "project, 0, 0, hidden, 1"
        step.append(_product("n", 1, "shown", "hidden", "m, first * hidden", by, into))
        step += _copy("h[i] = y[first * shown + i]", "n * shown")
    body = [
        f"by_state = np.empty(batch * {gates} * hidden, gates.dtype)",
        *_copy("h[i] = h0[i]", "h.size"),
        *(_copy("c[i] = c0[i]", "c.size") if p.cell.memory else []),
        *_steps(p, "reverse", step),
    ]
    return _module(p, "forward", names, units, arrays, body)


def backward(p: Recurrence, arrays: Sequence[str], names: ModuleType) -> str:
    """kernel(gemm, *arrays, *SIZES)"""
    gates, read = p.cell.gates, [*arrays, *(["dm"] if p.projected else [])]
    found = {"d": "dm[own]" if p.projected else "dh[own] + dy[at]"}
    units = _units(p, read, text.backward(p, names, found))
    by_gates = "dstate" if p.cell.apart else "dgates"
    step, scratch = [], []
    if p.projected:
        scratch.append("dm = np.empty(batch * hidden, dy.dtype)")
        step += _copy("dshown[first * shown + i] = dh[i] + dy[first * shown + i]", "n * shown")
        by = "project, 0, 0, 1, hidden"
        step.append(_product("n", 1, "hidden", "shown", "dshown, first * shown", by, "dm, 0"))
    step.append(f"units({', '.join(read)}, first, n, hidden)")
    target = "through" if p.cell.apart else "dh"
    left = f"{by_gates}, first * {gates} * hidden"
    right = "weight, 0, 0, 1, shown"
    step.append(_product("n", 1, "shown", f"{gates} * hidden", left, right, f"{target}, 0"))
    if p.cell.apart:
        scratch.append("through = np.empty(batch * shown, dy.dtype)")
        step += _copy("dh[i] += through[i]", "n * shown")
    body = [
        *scratch,
        *_copy("dh[i] = dh_n[i]", "dh.size"),
        *(_copy("dc[i] = dc_n[i]", "dc.size") if p.cell.memory else []),
        *_steps(p, "not reverse", step),
    ]
    return _module(p, "backward", names, units, arrays, body)


def _units(p: Recurrence, arrays: Iterable[str], lines: list[str]) -> list[str]:
    """A function that does what `lines` do for each unit of a step's rows."""
    gates, kept = (f"np.uint64({n})" for n in (p.cell.gates, p.cell.kept))
    return [
        *([] if interpreted() else [_APART]),
        njit(MAP_FLAGS),
        f"def units({', '.join(arrays)}, first, n, hidden):",
        *([] if interpreted() else ["    share_nothing()"]),
        "    width = np.uint64(hidden)",
        f"    {text.WIDTHS}",
        "    for b in range(np.uint64(n)):",
        "        row = np.uint64(first) + b",
        "        for j in range(width):",
        "            own, at = b * width + j, row * width + j",
        f"            state, gate = b * width * {gates} + j, row * width * {gates} + j",
        f"            keep = row * width * {kept} + j",
        *indent(lines, 3),
        "",
        "",
    ]


def _product(m: str, gates: int, n: str, k: str, a: str, b: str, out: str) -> str:
    """out (m, gates * n) = a (m, k) times b, which lies as it says."""
    columns = n if gates == 1 else f"{gates} * {n}"
    return f"product(gemm, 1, {m}, {columns}, {k}, {a}, 0, {k}, 1, {b}, {out}, 0, {columns}, 1)"


def _copy(line: str, count: str) -> list[str]:
    return [f"for i in range(np.uint64({count})):", f"    {line}"]


def _steps(p: Recurrence, backwards: str, step: list[str]) -> list[str]:
    """The loop over steps: that of step t has `n` rows, from `first` on."""
    rows = "starts[t], starts[t + 1] - starts[t]" if p.packed else "t * batch, batch"
    return [
        "for k in range(steps):",
        f"    t = steps - 1 - k if {backwards} else k",
        f"    first, n = {rows}",
        *indent(step),
    ]


def _module(
    p: Recurrence,
    way: str,
    names: ModuleType,
    units: list[str],
    arrays: Sequence[str],
    body: list[str],
) -> str:
    kernel = [
        blas.source(),
        "",
        *units,
        njit(MAP_FLAGS),
        f"def kernel({', '.join(['gemm', *arrays, *SIZES])}):",
        *indent(body),
    ]
    doc = f'"""{p.name}, {way}: {p.dtype}."""'
    return module(doc, text.helpers(p, names), names.DECORATOR, kernel, [*blas.IMPORTS])
