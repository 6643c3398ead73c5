"""Calls of kernel kinds by name, for tests of kernels: `kinds` is the module of a target."""

from __future__ import annotations

from typing import Any

from microgrest.kernels.kinds.draws import draw as draws
from microgrest.kernels.kinds.orders import move
from microgrest.kernels.kinds.scan import SCAN, Sweep
from microgrest.kernels.source.axis.scans import Scan

MEETINGS = move.SCATTER_ADD, move.SCATTER_MUL, move.SCATTER_MAX, move.SCATTER_MIN
MOVES = {kind.name: kind for kind in (move.GATHER, move.PUT, *MEETINGS)}


class Draws:
    """The draws of a target: draws.uniform(out, seed, offset, low, high) returns the counters."""

    def __init__(self, kinds: Any) -> None:
        self.kinds = kinds

    def _fill(self, request: draws.Request, out: Any, seed: int, offset: int) -> int:
        kind, params, values = request
        taken: int = self.kinds.draw(kind, params, out, seed, offset, values)
        return taken

    def raw(self, out: Any, seed: int, offset: int) -> int:
        return self._fill(draws.RAW, out, seed, offset)

    def uniform(self, out: Any, seed: int, offset: int, *bounds: float) -> int:
        return self._fill(draws.uniform(out.dtype, *bounds), out, seed, offset)

    def normal(self, out: Any, seed: int, offset: int, *moments: float) -> int:
        return self._fill(draws.normal(out.dtype, *moments), out, seed, offset)

    def integers(self, out: Any, seed: int, offset: int, low: int, high: int) -> int:
        return self._fill(draws.integers(low, high), out, seed, offset)

    def bernoulli(self, out: Any, seed: int, offset: int, p: float) -> int:
        return self._fill(draws.bernoulli(out.dtype, p), out, seed, offset)

    def permutation(self, out: Any, seed: int, offset: int) -> int:
        return self._fill(draws.SHUFFLE, out, seed, offset)


def moved(kinds: Any, name: str, x: Any, index: Any, values: Any) -> None:
    """Run gather, put, or a kind of MEETINGS, by its name."""
    kinds.run(MOVES[name], x.dtype.name, (x, index, values))


def scanned(
    kinds: Any, program: Scan, inputs: Any, outputs: Any, outer: int, n: int, inner: int
) -> None:
    """Run a scan of arrays (outer, n, inner)."""
    kinds.run(SCAN, Sweep(program, inner != 1), [*inputs, *outputs], (outer, n, inner))
