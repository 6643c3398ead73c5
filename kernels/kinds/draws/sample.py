"""Scalar functions with loops in them, element by element: draws by rejection, and their slopes.

    for i in range(n):  out[i] = function(operand_0[i], operand_1[i], ...)

`params` are the `Sampler`, whose operands are float64, but for a key, which is int64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...source.draws.samples import STREAM, Sampler
from ...source.kind import Cost, Kind, Launches, Metas, Operand, Room, Run, Sizes, Stage, elements

_IMPORTS = '''"""{title}"""

from __future__ import annotations

import math

import numpy as np
from numba import njit'''


def _types(sampler: Sampler) -> list[str]:
    return ["int64" if name == "key" else "float64" for name in sampler.operands]


def _texts(sampler: Sampler, names: Any) -> list[str]:
    """What the kernel calls; Philox and its like only where there is a key."""
    own = sampler.sources
    if "key" not in sampler.operands:
        return own
    return [*names.helpers(STREAM.helpers), *STREAM.sources, *own]


def _title(sampler: Sampler) -> str:
    return (sampler.function.__doc__ or "").splitlines()[0]


def _call(sampler: Sampler) -> str:
    return f"out[i] = {sampler.name}({', '.join(f'{name}_[i]' for name in sampler.operands)})"


def _cpu(params: Sampler, names: Any, threads: bool) -> str:
    parts = [_IMPORTS.format(title=_title(params))]
    decorator = '@njit(error_model="numpy", fastmath={"contract"})'
    parts += [f"{decorator}\n{text.strip()}" for text in _texts(params, names)]
    arrays = ", ".join(f"{name}_" for name in params.operands)
    parts.append(f"""@njit(error_model="numpy")
def kernel({arrays}, out):
    for i in range(out.size):
        {_call(params)}""")
    return "\n\n\n".join(parts) + "\n"


def _launches(params: Sampler, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    from ...cuda import names
    from ...cuda.source.maps import Source, pointer
    from ...source.writer import module

    n = elements(metas[-1])
    arrays = [f"{name}_" for name in params.operands]
    kernel = [
        "@cuda.jit",
        f"def kernel({', '.join(arrays)}, out, n):",
        "    i = np.int64(cuda.grid(1))",
        "    while i < n:",
        f"        {_call(params)}",
        "        i += cuda.gridsize(1)",
    ]
    head = f'"""{_title(params)} (CUDA)"""\n\nfrom __future__ import annotations'
    texts = _texts(params, names)
    text = module(head, texts, names.DECORATOR, kernel, ["from numba import cuda"])
    types = [*map(pointer, _types(params)), pointer("float64"), "int64"]
    source = Source(text, f"void({', '.join(types)})")
    stage = Stage(source, room.blocks_for(n), room.threads, (*params.operands, "out", n))
    return Launches((stage,) if n else ())


def _oracle(params: Sampler, *operands: Any) -> None:
    """By the scalar function, in plain Python."""
    *given, out = operands
    out[:] = [params.function(*items) for items in zip(*given, strict=True)]


def _needs(params: Sampler, metas: Metas, sizes: Sizes, k: int, at: Any) -> tuple[Run | None, ...]:
    """The elements in the same place."""
    return tuple(Run(at) for _ in params.operands)


def _operands(params: Sampler) -> tuple[Operand, ...]:
    return (*(Operand(name, "r") for name in params.operands), Operand("out", "w"))


SAMPLE = Kind(
    name="sample",
    operands=_operands,
    oracle=_oracle,
    exact=lambda params: False,
    cpu=_cpu,
    grid=_launches,
    block=_launches,
    needs=_needs,
    cost=lambda params, metas, sizes: Cost(200 * elements(metas[-1]), 3 * elements(metas[-1])),
)
KEYS = np.iinfo(np.int64).max  # keys are below
