"""Every elementwise row as a CUDA kernel: to PTX, to a cubin, examined. No GPU is needed."""

from __future__ import annotations

import re
from ctypes import CFUNCTYPE, c_void_p
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from catalog import ELEMENTWISE, dtype_of, flat_kernels, form_of, launches
from checks import CAPABILITIES, by_capability, examine, lowered_once
from microgrest.kernels import cache
from microgrest.kernels.cuda import names
from microgrest.kernels.cuda.driver import compile as compiler
from microgrest.kernels.cuda.source import moves, radix, wide
from microgrest.kernels.cuda.source.axis import lines, scans
from microgrest.kernels.cuda.source.maps import flat, strided
from microgrest.kernels.source.kind import Launches, Room
from numba import cfunc, types

from microgrest.dispatch.families.scan import program_of
from microgrest.dispatch.forms import Form
from microgrest.ops import ROWS, Row
from microgrest.types import dtypes
from tests.kernels.recurrence_calls import of_recurrences
from tests.kernels.test_kinds import Called, of_windows
from tests.line_programs import programs
from tests.op_info import KERNELS, KernelInfo

pytest.importorskip(
    "numba_cuda", reason="numba-cuda is not installed: pip install 'microgrest[cuda13]'"
)

# How often the PTX mentions float64 at most where there are no float64 operands: only to bring a
# huge argument into one period, per element.
DOUBLES = dict.fromkeys(["sin", "sin_backward", "cos", "cos_backward", "tan", "sinc"], 4)
DOUBLES |= {"sinc_backward": 8}
# Rows whose functions compute in float64, of which the longest take more registers.
IN_FLOAT64 = re.compile(
    "(frexp|lgamma|digamma|polygamma|i0|special_(zeta|i0e|i1|i1e|erfcx|log_ndtr|ndtri))(_|$)"
)


def check_elementwise(source: compiler.Source, capability: tuple[int, int], label: str) -> None:
    """Compile, and check what every elementwise kernel must be."""
    in_float64 = IN_FLOAT64.match(label) is not None
    kernel = examine(source, capability, label, 255 if in_float64 else 64)
    assert kernel.cubin.startswith(b"\x7fELF")
    assert kernel.entry.encode() in kernel.cubin
    if "float64" not in source.signature and not in_float64:
        elements = 4 if "load_run" in source.text else 1
        assert kernel.doubles <= DOUBLES.get(label, 0) * elements


@by_capability
@pytest.mark.parametrize("row", ELEMENTWISE, ids=lambda row: row.name)
def test_every_row(row: Row, capability: tuple[int, int]) -> None:
    for program, layout in flat_kernels(form_of(row, dtype_of(row))):
        check_elementwise(flat(program, layout, names), capability, program.name)


@by_capability
@pytest.mark.parametrize("info", KERNELS, ids=str)
def test_every_kind(info: KernelInfo, capability: tuple[int, int]) -> None:
    """Short lines and long ones, by one block and by many."""
    for dtype in ("float32", "int64", "float16", "uint8"):
        for found in launches(info, dtype):
            for stage in found.stages:
                assert examine(stage.source, capability, info.name).cubin.startswith(b"\x7fELF")


@by_capability
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lines(dtype: str, capability: tuple[int, int]) -> None:
    """By a thread for each line, and by a block."""
    for program in programs(dtype):
        for source in (lines.each(program, names), lines.together(program, names, 64)):
            kernel = examine(source, capability, program.name, registers=128)
            assert kernel.cubin.startswith(b"\x7fELF")
            assert dtype == "float64" or not kernel.doubles


@by_capability
def test_windows_and_recurrences(capability: tuple[int, int]) -> None:
    """Convolutions, pooling and the like, by one block and by many, each text once."""
    texts = set()
    for call in (*of_windows(), *(Called(*call) for call in of_recurrences())):
        for make, room in ((call.kind.grid, Room(256, 64)), (call.kind.block, Room(256, 1))):
            assert make is not None
            found = make(call.params, call.metas, call.sizes, room)
            assert isinstance(found, Launches) and found.stages
            for stage in found.stages:
                if stage.source.text not in texts:
                    # Two dozen numbers of 64 bits; a block of 256 threads has 255 registers each.
                    kernel = examine(stage.source, capability, call.kind.name, registers=128)
                    assert kernel.cubin.startswith(b"\x7fELF")
                    assert "float64" in stage.source.signature or not kernel.doubles
                    texts.add(stage.source.text)


