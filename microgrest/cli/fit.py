"""`microgrest fit`: what it may be asked, and the checks that need nothing but the options."""

from __future__ import annotations

from typing import Any

import click

from .options.files import DATA, PRINTED, RESULTS
from .options.model import COLUMNS, MODEL, TABLE
from .options.polynomial import POLYNOMIAL
from .options.sections import Sectioned, given
from .settings import Asked, Settings
from .terminal.errors import memory_guarded

OF_MODELS = [*COLUMNS, *MODEL[1:], *TABLE]
EXAMPLES = """\b
Examples:
  microgrest fit --data decay.csv --model 'a*exp(-k*x) + c' --p0 a=1,k=0.5 --plot
  microgrest fit --data peaks.csv --model gaussian --x t --y v --group run --csv fits.csv
  microgrest fit --data load_cell.csv --degree 2
"""


@click.command(
    cls=Sectioned,
    sections={
        "Data": [*DATA, *COLUMNS],
        "Model": MODEL,
        "Results": [*RESULTS, *TABLE],
        "Polynomial, without --model": POLYNOMIAL,
    },
    epilog=EXAMPLES,
)
@click.pass_context
def fit(context: click.Context, /, **options: Any) -> None:
    """Fit a model to data: a formula by least squares, or a polynomial by gradient descent.

    With --model, fits a formula, or a ready model, to columns of --data, and tells the values of
    its parameters with their standard errors, chi-square and correlations.

    Without it, fits a polynomial by gradient descent: to --data, or a cubic to sin(x) at 2000
    points of [-pi, pi], which is the benchmark. It runs with x scaled to [-1, 1] and y
    standardized, but for the synthetic cubic with sgd; what is reported is in the units of the
    data. Ctrl-C ends it after a whole step, or the comparison, and what was found is reported.

    Exit status: 0, or 1 if NumPy's result differs, or 2 for input that cannot be used, a GPU that
    is not there, or a fit that diverges, or 130 after Ctrl-C.
    """
    _results(options)
    if options["model"] is not None:
        asked = _asked(context, options)
        with memory_guarded():
            from .curves.run import run

            run(asked)
        return
    _check_combination(context, options)
    others = {option.name for option in (*OF_MODELS, MODEL[0])}
    settings = Settings(**{name: options[name] for name in options.keys() - others})
    with memory_guarded():
        _polynomial(settings)


def _results(options: dict[str, Any]) -> None:
    """`--json` prints; `--json FILE` is `--save FILE`."""
    file = options["json"]
    options["json"] = file == PRINTED
    if file is not None and file != PRINTED:
        if options["save"] is not None:
            raise click.UsageError("--json FILE and --save FILE are the same: give one of them")
        options["save"] = file


def _asked(context: click.Context, options: dict[str, Any]) -> Asked:
    """What `--model` is to do; UsageError for options that belong to a polynomial."""
    if options["data"] is None:
        raise click.UsageError("--model is fitted to --data FILE, which is missing")
    for name in given(context, POLYNOMIAL):
        raise click.UsageError(f"{name} is about a polynomial: drop it, or --model")
    if options["json"] and options["csv"] == PRINTED:
        raise click.UsageError("--json and --csv both print: give one of them a FILE")
    if options["f_scale"] != 1 and options["loss"] == "linear":
        raise click.UsageError("--f-scale is about --loss, which is linear")
    if options["absolute_sigma"] and options["sigma"] is None:
        raise click.UsageError("--absolute-sigma is about --sigma COL, which is missing")
    others = {option.name for option in POLYNOMIAL}
    return Asked(**{name: options[name] for name in options.keys() - others})


def _polynomial(settings: Settings) -> None:
    if settings.sweep is None:
        from .run import run
    else:
        from .sweep import run
    run(settings)


def _check_combination(context: click.Context, options: dict[str, Any]) -> None:
    """UsageError for options that the rest makes meaningless."""
    for name in given(context, OF_MODELS):
        raise click.UsageError(f"{name} is about --model, which is missing")
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
