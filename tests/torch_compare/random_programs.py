"""Random programs over every op there is: 5 to 40 statements, chosen by a seed.

Ops come from microgrest's own tables and modules, their arguments from the names and annotations of
their parameters, so that a new op joins by itself. `check(seed)` makes a program and compares it on
the way, because what a statement may sensibly do depends on what PyTorch has bound so far.

    NUMBA_DISABLE_JIT=1 python -m tests.torch_compare.random_programs 0 500

prints the differences that the seeds 0 to 499 find, shrunk, one of each kind.
"""

from __future__ import annotations

import re
import resource
import sys
import warnings
from collections import Counter
from typing import Any

import numpy as np
import torch

from tests.torch_compare.agreement import Difference, execute, strides
from tests.torch_compare.random_statements import Writer
from tests.torch_compare.side_by_side import Absent, Ended, Sides, difference, shrunk

# Statements that may leave something behind when they fail.
LASTING = re.compile(r"backward|autograd|out=|\n|\] .=")


class Program:
    """One random program as it comes into being, compared statement by statement."""

    def __init__(self, seed: int, used: Counter[str] | None = None) -> None:
        self.sides = Sides()
        self.writer = Writer(seed, self.sides)
        self.used = used

    def run(self) -> Difference | None:
        """The first difference."""
        for _ in range(self.writer.chance.randint(5, 40)):
            try:
                found = self.step()
            except Ended:
                return None
            if found:
                return found
        return None

    def step(self) -> Difference | None:
        """One statement, after attempts that PyTorch refuses and that are not meant to be wrong."""
        wrong = self.writer.often(0.12)
        for _ in range(8):
            text = self.writer.statement()
            theirs = execute(torch, text, self.sides.theirs)
            if theirs and not wrong and not LASTING.search(text):
                continue
            return self.followed(text, theirs)
        return None

    def followed(self, text: str, theirs: Exception | None) -> Difference | None:
        try:
            found = self.sides.follow(text, theirs)
        except Absent:
            name = text.partition(" = ")[0]
            if name in self.sides.theirs and name not in self.sides.ours:
                del self.sides.theirs[name]
                return None
            raise Ended from None
        if self.used is not None:
            self.used[text] += 1
        return found or self.laid_out(text)

    def laid_out(self, text: str) -> Difference | None:
        """Results are row-major here; PyTorch keeps the operands' order, which is undone."""
        name = text.partition(" = ")[0]
        values, ours = (side.get(name) for side in (self.sides.theirs, self.sides.ours))
        if isinstance(values, torch.Tensor):
            row_major, pairs = f"torch.cat([{name}])", [(ours, values)]
        elif isinstance(values, (list, tuple)):
            row_major = f"[t if t is None else torch.cat([t]) for t in {name}]"
            pairs = list(zip(ours, values, strict=True))
        if not isinstance(values, (torch.Tensor, list, tuple)) or not any(map(self.turned, pairs)):
            return None
        return self.sides.run(f"{name} = {row_major}")

    def turned(self, pair: tuple[Any, Any]) -> bool:
        """Whether PyTorch's tensor is new, and not row-major as ours is."""
        ours, t = pair
        if not isinstance(t, torch.Tensor) or not t.numel() or strides(ours) == strides(t):
            return False
        home = t.untyped_storage().data_ptr()
        everything = self.writer.tensors().values()
        return not any(x.untyped_storage().data_ptr() == home for x in everything if x is not t)


def check(seed: int, used: Counter[str] | None = None) -> Difference | None:
    """The difference that the program of a seed finds, not shrunk."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return Program(seed, used).run()


def kind_of(found: Difference) -> str:
    """Differences of one kind come from one op and differ in one thing."""
    text = re.sub(
        r"^v\d+ = |torch\.tensor|torch\.(?=[a-z]+\d)|torch.zeros", "", found.statements[-1]
    )
    ops = re.findall(r"[\w.]*?(\w+)\(|( [-+*/@%<>=!&|^]+ )|\.(\w+)$|(\[)", text)
    return f"{found.kind}: {' '.join(dict.fromkeys(''.join(op).strip() for op in ops))}"


def main(first: int, last: int) -> bool:
    """Whether none of the programs differ; prints those that do."""
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    counts: Counter[str] = Counter()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for seed in range(first, last):
            found = check(seed)
            if found is None:
                continue
            if difference(found.statements) is None:
                continue  # a statement that was left out had done something
            key = kind_of(found)
            counts[key] += 1
            if counts[key] == 1:
                print(f"# seed {seed}\n{shrunk(found)}\n", flush=True)
    print(f"{last - first} programs, {sum(counts.values())} differ")
    for key, count in counts.most_common():
        print(f"{count:5} {key}")
    return not counts


if __name__ == "__main__":
    sys.exit(not main(int(sys.argv[1]), int(sys.argv[2])))
