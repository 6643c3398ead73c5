"""Ops of one's own: a line profile as a scalar function, and a Numba loop with its gradient."""

import math

import numpy as np
from numba import njit

import microgrest


# A spectral line is a function of one number: `elementwise` makes an op of it, and its gradient.
@microgrest.elementwise
def pseudo_voigt(x, height, center, width, share):
    """A peak between a Gaussian's shape and a Lorentzian's; `width` is half of that at half."""
    z = (x - center) / width
    gauss, lorentz = math.exp(-math.log(2) * z**2), 1 / (1 + z**2)
    return height * (share * lorentz + (1 - share) * gauss)


# What a detector makes of a signal takes a loop over arrays. This one is as it was before there was
# anything to fit; its gradient is one more loop, whose parameters say what it takes and makes.
def convolve_back(grad_out, signal, response, grad_signal):
    for i in range(signal.size):
        for j in range(min(i + 1, response.size)):
            grad_signal[i - j] += response[j] * grad_out[i]


@microgrest.kernel(out="signal", backward=convolve_back)
@njit
def convolve(signal, response):
    out = np.zeros(signal.size)
    for i in range(signal.size):
        for j in range(min(i + 1, response.size)):
            out[i] += response[j] * signal[i - j]
    return out


@microgrest.elementwise
def decay(t, start, lifetime):
    """Counts after an excitation at `start`, where there is none before."""
    return math.exp(-(t - start) / lifetime) / lifetime if t > start else 0.0


def fit(model, parameters, data, steps=3000):
    """Adam by compiled steps; the sum of squares at the end."""
    optimizer = microgrest.optim.Adam(parameters, lr=0.02)

    @microgrest.compile
    def step():
        optimizer.zero_grad()
        loss = (model() - data).square().sum()
        loss.backward()
        optimizer.step()
        return loss

    step()
    step.repeat(steps - 1)
    return (model() - data).square().sum().item()


def start_from(*numbers):
    return [microgrest.tensor(n, dtype=microgrest.float64, requires_grad=True) for n in numbers]


def show(name, true, parameters):
    found = ", ".join(f"{p.item():.2f}" for p in parameters)
    print(f"{name}: {found} (true: {', '.join(map(str, true))})")


def main():
    noise = np.random.default_rng(1)

    true = (3.0, 0.5, 0.8, 0.3)
    x = microgrest.linspace(-5, 5, 200, dtype=microgrest.float64)
    data = pseudo_voigt(x, *true) + microgrest.tensor(noise.normal(0, 0.01, 200)).to(x.device)
    line = start_from(2.0, 0.0, 1.0, 0.5)
    fit(lambda: pseudo_voigt(x, *line), line, data)
    show("height, center, width, share", true, line)

    true = (1.0, 2.5)
    t = microgrest.linspace(0, 20, 200, dtype=microgrest.float64)
    response = 0.1 * pseudo_voigt(t, 1.0, 1.5, 0.5, 0.0)
    data = convolve(decay(t, *true), response)
    data = data + microgrest.tensor(noise.normal(0, 1e-4, 200)).to(t.device)
    (lifetime,) = start_from(1.0)
    fit(lambda: convolve(decay(t, true[0], lifetime), response), [lifetime], data)
    show("lifetime behind the response", true[1:], [lifetime])

    (width,) = start_from(0.8)
    area = pseudo_voigt(x, 3.0, 0.5, width, 0.3).sum()
    (slope,) = microgrest.autograd.grad(area, width, create_graph=True)
    (curvature,) = microgrest.autograd.grad(slope, width)
    print(f"derivatives of the area by the width: {slope.item():.3f}, {curvature.item():.3f}")


if __name__ == "__main__":
    main()
