"""The options of a polynomial's fit, and of the comparison with NumPy."""

from __future__ import annotations

import math
from typing import Any

import click
from click import Option

from ..settings import DEVICES, DTYPES, MODES, OPTIMIZERS, TARGETS

MOST = 10**12  # points
SIZES = "1e2,1e3,1e4,1e5,1e6,1e7"


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


POLYNOMIAL: list[click.Parameter] = [
    Option(
        ["--points"],
        type=click.IntRange(2, MOST),
        default=2000,
        show_default=True,
        help="Points of the synthetic problem, evenly spaced over [-pi, pi].",
    ),
    Option(
        ["--target"],
        type=click.Choice(TARGETS),
        default="sin",
        show_default=True,
        help="The function that the synthetic problem samples.",
    ),
    Option(
        ["--degree"],
        type=click.IntRange(1, 1000),
        default=3,
        show_default=True,
        help="Of the polynomial.",
    ),
    Option(
        ["--steps"],
        type=click.IntRange(min=1),
        default=2000,
        show_default=True,
        help="Full-batch steps.",
    ),
    Option(
        ["--optimizer"],
        type=click.Choice(OPTIMIZERS),
        default="sgd",
        show_default=True,
        help="Its rule.",
    ),
    Option(
        ["--lr"],
        type=float,
        callback=_positive,
        help="Learning rate.  [default: 1e-6 for the synthetic cubic with sgd; otherwise, for sgd, "
        "one over the largest curvature of the scaled problem, and 1e-2 for rmsprop and adam]",
    ),
    Option(
        ["--dtype"],
        type=click.Choice(DTYPES),
        default="float32",
        show_default=True,
        help="Of all tensors.",
    ),
    Option(
        ["--device"],
        type=click.Choice(DEVICES),
        default="auto",
        show_default=True,
        envvar="MICROGREST_DEVICE",
        show_envvar=True,
        help="Where to run; auto is cuda where it works, else cpu.",
    ),
    Option(
        ["--mode"],
        type=click.Choice(MODES),
        default="compiled",
        show_default=True,
        help="How steps run: as one native function, or op by op.",
    ),
    Option(
        ["--seed"],
        type=click.IntRange(0, 2**63 - 1),
        default=0,
        show_default=True,
        help="Of the random start.",
    ),
    Option(
        ["--compare/--no-compare"],
        default=True,
        show_default=True,
        help="Also run the fit in plain NumPy: speedup, and a check of the result; steps in eager "
        "mode; and on a GPU's machine, steps on the CPU.",
    ),
    Option(
        ["--sweep"],
        metavar="[SIZES]",
        is_flag=False,
        flag_value=SIZES,
        callback=_sizes,
        help="Instead of fitting, time a step at these numbers of points, on the GPU and the CPU, "
        "and say from how many on the GPU is faster; on the CPU alone, beside NumPy.  "
        f"[without SIZES: {SIZES}]",
    ),
]
