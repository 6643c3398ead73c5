"""What is timed: one list of cases, for pytest-benchmark and for the interleaved comparison.

A case is written once, against a module with PyTorch's names, and runs on every peer that has those
names; NumPy has them where no gradient is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

Call = Callable[[], object]

# The largest ratio to PyTorch's time that passes as "no slower": noise adds a tenth.
PARITY = 1.1

# From here on PyTorch computes in parallel. Smaller tensors are timed with one thread: with two,
# its sin waits for the second from 100 elements on, and on a busy machine for milliseconds.
PARALLEL = 32_768

EVERY = ("microgrest", "torch", "numpy")
DIFFERENTIABLE = ("microgrest", "torch")


class Timed(NamedTuple):
    """What a round calls: `run()`, or `run(prepare())` of which only `run` is timed.

    What it returns is a tensor that peers must agree on, or None.
    """

    run: Callable[..., Any]
    prepare: Call | None = None

    def once(self) -> Any:
        """One call, untimed."""
        return self.run() if self.prepare is None else self.run(self.prepare())


Build = Callable[[Any, int, Any], Timed]


@dataclass(frozen=True)
class Case:
    """`build(module, n, dtype)` makes what is timed, on `n` elements or points.

    `bound` is the largest ratio to PyTorch that passes, None where none was set.
    """

    name: str
    n: int
    build: Build
    bound: float | None = None
    peers: tuple[str, ...] = DIFFERENTIABLE
    dtype: str = "float32"
    serial: bool = False

    @property
    def id(self) -> str:
        return f"{self.name}-{self.n}"

    @property
    def group(self) -> str:
        """The heading under which times are compared; all forms of the fit stand together."""
        return f"{'fit' if self.name.startswith('fit') else self.name}, n = {self.n}"

    @property
    def parallel(self) -> bool:
        """Whether this is timed with all threads, or with one."""
        return self.n >= PARALLEL and not self.serial

    def on(self, module: Any) -> Timed:
        """This case on one peer's module."""
        return self.build(module, self.n, getattr(module, self.dtype))


# ---- single ops, recorded for backward -----------------------------------------------------------


def leaf(torch: Any, low: float, high: float, n: int, dtype: Any) -> Any:
    """`n` values from `low` to `high` that require gradients; an array, if `torch` is NumPy."""
    values = torch.linspace(low, high, n, dtype=dtype)
    return values.requires_grad_() if hasattr(values, "requires_grad_") else values


def op(expression: Callable[[Any, Any, Any], Call]) -> Build:
    """A case that evaluates an expression of two leaves, and drops the result."""

    def build(torch: Any, n: int, dtype: Any) -> Timed:
        a, b = leaf(torch, -2, 3, n, dtype), leaf(torch, 0.5, 1.5, n, dtype)
        return Timed(expression(torch, a, b))

    return build


OPS = {
    "add": op(lambda torch, a, b: lambda: a + b),
    "mul": op(lambda torch, a, b: lambda: a * b),
    "sin": op(lambda torch, a, b: lambda: torch.sin(a)),
    "sum": op(lambda torch, a, b: lambda: a.sum()),
}
HEAVY = {
    "exp": op(lambda torch, a, b: lambda: torch.exp(a)),
    "tanh": op(lambda torch, a, b: lambda: torch.tanh(a)),
}


# ---- chains of ops -------------------------------------------------------------------------------


def graph(torch: Any, length: int, n: int, dtype: Any) -> tuple[Any, Callable[[], Any]]:
    """A leaf, and what builds on it `length` ops (y + b, y * b, sin(y), in turn) and a sum."""
    a, b = leaf(torch, -2, 3, n, dtype), leaf(torch, 0.5, 1.5, n, dtype)
    kinds = (lambda y: y + b, lambda y: y * b, torch.sin)
    links = [kinds[k % 3] for k in range(length)]

    def build_graph() -> Any:
        a.grad = b.grad = None
        y = a
        for link in links:
            y = link(y)
        return y.sum()

    return a, build_graph


def backward(length: int) -> Build:
    """Backward alone: a new graph for each call is built outside the timed part."""

    def build(torch: Any, n: int, dtype: Any) -> Timed:
        a, forward = graph(torch, length, n, dtype)

        def run(loss: Any) -> Any:
            loss.backward()
            return a.grad

        return Timed(run, forward)

    return build


def chain(length: int) -> Build:
    """Forward, backward, and freeing the graph."""

    def build(torch: Any, n: int, dtype: Any) -> Timed:
        a, forward = graph(torch, length, n, dtype)

        def run() -> Any:
            forward().backward()
            return a.grad

        return Timed(run)

    return build


# ---- whole steps of the fit of a cubic to the sine -----------------------------------------------


def points(torch: Any, n: int, dtype: Any) -> tuple[Any, Any, float]:
    """x over [-pi, pi], sin x, and a learning rate with which a sum of n squares converges."""
    x = torch.linspace(-math.pi, math.pi, n, dtype=dtype)
    return x, torch.sin(x), 1e-6 * min(1.0, 2000 / n)


