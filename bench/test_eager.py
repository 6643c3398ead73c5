"""The cases of `cases.py` under pytest-benchmark: `python -m pytest bench --benchmark-only`.

Groups compare peers on one case; `-k "fit and torch"` selects by the ids, NAME-N-PEER. Times are
taken peer after peer; for ratios `bench/eager.py` interleaves them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import peers
import pytest
from cases import CASES, Case
from interleave import calibrate

pytest.importorskip("pytest_benchmark", reason="pip install pytest-benchmark")

ROUNDS, ROUND_SECONDS = 15, 0.01


def _parameters() -> Iterator[Any]:
    for case in CASES:
        for peer in case.peers:
            mark = pytest.mark.benchmark(group=case.group, disable_gc=True)
            yield pytest.param(case, peer, id=f"{case.id}-{peer}", marks=mark)


@pytest.mark.parametrize(("case", "peer"), list(_parameters()))
def test_eager(benchmark: Any, case: Case, peer: str) -> None:
    """Time one case on one peer; warm-up, and with it compilation, comes before."""
    if not peers.installed(peer):
        pytest.skip(f"{peer} is not installed")
    threads, module = peers.threads() if case.parallel else 1, peers.load(peer)
    peers.use_threads(threads)
    timed = case.on(module)
    calls = calibrate(timed, ROUND_SECONDS)
    benchmark.extra_info.update(device="cpu", n=case.n, dtype=case.dtype, threads=threads)
    benchmark.extra_info["version"] = module.__version__
    if timed.prepare is None:
        benchmark.pedantic(timed.run, rounds=ROUNDS, iterations=calls)
    else:  # a new graph for each call, outside the timed part
        prepare = timed.prepare
        benchmark.pedantic(
            timed.run, setup=lambda: ((prepare(),), {}), rounds=max(ROUNDS, calls), iterations=1
        )
