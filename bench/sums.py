"""How accurate float32 sums are: `python bench/sums.py`.

The error is counted in units of the sum of magnitudes, so that cancellation in the data does not
hide or inflate it; the reference is NumPy's pairwise sum in float64. Exits with status 1 if
microgrest's error exceeds 1e-6.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
import peers
import report
from numpy.typing import NDArray

N, BOUND = 10_000_000, 1e-6
PEERS = ("microgrest", "torch", "numpy")
COLUMNS = {"values": 22, **dict.fromkeys(PEERS, 12), "bound": 8, "": 6}
Values = NDArray[np.float32]


def data(n: int) -> dict[str, Values]:
    """Series whose sums go wrong in different ways."""
    random = np.random.default_rng(0)
    spread = random.normal(size=n) * 10.0 ** random.uniform(-6, 6, n)
    return {
        "uniform": random.random(n, np.float32),
        "normal": random.standard_normal(n, np.float32),
        "0.1, all of them": np.full(n, 0.1, np.float32),
        "one large, then small": np.concatenate([[1e7], np.full(n - 1, 0.1)]).astype(np.float32),
        "12 orders of magnitude": spread.astype(np.float32),
    }


def error(module: Any, values: Values) -> float:
    """|sum - exact| / sum of magnitudes."""
    tensor = values if module is np else module.from_numpy(values)
    exact = float(values.sum(dtype=np.float64))
    return abs(float(tensor.sum()) - exact) / float(np.abs(values).sum(dtype=np.float64))


@click.command()
@click.option("--n", type=click.IntRange(min=1), default=N, show_default=True)
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path))
def main(n: int, file: Path | None) -> None:
    """Errors of float32 sums, relative to the sum of magnitudes."""
    modules = {peer: peers.load(peer) for peer in PEERS if peers.installed(peer)}
    click.echo(f"{n:,} values\n\n" + report.row(COLUMNS, COLUMNS.values()))
    results = []
    for name, values in data(n).items():
        errors = {peer: error(module, values) for peer, module in modules.items()}
        judged = report.verdict(errors["microgrest"], BOUND)
        results.append({"values": name, **errors, "bound": BOUND, "verdict": judged})
        texts = [f"{errors[peer]:.1e}" if peer in errors else "-" for peer in PEERS]
        click.echo(report.row((name, *texts, BOUND, judged), COLUMNS.values()))
    if file:
        report.write(file, "sums", {"n": n}, results)
    sys.exit(any(result["verdict"] == "MISSED" for result in results))


if __name__ == "__main__":
    main()
