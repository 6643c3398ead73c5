"""The rows that a model is fitted to: columns of a table, checked, and cut into groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.table import Table, Vector
from ..settings import Asked
from ..terminal.errors import InputError

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Columns of one length and their names; `lines` are the lines of the file where rows end.

    `group` holds for each row the number of its group, `groups` the names of these; without
    `--group` it is one, without a name.
    """

    x_name: str
    y_name: str
    x: Vector
    y: Vector
    sigma: Vector | None
    lines: Indices
    group: Indices
    groups: list[str]
    left_out: int

    def __len__(self) -> int:
        return self.y.size

    def members(self) -> Iterator[Indices]:
        """The places of the rows of each group, in the order of the file."""
        order = np.argsort(self.group, kind="stable")
        ends = np.cumsum(np.bincount(self.group, minlength=len(self.groups)))
        return iter(np.split(order, ends[:-1]))


def read(asked: Asked) -> Rows:
    """The rows of `asked.data`; InputError names file, line and column."""
    table = Table(asked.data, asked.header)
    x, y = table.pair(asked.x, asked.y)
    places = [x, y]
    if asked.sigma is not None:
        places.append(table.find(asked.sigma))
    group = None if asked.group is None else table.find(asked.group)
    found = table.numbers(places, group, asked.nan_policy == "omit")
    sigma = found.values[2] if asked.sigma is not None else None
    if sigma is not None:
        _positive(asked, table.names[places[2]], sigma, found.lines)
    size = found.lines.size
    return Rows(
        table.names[x],
        table.names[y],
        found.values[0],
        found.values[1],
        sigma,
        found.lines,
        found.group if group is not None else np.zeros(size, np.int64),
        found.groups if group is not None else [""],
        found.left_out,
    )


def _positive(asked: Asked, name: str, sigma: Vector, lines: Indices) -> None:
    """InputError for a standard error that is none."""
    bad = np.flatnonzero(sigma <= 0)
    if bad.size:
        raise InputError(
            f"{asked.data}, line {lines[bad[0]]}, column {name!r}: {sigma[bad[0]]:g} is no "
            "standard error, which is greater than 0"
        )


def where(asked: Asked, rows: Rows, at: Any) -> str:
    """A row, in words."""
    return f"{asked.data}, line {rows.lines[at]}"
