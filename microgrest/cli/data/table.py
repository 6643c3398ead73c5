"""Two numeric columns out of a user's CSV file, or an error that names the line."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..terminal.errors import InputError

Row = tuple[int, list[str]]


@dataclass(frozen=True)
class Columns:
    """The columns `x` and `y` (float64, finite, of one length) and their names."""

    x_name: str
    y_name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]


def read_columns(
    path: Path, x: str | None = None, y: str | None = None, header: bool | None = None
) -> Columns:
    """Columns `x` and `y` of the CSV file at `path`, by header name or by number from 1.

    Fields are separated by commas, semicolons or tabs. Empty lines, and lines that begin with `#`,
    are skipped. `header` says whether the first row holds names; if None, it does unless it holds
    numbers, and one that holds both is refused. By default x is the first column and y the first
    other one. InputError, with the line, where there is no finite number.
    """
    rows = _rows(path)
    names = _names(path, rows, header)
    x_at = 0 if x is None else _find(path, names, x)
    y_at = (1 if x_at == 0 else 0) if y is None else _find(path, names, y)
    if y_at >= len(names):
        raise InputError(f"{path} has one column only; a fit needs two, for x and y")
    if not rows:
        raise InputError(f"{path} has a header but no rows of data")
    values = [[_number(path, row, names, at) for at in (x_at, y_at)] for row in rows]
    pair = np.array(values, dtype=np.float64)
    return Columns(names[x_at], names[y_at], pair[:, 0].copy(), pair[:, 1].copy())


def _rows(path: Path) -> list[Row]:
    """All rows that hold something, each with its line number."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            # A comment gives way to an empty line, so that the reader still counts lines right.
            lines = ["\n" if line.startswith("#") else line for line in file]
        reader = csv.reader(lines, delimiter=_delimiter(lines))
        rows = [(reader.line_num, [field.strip() for field in row]) for row in reader]
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV text file: {error}") from error
    rows = [(line, row) for line, row in rows if any(row)]
    if not rows:
        raise InputError(f"{path} is empty")
    return rows


def _delimiter(lines: list[str]) -> str:
    """The separator that the first row, of one line or more, has most of outside of quotes."""
    row, quotes = "", 0
    for line in lines:
        row, quotes = row + line, quotes + line.count('"')
        if row.strip() and quotes % 2 == 0:
            break
    return max(",;\t", key=re.sub('"[^"]*"?', "", row).count)


def _names(path: Path, rows: list[Row], header: bool | None) -> list[str]:
    """The names of the columns; takes the header, where there is one, off `rows`."""
    first = rows[0][1]
    if not (_has_header(path, rows[0]) if header is None else header):
        return [str(number) for number in range(1, len(first) + 1)]
    del rows[0]
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


def _find(path: Path, names: list[str], wanted: str) -> int:
    name = _one_line(wanted)
    if name in names:
        return names.index(name)
    if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return int(wanted) - 1
    raise InputError(f"{path} has no column {wanted!r}; it has {', '.join(map(repr, names))}")


def _is_number(text: str) -> bool:
    """Whether other programs, too, read `text` as a number: Python alone allows 1_000."""
    try:
        float(text.replace("_", "?"))
    except ValueError:
        return False
    return True


def _number(path: Path, row: Row, names: list[str], at: int) -> float:
    line, fields = row
    where = f"{path}, line {line}, column {names[at]!r}"
    if at >= len(fields) or not fields[at]:
        raise InputError(f"{where}: the value is missing")
    text = fields[at]
    if not _is_number(text):
        raise InputError(f"{where}: {text!r} is not a number")
    if not math.isfinite(float(text)):
        raise InputError(f"{where}: {text} is not finite; remove the row")
    return float(text)
