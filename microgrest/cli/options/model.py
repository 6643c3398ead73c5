"""The options of a model's fit: a formula, its parameters, the data that only it uses."""

from __future__ import annotations

import math
import unicodedata
from functools import partial
from typing import Any

import click

from ..settings import LOSSES, READY, Asked
from .files import FILE, PRINTED
from .sections import flag, option, perhaps, positive

Pairs = dict[str, str]


def _pairs(option: str, text: str) -> Pairs:
    """`a=1,k=2` as a dict; BadParameter for what is not of this form."""
    found: Pairs = {}
    for part in text.split(","):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        name = unicodedata.normalize("NFKC", name)  # as Python reads it in a formula
        if not sign or not name.isidentifier() or not value:
            raise click.BadParameter(f"{part.strip()!r} is not of the form {option}")
        if name in found:
            raise click.BadParameter(f"{name} is given twice")
        found[name] = value
    return found


def _number(name: str, text: str) -> float:
    try:
        value = float(text.replace("_", "?"))
    except ValueError:
        raise click.BadParameter(f"{name}: {text!r} is not a number") from None
    if math.isnan(value):
        raise click.BadParameter(f"{name}: {text} is not a number")
    return value


def _values(context: click.Context, option: click.Parameter, text: str | None) -> Any:
    """The numbers of `--p0` and `--fix`, by name."""
    found = {} if text is None else _pairs("NAME=VALUE", text)
    values = {name: _number(name, value) for name, value in found.items()}
    for name, value in values.items():
        if math.isinf(value):
            raise click.BadParameter(f"{name}: {found[name]} is not finite")
    return values


def _bounds(context: click.Context, option: click.Parameter, text: str | None) -> Any:
    """The pairs of `--bounds`, by name; infinite where an end is left out."""
    bounds = {}
    for name, both in ({} if text is None else _pairs("NAME=LOW:HIGH", text)).items():
        low, colon, high = (piece.strip() for piece in both.partition(":"))
        if not colon or ":" in high:
            raise click.BadParameter(f"{name}: {both!r} is not of the form LOW:HIGH")
        pair = _number(name, low or "-inf"), _number(name, high or "inf")
        if pair[0] >= pair[1]:
            raise click.BadParameter(f"{name}: {low} is not less than {high}")
        bounds[name] = pair
    return bounds


_of = partial(option, Asked)
MODEL: list[click.Parameter] = [
    _of(
        "--model",
        "A formula of x, whose other names are parameters, such as 'a*exp(-k*x) + c'; or a "
        f"ready model, which finds its own start: {', '.join(READY)}.",
        metavar="MODEL",
    ),
    _of(
        "--p0",
        "Where parameters begin, as a=1,k=0.5.  [default: 1, or the middle of the "
        "bounds; of a ready model, near the data]",
        metavar="NAME=VALUE,...",
        callback=_values,
    ),
    _of(
        "--bounds",
        "Where parameters stay, as k=0:10,c=0: (either end may be left out).",
        metavar="NAME=LOW:HIGH,...",
        callback=_bounds,
    ),
    _of(
        "--fix",
        "Parameters that are not fitted, as c=0.",
        metavar="NAME=VALUE,...",
        callback=_values,
    ),
    _of(
        "--loss",
        "What of a squared residual counts; all but linear count outliers for less.",
        type=click.Choice(LOSSES),
    ),
    _of(
        "--f-scale",
        "The residual, in units of --sigma or of y, from which on --loss counts it for less.",
        type=float,
        callback=positive,
    ),
]
COLUMNS: list[click.Parameter] = [
    _of("--sigma", "Column with the standard errors of y.", metavar="COL"),
    flag(
        "--absolute-sigma",
        "Take --sigma as it is, and not up to a factor that the residuals tell.",
    ),
    _of(
        "--group",
        "Column by whose values rows are grouped: one fit a group, and a table of them.",
        metavar="COL",
    ),
    _of(
        "--nan-policy",
        "What to do with a row in which a value is missing or NaN: end, or leave it out.",
        type=click.Choice(("raise", "omit")),
    ),
]
TABLE: list[click.Parameter] = [
    perhaps(
        "--csv",
        "FILE",
        str(PRINTED),
        "Write a line of values and errors for each fit.  [without FILE: print them]",
        type=FILE,
    ),
]
