"""Numbers drawn with given probabilities."""

from __future__ import annotations

from ... import recording
from ...dispatch.families.selection import select
from ...random import Generator
from ...random.draws import drawn
from ...tensor import Tensor
from ...tensor.methods import method
from ...tensor.storage import kind_of
from ...types.dtypes import FLOATING, float64, int64
from ...types.integers import whole
from ..indexing.items import getitem
from ..kernels import FUNCTIONS
from ..reductions.folds import all as every, sum
from ..reductions.scans import cumsum


@method
def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """`num_samples` numbers of elements of `input`, a vector, drawn in proportion to them.

    Of a matrix, of each row. Without `replacement` each is drawn once, and those of zero last.
    """
    n, weights = whole(num_samples, "num_samples"), input.detach()
    _check(weights, n, replacement)
    weights = weights.to(float64)
    if not input.numel():
        return weights.new_empty((*input._shape[:-1], n), dtype=int64)
    if not replacement:
        chance = _uniform(weights, weights._shape[-1], generator)
        # The times of the first of several events, of these rates, are in the order of draws.
        times = (-((-chance).log1p())).clamp_min(1e-300)
        return select(weights / times, weights.ndim - 1, 0, n, True)[1]
    so_far = cumsum(weights, -1)
    total = getitem(so_far, (..., slice(-1, None)))
    chosen = FUNCTIONS["searchsorted"](so_far, _uniform(weights, n, generator) * total, right=True)
    last = FUNCTIONS["searchsorted"](so_far, total)  # no later one has a part of the total
    found: Tensor = chosen.minimum(last)
    return found


def _uniform(weights: Tensor, n: int, generator: Generator | None) -> Tensor:
    kind = kind_of(float64, weights.device)
    return drawn(kind, (*weights._shape[:-1], n), "uniform", generator)


def _check(weights: Tensor, n: int, replacement: bool) -> None:
    """RuntimeError for what has no such probabilities."""
    if weights.dtype.category != FLOATING:
        raise RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {weights.dtype!r}"
        )
    if weights.ndim not in (1, 2) or not weights._shape[-1]:
        raise RuntimeError("prob_dist must be 1 or 2 dim, of some elements")
    if n <= 0:
        raise RuntimeError(f"cannot sample n_sample <= 0 samples, got {n}")
    if not replacement and n > weights._shape[-1]:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement, got "
            f"{n} > {weights._shape[-1]}"
        )
    if not recording.aside(lambda: every(weights.isfinite() & (weights >= 0)).item()):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if not recording.aside(lambda: every(sum(weights, -1) > 0).item()):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
