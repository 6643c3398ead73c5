"""Scans on CUDA: in the simulator against the CPU, and compiled, with no GPU needed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from checks import by_capability, examine, simulate
from microgrest.kernels.cuda import names
from microgrest.kernels.cuda.source.axis import scans
from microgrest.kernels.cuda.source.maps import Source
from microgrest.kernels.source.axis.scans import Scan

from microgrest.dispatch.families.scan import program_of
from microgrest.ops import ROWS, Row
from microgrest.types import dtypes

pytest.importorskip(
    "numba_cuda", reason="numba-cuda is not installed: pip install 'microgrest[cuda13]'"
)

SCANS = [row for row in ROWS.values() if row.kind in ("scan", "running")]
INTEGERS = [row for row in SCANS if row.kind == "running" or "lane" in row.extra]
by_row = pytest.mark.parametrize("row", SCANS, ids=lambda row: row.name)


def test_against_the_cpu() -> None:
    simulate("simulated_scan.py")


def kernels(scan: Scan) -> Iterator[tuple[str, Source]]:
    """The kernels that a scan takes, by blocks of 256 threads and of 32."""
    yield "columns", scans.columns(scan, names)
    of_totals = scans.scan_of_totals(scan)
    for threads in (256, 32):
        yield "rows", scans.rows(scan, names, threads)
        yield "rows of totals", scans.rows(of_totals, names, threads)
    yield "totals", scans.totals(scan, names, 256)


def compile_all(scan: Scan, capability: tuple[int, int]) -> None:
    """Compile every kernel of a scan, and check what it must be."""
    for shape, source in kernels(scan):
        kernel = examine(source, capability, scan.name)
        assert (kernel.doubles > 0) == ("float64" in source.signature), shape


@by_capability
@by_row
@pytest.mark.parametrize("reverse", [False, True])
def test_float32(row: Row, capability: tuple[int, int], reverse: bool) -> None:
    compile_all(program_of(row, dtypes.float32, reverse), capability)


@by_row
@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_other_floats(row: Row, dtype: str) -> None:
    compile_all(program_of(row, dtypes.BY_NAME[dtype], False), (7, 5))


@pytest.mark.parametrize("row", INTEGERS, ids=lambda row: row.name)
@pytest.mark.parametrize("dtype", ["int64", "int8", "bool"])
def test_integers(row: Row, dtype: str) -> None:
    compile_all(program_of(row, dtypes.BY_NAME[dtype], False), (7, 5))


def test_a_block_fits_its_shared_memory() -> None:
    """48 KiB are there without asking for more."""
    for row in SCANS:
        writer = scans.TileWriter(program_of(row, dtypes.float64, False), names, 256)
        tiles = 8 * 256 * scans.ROOM * len(writer.tiles)
        assert tiles + 8 * 512 * len(writer.types) <= 48 << 10


def test_the_text_reads_as_the_loop_it_is() -> None:
    source = scans.columns(program_of(ROWS["cumsum"], dtypes.float32, True), names)
    assert source.signature == "void(CPointer(float32), CPointer(float32), int64, int64, int64)"
    assert '"""cumsum: (float32) -> float32; scan of columns, CUDA, backwards."""' in source.text
    assert "acc = acc + new_acc" in source.text
