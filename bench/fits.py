"""One `curve_fit` of 1,000 points and 4 parameters, warm and cold, beside SciPy's.

    python -m bench.fits

Needs SciPy. Warm is the best of several runs of each, in turn; cold a fresh process with an empty
kernel cache, the import of microgrest included.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]


def peak(x: Any, height: Any, center: Any, width: Any, base: Any) -> Any:
    """A gaussian over a background."""
    return height * np.exp(-(((x - center) / width) ** 2)) + base


def wave(x: Any, a: Any, k: Any, c: Any, w: Any) -> Any:
    """A decay and a sine."""
    return a * np.exp(-k * x) + c * np.sin(w * x)


CASES = {
    "gaussian": (peak, (2.0, 2.0, 0.7, 0.3), (1.5, 2.3, 1.0, 0.0)),
    "decay and sine": (wave, (2.0, 0.5, 1.0, 3.0), (1.5, 0.4, 0.8, 2.8)),
}


def data(model: Callable[..., Any], true: Any) -> tuple[Any, Any]:
    """1,000 points with noise."""
    x = np.linspace(0, 5, 1000)
    return x, model(x, *true) + 0.1 * np.random.default_rng(0).normal(size=x.size)


def best(run: Callable[[], Any], turns: int = 20) -> float:
    """Processor seconds of a run, on average."""
    begun = time.thread_time()
    for _ in range(turns):
        run()
    return (time.thread_time() - begun) / turns


def warm() -> dict[str, tuple[float, float]]:
    """Seconds of a fit by us and by SciPy, each case, of several rounds in turn at best."""
    os.environ["MICROGREST_FIRST_CALLS"] = "0"
    from scipy.optimize import curve_fit as scipys

    from microgrest.fit import curve_fit as ours

    found = {}
    for name, (model, true, start) in CASES.items():
        x, y = data(model, true)
        runs = [lambda fit=fit: fit(model, x, y, start) for fit in (ours, scipys)]  # noqa: B023
        times = np.array([[best(run) for run in runs] for _ in range(1 + 9)])[1:].min(0)
        found[name] = float(times[0]), float(times[1])
    return found


def cold() -> tuple[float, float]:
    """The first fit of a process, with nothing compiled: seconds, and those of the processor."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "MICROGREST_CACHE_DIR": folder}
        environment.pop("MICROGREST_FIRST_CALLS", None)
        command = [sys.executable, "-m", "bench.fits", "first"]
        told = subprocess.run(
            command, env=environment, cwd=ROOT, check=True, capture_output=True, text=True
        )
    seconds, busy = told.stdout.split()
    return float(seconds), float(busy)


def first() -> None:
    """One fit, timed."""
    model, true, start = CASES["gaussian"]
    x, y = data(model, true)
    begun, used = time.perf_counter(), time.process_time()
    from microgrest.fit import curve_fit

    curve_fit(model, x, y, start)
    print(time.perf_counter() - begun, time.process_time() - used)


def main() -> None:
    """The table."""
    seconds, busy = cold()
    print(f"the first, cold, with the import: {seconds:.2f} s, {busy:.2f} s of them computing")
    for name, (ours, scipys) in warm().items():
        ratio = ours / scipys
        print(f"{name}: {ours * 1e6:.0f} us, SciPy {scipys * 1e6:.0f} us: {ratio:.3f}")


if __name__ == "__main__":
    first() if sys.argv[1:] == ["first"] else main()
