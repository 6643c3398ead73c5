"""The same fit in plain NumPy, in two forms: for its speed and for its answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.polynomial import powers as powers_of
from ..data.problem import Problem
from ..settings import Settings

HEAD = 200  # steps that are timed
PATIENCE = 5.0  # seconds that timing them, and then the fit itself, may take in either form

Array = NDArray[Any]
Gradient = Callable[[Array], Array]
Update = Callable[[Array, Array], None]


def tutorial_form(problem: Problem, degree: int) -> Gradient:
    """The gradient as the tutorials write it: powers and products anew in each step."""
    t, z = problem.t, problem.z

    def gradient(c: Array) -> Array:
        prediction = c[0] + c[1] * t
        for k in range(2, degree + 1):
            prediction += c[k] * t**k
        np.square(prediction - z).sum()  # the loss, which the tutorials print
        slope = 2 * (prediction - z)
        terms = [slope.sum(), (slope * t).sum()]
        terms += [(slope * t**k).sum() for k in range(2, degree + 1)]
        return np.array(terms)

    return gradient


def matrix_form(problem: Problem, degree: int) -> Gradient:
    """The strongest form by hand: powers kept as a matrix, two BLAS products into given arrays."""
    powers, z = powers_of(problem.t, degree), problem.z
    misfit, gradient = np.empty_like(z), np.empty(degree + 1, z.dtype)

    def gradient_of(c: Array) -> Array:
        np.dot(c, powers, out=misfit)
        np.subtract(misfit, z, out=misfit)
        np.dot(powers, misfit, out=gradient)
        return np.multiply(gradient, 2, out=gradient)

    return gradient_of


FORMS = {"x**3": tutorial_form, "matrix": matrix_form}


def sgd(lr: float) -> Update:
    """c -= lr g."""

    def update(c: Array, g: Array) -> None:
        c -= lr * g

    return update


def rmsprop(lr: float) -> Update:
    """PyTorch's defaults: alpha 0.99, eps 1e-8."""
    square: Any = 0.0

    def update(c: Array, g: Array) -> None:
        nonlocal square
        square = 0.99 * square + 0.01 * g * g
        c -= lr * g / (np.sqrt(square) + 1e-8)

    return update


def adam(lr: float) -> Update:
    """PyTorch's defaults: betas 0.9 and 0.999, eps 1e-8."""
    mean: Any = 0.0
    square: Any = 0.0
    count = 0

    def update(c: Array, g: Array) -> None:
        nonlocal mean, square, count
        count += 1
        mean = 0.9 * mean + 0.1 * g
        square = 0.999 * square + 0.001 * g * g
        scale = np.sqrt(square) / (1 - 0.999**count) ** 0.5 + 1e-8
        c -= lr / (1 - 0.9**count) * mean / scale

    return update


RULES = {"sgd": sgd, "rmsprop": rmsprop, "adam": adam}


def stepper(
    name: str, problem: Problem, start: NDArray[np.float64], settings: Settings, lr: float
) -> tuple[Array, Callable[[], None]]:
    """Coefficients, `start` at first, and what takes one step on them in the form `name`."""
    gradient = FORMS[name](problem, settings.degree)
    update = RULES[settings.optimizer](lr)
    c = start.astype(problem.t.dtype)

    def step() -> None:
        update(c, gradient(c))

    gradient(c)  # first touch of the arrays
    return c, step


def step_seconds(name: str, *posed: Any) -> float:
    """The time of one step of what `stepper` makes, over HEAD of them or what PATIENCE allows."""
    _, step = stepper(name, *posed)
    began = now = time.perf_counter()
    done = 0
    while done < HEAD and now - began < PATIENCE:
        step()
        now, done = time.perf_counter(), done + 1
    return (now - began) / done


def after(count: int, name: str, *posed: Any) -> NDArray[np.float64]:
    """The coefficients after `count` steps of what `stepper` makes."""
    c, step = stepper(name, *posed)
    for _ in range(count):
        step()
    return c.astype(np.float64)
