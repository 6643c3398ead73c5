"""`microgrest fit`: the options, and the checks that need nothing but the options."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from .settings import DEVICES, DTYPES, MODES, OPTIMIZERS, TARGETS, Settings
from .terminal.errors import memory_guarded

MOST = 10**12  # points
SIZES = "1e2,1e3,1e4,1e5,1e6,1e7"
FILE = click.Path(dir_okay=False, path_type=Path)


def _positive(context: click.Context, option: click.Parameter, value: float | None) -> float | None:
    if value is not None and not (value > 0 and math.isfinite(value)):
        raise click.BadParameter(f"{value} is not a positive, finite number", context, option)
    return value


def _sizes(context: click.Context, option: click.Parameter, value: str | None) -> Any:
    """The sizes of `--sweep`, sorted."""
    if value is None:
        return None
    try:
        sizes = {float(size) for size in value.split(",")}
        if not all(2 <= size <= MOST and size == int(size) for size in sizes):
            raise ValueError
    except (ValueError, OverflowError):
        message = f"{value!r} is no list of whole numbers from 2 to {MOST}, such as 100,1e4"
        raise click.BadParameter(message, context, option) from None
    return tuple(sorted(map(int, sizes)))


@click.command()
@click.option(
    "--points",
    type=click.IntRange(2, MOST),
    default=2000,
    show_default=True,
    help="Points of the synthetic problem, evenly spaced over [-pi, pi].",
)
@click.option(
    "--target",
    type=click.Choice(TARGETS),
    default="sin",
    show_default=True,
    help="The function that the synthetic problem samples.",
)
@click.option("--data", type=FILE, help="Fit a CSV file instead of the synthetic problem.")
@click.option(
    "--x", metavar="COL", help="Column of --data for x: name or number.  [default: first]"
)
@click.option("--y", metavar="COL", help="Column of --data for y.  [default: the next]")
@click.option(
    "--header/--no-header",
    default=None,
    help="Whether the first row of --data holds names.  [default: if it holds no number]",
)
@click.option(
    "--degree",
    type=click.IntRange(1, 1000),
    default=3,
    show_default=True,
    help="Of the polynomial.",
)
@click.option(
    "--steps", type=click.IntRange(min=1), default=2000, show_default=True, help="Full-batch steps."
)
@click.option(
    "--optimizer", type=click.Choice(OPTIMIZERS), default="sgd", show_default=True, help="Its rule."
)
@click.option(
    "--lr",
    type=float,
    callback=_positive,
    help="Learning rate.  [default: 1e-6 for the synthetic cubic with sgd; otherwise, for sgd, one "
    "over the largest curvature of the scaled problem, and 1e-2 for rmsprop and adam]",
)
@click.option(
    "--dtype",
    type=click.Choice(DTYPES),
    default="float32",
    show_default=True,
    help="Of all tensors.",
)
@click.option(
    "--device",
    type=click.Choice(DEVICES),
    default="auto",
    show_default=True,
    envvar="MICROGREST_DEVICE",
    show_envvar=True,
    help="Where to run; auto is cuda where it works, else cpu.",
)
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default="compiled",
    show_default=True,
    help="How steps run: as one native function, or op by op.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    show_default=True,
    help="Of the random start.",
)
@click.option("--save", type=FILE, help="Write the result to this file, as JSON.")
@click.option("--plot", type=FILE, help="Draw data and polynomial (.png, .svg, .pdf).")
@click.option(
    "--compare/--no-compare",
    default=True,
    show_default=True,
    help="Also run the fit in plain NumPy: speedup, and a check of the result; steps in eager "
    "mode; and on a GPU's machine, steps on the CPU.",
)
@click.option(
    "--sweep",
    metavar="SIZES",
    is_flag=False,
    flag_value=SIZES,
    callback=_sizes,
    help="Instead of fitting, time a step at these numbers of points, on the GPU and the CPU, and "
    "say from how many on the GPU is faster; on the CPU alone, beside NumPy.  "
    f"[without SIZES: {SIZES}]",
)
@click.option("--json", is_flag=True, help="Print the result as JSON.")
@click.option("--quiet", is_flag=True, help="No progress, and only the polynomial and its loss.")
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
    _check_combination(context, options)
    settings = Settings(**options)
    with memory_guarded():
        if settings.sweep is None:
            from .run import run
        else:
            from .sweep import run
        run(settings)


def _check_combination(context: click.Context, options: dict[str, Any]) -> None:
    """UsageError for options that the rest makes meaningless."""

    def given(name: str) -> bool:
        return context.get_parameter_source(name) is ParameterSource.COMMANDLINE

    if options["sweep"] is not None:
        for name in filter(given, ("data", "points", "steps", "plot", "compare")):
            raise click.UsageError(f"--sweep times steps at sizes of its own: drop --{name}")
    if options["data"] is None:
        for name in filter(given, ("x", "y", "header")):
            raise click.UsageError(f"--{name} is about --data FILE, which is missing")
    else:
        for name in filter(given, ("points", "target")):
            raise click.UsageError(f"--{name} belongs to the synthetic problem: drop it, or --data")
