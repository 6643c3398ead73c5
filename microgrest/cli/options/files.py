"""The options that say where data come from, and where results go."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from ..settings import Asked
from .sections import flag, option, perhaps

FILE = click.Path(dir_okay=False, path_type=Path)
INPUT = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
# What `--json` and `--csv` mean without a file.
PRINTED = Path("-")
PICTURE = Path("fit.png")

_of = partial(option, Asked)
DATA: list[click.Parameter] = [
    _of(
        "--data",
        "A CSV file, perhaps packed by gzip; - is standard input.",
        type=INPUT,
        metavar="FILE",
    ),
    _of(
        "--x",
        "Column for x, by name (its unit may be left out) or number.  [default: the first]",
        metavar="COL",
    ),
    _of("--y", "Column for y.  [default: the next]", metavar="COL"),
    _of(
        "--header/--no-header",
        "Whether the first row holds names.  [default: if it holds no number]",
        default=None,
    ),
]

RESULTS: list[click.Parameter] = [
    perhaps(
        "--plot",
        "FILE",
        str(PICTURE),
        f"Draw data, fit and residuals (.png, .svg, .pdf).  [without FILE: {PICTURE}]",
        type=FILE,
    ),
    perhaps(
        "--json",
        "FILE",
        str(PRINTED),
        "Write the result as JSON.  [without FILE: print it]",
        type=FILE,
    ),
    _of("--save", "The same as --json FILE.", type=FILE, metavar="FILE"),
    flag("--quiet", "No progress, and the result in a few lines."),
]
