"""Fits of 10,000 curves beside SciPy, JAX and a loop by hand: `python bench/many_fits.py`.

Exponentials of 3 parameters, and gaussians over a background of 5, at 50 points: `fit_many`, a loop
over SciPy's `curve_fit`, JAX's `vmap` of a Levenberg and Marquardt written out, and the loop of
`loops_of_fits`, which has the same algorithm. All begin alike and come to the same parameters,
which is checked. Rounds alternate between all; slower ones take fewer curves, and what counts is
the processor time of a curve, of all threads; a loop over `curve_fit` has one core alone, so that
its time counts for each core that there is. Then a memory map of many curves, whose peak of
memory is taken, and one `curve_fit` beside SciPy's, warm and cold. Exits with status 1 if a bound
was missed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import click
import fits
import numpy as np
import peers
import report

Array = np.ndarray[Any, Any]
Run = Callable[[], Array]
HAND, SCIPY, JAX = "loop by hand", "SciPy's curve_fit, one by one", "JAX's vmap"
BOUNDS = {HAND: 1.5, SCIPY: 0.01, JAX: 1 / 3}  # of its time, at most
WARM, COLD = 0.3, 1.5  # of SciPy's time; seconds
FEW = {SCIPY: 200, JAX: 2000}
POINTS = 50
COLUMNS = {"fits": 48, "wall": 10, "processor": 10, "of its time": 12, "bound": 7, "": 6}


@dataclass(frozen=True)
class Case:
    """A model, where its parameters lie, and where fits begin."""

    model: Callable[..., Any]
    ends: tuple[tuple[float, float], ...]
    start: tuple[float, ...]

    def curves(self, n: int) -> tuple[Array, Array]:
        """x, and curves with noise."""
        draw, x = np.random.default_rng(0), np.linspace(0, 4, POINTS)
        true = np.stack([draw.uniform(*ends, n) for ends in self.ends], 1)
        y = np.stack([self.model(x, *p) for p in true])
        return x, y + 0.02 * draw.normal(size=y.shape)


def decay(x: Any, a: Any, k: Any, c: Any) -> Any:
    """An exponential."""
    return a * np.exp(-k * x) + c


def peak(x: Any, height: Any, center: Any, width: Any, base: Any, slope: Any) -> Any:
    """A gaussian over a background."""
    return height * np.exp(-(((x - center) / width) ** 2)) + base + slope * x


CASES = {
    "exponentials": Case(decay, ((1, 3), (0.5, 2), (0, 1)), (1.0, 1.0, 0.0)),
    "gaussians": Case(
        peak, ((1, 3), (1.5, 2.5), (0.5, 1), (0, 1), (-0.1, 0.1)), (1.0, 2.0, 1.0, 0.0, 0.0)
    ),
}


@dataclass(frozen=True)
class Result:
    """One line: seconds of a curve, medians; `ratio` is what `fit_many` takes of its time."""

    case: str
    by: str
    curves: int
    wall_seconds: float
    processor_seconds: float
    ratio: float
    bound: float | None
    verdict: str

    def cells(self) -> tuple[object, ...]:
        """The texts of the table's columns."""
        times = map(report.duration, (self.wall_seconds, self.processor_seconds))
        bound = "" if self.bound is None else f"{self.bound:.3g}"
        return f"{self.case}, {self.by}", *times, f"{self.ratio:.4f}", bound, self.verdict


# Who fits


def contenders(case: Case, n: int) -> dict[str, tuple[Run, int]]:
    """What gives the parameters of so many curves, ours first."""
    from microgrest.fit import fit_many

    x, y = case.curves(n)
    found: dict[str, tuple[Run, int]] = {
        "fit_many": (lambda: np.asarray(fit_many(case.model, x, y, case.start).popt), n),
        HAND: (by_hand(case, x, y), n),
    }
    if peers.installed("scipy"):
        few = y[: FEW[SCIPY]]
        found[SCIPY] = (lambda: one_by_one(case, x, few), len(few))
    if peers.installed("jax"):
        few_more = y[: FEW[JAX]]
        found[JAX] = (by_jax(case, x, few_more), len(few_more))
    return found


