"""Random tensors, numbers, shapes, dimensions and indices, as source text."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from tests.torch_compare.agreement import flat
from tests.torch_compare.random_ops import COUNTING, Op
from tests.torch_compare.side_by_side import Sides

FLOATS = ["float32", "float32", "float64", "float64", "float16"]
INTEGERS = ["int64", "int64", "int32", "int16", "int8", "uint8"]
EXTENTS = [0, 1, 1, 2, 2, 2, 3, 3, 3, 4]
NUMBERS = ["0", "1", "2", "-1", "3", "0.5", "-1.5", "2.5", "0.0", "-0.0", "True", "False"]
EXTREMES = ["inf", "-inf", "nan", "300", "2**31", "-2**63", "2**62", "1e30", "1e-40", "2**70"]
SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    float("inf"),
    float("-inf"),
    float("nan"),
    1e-40,
    1e30,
    -1e30,
    88.0,
]


class Values:
    """Chooses by a seed; knows what PyTorch has bound so far."""

    def __init__(self, seed: int, sides: Sides) -> None:
        self.chance = random.Random(seed)
        self.sides = sides
        self.made = 0
        self.leaves: list[str] = []

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    def one(self, options: Any) -> Any:
        return self.chance.choice(list(options))

    def name(self) -> str:
        self.made += 1
        return f"v{self.made}"

    def tensors(self) -> dict[str, Any]:
        found = flat(torch, self.sides.theirs)
        return {k: t for k, t in found if isinstance(t, torch.Tensor) and not k.endswith(".grad")}

    def tensor(self, *wishes: Callable[[Any], bool]) -> str:
        """A variable, rather a late one, that meets the wishes if any does."""
        every = self.tensors()
        for wish in wishes:
            fitting = {k: t for k, t in every.items() if wish(t)}
            every = fitting or every
        names = list(every)
        return names[-1 - int(self.chance.random() ** 1.5 * len(names))]

    def value(self, expression: str) -> Any:
        return self.tensors().get(expression)

    def shape(self) -> list[int]:
        rank = self.one([0, 1, 1, 2, 2, 2, 3])
        return [self.one(EXTENTS) for _ in range(rank)]

    def numbers(self, dtype: str, count: int) -> list[Any]:
        if dtype == "bool":
            return [self.often(0.5) for _ in range(count)]
        style = self.one(["plain", "plain", "plain", "small", "small", "special"])
        if dtype.startswith("float"):
            pools = {"small": range(-2, 4), "special": SPECIAL}
            if style == "plain":
                return [round(self.chance.uniform(-3, 3), 2) for _ in range(count)]
            return [float(self.one(pools[style])) for _ in range(count)]
        limits = np.iinfo(dtype)
        low = max(-5, limits.min)
        pools = {"plain": range(low, 6), "small": range(max(-1, low), 3)}
        pools["special"] = [limits.min, limits.max, 0, 1, 2, max(-1, low)]  # type: ignore[assignment]
        return [int(self.one(pools[style])) for _ in range(count)]

    def literal(self, shape: list[int] | None = None, dtype: str = "") -> str:
        """A tensor by its elements."""
        shape = self.shape() if shape is None else shape
        dtype = dtype or self.one([*FLOATS, self.one(INTEGERS), "bool"])
        if 0 in shape:
            return f"torch.zeros({tuple(shape)}, dtype=torch.{dtype})"
        count = int(np.prod(shape, dtype=int))
        nested = np.array(self.numbers(dtype, count), object).reshape(shape).tolist()
        return f"torch.tensor({nested}, dtype=torch.{dtype})"

    def number(self, op: Op | None = None) -> str:
        """A number, which may be extreme where it does not count elements."""
        counts = op is not None and op.name in COUNTING
        return self.one(EXTREMES if self.often(0.08) and not counts else NUMBERS)

    def integer(self, op: Op | None = None) -> str:
        if self.often(0.03) and not (op is not None and op.name in COUNTING):
            return self.one(["2**63 - 1", "-2**63", "2**62", "2**31", "-2**31", "2**64"])
        return self.one(
            ["0", "1", "1", "2", "-1", "-2", "3", "4", "5", "True", "1.0"][
                : 9 + 3 * self.often(0.1)
            ]
        )

    def dim(self, x: Any) -> str:
        n = max(1, getattr(x, "ndim", 1))
        if self.often(0.04):
            return self.one(["2**31", "-2**63", "2**63 - 1", str(n), str(-n - 1)])
        return str(self.chance.randrange(-n, n))

    def dims(self, x: Any) -> str:
        """One dimension, several, none, or the word for all."""
        n = getattr(x, "ndim", 1)
        some = self.chance.sample(range(n), self.chance.randint(0, n))
        several = tuple(d - n * self.often(0.3) for d in some)
        return self.one([self.dim(x), self.dim(x), str(several), str(list(several)), "None"])

    def order(self, x: Any) -> str:
        n = getattr(x, "ndim", 1)
        return str(tuple(self.chance.sample(range(n), n)))

    def dtype(self) -> str:
        return "torch." + self.one([*FLOATS, *INTEGERS, "bool"])

    def new_shape(self, x: Any) -> str:
        """Extents for as many elements as x has."""
        count = x.numel() if x is not None else 1
        extents = []
        while count > 1 and len(extents) < 3:
            extents.append(self.one([d for d in range(1, count + 1) if count % d == 0]))
            count //= extents[-1]
        extents.append(count)
        if self.often(0.3):
            extents[self.chance.randrange(len(extents))] = -1
        return str(tuple(extents))

    def wider(self, x: Any) -> str:
        """A shape that x broadcasts to."""
        shape = list(getattr(x, "shape", ()))
        new = [self.one([1, 2, 3]) for _ in range(self.one([0, 0, 1]))]
        return str(
            tuple(new + [self.one([2, 3, -1]) if n == 1 else self.one([n, n, -1]) for n in shape])
        )

    def positions(self, x: Any, dim: int = 0, rank: int | None = None) -> str:
        """An index tensor for a dimension of x."""
        extent = x.shape[dim % x.ndim] if getattr(x, "ndim", 0) else 1
        low = -extent if self.often(0.3) else 0
        if self.often(0.05):
            extent += 1
        rank = self.one([0, 1, 1, 2]) if rank is None else rank
        shape = [self.one([0, 1, 2, 2, 3]) for _ in range(rank)]
        if extent == 0:
            shape = [0]
        count = int(np.prod(shape, dtype=int))
        values = [self.chance.randrange(low, extent) for _ in range(count)]
        dtype = self.one(["int64"] * 8 + ["int32", "uint8", "int16"])
        return f"torch.tensor({np.array(values, int).reshape(shape).tolist()}, dtype=torch.{dtype})"

    def mask(self, x: Any) -> str:
        shape = list(getattr(x, "shape", [1]))
        if shape and self.often(0.3):
            shape = shape[self.chance.randint(0, 1) :]
        return self.literal(shape, "bool")
