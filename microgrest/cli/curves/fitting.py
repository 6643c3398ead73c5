"""The fits: of one curve by `curve_fit`, of one for each group by `fit_many`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microgrest.fit import ManyResult, curve_fit, fit_many
from microgrest.fit.problem.results import warning_class
from microgrest.kernels.fits.algorithm import losses_by_numpy

from ..data.table import Vector
from ..settings import Asked
from ..terminal.errors import InputError
from .chosen import Chosen
from .rows import Rows, where

Indices = NDArray[np.int64]
# Groups are fitted together whose sizes differ by less than this: the shorter ones are padded.
ALIKE = 1.5


@dataclass(frozen=True)
class Found:
    """A fit: of the free parameters `values` and `covariance`, which is infinite if it is unknown.

    `converged` is None where Ctrl-C came before it.
    """

    group: str
    values: Vector
    covariance: NDArray[np.float64]
    chisqr: float
    points: int
    evaluations: int
    converged: bool | None
    message: str

    @property
    def errors(self) -> Vector:
        """Standard errors."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.sqrt(np.diagonal(self.covariance)))

    @property
    def free(self) -> int:
        """Degrees of freedom."""
        return self.points - self.values.size

    @property
    def reduced(self) -> float:
        """Chi-square for each of them."""
        return self.chisqr / self.free if self.free > 0 else np.nan


def single(asked: Asked, rows: Rows, model: Chosen) -> Found:
    """The fit of all rows; InputError for one that does not converge."""
    if len(rows) < len(model.free):
        raise InputError(
            f"{len(model.free)} parameters ({', '.join(model.free)}) need as many rows; "
            f"{asked.data} has {len(rows)}"
        )
    _begins(asked, rows, model)
    options = _options(asked)
    bounded = np.isfinite(model.bounds).any()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", warning_class())  # the report says it
        try:
            values, covariance, info, message, _ = curve_fit(
                model.f,
                rows.x,
                rows.y,
                model.start,
                rows.sigma,
                asked.absolute_sigma,
                bounds=model.bounds,
                method="trf" if bounded or options else "lm",
                full_output=True,
                **options,
            )
        except RuntimeError as error:
            reason = " ".join(str(error).split()).removeprefix("Optimal parameters not found: ")
            raise InputError(f"the fit did not converge: {reason} Try another --p0.") from None
    chisqr = losses_by_numpy.cost(losses_by_numpy.RHO[asked.loss], asked.f_scale, info["fvec"])
    said = " ".join(message.split())
    return Found("", values, covariance, chisqr, len(rows), info["nfev"], True, said)


def _options(asked: Asked) -> dict[str, Any]:
    """Those of `curve_fit` and `fit_many` for a loss."""
    return {} if asked.loss == "linear" else {"loss": asked.loss, "f_scale": asked.f_scale}


def _begins(asked: Asked, rows: Rows, model: Chosen) -> None:
    """InputError where the model is no number at the start: a fit would not get away from there."""
    with np.errstate(all="ignore"):
        values = np.broadcast_to(np.asarray(model.f(rows.x, *model.start)), rows.x.shape)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        start = ", ".join(f"{n} = {v:g}" for n, v in zip(model.free, model.start, strict=True))
        raise InputError(
            f"{where(asked, rows, bad[0])}: at {rows.x_name} = {rows.x[bad[0]]:g} the model is "
            f"{values[bad[0]]:g} where the fit begins, with {start}. Give another --p0"
        )


def useless(rows: Rows, model: Chosen, values: Vector) -> list[str]:
    """The parameters that do not change the model where the fit has ended."""
    names = []
    for i, name in enumerate(model.free):
        pair = [values.copy(), values.copy()]
        step = 1e-4 * (abs(values[i]) or 1.0)
        pair[0][i] -= step
        pair[1][i] += step
        with np.errstate(all="ignore"):
            low, high = (np.asarray(model.f(rows.x, *p)) for p in pair)
        if np.all(low == high):
            names.append(name)
    return names


def grouped(
    asked: Asked, rows: Rows, model: Chosen, progress: Callable[[int, int], object]
) -> list[Found]:
    """A fit for each group, in the order of the file; those that Ctrl-C left out say so."""
    members = list(rows.members())
    found: dict[int, Found] = {}
    for part in _alike([m.size for m in members]):

        def tell(done: int, _: int, before: int = len(found)) -> None:
            progress(before + done, len(members))

        result = _fitted(asked, rows, model, [members[i] for i in part], tell)
        success = result.success
        for row, i in enumerate(part):
            converged = bool(success[row]) if result.status[row] >= 0 else None
            found[i] = _one(result, row, rows.groups[i], members[i].size, converged)
        if result.interrupted:
            break
    return [found[i] for i in sorted(found) if found[i].converged is not None]


def _alike(sizes: list[int]) -> Iterator[list[int]]:
    """The numbers of groups of about one size, together."""
    part: list[int] = []
    for i in sorted(range(len(sizes)), key=sizes.__getitem__):
        if part and sizes[i] > ALIKE * sizes[part[0]]:
            yield part
            part = []
        part.append(i)
    yield part


def _fitted(
    asked: Asked,
    rows: Rows,
    model: Chosen,
    members: list[Indices],
    progress: Callable[[int, int], object],
) -> ManyResult:
    """`fit_many` of some groups, the shorter ones padded."""
    most = max(len(model.free), *(m.size for m in members))
    places = np.zeros((len(members), most), np.int64)
    mask = np.zeros(places.shape, bool)
    for row, m in enumerate(members):
        places[row, : m.size], mask[row, : m.size] = m, True
    with np.errstate(all="ignore"):
        return fit_many(
            model.f,
            rows.x[places],
            rows.y[places],
            model.guess or model.start,
            None if rows.sigma is None else rows.sigma[places],
            asked.absolute_sigma,
            model.bounds,
            mask,
            pcov=True,
            progress=progress,
            **_options(asked),
        )


def _one(result: ManyResult, row: int, group: str, points: int, converged: bool | None) -> Found:
    """A row of a result of many."""
    assert result.pcov is not None
    return Found(
        group,
        result.popt[row],
        result.pcov[row],
        float(result.chisqr[row]),
        points,
        int(result.nfev[row]),
        converged,
        result.message(row),
    )
