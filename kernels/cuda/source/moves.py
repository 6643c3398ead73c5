"""Sources of the CUDA kernels that gather and scatter, a thread per position.

    gather(x, places, values, n)                values[i] = x[places[i]]
    pair(places, index, n, shift)               places[i] = index[i] << shift | i
    put(x, places, values, n, shift)            x[place] = values[i]
    scatter_add(x, places, values, n, shift)    x[place] += values[i]
    scatter_mul, scatter_max, scatter_min       the same for products and extrema

All but the first two take sorted pairs: all that goes to one place stands side by side, in the
order of i, and one thread does it. One block needs no sort: see `in_order`.
"""

from __future__ import annotations

from ...source.scalar import SHORT
from ...source.writer import indent, module
from .maps import Source, memory_type, pointer

UNROLL = 8  # summands that are loaded together


def source(name: str, dtype: str) -> Source:
    """The kernel `name`, as above, for values of type `dtype`."""
    values = pointer(memory_type(dtype))
    places = "CPointer(int64)" if name == "gather" else "CPointer(uint64)"
    parameters = {"x": values, "places": places, "values": values, "n": "int64"}
    if name == "pair":
        parameters = {"places": "CPointer(uint64)", "index": "CPointer(int64)", "n": "int64"}
    if name != "gather":
        parameters["shift"] = "uint64"
    body = _BODIES[name] if name in _BODIES else _meet(name, dtype)
    lines = [
        "i = np.int64(cuda.grid(1))",
        "while i < n:",
        *indent([*body, "i += cuda.gridsize(1)"]),
    ]
    return _module(f"{name}: {dtype}", parameters, lines)


def in_order(name: str, dtype: str, threads: int) -> Source:
    """put(x, index, values, n), scatter_add(x, index, values, n), ... for one block of `threads`.

    Each thread goes through all positions, and does what falls to elements of its own.
    """
    values = pointer(memory_type(dtype))
    parameters = {"x": values, "index": "CPointer(int64)", "values": values, "n": "int64"}
    change = "values[i]" if name == "put" else _both(name, "x[j]", "values[i]", dtype)
    loop = ["j = index[i]", f"if j % {threads} == thread:", f"    x[j] = {change}"]
    lines = ["thread = np.int64(cuda.threadIdx.x)", "for i in range(n):", *indent(loop)]
    return _module(f"{name} in order: {dtype}", parameters, lines)


def _module(title: str, parameters: dict[str, str], lines: list[str]) -> Source:
    kernel = ["@cuda.jit", f"def kernel({', '.join(parameters)}):", *indent(lines)]
    text = module(f'"""{title}, CUDA."""', [], "", kernel, ["from numba import cuda"])
    return Source(text, f"void({', '.join(parameters.values())})")


def _both(name: str, x: str, y: str, dtype: str) -> str:
    """What becomes of two elements that meet, of their type."""
    short = "u8" if dtype == "bool" else SHORT[dtype]
    if name in _BETTER:
        return f"{short}({y} if {y} {_BETTER[name]} {x} or {y} != {y} else {x})"
    operator = "*" if name == "scatter_mul" else "|" if dtype == "bool" else "+"
    return f"{short}({x} {operator} {y})"


_BETTER = {"scatter_max": ">", "scatter_min": "<"}
_PLACE = "place = places[i] >> shift"
_MASK = "mask = (np.uint64(1) << shift) - np.uint64(1)"
_BODIES = {
    "gather": ["values[i] = x[places[i]]"],
    "pair": ["places[i] = np.uint64(index[i]) << shift | np.uint64(i)"],
    # The last of those that go to one place.
    "put": [
        _PLACE,
        "if i + 1 == n or places[i + 1] >> shift != place:",
        *indent([_MASK, "x[place] = values[places[i] & mask]"]),
    ],
}


def _meet(name: str, dtype: str) -> list[str]:
    """The first of those that go to one place takes them all, `UNROLL` at a time while it can."""
    several = range(UNROLL)
    return [
        _PLACE,
        "if i == 0 or places[i - 1] >> shift != place:",
        *indent([_MASK, "total = x[place]", "j = i"]),
        *indent([f"while j + {UNROLL} <= n and places[j + {UNROLL - 1}] >> shift == place:"]),
        *indent([f"v{k} = values[places[j + {k}] & mask]" for k in several], 2),
        *indent([f"total = {_both(name, 'total', f'v{k}', dtype)}" for k in several], 2),
        *indent([f"j += {UNROLL}"], 2),
        *indent(["while j < n and places[j] >> shift == place:"]),
        *indent(["v0 = values[places[j] & mask]"], 2),
        *indent([f"total = {_both(name, 'total', 'v0', dtype)}", "j += 1"], 2),
        *indent(["x[place] = total"]),
    ]
