"""The options that say where data come from, and where results go."""

from __future__ import annotations

from pathlib import Path

import click
from click import Option

FILE = click.Path(dir_okay=False, path_type=Path)
INPUT = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
# What `--json` and `--csv` mean without a file.
PRINTED = Path("-")
PICTURE = Path("fit.png")

DATA: list[click.Parameter] = [
    Option(
        ["--data"],
        type=INPUT,
        metavar="FILE",
        help="A CSV file, perhaps packed by gzip; - is standard input.",
    ),
    Option(
        ["--x"],
        metavar="COL",
        help="Column for x, by name (its unit may be left out) or number.  [default: the first]",
    ),
    Option(["--y"], metavar="COL", help="Column for y.  [default: the next]"),
    Option(
        ["--header/--no-header"],
        default=None,
        help="Whether the first row holds names.  [default: if it holds no number]",
    ),
]

RESULTS: list[click.Parameter] = [
    Option(
        ["--plot"],
        type=FILE,
        metavar="[FILE]",
        is_flag=False,
        flag_value=str(PICTURE),
        help=f"Draw data, fit and residuals (.png, .svg, .pdf).  [without FILE: {PICTURE}]",
    ),
    Option(
        ["--json"],
        type=FILE,
        metavar="[FILE]",
        is_flag=False,
        flag_value=str(PRINTED),
        help="Write the result as JSON.  [without FILE: print it]",
    ),
    Option(["--save"], type=FILE, metavar="FILE", help="The same as --json FILE."),
    Option(["--quiet"], is_flag=True, help="No progress, and the result in a few lines."),
]
