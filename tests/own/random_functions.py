"""Scalar functions at random, as ops and as Python runs them.

    NUMBA_DISABLE_JIT=1 python -m tests.own.random_functions 0 500

writes functions of the seeds 0 to 499, prints the text of each that differs, and ends with their
number. Compared are values, and first and second derivatives by differences, where those have one.
"""

from __future__ import annotations

import importlib.util
import math
import random
import sys
import tempfile
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import microgrest as mg

FUNCTIONS = (
    *("math.exp", "math.cos", "math.atan", "math.log", "math.erf", "math.expm1", "math.fabs"),
    *("np.sin", "np.tanh", "np.sqrt", "np.square", "np.log1p", "abs", "mg.sigmoid"),
)
POWERS = ("2", "3", "-1", "0.5", "2.5", "0", "4")
STEP = 1e-6


class Writer:
    """A random function of x and y."""

    def __init__(self, seed: int) -> None:
        self.draw, self.names, self.made = random.Random(seed), ["x", "y"], 0

    def text(self) -> str:
        """A module that has the function f."""
        lines = [*self.block(1, 2), f"    return {self.value(2)} + 0 * x + 0 * y"]
        head = "import math\n\nimport numpy as np\n\nimport microgrest as mg\n\nC = 0.7\n\n\n"
        return head + "\n".join(["def f(x, y):", *lines, ""])

    def value(self, depth: int) -> str:
        """An expression."""
        pick, inner = self.draw.choice, max(depth - 1, 0)
        if depth == 0 or self.draw.random() < 0.1:
            number = round(self.draw.uniform(-2, 2), 2)
            return pick([*self.names, repr(number), "C", str(self.draw.randint(1, 3))])
        a, b, c = self.value(inner), self.value(inner), self.condition(inner)
        return pick(
            [
                *(f"({a} {op} {b})" for op in "+-*/"),
                *(f"{pick(FUNCTIONS)}({a})" for _ in range(3)),
                *(f"({a} if {c} else {b})" for _ in range(2)),
                f"({a}) ** {pick(POWERS)}",
                f"{pick(['max', 'min'])}({a}, {b})",
                f"({c}) * {a}",
                f"({a} {pick(['and', 'or'])} {b})",
                f"-{a}",
            ]
        )

    def condition(self, depth: int) -> str:
        """A comparison, or several."""
        inner = max(depth - 1, 0)
        a, b, c = (self.value(inner) for _ in range(3))
        one = f"{a} {self.draw.choice(['<', '>', '<=', '>=', '!='])} {b}"
        both = f"{one} {self.draw.choice(['and', 'or'])} {b} < {c}"
        return self.draw.choice([one, one, f"{a} < {b} < {c}", both, f"not ({one})"])

    def block(self, level: int, depth: int) -> list[str]:
        """Statements; names that an `if` sets are its own."""
        lines, indent = [], "    " * level
        for _ in range(self.draw.randint(1, 2)):
            kind = self.draw.random()
            if kind < 0.5 or depth == 0:
                lines.append(f"{indent}{self.assignment()}")
            elif kind < 0.85:
                lines += self.branch(level, depth, returns=kind > 0.7)
            elif self.names[2:]:
                name = self.draw.choice(self.names[2:])
                lines += [f"{indent}for k in range(3):", f"{indent}    {name} = {name} * 0.5 + k"]
        return lines or [f"{indent}pass"]

    def assignment(self) -> str:
        """A variable, new or known, set to something."""
        value, name = self.value(2), f"v{self.made}"
        if self.names[2:] and self.draw.random() < 0.3:
            name = self.draw.choice(self.names[2:])
        else:
            self.made += 1
            self.names = [*self.names, name]
        return f"{name} = {value}"

    def branch(self, level: int, depth: int, *, returns: bool) -> list[str]:
        """An `if`."""
        indent, before = "    " * level, [*self.names]
        lines = [f"{indent}if {self.condition(2)}:", *self.block(level + 1, depth - 1)]
        if returns:
            lines.append(f"{indent}    return {self.value(2)}")
        elif self.draw.random() < 0.6:
            self.names = [*before]
            lines += [f"{indent}else:", *self.block(level + 1, depth - 1)]
        self.names = before
        return lines


def ieee(f):
    """A function of `math` that gives nan or infinity where it would raise."""

    def quiet(*args: float) -> float:
        try:
            return float(f(*args))
        except ValueError:
            return -math.inf if f is math.log and args[0] == 0 else math.nan
        except OverflowError:
            return math.inf

    return quiet


