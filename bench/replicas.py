"""1,000 trainings at once, beside one after the other, JAX and PyTorch: `python bench/replicas.py`.

The cubic fitted to a sine from 1,000 starts, and an MLP of 2-16-16-1 trained by Adam from 1,000
starts: by `step.replicas`, by 1,000 calls of `step.repeat`, by JAX's `vmap` of a `fori_loop`, and
by `torch.func.vmap` of a gradient over stacked parameters with PyTorch's optimizers. All begin with
the same parameters and come to the same losses, which is checked. Rounds alternate between all of
them; slower ones take fewer steps, and what counts is the time of one step of one replica. Exits
with status 1 if a bound was missed.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import click
import numpy as np
import peers
import report

import microgrest as mg

Array = np.ndarray[Any, Any]
Train = Callable[[int], Array]  # so many steps of all; their losses
FASTER = {"cubic": 1.8}  # how many times faster than one after the other, on two cores
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
COLUMNS = {"training": 34, "step": 11, "processor": 11, "times ours": 11, "bound": 7, "": 6}


@dataclass(frozen=True)
class Case:
    """A training: `starts`, (replicas, ...) for each parameter, and how many steps it has.

    Peers take `few` of these.
    """

    name: str
    starts: tuple[Array, ...]
    data: tuple[Array, Array]
    steps: int
    few: dict[str, int]


@dataclass(frozen=True)
class Result:
    """One line of the table: seconds of a step of one replica, medians."""

    case: str
    by: str
    replicas: int
    step_seconds: float
    processor_seconds: float
    ratio: float
    bound: float | None
    verdict: str

    def cells(self) -> tuple[object, ...]:
        """The texts of the table's columns."""
        times = map(report.duration, (self.step_seconds, self.processor_seconds))
        bound = "" if self.bound is None else f"{self.bound:g}"
        return f"{self.case}, {self.by}", *times, f"{self.ratio:.2f}", bound, self.verdict


def cases(n: int) -> list[Case]:
    """Both, with `n` starts."""
    draw = np.random.default_rng(0)
    x = np.linspace(-np.pi, np.pi, 2000, dtype=np.float32)
    powers = np.stack([x, x**2, x**3], 1)
    cubic = (_normal(draw, n, 1, 3), _normal(draw, n, 1))
    points = draw.uniform(-1, 1, (64, 2)).astype(np.float32)
    target = np.sin(3 * points[:, :1] * points[:, 1:])
    sizes = ((16, 2), (16,), (16, 16), (16,), (1, 16), (1,))
    layers = tuple(_normal(draw, n, *size) / np.float32(np.sqrt(size[-1])) for size in sizes)
    return [
        Case("cubic", cubic, (powers, np.sin(x)), 2000, {"jax": 100, "torch": 20}),
        Case("mlp", layers, (points, target), 200, {"jax": 50, "torch": 20}),
    ]


def _normal(draw: np.random.Generator, *shape: int) -> Array:
    return draw.standard_normal(shape).astype(np.float32)


# Ours


class Ours:
    """The step, and its replicas."""

    def __init__(self, case: Case) -> None:
        self.case = case
        x, y = map(mg.from_numpy, case.data)
        nn = mg.nn
        if case.name == "cubic":
            model = nn.Sequential(nn.Linear(3, 1), nn.Flatten(0, 1))
            optimizer: Any = mg.optim.SGD(model.parameters(), lr=1e-6)
            criterion = nn.MSELoss(reduction="sum")
        else:
            inner = [nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1)]
            model = nn.Sequential(*inner)
            optimizer = mg.optim.Adam(model.parameters(), lr=0.01)
            criterion = nn.MSELoss()

        @mg.compile
        def step() -> Any:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        self.step, self.optimizer = step, optimizer
        self.parameters = list(model.parameters())
        self.starts = dict(zip(self.parameters, case.starts, strict=True))
        self.replicas(2)

    def replicas(self, steps: int) -> Array:
        """All at once."""
        self._begin(0)
        losses: Array = self.step.replicas(len(self.case.starts[0]), self.starts).repeat(steps)
        return losses

    def each(self, steps: int) -> Array:
        """One after the other."""
        found = []
        for i in range(len(self.case.starts[0])):
            self._begin(i)
            found.append(self.step.repeat(steps).item())
        return np.array(found, np.float32)

    def _begin(self, i: int) -> None:
        """Parameters of a start, and an optimizer that has not stepped."""
        with mg.no_grad():
            for p, values in self.starts.items():
                p.copy_(mg.from_numpy(values[i]))
                state = self.optimizer.state[p]
                for name, value in state.items():
                    if isinstance(value, mg.Tensor):
                        value.zero_()
                    else:
                        state[name] = 0


# Peers


