"""Every elementwise row as a CUDA kernel: to PTX, to a cubin, examined. No GPU is needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from microgrest.kernels.codegen_cuda import flat, strided
from microgrest.kernels.cuda import compile as compiler, names
from microgrest.kernels.program import Program

from microgrest import dtypes
from microgrest.dispatch.elementwise import Form
from microgrest.ops import ROWS, Row

pytest.importorskip(
    "numba_cuda", reason="numba-cuda is not installed: pip install 'microgrest[cuda13]'"
)

ELEMENTWISE = [row for row in ROWS.values() if row.kind == "elementwise"]
CAPABILITIES = [(7, 5), (9, 0)]
# Without float64 operands, float64 serves only to bring a huge argument into one period.
TRIGONOMETRIC = ["sin", "sin_backward", "cos", "cos_backward", "tan", "sinc", "sinc_backward"]


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
        backward = form.backward(form.stored, layout)
        if backward.computed:
            yield backward.program(True), backward.letters("v")


def examine(source: compiler.Source, capability: tuple[int, int], label: str) -> None:
    """Compile, and check what every kernel must be."""
    kernel = compiler.compiled(source, capability, label)
    assert kernel.cubin.startswith(b"\x7fELF")
    assert kernel.entry.encode() in kernel.cubin
    assert kernel.spills == 0
    assert kernel.registers <= 64
    if "float64" not in source.signature:
        assert (kernel.doubles > 0) == (label in TRIGONOMETRIC)


@pytest.mark.parametrize("capability", CAPABILITIES, ids="sm_{0[0]}{0[1]}".format)
@pytest.mark.parametrize("row", ELEMENTWISE, ids=lambda row: row.name)
def test_every_row(row: Row, capability: tuple[int, int]) -> None:
    dtype = dtypes.int64 if row.formula == "!" else dtypes.float32
    for program, layout in flat_kernels(form_of(row, dtype)):
        examine(flat(program, layout, names), capability, program.name)


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
            examine(flat(program, layout, names), (7, 5), program.name)


@pytest.mark.parametrize("layout", ["evv", "xvv", "vev", "eev", "fvv", "viv", "ve0", "vv1"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bool"])
def test_flat_layouts(dtype: str, layout: str) -> None:
    d = dtypes.BY_NAME[dtype]
    stored = [None if letter in "fi" else d for letter in layout[:2]]
    program = Form(ROWS["mul"], stored, [d, d], d).program
    examine(flat(program, layout, names), (7, 5), "mul")


@pytest.mark.parametrize(
    ("layout", "ndim"), [("vcc", 1), ("vec", 2), ("cfv", 2), ("evc", 3), ("vvv", 4), ("vvv", 8)]
)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bool"])
def test_strided_layouts(dtype: str, layout: str, ndim: int) -> None:
    d = dtypes.BY_NAME[dtype]
    stored = [None if letter in "fi" else d for letter in layout[:2]]
    program = Form(ROWS["mul"], stored, [d, d], d).program
    examine(strided(program, layout, ndim, names), (7, 5), "mul")


def test_a_kept_cubin_is_not_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MICROGREST_CACHE_DIR", str(tmp_path))
    source = flat(form_of(ROWS["add"], dtypes.float32).program, "vvv", names)
    made = compiler.compiled(source, (7, 5))
    assert made != compiler.compiled(source, (9, 0))
    monkeypatch.delattr(compiler, "_ptx")
    assert compiler.compiled(source, (7, 5)) == made


def test_the_linker_says_what_it_refuses() -> None:
    with pytest.raises(RuntimeError, match=r"nvJitLink: .*Unsupported \.version 99\.0"):
        compiler._link(".version 99.0", (7, 5))
