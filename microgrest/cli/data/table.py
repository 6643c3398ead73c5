"""Columns out of a user's CSV file, or an error that names the line and the column.

Rows are read one after the other, and of each only what is asked for is kept, as numbers: a file
may be far larger than memory would hold as text.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import sys
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TextIO, cast

import numpy as np
from numpy.typing import NDArray

from ..terminal.errors import InputError

Row = tuple[int, list[str]]
Vector = NDArray[np.float64]
_UNIT = re.compile(r"\s*[\[(/].*$")
_GZIP = b"\x1f\x8b"
_MISSING = {"", "na", "n/a", "null"}


@dataclass(frozen=True)
class Columns:
    """The columns `x` and `y` (float64, finite, of one length) and their names."""

    x_name: str
    y_name: str
    x: Vector
    y: Vector


def read_columns(
    path: Path, x: str | None = None, y: str | None = None, header: bool | None = None
) -> Columns:
    """Columns `x` and `y` of the CSV file at `path`, found and read as `Table` does.

    By default x is the first column and y the first other one. InputError, with the line, where
    there is no finite number.
    """
    table = Table(path, header)
    x_at, y_at = table.pair(x, y)
    found = table.numbers((x_at, y_at))
    return Columns(table.names[x_at], table.names[y_at], found.values[0], found.values[1])


@dataclass(frozen=True)
class Numbers:
    """Columns of numbers, `values`, and of each row the line where it ends, and its group.

    `groups` are the texts of the groups, in the order in which they come, and `group` the number of
    that of each row; `left_out` is how many rows were.
    """

    values: list[Vector]
    lines: NDArray[np.int64]
    group: NDArray[np.int64]
    groups: list[str]
    left_out: int


class Table:
    """The CSV file at `path`, "-" for standard input; gzip is seen by its first bytes.

    Fields are separated by commas, semicolons or tabs. Empty lines, and lines that begin with `#`,
    are skipped. `header` says whether the first row holds names; if None, it does unless it holds
    numbers, and one that holds both is refused. It is read once. InputError for what is no table.
    """

    def __init__(self, path: Path, header: bool | None = None) -> None:
        self.path = path
        self._rows = _readable(path, _rows(path))
        first = next(self._rows, None)
        if first is None:
            raise InputError(f"{path} is empty")
        named = _has_header(path, first) if header is None else header
        if not named:
            self._rows = chain([first], self._rows)
        self.names = _names(path, first[1], named)

    def find(self, wanted: str) -> int:
        """The place of a column, by its name, with its unit or without, or by number from 1."""
        name = _one_line(wanted)
        if name in self.names:
            return self.names.index(name)
        if wanted.isdecimal() and 1 <= int(wanted) <= len(self.names):
            return int(wanted) - 1
        plain = [i for i, full in enumerate(self.names) if _UNIT.sub("", full) == name]
        if name and len(plain) == 1:
            return plain[0]
        has = ", ".join(map(repr, self.names))
        raise InputError(f"{self.path} has no column {wanted!r}; it has {has}")

    def pair(self, x: str | None, y: str | None) -> tuple[int, int]:
        """The places of x and y: by default the first column, and the first other one."""
        x_at = 0 if x is None else self.find(x)
        y_at = (1 if x_at == 0 else 0) if y is None else self.find(y)
        if y_at >= len(self.names):
            raise InputError(
                f"{self.path} has one column only; a fit needs two, for x and y, separated by "
                "commas, semicolons or tabs"
            )
        return x_at, y_at

    def numbers(
        self, places: Sequence[int], group: int | None = None, omit: bool = False
    ) -> Numbers:
        """The numbers in the columns at `places`, and the texts of that at `group`.

        Where there is none, or it is not finite, InputError names line and column; `omit` leaves
        out rows in which one is missing or NaN.
        """
        values = [array("d") for _ in places]
        lines, codes = array("q"), array("q")
        known: dict[str, int] = {}
        left_out = 0
        for row in self._rows:
            if any(row[1][len(self.names) :]):
                raise InputError(
                    f"{self.path}, line {row[0]}: it has {len(row[1])} fields, and the first row "
                    f"{len(self.names)}"
                )
            found = [_number(self, row, at, omit) for at in places]
            if omit and any(map(math.isnan, found)):
                left_out += 1
                continue
            for column, value in zip(values, found, strict=True):
                column.append(value)
            lines.append(row[0])
            if group is not None:
                codes.append(known.setdefault(_field(row, group), len(known)))
        if not lines:
            raise InputError(f"{self.path} has {_nothing(left_out)}")
        arrays = [np.asarray(column) for column in values]
        return Numbers(arrays, np.asarray(lines), np.asarray(codes), list(known), left_out)


def _nothing(left_out: int) -> str:
    """What a table has of which no row is left."""
    if not left_out:
        return "a header but no rows of data"
    return f"no row that is whole: in each of {left_out} a value is missing or nan"


def _readable(path: Path, rows: Iterator[Row]) -> Iterator[Row]:
    """`rows`, with InputError for a file that cannot be read, or is none of this kind."""
    try:
        yield from rows
    except (UnicodeDecodeError, csv.Error, EOFError, zlib.error, gzip.BadGzipFile) as error:
        remedy = "; save it as UTF-8" if isinstance(error, UnicodeDecodeError) else ""
        raise InputError(f"{path} is not a CSV text file: {error}{remedy}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def _rows(path: Path) -> Iterator[Row]:
    """All rows that hold something, each with its line number."""
    with _opened(path) as file:
        # A comment gives way to an empty line, so that the reader still counts lines right.
        lines = ("\n" if line.startswith("#") else line for line in file)
        first = list(_first(lines))
        reader = csv.reader(chain(first, lines), delimiter=_delimiter(first))
        for fields in reader:
            row = [field.strip() for field in fields]
            if any(row):
                yield reader.line_num, row


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """The file as text, unpacked if it is packed by gzip."""
    with nullcontext(sys.stdin.buffer) if str(path) == "-" else path.open("rb") as raw:
        file = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast(Any, raw))
        plain = gzip.GzipFile(fileobj=file) if file.peek(2)[:2] == _GZIP else file
        yield io.TextIOWrapper(plain, encoding="utf-8-sig", newline="")


def _first(lines: Iterable[str]) -> Iterator[str]:
    """The lines up to the end of the first row, of one line or more."""
    row, quotes = "", 0
    for line in lines:
        yield line
        row, quotes = row + line, quotes + line.count('"')
        if row.strip() and quotes % 2 == 0:
            return


def _delimiter(lines: list[str]) -> str:
    """The separator that the first row has most of outside of quotes."""
    return max(",;\t", key=re.sub('"[^"]*"?', "", "".join(lines)).count)


def _names(path: Path, first: list[str], named: bool) -> list[str]:
    """The names of the columns: those in the first row, or numbers."""
    if not named:
        return [str(number) for number in range(1, len(first) + 1)]
    names = list(map(_one_line, first))
    repeated = {name for name in names if name and names.count(name) > 1}
    if repeated:
        raise InputError(f"{path} has several columns named {min(repeated)!r}")
    return names


def _has_header(path: Path, row: Row) -> bool:
    """Whether a first row holds names; InputError if that cannot be told."""
    line, fields = row
    filled = [field for field in fields if field]
    numbers = list(filter(_is_number, filled))
    if numbers and len(numbers) < len(filled):
        other = next(field for field in filled if field not in numbers)
        raise InputError(
            f"{path}, line {line}: is this a header, or a row of data? It holds the number "
            f"{numbers[0]}, but {other!r} is none. Mend it, or give --header or --no-header"
        )
    return not numbers


def _one_line(name: str) -> str:
    """A name as a report can print it: line breaks and control characters become spaces."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())


def _is_number(text: str) -> bool:
    """Whether other programs, too, read `text` as a number: Python alone allows 1_000."""
    try:
        float(text.replace("_", "?"))
    except ValueError:
        return False
    return True


def _field(row: Row, at: int) -> str:
    return row[1][at] if at < len(row[1]) else ""


def _number(table: Table, row: Row, at: int, omit: bool) -> float:
    """The number at a place in a row; NaN for one that is to be left out."""
    text = _field(row, at)
    try:
        value = float(text)
        if math.isfinite(value) and "_" not in text:
            return value
    except ValueError:
        value = math.nan
    missing = text.lower() in _MISSING
    if omit and (missing or (math.isnan(value) and _is_number(text))):
        return math.nan
    where = f"{table.path}, line {row[0]}, column {table.names[at]!r}"
    if missing:
        raise InputError(f"{where}: the value is missing")
    if not _is_number(text):
        raise InputError(f"{where}: {text!r} is not a number")
    raise InputError(f"{where}: {text} is not finite; remove the row")
