"""`microgrest fit`: what it may be asked, and the checks that need nothing but the options."""

from __future__ import annotations

from typing import Any

import click

from .options.files import DATA, PRINTED, RESULTS
from .options.polynomial import POLYNOMIAL
from .options.sections import Sectioned, given
from .settings import Settings
from .terminal.errors import memory_guarded

EXAMPLES = """\b
Examples:
  microgrest fit
  microgrest fit --data load_cell.csv --degree 2 --plot
  microgrest fit --target tanh --degree 5 --optimizer adam --json
"""


@click.command(
    cls=Sectioned,
    sections={"Data": DATA, "Polynomial": POLYNOMIAL, "Results": RESULTS},
    epilog=EXAMPLES,
)
@click.pass_context
def fit(context: click.Context, /, **options: Any) -> None:
    """Fit a polynomial by gradient descent.

    Without --data, fits a cubic to sin(x) at 2000 points of [-pi, pi]. The loss is the sum of
    squares.

    The synthetic cubic with sgd runs in raw units. Every other fit runs with x scaled to [-1, 1]
    and y standardized; coefficients and loss are always reported in the units of the data.

    Ctrl-C ends the fit after a whole step, or the comparison, and what was found is reported.

    Exit status: 0, or 1 if NumPy's result differs, or 2 for input that cannot be used, a GPU that
    is not there, or a fit that diverges, or 130 after Ctrl-C.
    """
    _results(options)
    _check_combination(context, options)
    with memory_guarded():
        _polynomial(Settings(**options))


def _results(options: dict[str, Any]) -> None:
    """`--json` prints; `--json FILE` is `--save FILE`."""
    file = options["json"]
    options["json"] = file == PRINTED
    if file is not None and file != PRINTED:
        if options["save"] is not None:
            raise click.UsageError("--json FILE and --save FILE are the same: give one of them")
        options["save"] = file


def _polynomial(settings: Settings) -> None:
    if settings.sweep is None:
        from .run import run
    else:
        from .sweep import run
    run(settings)


def _check_combination(context: click.Context, options: dict[str, Any]) -> None:
    """UsageError for options that the rest makes meaningless."""
    names = {name.removeprefix("--") for name in given(context, [*DATA, *POLYNOMIAL, *RESULTS])}
    if options["sweep"] is not None:
        for name in sorted(names & {"data", "points", "steps", "plot", "compare"}):
            raise click.UsageError(f"--sweep times steps at sizes of its own: drop --{name}")
    if options["data"] is None:
        for name in sorted(names & {"x", "y", "header"}):
            raise click.UsageError(f"--{name} is about --data FILE, which is missing")
    else:
        for name in sorted(names & {"points", "target"}):
            raise click.UsageError(f"--{name} belongs to the synthetic problem: drop it, or --data")