QUIET = SimpleNamespace(
    **{n: ieee(getattr(math, n)) for n in dir(math) if callable(getattr(math, n))}
)
SIGMOID = SimpleNamespace(sigmoid=lambda x: 1 / (1 + np.exp(-np.float64(x))))


def by_python(text, points):
    """What Python makes of the function at each point, nan where it raises or is complex."""
    space = {"math": QUIET, "np": np, "mg": SIGMOID, "C": 0.7}
    exec(text[text.index("def f(") :], space)
    found = []
    for x, y in points:
        try:
            value = complex(space["f"](np.float64(x), np.float64(y)))
        except (ZeroDivisionError, TypeError, ValueError):
            value = 1j
        found.append(value.real if value.imag == 0 else None)
    return found


def gradients(op, x, y):
    """Derivatives by x and y, outside the graph."""
    leaves = [mg.tensor(a, requires_grad=True) for a in (x, y)]
    y = op(*leaves).sum()
    found = mg.autograd.grad(y, leaves, allow_unused=True) if y.requires_grad else (None, None)
    return [np.zeros(x.shape) if g is None else g.numpy() for g in found]


def unlike(found, high, low, here):
    """Where `found` is not the slope, if there is one: where both sides agree on it."""
    with np.errstate(all="ignore"):
        slope, sides = (high - low) / (2 * STEP), ((high - here) / STEP, (here - low) / STEP)
        smooth = np.abs(sides[0] - sides[1]) < 1e-3 * (1 + np.abs(slope))
        smooth &= (np.abs(slope) < 1e4) & (np.abs(here) < 1e4) & np.isfinite(found)
        return smooth & (np.abs(found - slope) > 1e-3 * (1 + np.abs(slope)))


def differences(f, text, seed):
    """What is wrong with the op of `f`, in words; None where it cannot be read, rightly."""
    try:
        op = mg.elementwise(f)
    except NotImplementedError as error:
        known = any(word in str(error) for word in ("Error", "complex"))
        return None if known else f"refused: {error}"
    draw = np.random.default_rng(seed)
    x, y = (np.round(draw.uniform(0.1, 2.5, 30), 3) * draw.choice([-1, 1], 30) for _ in range(2))
    values = op(mg.tensor(x), mg.tensor(y)).numpy()
    for i, wanted in enumerate(by_python(text, zip(x, y, strict=True))):
        if wanted is not None and not np.isclose(values[i], wanted, 1e-9, 1e-12, equal_nan=True):
            return f"f({x[i]}, {y[i]}) is {values[i]}, not {wanted}"
    first = gradients(op, x, y)
    leaves = [mg.tensor(a, requires_grad=True) for a in (x, y)]
    result = op(*leaves).sum() + 0 * sum(leaf.sum() for leaf in leaves)
    recorded = mg.autograd.grad(result, leaves, create_graph=True)
    for k, (dx, dy) in enumerate(((STEP, 0), (0, STEP))):
        ends = [(x + dx, y + dy), (x - dx, y - dy)]
        high, low = (op(*map(mg.tensor, end)).numpy() for end in ends)
        if unlike(first[k], high, low, values).any():
            return f"the derivative by {'xy'[k]} is wrong"
        slopes = [gradients(op, *end) for end in ends]
        for j, g in enumerate(recorded):
            found = np.zeros(30)
            if g.requires_grad:
                both = mg.autograd.grad(g.sum(), leaves, retain_graph=True, allow_unused=True)
                found = found if both[k] is None else both[k].numpy()
            if unlike(found, slopes[0][j], slopes[1][j], first[j]).any():
                return f"the derivative by {'xy'[j]} and {'xy'[k]} is wrong"
    return ""


def main(first, last):
    """Compare the functions of some seeds."""
    wrong = 0
    with tempfile.TemporaryDirectory() as directory:
        for seed in range(first, last):
            text, path = Writer(seed).text(), Path(directory, f"random{seed}.py")
            path.write_text(text)
            spec = importlib.util.spec_from_file_location(path.stem, path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            found = differences(module.f, text, seed)
            if found:
                wrong += 1
                print(f"seed {seed}: {found}\n{text}")
    print(f"{wrong} of {last - first} differ")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(*map(int, sys.argv[1:]))