def jax_train(case: Case) -> Train:
    """vmap of a whole training."""
    import jax
    from jax import numpy as jnp

    x, y = map(jnp.asarray, case.data)

    def loss(p: Any) -> Any:
        if case.name == "cubic":
            return jnp.square(x @ p[0][0] + p[1] - y).sum()
        h = jnp.tanh(x @ p[0].T + p[1])
        return jnp.square(jnp.tanh(h @ p[2].T + p[3]) @ p[4].T + p[5] - y).mean()

    def descend(k: Any, state: Any) -> Any:
        p, m, v, _ = state
        now, g = jax.value_and_grad(loss)(p)
        if case.name == "cubic":
            return jax.tree.map(lambda p, g: p - 1e-6 * g, p, g), m, v, now
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        a, b = 1 - 0.9 ** (k + 1.0), 1 - 0.999 ** (k + 1.0)
        p = jax.tree.map(lambda p, m, v: p - 0.01 * (m / a) / (jnp.sqrt(v / b) + 1e-8), p, m, v)
        return p, m, v, now

    def one(p: Any, steps: Any) -> Any:
        zeros = jax.tree.map(jnp.zeros_like, p)
        return jax.lax.fori_loop(0, steps, descend, (p, zeros, zeros, jnp.float32(0)))[3]

    train = jax.jit(jax.vmap(one, in_axes=(0, None)))
    starts = tuple(map(jnp.asarray, case.starts))
    return lambda steps: np.asarray(train(starts, steps))


def torch_train(case: Case) -> Train:
    """vmap of a gradient, and PyTorch's optimizer over the stacked parameters."""
    import torch
    from torch.func import functional_call, grad_and_value, vmap

    x, y = map(torch.from_numpy, case.data)
    nn = torch.nn
    if case.name == "cubic":
        model = nn.Sequential(nn.Linear(3, 1), nn.Flatten(0, 1))
        criterion = nn.MSELoss(reduction="sum")
    else:
        inner = [nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1)]
        model, criterion = nn.Sequential(*inner), nn.MSELoss()
    names = [name for name, _ in model.named_parameters()]
    gradients = vmap(grad_and_value(lambda p: criterion(functional_call(model, p, (x,)), y)))

    def train(steps: int) -> Array:
        # What stack_module_state gives of 1,000 modules.
        stacked = {k: torch.from_numpy(v.copy()) for k, v in zip(names, case.starts, strict=True)}
        cubic = case.name == "cubic"
        kind = torch.optim.SGD if cubic else torch.optim.Adam
        optimizer = kind(stacked.values(), lr=1e-6 if cubic else 0.01)
        for _ in range(steps):
            found, losses = gradients(stacked)
            for name, p in stacked.items():
                p.grad = found[name]
            optimizer.step()
        return np.asarray(losses.numpy())

    return train


# The comparison


def contenders(case: Case) -> dict[str, tuple[Train, int]]:
    """What trains, and how many steps of it are timed."""
    ours = Ours(case)
    found: dict[str, tuple[Train, int]] = {
        "replicas": (ours.replicas, case.steps),
        "repeat, one by one": (ours.each, case.steps),
    }
    if peers.installed("jax"):
        found["JAX vmap of fori_loop"] = (jax_train(case), case.few["jax"])
    if peers.installed("torch"):
        found["torch.func.vmap"] = (torch_train(case), case.few["torch"])
    return found


def check(case: Case, trains: dict[str, tuple[Train, int]]) -> None:
    """All come to the same losses; ours to the same bits."""
    (train, _), (alone, _), *others = trains.values()
    few = min(case.few.values())
    losses = train(few)
    if losses.tobytes() != alone(few).tobytes():
        raise AssertionError(f"{case.name}: replicas differ from repeat")
    for other, _ in others:
        np.testing.assert_allclose(losses, other(few), rtol=2e-3, atol=1e-5)


def measured(train: Train, steps: int) -> tuple[float, float]:
    """Wall-clock and processor seconds of a step of all."""
    began, used = time.perf_counter(), time.process_time()
    train(steps)
    return (time.perf_counter() - began) / steps, (time.process_time() - used) / steps


def compare(case: Case, rounds: int) -> list[Result]:
    """The lines of a case."""
    trains = contenders(case)
    check(case, trains)
    for train, steps in trains.values():
        train(steps)
    samples = [[measured(*pair) for pair in trains.values()] for _ in range(rounds)]
    n = len(case.starts[0])
    results = []
    for k, by in enumerate(trains):
        wall = median(sample[k][0] for sample in samples) / n
        used = median(sample[k][1] for sample in samples) / n
        ratio = median(sample[k][0] / sample[0][0] for sample in samples)
        bound = FASTER.get(case.name) if by.startswith("repeat") and CORES == 2 else None
        said = "" if bound is None else "ok" if ratio >= bound else "MISSED"
        results.append(Result(case.name, by, n, wall, used, ratio, bound, said))
    return results


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True)
@click.option("--replicas", "n", type=click.IntRange(min=1), default=1000, show_default=True)
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path))
def main(rounds: int, n: int, file: Path | None) -> None:
    """Times of one step of one replica, and how many times those of replicas they are."""
    settings = {"rounds": rounds, "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None}
    click.echo(report.row(COLUMNS, COLUMNS.values()))
    results = []
    for case in cases(n):
        found = compare(case, rounds)
        results += found
        for result in found:
            click.echo(report.row(result.cells(), COLUMNS.values()))
    if file:
        report.write(file, "replicas", settings, [asdict(r) for r in results])
    sys.exit(any(result.verdict == "MISSED" for result in results))


if __name__ == "__main__":
    main()
