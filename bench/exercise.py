"""Every kind of CUDA kernel once, at sizes that leave blocks half empty, for compute-sanitizer.

Compares with the CPU and exits with status 1 where the two differ: `python bench/exercise.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import peers

mg = peers.load("microgrest")

WORK: dict[str, Callable[[Any, Any], Any]] = {
    "flat": lambda x, m: x * 2.0 + x.sin(),
    "strided": lambda x, m: m.t() * 3 + m.t().exp(),
    "broadcast": lambda x, m: m * m[0] + m[:, :1],
    "converted": lambda x, m: x.to(mg.float16).to(mg.float64),
    "in place": lambda x, m: (x + 0).mul_(x).add_(1.0),
    "sum": lambda x, m: x.sum(),
    "sum of columns": lambda x, m: m.sum(0),
    "sum of rows": lambda x, m: m.sum(1),
    "largest": lambda x, m: m.amax(1),
    "where the largest is": lambda x, m: m.argmax(0),
    "product": lambda x, m: m @ m.t(),
    "matrix by vector": lambda x, m: m @ m[0],
    "running sum": lambda x, m: m.cumsum(1),
    "rows by index": lambda x, m: m[mg.tensor([3, 0, 3], device=m.device)],
    "gradients": lambda x, m: _gradient(m),
}


def _gradient(m: Any) -> Any:
    w = m.detach().clone().requires_grad_()
    ((w * m).tanh() @ w.t()).pow(2).mean().backward()
    return w.grad


def main() -> int:
    """The exit status."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1003
    random = np.random.default_rng(0)
    given = [random.random(n, np.float32), random.random((max(n // 27, 5), 7), np.float32)]
    wrong = 0
    for name, work in WORK.items():
        here, there = (
            work(*(mg.tensor(a, device=device) for a in given)).cpu().numpy()
            for device in ("cpu", "cuda")
        )
        same = here.dtype == there.dtype and np.allclose(here, there, rtol=1e-4, atol=1e-5)
        print(f"{name}: {'ok' if same else 'WRONG'}", flush=True)
        wrong += not same
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
