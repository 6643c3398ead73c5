"""Windows of images: laid out as columns, convolved, searched, and mixed along one axis.

Images are (N, C, *extents) of one to three extents. Every row here is linear in each operand but
`peaks`, which has the gradient of the elements that it finds, and the adjoints are rows again.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..folds.reduction import sum as sum_row
from ..places.indexing import add_along
from ..row import Row
from .bands import Bands


class Windows(NamedTuple):
    """Where windows lie in images: for each extent, from `-pad` on, every `step`, `counts` times.

    A window has `kernel` elements, `spread` apart.
    """

    extents: tuple[int, ...]
    kernel: tuple[int, ...]
    counts: tuple[int, ...]
    step: tuple[int, ...]
    pad: tuple[int, ...]
    spread: tuple[int, ...]
    groups: int = 1

    @property
    def numbers(self) -> tuple[int, ...]:
        """All but the groups as kernels take them, for three dimensions."""
        fill = 3 - len(self.extents)
        defaults = (1, 1, 1, 1, 0, 1)
        return tuple(
            [
                n
                for first, own in zip(defaults, self[:6], strict=True)
                for n in (first,) * fill + own
            ]
        )


unfold_windows: Row = Row(
    "unfold_windows",
    "unfold_windows",
    ("x",),
    lambda g, y, x, windows: (fold_windows(g, windows=windows),),
    "(N, C * taps, windows) of an image (N, C, *extents), with 0 outside of it.",
    backward_name="Im2ColBackward0",
    method=False,
)

fold_windows: Row = Row(
    "fold_windows",
    "fold_windows",
    ("columns",),
    lambda g, y, columns, windows: (unfold_windows(g, windows=windows),),
    "The adjoint of unfold_windows: columns added up where they were taken from.",
    backward_name="Col2ImBackward0",
    method=False,
)


def _sums(g: Any, bias: tuple[Any, ...], windows: Windows) -> tuple[Any, ...]:
    """The gradient of a bias, where there is one."""
    dims = (0, *range(2, 2 + len(windows.extents)))
    return tuple(sum_row(g, dim=dims, keepdim=False) for _ in bias)


# y[i, o, w] = sum over c and taps of weight[o, c, tap] * x[i, c, w * step + tap * spread - pad] is
# linear in x and in the weight. The next three are the derivatives of sum(g * y) by g, x and the
# weight, so each has the other two as its adjoints.
convolution: Row = Row(
    "convolution",
    "convolution",
    (),
    lambda g, y, x, weight, *bias, windows: (
        spread_out(g, weight, windows=windows),
        correlation(x, g, windows=windows),
        *_sums(g, bias, windows),
    ),
    "Windows of the first input times the second, a weight for each output, plus a bias or none.",
    backward_name="ConvolutionBackward0",
    method=False,
)

spread_out: Row = Row(
    "spread_out",
    "spread_out",
    (),
    lambda g, y, x, weight, *bias, windows: (
        convolution(g, weight, windows=windows),
        correlation(g, x, windows=windows),
        *_sums(g, bias, windows),
    ),
    "The adjoint of a convolution for its image: transposed convolution.",
    backward_name="ConvolutionBackward0",
    method=False,
)

correlation: Row = Row(
    "correlation",
    "correlation",
    ("x", "g"),
    lambda g, y, x, out, windows: (
        spread_out(out, g, windows=windows),
        convolution(x, g, windows=windows),
    ),
    "The adjoint of a convolution for its weight.",
    backward_name="ConvolutionBackwardBackward0",
    method=False,
)


def _one_axis(x: Any, lead: int) -> tuple[int, ...]:
    return (*x.shape[:lead], math.prod(x.shape[lead:]))


# The places count the elements of an image's extents.
peaks = Row(
    "peaks",
    "peaks",
    ("x", "index"),
    lambda g, y, x, index, windows: (
        add_along(
            g.reshape(_one_axis(index, 2)),
            index.reshape(_one_axis(index, 2)),
            dim=2,
            shape=_one_axis(x, 2),
        ).reshape(tuple(x.shape)),
        None,
    ),
    "The largest element of each window, and where it is.",
    backward_name="MaxPoolBackward0",
    method=False,
)

band: Row = Row(
    "band",
    "band",
    ("x",),
    lambda g, y, x, dim, bands: (band(g, dim=dim, bands=bands.transposed),),
    "Each element along `dim` the weighted sum of a few that lie side by side.",
    method=False,
)

__all__ = [
    "Bands",
    "Windows",
    "band",
    "convolution",
    "correlation",
    "fold_windows",
    "peaks",
    "spread_out",
    "unfold_windows",
]
