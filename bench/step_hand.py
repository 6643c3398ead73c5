"""Training steps without any library of derivatives: Numba loops by hand, and NumPy's best form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import loops
import numpy as np
from step_cases import ADAM_RATE, MOMENTUM_RATE, Array, Arrays, Runner, Workload, learning_rate

f4 = np.float32
Builder = Callable[[Workload], Runner]


def flat(arrays: Arrays) -> Array:
    """The values of all arrays, one after the other, in an array of their own."""
    return np.concatenate([array.ravel() for array in arrays])


# ---- Numba ---------------------------------------------------------------------------------------


def cubic(loop: Callable[..., None]) -> Builder:
    """`loop` is one of the two for the cubic."""

    def build(workload: Workload) -> Runner:
        (x, y), start = workload.make(workload.n)
        p, rate = flat(start), f4(learning_rate(workload.n))
        return Runner(lambda steps: loop(x, y, p, rate, np.empty(steps, f4)), p.copy)

    return build


def linear(workload: Workload) -> Runner:
    """The features are transposed beforehand: they are the same in all steps."""
    (features, y), start = workload.make(workload.n)
    columns = np.ascontiguousarray(features.T)
    p, square = flat(start), np.zeros(4, f4)
    return Runner(lambda steps: loops.linear(columns, y, p, square, np.empty(steps, f4)), p.copy)


def network(workload: Workload) -> Runner:
    """The points are laid out tile by tile, the last one filled up with zeros."""
    (x, y), start = workload.make(workload.n)
    n, tile = workload.n, loops.TILE
    filled = np.pad(x, ((0, -n % tile), (0, 0))).reshape(-1, tile, 2)
    tiles = np.ascontiguousarray(filled.transpose(0, 2, 1))
    targets = np.pad(y.ravel(), (0, -n % tile)).reshape(-1, tile)
    p = flat(start)
    velocity, rate = np.zeros_like(p), f4(MOMENTUM_RATE)

    def advance(steps: int) -> None:
        loops.network(tiles, targets, n, p, velocity, rate, np.empty(steps, f4))

    return Runner(advance, p.copy)


def digits(workload: Workload) -> Runner:
    """Matrix products by NumPy's BLAS into given arrays, everything else fused between them."""
    (x, labels), start = workload.make(workload.n)
    p = flat(start)
    g, mean, square = (np.zeros_like(p) for _ in range(3))
    w1, b1, w2, b2, w3, b3 = unflat(p, start)
    gw1, gb1, gw2, gb2, gw3, gb3 = unflat(g, start)
    h1, h2, d3 = (np.empty((len(x), len(b)), f4) for b in (b1, b2, b3))
    d1, d2 = np.empty_like(h1), np.empty_like(h2)
    t = 0

    def step() -> None:
        nonlocal t
        t += 1
        loops.bias_relu(np.dot(x, w1.T, out=h1), b1)
        loops.bias_relu(np.dot(h1, w2.T, out=h2), b2)
        loops.softmax_gradient(np.dot(h2, w3.T, out=d3), b3, labels)
        np.dot(d3.T, h2, out=gw3)
        np.sum(d3, axis=0, out=gb3)
        loops.mask_and_sum(np.dot(d3, w3, out=d2), h2, gb2)
        np.dot(d2.T, h1, out=gw2)
        loops.mask_and_sum(np.dot(d2, w2, out=d1), h1, gb1)
        np.dot(d1.T, x, out=gw1)
        loops.adam(p, g, mean, square, f4(ADAM_RATE / (1 - 0.9**t)), f4((1 - 0.999**t) ** 0.5))

    return Runner.of_steps(step, p.copy)


def unflat(values: Array, like: Arrays) -> list[Array]:
    """Views of a flat array, one after the other, of the shapes of `like`."""
    ends = np.cumsum([array.size for array in like])
    parts = np.split(values, ends[:-1])
    return [part.reshape(array.shape) for part, array in zip(parts, like, strict=True)]


SERIAL: dict[str, Builder] = {
    "cubic": cubic(loops.cubic),
    "rmsprop": linear,
    "tanh": network,
    "relu": digits,
}


