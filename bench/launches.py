"""Host time of eager ops on small CUDA tensors: `python bench/launches.py`.

Without a GPU: the driver is the one of `tests/cuda/fake_cuda.c`, whose kernels take no time, so
that what is timed is this library alone. `--gpu` takes the machine's own driver, and PyTorch beside
it where that is installed. Exits with status 1 if a bound was missed.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import click
import peers
import report
from cases import Timed
from interleave import no_collection

sys.path.insert(0, str(peers.ROOT / "tests" / "cuda"))

N = 64  # elements of a tensor
LINKS = 100  # nodes of the graph whose backward is timed
CALLS = 400  # in a row, fewer than a GPU's queue holds
ON_FAKE = "FAKE_CUDA" in os.environ
COLUMNS = {"what": 26, "median": 10, "best": 10, "PyTorch": 10, "bound": 8, "": 6}
Build = Callable[[Any], Timed]


@dataclass(frozen=True)
class Item:
    """What is timed; `build` takes a module with PyTorch's names, `bound` is in seconds.

    A call does it `times` times. Parts of ours have no counterpart in PyTorch.
    """

    name: str
    build: Build
    bound: float | None = None
    times: int = 1
    part: bool = False


@dataclass(frozen=True)
class Result:
    """One line of the table, one record of the file."""

    name: str
    median_seconds: float
    best_seconds: float
    torch_seconds: float | None
    bound: float | None
    verdict: str

    def cells(self) -> tuple[object, ...]:
        """The texts of the table's columns."""
        times = (self.median_seconds, self.best_seconds, self.torch_seconds, self.bound)
        median_, best, torch, bound = ("" if t is None else report.duration(t) for t in times)
        return self.name, median_, best, torch, bound, self.verdict


# ---- what is timed -------------------------------------------------------------------------------


def op(call: Callable[[Any, Any, Any], object], *shape: int, leaf: bool = False) -> Build:
    """An op on two small tensors, whose result is dropped."""

    def build(torch: Any) -> Timed:
        x, y = (torch.ones(shape or (N,), device="cuda") for _ in range(2))
        x.requires_grad_(leaf)
        return Timed(lambda: call(torch, x, y))

    return build


def backward(torch: Any) -> Timed:
    """Backward through a chain of products and sines; building it is not timed."""
    a, b = (torch.ones(N, device="cuda") for _ in range(2))
    a.requires_grad_()
    ones = torch.ones(N, device="cuda")

    def graph() -> Any:
        a.grad, y = None, a
        for k in range(LINKS):
            y = torch.sin(y) if k % 2 else y * b
        return y

    return Timed(lambda y: y.backward(ones), graph)


OPS = (
    Item("x + y", op(lambda torch, x, y: x + y), 2e-6),
    Item("x * y", op(lambda torch, x, y: x * y), 2e-6),
    Item("x * 2.0", op(lambda torch, x, y: x * 2.0), 2e-6),
    Item("sin(x)", op(lambda torch, x, y: torch.sin(x)), 2e-6),
    Item("x * y, recorded", op(lambda torch, x, y: x * y, leaf=True), 2e-6),
    Item("x.sum()", op(lambda torch, x, y: x.sum()), 2e-6),
    Item("x @ y, 8 by 8", op(lambda torch, x, y: x @ y, 8, 8), 2e-6),
    Item("backward, a node", backward, 3e-6, LINKS),
)


def allocation(torch: Any) -> Timed:
    """Memory from the pool, and back."""
    empty = torch.ones(N, device="cuda")._kind.empty
    return Timed(lambda: empty(N))


def wrapping(torch: Any) -> Timed:
    """A tensor over memory that is there."""
    wrap = _part("tensor").wrap
    x = torch.ones(N, device="cuda")
    return Timed(lambda: wrap(x._flat, x._shape, x._strides, x._kind))


def launcher(torch: Any) -> Timed:
    """The addition's kernel: device, grid, addresses, launch."""
    x, y, z = (torch.ones(N, device="cuda")._flat for _ in range(3))
    kernel = _part("kernels.cuda.elementwise").compiled(_addition(torch), "vvv", 0, N)
    return Timed(lambda: kernel(x, y, z))


