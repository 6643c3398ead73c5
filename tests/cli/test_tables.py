"""CSV files as people have them: packed, piped, large, with units, with holes."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from command_line import Run

from microgrest.cli import main
from microgrest.cli.data.table import Numbers, Table
from microgrest.cli.terminal.errors import InputError

LINE = "t [s],v (mV)\n0,1\n1,3\n2,5\n"


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data.csv"


def numbers(table: Table, *names: str, group: str | None = None, omit: bool = False) -> Numbers:
    at = None if group is None else table.find(group)
    return table.numbers([table.find(name) for name in names], at, omit)


@pytest.mark.parametrize("name", ["t", "t [s]", "1"])
def test_a_column_by_its_name_with_or_without_its_unit(file: Path, name: str) -> None:
    assert numbers(Table(written(file, LINE)), name).values[0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("header", ["t / s,v", "t/s,v", "t(s),v", '"t [s, UTC]",v'])
def test_ways_to_write_units(file: Path, header: str) -> None:
    assert Table(written(file, f"{header}\n1,2\n")).find("t") == 0


def test_a_unit_that_makes_the_difference(file: Path) -> None:
    table = Table(written(file, "v [m],v [ft],t\n1,2,3\n"))
    assert table.find("v [ft]") == 1
    with pytest.raises(InputError, match=r"no column 'v'; it has 'v \[m\]', 'v \[ft\]', 't'"):
        table.find("v")


def test_packed_and_marked(file: Path) -> None:
    """By gzip, whatever the name says, and with a byte order mark within."""
    file.write_bytes(gzip.compress(LINE.encode("utf-8-sig")))
    table = Table(file)
    assert table.names == ["t [s]", "v (mV)"]
    assert numbers(table, "v").values[0].tolist() == [1, 3, 5]


@pytest.mark.parametrize("length", [3, 20, 40])
def test_packed_and_cut_off(file: Path, length: int) -> None:
    file.write_bytes(gzip.compress(LINE.encode())[:length])
    with pytest.raises(InputError, match="is not a CSV text file"):
        numbers(Table(file), "v")


@pytest.mark.parametrize("packed", [False, True])
def test_standard_input(packed: bool) -> None:
    data = gzip.compress(LINE.encode()) if packed else LINE.encode()
    given = ["fit", "--data", "-", "--degree", "1", "--quiet", "--no-compare", "--json"]
    result = CliRunner().invoke(main, given, input=io.BytesIO(data))
    assert result.exit_code == 0
    assert json.loads(result.stdout)["coefficients"] == pytest.approx([1, 2], abs=1e-5)


HOLES = "x,y,who\n1,2,a\n2,,a\n3,nan,b\n4,NA,b\n5,6,b\n,,\n7,n/a\n8\n"


def test_rows_with_holes_are_left_out(file: Path) -> None:
    found = numbers(Table(written(file, HOLES)), "x", "y", group="who", omit=True)
    assert [column.tolist() for column in found.values] == [[1, 5], [2, 6]]
    assert found.lines.tolist() == [2, 6] and found.left_out == 5
    assert found.groups == ["a", "b"] and found.group.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("1,2\n2,\n", "line 3, column 'y': the value is missing"),
        ("1,2\n2,NA\n", "line 3, column 'y': the value is missing"),
        ("1,2\n\n2,nan\n", "line 4, column 'y': nan is not finite"),
        ("1,2\n2\n", "line 3, column 'y': the value is missing"),
        ('"1","2\n"\n"3","x"\n', "line 4, column 'y': 'x' is not a number"),
    ],
)
def test_holes_are_errors_unless_told_otherwise(file: Path, rows: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        numbers(Table(written(file, f"x,y\n{rows}")), "x", "y")


@pytest.mark.parametrize("text", ["inf", "many", "1_000"])
def test_what_is_left_out_is_nothing_else(file: Path, text: str) -> None:
    with pytest.raises(InputError, match=f"line 3, column 'y': '?{text}"):
        numbers(Table(written(file, f"x,y\n1,2\n2,{text}\n")), "x", "y", omit=True)


def test_empty_fields_at_the_end_are_none(file: Path) -> None:
    np.testing.assert_array_equal(
        numbers(Table(written(file, "x,y\n1,2,,\n3,4,\n")), "x", "y").values[1], [2, 4]
    )


def test_nothing_is_left(file: Path) -> None:
    with pytest.raises(InputError, match="no row that is whole: in each of 2 a value is missing"):
        numbers(Table(written(file, "x,y\n1,\n,2\n")), "x", "y", omit=True)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters_and_line_ends(file: Path, delimiter: str, newline: str) -> None:
    rows = [["# 1, 2"], ["x", '"a ""b"""'], ["1", " 2 "], ["3", '"4"']]
    file.write_bytes(newline.join(map(delimiter.join, rows)).encode())
    table = Table(file)
    assert table.names == ["x", 'a "b"']
    found = numbers(table, "2")
    assert found.values[0].tolist() == [2, 4] and found.lines.tolist() == [3, 4]


def test_a_large_file_is_never_held_as_text(file: Path) -> None:
    """Only its numbers are: 0.8 MB for those of a file of 11 MB."""
    with file.open("w") as out:
        out.write("x,note,y\n")
        out.writelines(f"{i},{'of no use ' * 20},{i / 7}\n" for i in range(50_000))
    tracemalloc.start()
    found = numbers(Table(file), "x", "y")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_500_000 < file.stat().st_size / 4
    np.testing.assert_array_equal(found.values[1], np.arange(50_000) / 7)


def test_help_has_sections_and_examples(run: Run) -> None:
    text = run("fit", "--help").stdout
    for part in ("\nData:\n", "\nPolynomial", "\nResults:\n", "Examples:\n", "--plot [FILE]"):
        assert part in text
    assert text.count("--help") == 1 and "--points" in text


def test_json_takes_a_file(run: Run, tmp_path: Path) -> None:
    given = ("fit", "--quiet", "--no-compare", "--steps", 2)
    path = tmp_path / "fit.json"
    printed = run(*given, "--json", path).stdout
    assert printed.startswith("y = ") and path.read_text().startswith("{")
    refused = run(*given, "--json", path, "--save", path)
    assert refused.exit_code == 2 and "are the same: give one of them" in refused.stderr
