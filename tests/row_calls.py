"""The calls of kernel kinds that an op of op_info makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from unittest.mock import patch

from microgrest.kernels.cpu import kinds
from microgrest.kernels.source.kind import Kind

import microgrest as mg
from tests.op_info import KernelInfo


class KindCall(NamedTuple):
    """What `kinds.run` takes."""

    kind: Kind
    params: Any
    operands: Sequence[Any]
    sizes: tuple[int, ...]
    values: tuple[Any, ...]


def calls_of(info: KernelInfo, shape: tuple[int, ...], dtype: str) -> Iterator[KindCall]:
    """The calls of a row's kind, one for each of the op's options; nothing runs.

    None of a type that the op does not take.
    """
    for options in info.fitting(shape) if dtype in info.dtypes else ():
        found: list[KindCall] = []
        with patch.object(kinds, "run", lambda *call, to=found: to.append(KindCall(*call))):
            getattr(mg, info.name)(*map(mg.tensor, info.operands(shape, dtype)), **options)
        yield from found
