"""Every kernel that the rows make: for the tests of what compiles, and for `bench/kernels.py`."""

from __future__ import annotations

from collections.abc import Iterator

from microgrest.kernels.source.kind import Launches, Room
from microgrest.kernels.source.program import Program

from microgrest.dispatch.forms import Form
from microgrest.ops import ROWS, Row
from microgrest.types import dtypes
from microgrest.types.device import CPU
from tests.op_info import KernelInfo
from tests.row_calls import calls_of

ELEMENTWISE = [row for row in ROWS.values() if row.kind == "elementwise"]


def form_of(row: Row, dtype: dtypes.dtype) -> Form:
    """The row on tensors of `dtype`, masks being bool; for operands with a default, on numbers."""
    compute, result = row.types(dtype)
    loaded = [dtypes.bool_ if name in row.unpromoted else compute for name in row.args]
    stored = [
        None if name in row.defaults else dtypes.bool_ if name in row.unpromoted else dtype
        for name in row.args
    ]
    return Form(row, stored, loaded, result)


def flat_kernels(form: Form) -> Iterator[tuple[Program, str]]:
    """The programs of the form on contiguous tensors, forward and backward, and their layouts."""
    layout = "".join("f" if d is None else "v" for d in form.stored)
    yield form.program, f"{layout}v"
    if form.differentiable:
        backward = form.backward(form.stored, layout, CPU)
        if backward.computed:
            yield backward.program(True), backward.letters("v")


def dtype_of(row: Row) -> dtypes.dtype:
    """float32, or int64 for rows that take integers alone."""
    return dtypes.int64 if row.formula == "!" else dtypes.float32


def launches(info: KernelInfo, dtype: str) -> Iterator[Launches]:
    """What the op queues on a GPU, of few elements and of many, in each of its options."""
    calls = [c for shape in ((3, 5), (2, 30_000)) for c in calls_of(info, shape, dtype)]
    for call in calls:
        metas = tuple(x.size for x in call.operands)
        for make, room in ((call.kind.grid, Room(256, 64)), (call.kind.block, Room(256, 1))):
            if make is not None:
                found = make(call.params, metas, call.sizes, room)
                assert isinstance(found, Launches)
                yield found
