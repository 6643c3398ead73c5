"""What `microgrest fit --model` does, from the options to the report."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache

import click

from ..options.files import PRINTED
from ..settings import Asked
from ..show import plot as picture, report as files
from ..terminal.errors import INTERRUPTED, InputError
from ..terminal.interrupts import Held
from ..terminal.streams import tell
from . import plot, report
from .chosen import Chosen, choose
from .fitting import Found, grouped, single
from .rows import Rows, read


def run(asked: Asked) -> None:
    """Fit, report, save and plot as `asked`; exits with INTERRUPTED after Ctrl-C among groups."""
    _check_files(asked)
    rows = read(asked)
    model = choose(asked, rows)
    if asked.group is None:
        fits = [single(asked, rows, model)]
    else:
        with _telling(asked) as progress:
            fits = grouped(asked, rows, model, progress)
    interrupted = len(fits) < len(rows.groups)
    if fits:
        with Held():
            _deliver(asked, rows, model, fits, interrupted)
    if interrupted:
        tell(f"interrupted after {len(fits)} of {len(rows.groups)} groups")
        sys.exit(INTERRUPTED)
    if not any(found.converged for found in fits):
        raise InputError("none of the groups' fits converged: try another --p0")


def _check_files(asked: Asked) -> None:
    for path in filter(None, (asked.save, asked.plot, asked.csv)):
        if path != PRINTED:
            files.check(path)
    if asked.plot is not None:
        picture.check(asked.plot)


def _deliver(
    asked: Asked, rows: Rows, model: Chosen, fits: Sequence[Found], interrupted: bool
) -> None:
    """Print, save and plot: each, whatever becomes of the others."""

    @cache
    def json() -> str:
        return files.as_json(report.build(asked, rows, model, fits, interrupted))

    with ExitStack() as last_first:
        if asked.plot is not None:
            last_first.callback(plot.draw, asked, rows, model, fits, asked.plot)
        if asked.save is not None:
            last_first.callback(files.save, json(), asked.save)
        table = report.as_csv(asked, model, fits)
        if asked.csv is not None and asked.csv != PRINTED:
            last_first.callback(files.save, table, asked.csv)
        if asked.json:
            text = json()
        elif asked.csv == PRINTED:
            text = table.removesuffix("\n")
        else:
            text = report.as_text(asked, rows, model, fits)
        last_first.callback(click.echo, text)


@contextmanager
def _telling(asked: Asked) -> Iterator[Callable[[int, int], object]]:
    """What shows how many groups are done: a bar on a terminal, else nothing."""
    if asked.quiet or not sys.stderr.isatty():
        yield lambda done, n: None
        return
    with click.progressbar(length=1, label="fit", file=sys.stderr) as bar:

        def show(done: int, n: int) -> None:
            bar.length = n
            bar.update(done - bar.pos)

        yield show