@pytest.mark.parametrize(
    ("dtype", "rows"),
    [
        ("float64", "add div exp log sin tanh erf erfinv pow hypot sigmoid where to_float32"),
        ("float16", "add div exp tanh erf pow sigmoid gelu where to_float64"),
        ("int64", "add neg pow floor_divide remainder exp maximum where eq to_bool to_float16"),
        ("int8", "add mul floor_divide where to_float32"),
        ("bool", "add mul exp logical_and bitwise_xor where eq to_uint8 clone"),
    ],
)
def test_types(dtype: str, rows: str) -> None:
    for row in rows.split():
        for program, layout in flat_kernels(form_of(ROWS[row], dtypes.BY_NAME[dtype])):
            check_elementwise(flat(program, layout, names), (7, 5), program.name)


@pytest.mark.parametrize("layout", ["evv", "xvv", "vev", "eev", "fvv", "viv", "ve0", "vv1"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bool"])
def test_flat_layouts(dtype: str, layout: str) -> None:
    d = dtypes.BY_NAME[dtype]
    stored = [None if letter in "fi" else d for letter in layout[:2]]
    program = Form(ROWS["mul"], stored, [d, d], d).program
    check_elementwise(flat(program, layout, names), (7, 5), "mul")


@pytest.mark.parametrize(
    ("layout", "ndim"), [("vcc", 1), ("vec", 2), ("cfv", 2), ("evc", 3), ("vvv", 4), ("vvv", 8)]
)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bool"])
def test_strided_layouts(dtype: str, layout: str, ndim: int) -> None:
    d = dtypes.BY_NAME[dtype]
    stored = [None if letter in "fi" else d for letter in layout[:2]]
    program = Form(ROWS["mul"], stored, [d, d], d).program
    check_elementwise(strided(program, layout, ndim, names), (7, 5), "mul")


@pytest.mark.parametrize("row", ELEMENTWISE, ids=lambda row: row.name)
def test_every_row_by_runs(row: Row) -> None:
    for program, layout in flat_kernels(form_of(row, dtype_of(row))):
        check_elementwise(wide.flat(program, layout, names), (9, 0), program.name)


@pytest.mark.parametrize(
    ("dtype", "rows"),
    [
        ("float64", "add div exp log sin erf pow where to_float32"),
        ("float16", "add addcdiv atan2 erfinv hypot logaddexp pow round_decimals where"),
        ("int64", "add neg pow floor_divide where eq to_bool to_float16"),
        ("int8", "add mul floor_divide where to_float32"),
    ],
)
def test_types_by_runs(dtype: str, rows: str) -> None:
    for row in rows.split():
        for program, layout in flat_kernels(form_of(ROWS[row], dtypes.BY_NAME[dtype])):
            check_elementwise(wide.flat(program, layout, names), (7, 5), program.name)


@by_capability
@pytest.mark.parametrize(
    ("dtype", "row", "layout", "accesses"),
    [
        ("float32", "mul", "vvv", ["ld.global.v4.f32"] * 2 + ["st.global.v4"]),
        ("float32", "sin", "vv", ["ld.global.v4.f32", "st.global.v4"]),
        ("float32", "where", "vvvv", ["ld.global.u32", *["ld.global.v4.f32"] * 2, "st.global.v4"]),
        ("float32", "eq", "vvv", ["ld.global.v4.f32"] * 2 + ["st.global.u32"]),
        ("float32", "mul", "ve0", ["ld.global.v4.f32", "st.global.v4"]),
        ("float64", "add", "vvv", ["ld.global.v2.f64"] * 2 + ["st.global.v2"]),
        ("float16", "add", "vvv", ["ld.global.v4.u32"] * 2 + ["st.global.v4.u32"]),
        ("int8", "mul", "vvv", ["ld.global.v4.u32"] * 2 + ["st.global.v4.u32"]),
        ("bool", "clone", "vv", ["ld.global.v4.u32", "st.global.v4.u32"]),
        ("bool", "to_float64", "vv", ["ld.global.v2.u8", "st.global.v2"]),
        ("float64", "pow", "vvv", []),
    ],
)
def test_runs_move_at_once(
    dtype: str, row: str, layout: str, accesses: list[str], capability: tuple[int, int]
) -> None:
    program = form_of(ROWS[row], dtypes.BY_NAME[dtype]).program
    source = wide.flat(program, layout, names)
    check_elementwise(source, capability, row)
    found = re.findall(
        r"\b(?:ld|st)\.global\.(?:v\d\S*|u32)", compiler._ptx(source, capability, row)
    )
    assert len(found) == len(accesses)
    for access, start in zip(sorted(found), sorted(accesses), strict=True):
        assert access.startswith(start)


@pytest.mark.parametrize(
    ("dtype", "run"),
    [
        *[("uint8", 2), ("uint8", 4), ("int8", 16), ("uint16", 8), ("int16", 2), ("int32", 4)],
        *[("float32", 4), ("float32", 2), ("float64", 2)],
    ],
)
def test_runs_take_elements_apart_and_together(dtype: str, run: int) -> None:
    """The intrinsics as machine code of the CPU, from `a` to `b` turned around."""
    text = wide.INTRINSICS.replace("{run}", str(run))
    tools = cache.load(text.replace("numba.cuda.extending", "numba.extending"), "runs")
    load_run, store_run = tools.load_run, tools.store_run
    pointer = types.CPointer(getattr(types, dtype))

    @cfunc(types.void(pointer, pointer))
    def turn(a: Any, b: Any) -> None:
        store_run(b, run, load_run(a, run)[::-1])

    a = (np.arange(3 * run) * 37 - 200).astype(dtype)
    b = np.zeros(3 * run, dtype)
    CFUNCTYPE(None, c_void_p, c_void_p)(turn.address)(a.ctypes.data, b.ctypes.data)
    np.testing.assert_array_equal(b[run : 2 * run], a[run : 2 * run][::-1])
    assert not b[:run].any()
    assert not b[2 * run :].any()


def test_a_kept_cubin_is_not_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MICROGREST_CACHE_DIR", str(tmp_path))
    source = flat(form_of(ROWS["add"], dtypes.float32).program, "vvv", names)
    made = compiler.compiled(source, (7, 5))
    assert made != compiler.compiled(source, (9, 0))
    monkeypatch.delattr(compiler, "_ptx")
    assert compiler.compiled(source, (7, 5)) == made


@pytest.mark.parametrize("kind", ["float16", "sort", "scatter", "scan"])
def test_capabilities_share_what_numba_makes(kind: str) -> None:
    """The PTX of a kernel lowered for one capability and of one lowered for the other."""
    scan = program_of(ROWS["cumsum"], dtypes.float32, False)
    source = {
        "float16": lambda: flat(form_of(ROWS["tanh"], dtypes.float16).program, "vv", names),
        "sort": lambda: radix.source("sums", 256),
        "scatter": lambda: moves.source("scatter_add", "float32"),
        "scan": lambda: scans.rows(scan, names, 32),
    }[kind]()
    with lowered_once():
        once = [compiler._ptx(source, capability, kind) for capability in CAPABILITIES]
    each = [compiler._ptx(source, capability, kind) for capability in CAPABILITIES]
    assert [*map(without_serials, once)] == [*map(without_serials, each)]
    assert ".target sm_75" in once[0] and ".target sm_90" in once[1]


def without_serials(ptx: str) -> str:
    """The text with names that Numba numbers through replaced."""
    return re.sub(r"_Z\w+|_cudapy\w+", "name", ptx)


def test_the_linker_says_what_it_refuses() -> None:
    with pytest.raises(RuntimeError, match=r"nvJitLink: .*Unsupported \.version 99\.0"):
        compiler._link(".version 99.0", (7, 5))