def by_hand(case: Case, x: Array, y: Array) -> Run:
    """The loop of Numba."""
    import loops_of_fits

    rows = {"decay": loops_of_fits.decay_rows, "peak": loops_of_fits.peak_rows}
    n, start = len(case.start), np.array(case.start)
    many = loops_of_fits.marquardt(n, rows[case.model.__name__])
    popt, perr, status = np.empty((len(y), n)), np.empty((len(y), n)), np.empty(len(y), np.int64)

    def run() -> Array:
        many(x, y, start, popt, perr, status)
        return popt

    return run


def one_by_one(case: Case, x: Array, y: Array) -> Array:
    """SciPy's function in a loop."""
    from scipy.optimize import curve_fit

    return np.array([curve_fit(case.model, x, row, case.start)[0] for row in y])


def by_jax(case: Case, x: Array, y: Array) -> Run:
    """vmap of Levenberg and Marquardt with the normal equations, in float64, until steps end."""
    import jax
    from jax import numpy as jnp

    jax.config.update("jax_enable_x64", True)
    names = {"decay": _decay_of_jax, "peak": _peak_of_jax}
    model = names[case.model.__name__]

    def residuals(p: Any, row: Any) -> Any:
        return model(jnp, x, p) - row

    jacobian = jax.jacfwd(residuals)

    def turn(state: Any) -> Any:
        p, cost, damping, _, k, row = state
        j, r = jacobian(p, row), residuals(p, row)
        a = j.T @ j
        step = jnp.linalg.solve(a + damping * jnp.diag(jnp.diag(a)), -j.T @ r)
        new = jnp.square(residuals(p + step, row)).sum()
        better = new < cost
        small = jnp.all(jnp.abs(step) <= 1.49012e-8 * (jnp.abs(p) + 1e-8))
        ends = small | (better & (cost - new <= 1.49012e-8 * cost))
        p, damping = jnp.where(better, p + step, p), jnp.where(better, damping / 10, damping * 10)
        return p, jnp.where(better, new, cost), damping, ends, k + 1, row

    def fit(row: Any) -> Any:
        p = jnp.array(case.start)
        begun = p, jnp.square(residuals(p, row)).sum(), 1e-3, False, 0, row
        return jax.lax.while_loop(lambda s: ~s[3] & (s[4] < 100), turn, begun)[0]

    run, rows = jax.jit(jax.vmap(fit)), jnp.asarray(y)
    return lambda: np.asarray(run(rows))


def _decay_of_jax(np: Any, x: Any, p: Any) -> Any:
    return p[0] * np.exp(-p[1] * x) + p[2]


def _peak_of_jax(np: Any, x: Any, p: Any) -> Any:
    return p[0] * np.exp(-(((x - p[1]) / p[2]) ** 2)) + p[3] + p[4] * x


# The comparison


def check(name: str, found: dict[str, tuple[Run, int]]) -> None:
    """All come to the same, but for the few curves that end elsewhere."""
    (run, _), *others = found.values()
    ours = run()
    for by, (other, n) in list(found.items())[1:]:
        near = np.isclose(other(), ours[:n], rtol=1e-3, atol=1e-4).all(1).mean()
        if near < 0.95:
            raise AssertionError(f"{name}: only {near:.1%} of the fits by {by} are those of ours")
    assert len(others) == len(found) - 1


def measured(run: Run, n: int) -> tuple[float, float]:
    """Wall-clock and processor seconds of a curve."""
    began, used = time.perf_counter(), time.process_time()
    run()
    return (time.perf_counter() - began) / n, (time.process_time() - used) / n


def compare(name: str, case: Case, n: int, rounds: int) -> list[Result]:
    """The lines of a case."""
    found = contenders(case, n)
    check(name, found)
    samples = [[measured(*pair) for pair in found.values()] for _ in range(rounds)]
    results = []
    for k, (by, (_, curves)) in enumerate(found.items()):
        wall, used = (median(sample[k][i] for sample in samples) for i in (0, 1))
        cores = peers.threads() if by == SCIPY else 1
        ratio = median(sample[0][1] / sample[k][1] for sample in samples) / cores
        bound = BOUNDS.get(by)
        verdict = report.verdict(ratio, bound)
        results.append(Result(name, by, curves, wall, used, ratio, bound, verdict))
    return results


