"""What a new process measures of compiled steps: `python bench/step_child.py compile | memory N`.

It prints one number: seconds, or bytes.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import peers
from memory import peak
from step_cases import WORKLOADS

CALLS = 3  # warm-up, recording, and the first that is compiled
KINDS = 4  # of links in a chain
FIRST = 5  # steps after which memory is counted: what all share is there by then


@click.group()
def main() -> None:
    """What a parent process asks for."""


@main.command("compile")
def compilation() -> None:
    """Seconds from `compile` to the end of the first compiled call, kernels of eager included."""
    microgrest = peers.load("microgrest")
    workload = WORKLOADS[0]
    step, _ = workload.program(microgrest, workload)
    started = time.perf_counter()
    compiled = microgrest.compile(step)
    for _ in range(CALLS):
        compiled()
    click.echo(time.perf_counter() - started)


@main.command()
@click.argument("count", type=click.IntRange(min=1))
def memory(count: int) -> None:
    """Bytes that one of COUNT different steps adds to the process."""
    warnings.simplefilter("ignore")  # which tells of too many kernels
    kept = [compiled_chain(number) for number in range(FIRST)]
    before = resident()
    kept += [compiled_chain(number) for number in range(FIRST, FIRST + count)]
    click.echo((resident() - before) / count)


def resident() -> float:
    """Bytes that this process holds; where only that is known, the most it ever held."""
    pages = Path("/proc/self/statm")
    if pages.exists():
        return float(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return peak() * 2**20


def compiled_chain(number: int) -> Callable[[], Any]:
    """A compiled step that has run: `number` in digits of base KINDS is its chain of ops."""
    torch = peers.load("microgrest")
    x = torch.tensor(np.linspace(-1, 1, 100, dtype=np.float32))
    p = torch.tensor(np.float32(0.5), requires_grad=True)
    links = (torch.sin, torch.tanh, lambda y: y * x, lambda y: y + x)
    digits = [number // KINDS**k % KINDS for k in range(6)]

    def step() -> Any:
        y = p * x
        for digit in digits:
            y = links[digit](y)
        loss = y.sum()
        loss.backward()
        with torch.no_grad():
            p.sub_(1e-3 * p.grad)
            p.grad = None
        return loss

    compiled: Callable[[], Any] = torch.compile(step)
    for _ in range(CALLS):
        compiled()
    return compiled


if __name__ == "__main__":
    main()