def bare_launch(torch: Any) -> Timed:
    """The same launch with everything at hand: what cuda.core and the driver take of it."""
    x = torch.ones(N, device="cuda")._flat
    driver, cuda = _part("kernels.cuda.driver.device").driver, _part("kernels.cuda.driver.launch")
    maps, names = _part("kernels.cuda.source.maps"), _part("kernels.cuda.names")
    source = maps.flat(_addition(torch), "vvv", names)
    kernel = cuda.Kernel(source, "add").on(x.device)
    launch, stream, config, p = driver.launch, x.device.default, driver.config(1, 256), x.ptr
    return Timed(lambda: launch(stream, config, kernel, p, p, p, N))


def _addition(torch: Any) -> Any:
    """The Program of x + y."""
    x = torch.ones(N, device="cuda")
    return _part("dispatch.forms").form_of(_part("ops").ROWS["add"], (x, x)).program


def _part(name: str) -> Any:
    return import_module(f"microgrest.{name}")


PARTS = (
    Item("  of x + y: allocation", allocation, part=True),
    Item("  of x + y: launcher", launcher, part=True),
    Item("  of that: cuda.core", bare_launch, part=True),
    Item("  of x + y: wrapping", wrapping, part=True),
)


# ---- timing --------------------------------------------------------------------------------------


def measure(
    items: Iterable[Item], rounds: int, others: Iterable[Any] = (), calls: int = CALLS
) -> list[Result]:
    """Time all items on microgrest and `others`, in rounds that visit every one of them."""
    modules = (peers.load("microgrest"), *others)
    items = tuple(items)
    timed = {
        (item.name, m.__name__): (item, m, item.build(m))
        for item in items
        for m in (modules[:1] if item.part else modules)
    }
    taken: dict[Any, list[float]] = {key: [] for key in timed}
    with no_collection():
        for _ in range(rounds):
            for key, (item, module, run) in timed.items():
                taken[key].append(seconds(run, module, calls) / item.times)
    return [_result(item, taken) for item in items]


def seconds(timed: Timed, module: Any, calls: int) -> float:
    """The host time of a call, without what the GPU still does afterwards."""
    timed.once()
    gc.collect(0)
    clock, given = time.perf_counter, ()
    if timed.prepare is not None:
        calls, given = 1, (timed.prepare(),)
    module.cuda.synchronize()
    run, turns = timed.run, range(calls)
    started = clock()
    for _ in turns:
        run(*given)
    spent = clock() - started
    module.cuda.synchronize()
    return spent / calls


def _result(item: Item, taken: dict[Any, list[float]]) -> Result:
    own = taken[item.name, "microgrest"]
    theirs = taken.get((item.name, "torch"))
    torch = median(theirs) if theirs else None
    bound = item.bound if torch is None else torch
    judged = "" if item.part else report.verdict(median(own), bound)
    return Result(item.name, median(own), min(own), torch, None if item.part else bound, judged)


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=25, show_default=True)
@click.option("--gpu", is_flag=True, help="On this machine's driver and GPU.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path))
def main(rounds: int, gpu: bool, file: Path | None) -> None:
    """Host time of a call; beside PyTorch the bound is PyTorch's time."""
    if not (gpu or ON_FAKE):
        sys.exit(_on_fake_driver())
    others = [peers.load("torch")] if gpu and peers.installed("torch") else []
    others = [torch for torch in others if torch.cuda.is_available()]
    results = measure((*OPS, *PARTS), rounds, others)
    click.echo(report.row(COLUMNS, COLUMNS.values()))
    for result in results:
        click.echo(report.row(result.cells(), COLUMNS.values()))
    if file:
        settings = {"rounds": rounds, "driver": "the machine's" if gpu else "fake", "n": N}
        report.write(file, "launches", settings, [asdict(result) for result in results])
    sys.exit(any(result.verdict == "MISSED" for result in results))


def _on_fake_driver() -> int:
    """Run this script again where the driver is the fake one; its exit status."""
    fake = import_module("fake")
    try:
        environment = fake.environment()
    except fake.Unavailable as reason:
        raise click.UsageError(str(reason)) from None
    return subprocess.run([sys.executable, *sys.argv], env=environment).returncode


if __name__ == "__main__":
    main()
