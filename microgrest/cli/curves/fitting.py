"""The fits: of one curve as `Model` fits it, of one for each group by `fit_many`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microgrest.fit import ManyResult, ModelResult, fit_many
from microgrest.fit.curve.data import Data
from microgrest.fit.model.result import solve

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
    result: ModelResult | None = None  # of one curve

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
    data = Data(None, rows.y, None if rows.sigma is None else 1 / rows.sigma, None)
    scaled = not asked.absolute_sigma
    with np.errstate(all="ignore"):
        found = solve(model.model, model.params, [rows.x], data, scaled, **_options(asked))
    if not found.success:
        raise InputError(f"the fit did not converge: {_one_line(found)} Try another --p0.")
    n = len(model.free)
    values = np.array([found.params[name].value for name in model.free])
    covariance = np.full((n, n), np.inf) if found.covar is None else found.covar
    ended = found.chisqr, len(rows), found.nfev, True, _one_line(found)
    return Found("", values, covariance, *ended, found)


def _one_line(found: ModelResult) -> str:
    return " ".join(found.message.split())


def _options(asked: Asked) -> dict[str, Any]:
    """Those of a fit with a loss."""
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
