"""The options of a polynomial's fit, and of the comparison with NumPy."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from ..settings import DEVICES, DTYPES, MODES, OPTIMIZERS, TARGETS, Settings
from .sections import option, perhaps, positive

MOST = 10**12  # points
SIZES = "1e2,1e3,1e4,1e5,1e6,1e7"


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


_of = partial(option, Settings)
POLYNOMIAL: list[click.Parameter] = [
    _of(
        "--points",
        "Points of the synthetic problem, evenly spaced over [-pi, pi].",
        type=click.IntRange(2, MOST),
    ),
    _of(
        "--target",
        "The function that the synthetic problem samples.",
        type=click.Choice(TARGETS),
    ),
    _of("--degree", "Of the polynomial.", type=click.IntRange(1, 1000)),
    _of("--steps", "Full-batch steps.", type=click.IntRange(min=1)),
    _of("--optimizer", "Its rule.", type=click.Choice(OPTIMIZERS)),
    _of(
        "--lr",
        "Learning rate.  [default: 1e-6 for the synthetic cubic with sgd; otherwise, for sgd, "
        "one over the largest curvature of the scaled problem, and 1e-2 for rmsprop and adam]",
        type=float,
        callback=positive,
    ),
    _of("--dtype", "Of all tensors.", type=click.Choice(DTYPES)),
    _of(
        "--device",
        "Where to run; auto is cuda where it works, else cpu.",
        type=click.Choice(DEVICES),
        envvar="MICROGREST_DEVICE",
        show_envvar=True,
    ),
    _of(
        "--mode",
        "How steps run: as one native function, or op by op.",
        type=click.Choice(MODES),
    ),
    _of("--seed", "Of the random start.", type=click.IntRange(0, 2**63 - 1)),
    _of(
        "--compare/--no-compare",
        "Also run the fit in plain NumPy: speedup, and a check of the result; steps in eager "
        "mode; and on a GPU's machine, steps on the CPU.",
    ),
    perhaps(
        "--sweep",
        "SIZES",
        SIZES,
        "Instead of fitting, time a step at these numbers of points, on the GPU and the CPU, "
        "and say from how many on the GPU is faster; on the CPU alone, beside NumPy.  "
        f"[without SIZES: {SIZES}]",
        callback=_sizes,
    ),
]
