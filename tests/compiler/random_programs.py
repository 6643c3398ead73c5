"""What random steps are written in: programs as text, and drafts that draw them.

A program makes tensors, has a step, and events, which are statements that run between two calls of
the step. All of it is text, a statement a line: so a program is shrunk by taking lines away, and
one that fails is printed as a script that stands alone.
"""

from __future__ import annotations

import linecache
import random
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

from microgrest.kernels.kinds.matrices.products import TERMS

PRELUDE = (
    "import copy",
    "from types import SimpleNamespace",
    "import microgrest as mg",
    "from microgrest import nn, optim",
    "from microgrest.nn import functional as F",
    "from microgrest.optim import lr_scheduler",
)
NAMES: dict[str, Any] = {}
exec("\n".join(PRELUDE), NAMES)

# Small ones, so that many are equal; those of them at which products cease to be written out.
EXTENTS = (1, 2, 3, 4, 5, 8, 16, TERMS - 1, TERMS, TERMS + 1)


class Program(NamedTuple):
    """Statements of a program; each event has the number of the call that it comes before.

    The last number of all is that of the repetition.

    Where the step `takes` something, `inputs` is a list of its arguments, taken in turn.
    """

    seed: int
    setup: tuple[str, ...]
    body: tuple[str, ...]
    events: tuple[tuple[int, str], ...] = ()
    takes: str = ""
    calls: int = 12
    repeats: int = 4

    def text(self) -> str:
        """What makes the tensors and the step."""
        body = self.body or ("pass",)
        step = [f"def step({self.takes}):", *(f"    {line}" for line in body)]
        return "\n".join([*self.setup, *step]) + "\n"

    def space(self) -> dict[str, Any]:
        """The names of the program, its tensors as new."""
        space = dict(NAMES)
        text, name = self.text(), f"<random step {self.seed}>"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        exec(compile(text, name, "exec"), space)
        for own in space.keys() - NAMES.keys():
            if isinstance(space[own], ModuleType):  # which is left when a statement is shrunk
                raise TypeError(f"{own} is a module, and what is changed of it would stay")
        return space

    def script(self) -> str:
        """The whole program: compiled, or, with an argument, eager."""
        given = "*inputs[call % len(inputs)]" if self.takes else ""
        batches = ", batches=inputs" if self.takes else ""
        last = [event for call, event in self.events if call == self.calls]
        lines = [*PRELUDE, "import sys", self.text()]
        lines += ["run = step if sys.argv[1:] else mg.compile(step)"]
        lines += [f"for call in range({self.calls}):"]
        for call, event in self.events:
            if call < self.calls:
                lines += [f"    if call == {call}:", f"        {event}"]
        lines += [f"    print(call, run({given}))"]
        if self.repeats:
            eager = f"[step({given}) for call in range({self.repeats})][-1]"
            native = f"run.repeat({self.repeats}{batches})"
            lines += [*last, f"print({eager} if run is step else {native})"]
        return "\n".join(lines) + "\n"


class Draft:
    """A program as it is drawn: the statements so far, and the chance that decides."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.setup: list[str] = []
        self.body: list[str] = []
        self.events: list[tuple[int, str]] = []
        self.takes = ""
        self.extents: dict[str, int] = {}
        dtype = self.pick(["float64", "float64", "float64", "float32"])
        self.setup += [f"mg.set_default_dtype(mg.{dtype})", f"mg.manual_seed({seed})"]

    def pick(self, options: Sequence[Any]) -> Any:
        """One of the options."""
        return self.chance.choice(options)

    def odds(self, share: float) -> bool:
        """True in that share of cases."""
        return self.chance.random() < share

    def number(self, low: float, high: float) -> float:
        """A number of three digits."""
        return float(f"{self.chance.uniform(low, high):.3g}")

    def extent(self, name: str) -> int:
        """A new extent: one that there is, 1, or any."""
        known = list(self.extents.values())
        if known and self.odds(0.35):
            size = self.pick(known)
        else:
            size = 1 if self.odds(0.2) else self.pick(EXTENTS)
        self.extents[name] = size
        self.setup.append(f"{name} = {size}")
        return int(size)

    def event(self, text: str, call: int | None = None) -> None:
        """A statement between calls; by chance after some that run natively."""
        self.events.append((self.chance.randint(2, 12) if call is None else call, text))

    def program(self) -> Program:
        """What was drawn."""
        events = tuple(sorted(self.events, key=lambda event: event[0]))
        return Program(self.seed, tuple(self.setup), tuple(self.body), events, self.takes)
