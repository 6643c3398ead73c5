"""`fit_many`: one model fitted to many curves, each as `curve_fit` fits it alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from ...kernels.fits.algorithm import marquardt as at
from ...kernels.fits.algorithm.state import Settings
from ...kernels.fits.fit import Fit, States
from ..curve.curve_fit import argument_names, settings_of
from ..curve.run import CONVERGED, SHORTER
from ..reading import models
from ..reading.models import Layout
from .data import Curves, prepare
from .place import chosen, chunk_on, on_host, runner
from .result import ManyResult

Array = Any
Run = Callable[..., None]


def fit_many(
    f: Callable[..., Any],
    x: Any,
    Y: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    bounds: Any = (-np.inf, np.inf),
    mask: Any = None,
    *,
    nan_policy: str | None = None,
    pcov: bool = False,
    progress: bool | Callable[[int, int], object] = False,
    executor: Any = None,
    chunk: int | None = None,
    device: Any = None,
    **options: Any,
) -> ManyResult:
    """Fit `f(x, a, b, ...)` to each row of `Y`, (curves, points), in native code on all cores.

    `x` is (points,), or (k, points) for k predictors, for all curves, or one for each: of Y's
    shape, or (curves, k, points). `p0` is (n,) for all, (curves, n), or a function of the x and the
    y of a curve, NaN where it knows nothing; if left out, ones, or within the bounds. `sigma` is a
    number, (points,) or of Y's shape; `bounds` are of p0's shapes. Points where `mask` is False,
    (points,) or of Y's shape, or that Y masks as a masked array, are left out, so that curves may
    differ in length; `nan_policy="omit"` leaves NaN out, too, and "raise" is a ValueError.
    `options` are those of `curve_fit`: `ftol`, `xtol`, `gtol`, `maxfev`, `loss`, `f_scale`, ...

    The result has arrays with one row a curve: `popt`, `perr`, `chisqr`, `nfev`, `status`, and with
    `pcov=True` the covariances. A curve that cannot be fitted, of NaN or of fewer points than
    parameters, has status 0 and NaN for parameters, and disturbs no other. Each curve's numbers are
    those that it would have alone, whatever the number of threads. On a GPU, which `device="cuda"`
    or x or Y as its tensors choose, a thread fits a curve, with the same numbers to rounding.

    Y may be a memory map: `chunk` curves are read at a time, 2048 for each thread, or 65536 on a
    GPU. Ctrl-C ends after the chunk under way with the result so far, of which `done` curves are
    fitted; `progress` is a bar on stderr, or a function of curves done and all. With an `executor`
    of `concurrent.futures` chunks are fitted by its workers, which must be able to import `f`.

    NotImplementedError for a model that cannot be read as a function of numbers; ValueError for
    shapes that do not fit, and for a p0 for all that is outside of the bounds; RuntimeError where
    there is no GPU.
    """
    place = chosen(device, x, Y)
    chunk = chunk_on(place) if chunk is None else chunk
    if chunk < 1:
        raise ValueError(f"fit_many: chunk has to be at least 1, got {chunk}")
    x, Y, p0, sigma, mask = map(on_host, (x, Y, p0, sigma, mask))
    n = _count(f, p0)
    curves = prepare(x, Y, p0, sigma, bounds, mask, nan_policy, n)
    settings = settings_of(curves.start, curves.lower_of_all, curves.upper_of_all, options)
    result = ManyResult.empty(len(curves), n, pcov)
    pieces = [(i, min(len(curves), i + chunk)) for i in range(0, len(curves), chunk)]
    work = (f, settings, "factor" not in options, absolute_sigma, pcov, place)
    with _telling(progress, len(curves)) as tell:
        try:
            for (start, stop), found in _fitted(curves, pieces, work, executor):
                result.take(start, stop, found)
                tell(result.done)
        except KeyboardInterrupt:
            result.interrupted = True
    return result


def _count(f: Any, p0: Any) -> int:
    """The number of parameters."""
    if p0 is None or callable(p0):
        names = argument_names(f)
        if len(names) < 2:
            raise ValueError("Unable to determine number of fit parameters.")
        return len(names) - 1
    return int(np.shape(np.atleast_1d(p0))[-1])


def _fitted(
    curves: Curves, pieces: list[tuple[int, int]], work: tuple[Any, ...], executor: Any
) -> Iterator[tuple[tuple[int, int], dict[str, Array]]]:
    """What comes of each piece, in order."""
    if executor is None:
        for piece in pieces:
            yield piece, fit_piece(curves.part(*piece), *work)
        return
    futures = [executor.submit(fit_piece, curves.part(*piece), *work) for piece in pieces]
    try:
        for piece, future in zip(pieces, futures, strict=True):
            yield piece, future.result()
    finally:
        for future in futures:
            future.cancel()


def fit_piece(
    curves: Curves,
    f: Any,
    settings: Settings,
    again: bool,
    absolute_sigma: bool,
    pcov: bool,
    place: int | None,
) -> dict[str, Array]:
    """The results of some curves, as arrays by name."""
    curves = curves.begun()
    run = runner(_model(f, curves), place)
    bad = curves.bad()
    states = _run(run, curves, settings)
    if again:
        _again(run, curves, settings, states)
    states.c[bad, at.STATUS] = 0
    chisqr = states.s[:, at.OLD].copy()
    free = curves.counts() - states.v.shape[2]
    inverse = states.inverse
    if not absolute_sigma:
        with np.errstate(all="ignore"):
            scale = np.where(free > 0, chisqr / free, np.nan)
        inverse = inverse * scale[:, None, None]
    popt = states.v[:, at.X].copy()
    unknown = np.isnan(inverse).any((1, 2))
    inverse[unknown] = np.inf
    with np.errstate(all="ignore"):
        perr = np.sqrt(np.diagonal(inverse, axis1=1, axis2=2))
    for part in (popt, perr, chisqr):
        part[bad] = np.nan
    found = {"popt": popt, "perr": perr, "chisqr": chisqr, "free": free}
    found |= {"nfev": states.c[:, at.EVALUATIONS].copy(), "status": states.c[:, at.STATUS].copy()}
    if pcov:
        inverse[bad] = np.nan
        found["pcov"] = inverse
    return found


def _model(f: Any, curves: Curves) -> Fit:
    """The native fits of a model; an error that says why for one that cannot be read."""
    layout = Layout(curves.rows, curves.shape)
    one = models.native(f, layout)
    if one is None:
        models.program(f, layout)  # says why
        raise NotImplementedError("fit_many: the model cannot be read")
    if not one.proven:
        x, y, p = curves.first()
        if not models.proven(one, f, x if curves.rows else x[0], x, y, p):
            raise NotImplementedError(
                "fit_many: the model as it was read gives other numbers than Python does; "
                "fit the curves one by one, by curve_fit"
            )
    return one


def _run(run: Run, curves: Curves, settings: Settings) -> States:
    states = States.begin(settings, *curves.starts())
    run(*curves.arrays, states)
    return states


def _again(run: Run, curves: Curves, settings: Settings, states: States) -> None:
    """Curves of which a parameter lost its influence begin again with shorter steps, and keep the
    better result, as in `curve_fit`."""
    left = np.flatnonzero(states.lost & np.isfinite(states.s[:, at.OLD]))
    for factor in SHORTER:
        if not left.size:
            return
        some = curves.of(left)
        other = _run(run, some, replace(settings, factor=factor))
        better = other.s[:, at.OLD] < states.s[left, at.OLD] * (1 - 1e-6)
        better &= ~other.lost & np.isin(other.c[:, at.STATUS], CONVERGED)
        spent = states.c[left, at.EVALUATIONS] + other.c[:, at.EVALUATIONS]
        for mine, theirs in zip(states, other, strict=True):
            mine[left[better]] = theirs[better]
        states.c[left, at.EVALUATIONS] = spent
        left = left[~better]


@contextmanager
def _telling(progress: Any, n: int) -> Iterator[Callable[[int], object]]:
    """What tells how many curves are done."""
    if callable(progress):
        yield lambda done: progress(done, n)
    elif progress:
        import click

        with click.progressbar(length=n, file=sys.stderr) as bar:
            yield lambda done: bar.update(done - bar.pos)
    else:
        yield lambda done: None