# A memory map


def from_memory_map(n: int) -> dict[str, Any]:
    """Fit n exponentials out of a file, in a process of their own: time, peak of memory."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--child", folder, "--curves", str(n)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    anonymous, resident, seconds = (float(word) for word in told.split()[-3:])
    return {
        "case": "memory map",
        "curves": n,
        "file_bytes": n * POINTS * 8,
        "peak_own_bytes": anonymous,
        "peak_resident_bytes": resident,
        "processor_seconds": seconds / n,
    }


def child(folder: Path, n: int) -> None:
    """What `from_memory_map` starts: prints the peaks in bytes, and processor seconds."""
    from microgrest.fit import fit_many

    case, block = CASES["exponentials"], 10_000
    x, curves = case.curves(block)
    shape = (n, POINTS)
    file = np.lib.format.open_memmap(folder / "y.npy", "w+", np.float64, shape)
    for start in range(0, n, block):
        file[start : start + block] = curves[: n - start]
    file.flush()
    del file
    y = np.load(folder / "y.npy", mmap_mode="r")
    fit_many(case.model, x, curves[:10], case.start)
    before, peak, used = _memory("RssAnon"), 0, time.process_time()

    def look(done: int, of: int) -> None:
        nonlocal peak
        peak = max(peak, _memory("RssAnon"))

    found = fit_many(case.model, x, y, case.start, progress=look)
    used = time.process_time() - used
    own = sum(a.nbytes for a in vars(found).values() if isinstance(a, np.ndarray))
    assert found.done == n and found.success.mean() > 0.99
    print(peak - before - own, _memory("VmHWM"), used)


def _memory(name: str) -> int:
    """A line of what Linux tells of this process, in bytes; 0 elsewhere."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), 0)


# One curve


def one_curve() -> list[dict[str, Any]]:
    """`curve_fit` beside SciPy's, and the first one of a process with an empty cache."""
    found: list[dict[str, Any]] = []
    for name, (ours, scipys) in fits.warm().items():
        ratio = ours / scipys
        verdict = report.verdict(ratio, WARM)
        found.append({"case": f"one fit, {name}", "seconds": ours, "scipy_seconds": scipys})
        found[-1] |= {"ratio": ratio, "bound": WARM, "verdict": verdict}
    wall, used = fits.cold()
    found.append({"case": "one fit, the first, cold", "wall_seconds": wall})
    found[-1] |= {"processor_seconds": used, "bound": COLD, "verdict": report.verdict(used, COLD)}
    return found


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True)
@click.option("--curves", "n", type=click.IntRange(min=1), default=10_000, show_default=True)
@click.option("--mapped", type=click.IntRange(min=1), default=1_000_000, show_default=True)
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--child", "folder", type=click.Path(path_type=Path), hidden=True)
def main(rounds: int, n: int, mapped: int, file: Path | None, folder: Path | None) -> None:
    """Times of a fit, and of which share of others' times they are."""
    if folder:
        child(folder, n)
        return
    settings = {"rounds": rounds, "threads": peers.threads(), "load": peers.load_average()}
    click.echo(report.row(COLUMNS, COLUMNS.values()))
    results: list[dict[str, Any]] = []
    for name, case in CASES.items():
        for result in compare(name, case, n, rounds):
            click.echo(report.row(result.cells(), COLUMNS.values()))
            results.append(asdict(result))
    others = [from_memory_map(k) for k in (mapped // 10, mapped) if k] + one_curve()
    for line in others:
        told = [f"{k} {v:.4g}" if isinstance(v, float) else f"{v}" for k, v in line.items()]
        click.echo(", ".join(told))
    if file:
        report.write(file, "many_fits", settings, results + others)
    sys.exit(any(line.get("verdict") == "MISSED" for line in results + others))


if __name__ == "__main__":
    os.environ.setdefault("MICROGREST_FIRST_CALLS", "0")
    main()