def fit_autograd(torch: Any, n: int, dtype: Any) -> Timed:
    """Four 0-d parameters, backward(), and an update by hand."""
    x, y, rate = points(torch, n, dtype)
    start = (torch.tensor(v, dtype=dtype, requires_grad=True) for v in (0.1, 0.2, 0.3, 0.4))
    a, b, c, d = parameters = tuple(start)

    def step() -> Any:
        y_pred = a + b * x + c * x**2 + d * x**3
        loss = (y_pred - y).pow(2).sum()
        loss.backward()
        with torch.no_grad():
            for p in parameters:
                p -= rate * p.grad
                p.grad = None
        return loss

    return Timed(step)


def fit_by_hand(torch: Any, n: int, dtype: Any) -> Timed:
    """The gradients by hand too, as the tutorials write it; NumPy runs the same lines."""
    x, y, rate = points(torch, n, dtype)
    a, b, c, d = parameters = [torch.full((), v, dtype=dtype) for v in (0.1, 0.2, 0.3, 0.4)]

    def step() -> Any:
        y_pred = a + b * x + c * x**2 + d * x**3
        loss = ((y_pred - y) ** 2).sum()  # which the tutorials print
        slope = 2.0 * (y_pred - y)
        terms = (slope.sum(), (slope * x).sum(), (slope * x**2).sum(), (slope * x**3).sum())
        for p, gradient in zip(parameters, terms, strict=True):
            p -= rate * gradient
        return loss

    return Timed(step)


def fit_matrix(np: Any, n: int, dtype: Any) -> Timed:
    """NumPy's strongest form: powers kept as a matrix, two BLAS products into given arrays."""
    x, y, rate = points(np, n, dtype)
    powers = np.stack([x**k for k in range(4)])
    c = np.array([0.1, 0.2, 0.3, 0.4], dtype)
    misfit, gradient = np.empty_like(x), np.empty_like(c)
    factor = c.dtype.type(2 * rate)

    def step() -> None:
        np.dot(c, powers, out=misfit)
        np.subtract(misfit, y, out=misfit)
        np.dot(powers, misfit, out=gradient)
        np.multiply(gradient, factor, out=gradient)
        np.subtract(c, gradient, out=c)

    return Timed(step)


def fit_rmsprop(torch: Any, n: int, dtype: Any) -> Timed:
    """Sequential, MSELoss and RMSprop."""
    x, y, _ = points(torch, n, dtype)
    features = x.unsqueeze(-1).pow(torch.tensor([1, 2, 3]))
    model = torch.nn.Sequential(torch.nn.Linear(3, 1, dtype=dtype), torch.nn.Flatten(0, 1))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(0.1)
    loss_fn = torch.nn.MSELoss(reduction="sum")
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)

    def step() -> Any:
        loss = loss_fn(model(features), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return Timed(step)


# ---- many parts of a tensor ----------------------------------------------------------------------


def cat(torch: Any, n: int, dtype: Any) -> Timed:
    """`n` pieces of two elements, one after the other."""
    pieces = [torch.full((2,), float(i), dtype=dtype) for i in range(n)]
    return Timed(lambda: torch.cat(pieces))


def stack_backward(torch: Any, n: int, dtype: Any) -> Timed:
    """The backward pass of `n` leaves of two elements, stacked."""
    leaves = [torch.full((2,), 1.0, dtype=dtype, requires_grad=True) for _ in range(n)]

    def build() -> Any:
        for t in leaves:
            t.grad = None
        return (torch.stack(leaves) ** 2).sum()

    def run(loss: Any) -> Any:
        loss.backward()
        return leaves[-1].grad

    return Timed(run, build)


def iterate(torch: Any, n: int, dtype: Any) -> Timed:
    """A loop over the `n` rows of a tensor."""
    x = torch.zeros(n, 2, dtype=dtype)

    def run() -> Any:
        for row in x:
            last = row
        return last

    return Timed(run)


def assign(torch: Any, n: int, dtype: Any) -> Timed:
    """A loop that writes a number and a vector to each of `n` rows."""
    x, row = torch.zeros(n, 2, dtype=dtype), torch.ones(2, dtype=dtype)

    def run() -> Any:
        for i in range(n):
            x[i] = 1.5
            x[i] = row
        return x

    return Timed(run)


# ---- the list ------------------------------------------------------------------------------------


def _ops() -> Iterator[Case]:
    for n in (1, 100, 10_000):
        yield from (Case(name, n, build, PARITY, EVERY) for name, build in OPS.items())
    for name, build in (OPS | HEAVY).items():
        yield Case(name, 1_000_000, build, 1.2, EVERY)


def _chains() -> Iterator[Case]:
    for length, n in ((1, 100), (10, 100), (100, 100), (1000, 100), (10, 1), (10, 10_000)):
        yield Case(f"backward_{length}", n, backward(length), PARITY)
        yield Case(f"chain_{length}", n, chain(length), PARITY)


def _fits() -> Iterator[Case]:
    for n, bound in ((2000, 0.5), (100_000, PARITY), (1_000_000, PARITY), (10_000_000, 0.8)):
        yield Case("fit_autograd", n, fit_autograd, bound)
    yield Case("fit_by_hand", 2000, fit_by_hand, peers=EVERY)
    yield Case("fit_matrix", 2000, fit_matrix, peers=("numpy",))
    yield Case("fit_rmsprop", 2000, fit_rmsprop)


def _parts() -> Iterator[Case]:
    yield Case("cat", 3000, cat, 2.0)
    for build in (stack_backward, iterate, assign):
        yield Case(build.__name__, 1000, build, 2.0)


CASES = (*_ops(), *_chains(), *_fits(), *_parts())