def serial(workload: Workload) -> Runner:
    """The hand-written loop, on one thread; only matrix products of BLAS take more."""
    return SERIAL[workload.name](workload)


def parallel(workload: Workload) -> Runner | None:
    """The hand-written parallel loop, where there is one and points are many."""
    if workload.name != "cubic" or not workload.parallel:
        return None
    return cubic(loops.cubic_parallel)(workload)


# ---- NumPy ---------------------------------------------------------------------------------------


def numpy_polynomial(workload: Workload) -> Runner:
    """All powers as rows of one matrix, two BLAS products a step, and the rule on four values."""
    (x, y), start = workload.make(workload.n)
    powers = (
        np.vstack([x**k for k in range(4)]) if x.ndim == 1 else np.vstack([x.T, np.ones_like(y)])
    )
    misfit, gradient = np.empty_like(y), np.empty(4, f4)
    p = flat(start)
    update = numpy_rule(workload, p)

    def step() -> None:
        np.dot(p, powers, out=misfit)
        np.subtract(misfit, y, out=misfit)
        np.dot(powers, misfit, out=gradient)
        np.multiply(gradient, f4(2), out=gradient)
        np.dot(misfit, misfit)  # the loss
        update(gradient)

    return Runner.of_steps(step, p.copy)


def numpy_network(workload: Workload) -> Runner:
    """The products, activations and sums of the two networks."""
    (x, y), start = workload.make(workload.n)
    p = flat(start)
    g, parameters = np.empty_like(p), unflat(p, start)
    gradients, update = unflat(g, start), numpy_rule(workload, p)
    (activate, derivative), loss = NETWORKS[workload.name]

    def step() -> None:
        inputs = [x]
        for w, b in zip(parameters[0:-2:2], parameters[1:-2:2], strict=True):
            z = inputs[-1] @ w.T
            z += b
            inputs.append(activate(z))
        z = inputs[-1] @ parameters[-2].T
        z += parameters[-1]
        d = loss(z, y)
        for i in reversed(range(len(inputs))):
            np.dot(d.T, inputs[i], out=gradients[2 * i])
            np.sum(d, axis=0, out=gradients[2 * i + 1])
            if i:
                d = (d @ parameters[2 * i]) * derivative(inputs[i])
        update(g)

    return Runner.of_steps(step, p.copy)


def numpy_rule(workload: Workload, p: Array) -> Callable[[Array], None]:
    """The workload's rule of update, on all parameters at once."""
    rule, t = workload.rule(workload.n), 0
    slots: tuple[Any, ...] = tuple(np.zeros_like(p) for _ in range(rule.slots))

    def update(g: Array) -> None:
        nonlocal slots, t
        t += 1
        p[:], slots = rule.update(np, p, g, slots, t)

    return update


def squares(z: Array, y: Array) -> Array:
    """The gradient of the mean squared error; the loss is computed too."""
    z -= y
    np.dot(z.ravel(), z.ravel())
    z *= f4(2 / len(z))
    return z


def entropy(z: Array, labels: Array) -> Array:
    """The gradient of the cross entropy; the loss is computed too."""
    rows = np.arange(len(z))
    z -= z.max(axis=1, keepdims=True)
    true = z[rows, labels]
    np.exp(z, out=z)
    total = z.sum(axis=1, keepdims=True)
    np.mean(np.log(total[:, 0]) - true)
    z /= total
    z[rows, labels] -= 1
    z *= f4(1 / len(z))
    return z


NETWORKS: dict[str, tuple[tuple[Any, Any], Callable[[Array, Array], Array]]] = {
    "tanh": ((lambda z: np.tanh(z, out=z), lambda h: 1 - h * h), squares),
    "relu": ((lambda z: np.maximum(z, 0, out=z), lambda h: h > 0), entropy),
}


def numpy(workload: Workload) -> Runner:
    """NumPy's strongest form: BLAS wherever it fits, given arrays."""
    build = numpy_network if workload.name in NETWORKS else numpy_polynomial
    return build(workload)
