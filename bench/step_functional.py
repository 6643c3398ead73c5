"""The steps in libraries of pure functions: JAX, PyTensor, and PyTorch's own functional side.

The State of a fit is (parameters, their slots, t), t being None where the rule needs no count of
steps. The workload's loss is differentiated by the library, and its rule updates each parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import peers
from step_cases import Array, Runner, Workload, learning_rate

State = tuple[Any, ...]


def stepping(workload: Workload, xp: Any, value_and_grad: Callable[..., Any]) -> Callable[..., Any]:
    """`step(state, data) -> state, loss`; `value_and_grad(f)(parameters, data)` gives both."""
    rule = workload.rule(workload.n)

    def loss_of(parameters: Any, data: Any) -> Any:
        return workload.loss(xp, parameters, data)

    differentiated = value_and_grad(loss_of)

    def step(state: State, data: Any) -> tuple[State, Any]:
        parameters, slots, t = state
        loss, gradients = differentiated(parameters, data)
        t = None if t is None else t + 1
        news = [
            rule.update(xp, p, g, kept, t)
            for p, g, kept in zip(parameters, gradients, slots, strict=True)
        ]
        return (tuple(p for p, _ in news), tuple(kept for _, kept in news), t), loss

    return step


def beginning(workload: Workload, asarray: Callable[..., Any]) -> tuple[State, tuple[Any, ...]]:
    """The first State, before any step, and the data, as arrays of the library."""
    data, start = workload.make(workload.n)
    rule = workload.rule(workload.n)
    slots = tuple(tuple(asarray(np.zeros_like(p)) for _ in range(rule.slots)) for p in start)
    t = asarray(np.zeros((), np.float32)) if rule.counts else None
    return (tuple(map(asarray, start)), slots, t), tuple(map(asarray, data))


def holder(state: State) -> tuple[list[State], Callable[[], Array]]:
    """A list of one that holds the current State, and the `values` of a Runner over it."""
    kept = [state]

    def values() -> Array:
        return np.concatenate([np.array(p).ravel() for p in kept[0][0]])

    return kept, values


# ---- JAX -----------------------------------------------------------------------------------------


def jax_parts(workload: Workload) -> tuple[Any, Callable[..., Any], State, Any]:
    """jax, one step, the first State and the data."""
    jax = peers.load("jax")
    state, data = beginning(workload, jax.numpy.array)
    return jax, stepping(workload, jax.numpy, jax.value_and_grad), state, data


def jax_step(workload: Workload) -> Runner:
    """`jax.jit` of one step, called from Python."""
    jax, step, state, data = jax_parts(workload)
    compiled = jax.jit(step)
    kept, values = holder(state)

    def advance(steps: int) -> None:
        for _ in range(steps):
            kept[0], _ = compiled(kept[0], data)
        jax.block_until_ready(kept[0])

    return Runner(advance, values, whole=False)


def jax_loop(workload: Workload) -> Runner:
    """The whole loop in one jitted `fori_loop`."""
    jax, step, state, data = jax_parts(workload)

    def loop(state: State, data: Any, steps: Any) -> Any:
        carry = state, jax.numpy.float32(0)  # the loss of each step is asked for
        return jax.lax.fori_loop(0, steps, lambda _, now: step(now[0], data), carry)

    compiled = jax.jit(loop)
    kept, values = holder(state)

    def advance(steps: int) -> None:
        kept[0], _ = jax.block_until_ready(compiled(kept[0], data, steps))

    return Runner(advance, values)


# ---- PyTensor ------------------------------------------------------------------------------------


def pytensor_scan(workload: Workload) -> Runner | None:
    """The cubic: the whole loop as a scan, in Numba mode."""
    if workload.name != "cubic":
        return None
    pytensor = peers.load("pytensor")
    pt = pytensor.tensor
    (x, y), start = workload.make(workload.n)
    data = pt.vector("x", dtype="float32"), pt.vector("y", dtype="float32")
    initial = [pt.scalar(name, dtype="float32") for name in "abcd"]
    steps = pt.lscalar("steps")
    rate = np.float32(learning_rate(workload.n))

    def body(*arguments: Any) -> list[Any]:
        parameters, points = list(arguments[:4]), arguments[4:]
        loss = workload.loss(pt, parameters, points)
        gradients = pytensor.grad(loss, parameters)
        return [p - rate * g for p, g in zip(parameters, gradients, strict=True)] + [loss]

    found = pytensor.scan(
        body,
        outputs_info=[*initial, None],
        non_sequences=list(data),
        n_steps=steps,
        return_updates=False,
    )
    last = [series[-1] for series in found]
    run = pytensor.function([steps, *data, *initial], last, mode="NUMBA", trust_input=True)
    kept = [list(start)]

    def advance(steps: int) -> None:
        kept[0] = run(np.array(steps), x, y, *kept[0])[:4]

    return Runner(advance, lambda: np.array(kept[0], np.float32))


# ---- PyTorch's functional side -------------------------------------------------------------------


def torch_parts(workload: Workload) -> tuple[Any, Callable[..., Any], State, Any]:
    """torch, one step, the first State and the data."""
    torch = peers.load("torch")

    def value_and_grad(function: Callable[..., Any]) -> Callable[..., Any]:
        both = torch.func.grad_and_value(function)
        return lambda parameters, data: both(parameters, data)[::-1]

    state, data = beginning(workload, torch.tensor)
    return torch, stepping(workload, torch, value_and_grad), state, data


def torch_step(workload: Workload) -> Runner:
    """torch.compile of the functional step, called from Python."""
    torch, step, state, data = torch_parts(workload)
    compiled = torch.compile(step, fullgraph=True)
    kept, values = holder(state)

    def advance(steps: int) -> None:
        for _ in range(steps):
            kept[0], _ = compiled(kept[0], data)

    return Runner(advance, values, whole=False)


def torch_loop(workload: Workload) -> Runner | None:
    """The cubic: torch.compile of a while_loop operator; the gradients by hand, which is faster."""
    if workload.name != "cubic":
        return None
    torch = peers.load("torch")
    while_loop = import_module("torch._higher_order_ops.while_loop").while_loop
    data, start = workload.make(workload.n)
    x_y = tuple(map(torch.tensor, data))
    double = 2 * learning_rate(workload.n)

    def loop(x: Any, y: Any, left: Any, *state: Any) -> Any:
        def body(left: Any, a: Any, b: Any, c: Any, d: Any, _: Any) -> Any:
            r = a + x * (b + x * (c + x * d)) - y
            sums = r.sum(), (r * x).sum(), (r * x * x).sum(), (r * x * x * x).sum()
            moved = (p - double * s for p, s in zip((a, b, c, d), sums, strict=True))
            return left - 1, *moved, (r * r).sum()

        return while_loop(lambda left, *_: left > 0, body, (left, *state))

    compiled = torch.compile(loop, fullgraph=True)
    kept = [tuple(map(torch.tensor, (*start, np.float32(0))))]

    def advance(steps: int) -> None:
        kept[0] = compiled(*x_y, torch.tensor(steps), *kept[0])[1:]

    return Runner(advance, lambda: np.array(kept[0][:4], np.float32))
