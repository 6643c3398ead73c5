"""Random steps by seeds: checked, and shrunk and printed where they fail.

    python tests/compiler/random_steps.py FORM FIRST LAST

checks the seeds from FIRST to LAST - 1 (with PYTHONPATH, and NUMBA_DISABLE_JIT=1 for plain Python).
FORM is `cpu`, or, with NUMBA_ENABLE_CUDASIM=1, `one_block` or `many_kernels`: what runs the steps.
"""

from __future__ import annotations

import gc
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import interpreter
from random_expressions import Expressions
from random_programs import Program
from random_trainings import Training
from shrinking import shrunk
from twins import Outcome, Wrap, check

import microgrest as mg
from microgrest.compiler.call.step import Step
from microgrest.compiler.replay.recording import Recording

SHRINKING = 60.0  # seconds
# Garbage of so many programs is one generation, which looking for what holds a tensor goes through.
FROZEN = 50


def drawn(seed: int) -> Program:
    """The program of a seed: two of three are trainings."""
    draft: Expressions | Training = Training(seed) if seed % 3 else Expressions(seed)
    draft.draw()
    return draft.program()


def interpreted(fn: Any) -> Step:
    """A step of which ops run one by one: what goes wrong then is not the plan's fault."""
    return Step(fn, build=interpreter.build)


def report(program: Program, outcome: Outcome, wrap: Wrap, seconds: float = SHRINKING) -> str:
    """A failing program, shrunk, as a script, with what is wrong and where to look for it."""
    where = "the plan or its code"
    if _is_like(check(program, interpreted), outcome):
        wrap, where = interpreted, "recording, guards or replay"
    small = shrunk(program, lambda variant: _is_like(check(variant, wrap), outcome), seconds)
    if small.events and wrap is not interpreted:
        where += ", or, if they share memory, at guards"
    found = check(small, wrap)
    lines = [f"# seed {program.seed}, {found.kind} at {found.what.strip()}", f"look at {where}"]
    return "\n# ".join("\n".join(lines).splitlines()) + "\n" + small.script()


def _is_like(a: Outcome, b: Outcome) -> bool:
    return a.kind == b.kind and _error(a) == _error(b)


def _error(outcome: Outcome) -> str:
    """The kind of an error."""
    return outcome.what.partition(": ")[2].partition(":")[0] if outcome.kind == "raises" else ""


def wrap_of(form: str) -> Wrap:
    """What compiles a step for a form."""
    if form == "cpu":
        return mg.compile
    sys.path.insert(0, str(Path(__file__).parents[1] / "cuda"))
    import simulated_steps

    build = next(f for f in simulated_steps.FORMS if f.__name__ == form)
    return lambda fn: Step(fn, build=lambda trace: simulated_steps.copying(build, trace))


class Tally:
    """What came of programs so far, and how many steps ran natively."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.native, self.seconds = 0, time.monotonic()
        run = Recording.run

        def counted(recording: Any, args: Any, kwargs: Any, steps: int = 1, *rest: Any) -> Any:
            self.native += steps
            return run(recording, args, kwargs, steps, *rest)

        Recording.run = counted  # type: ignore[method-assign]

    def __str__(self) -> str:
        kinds = ", ".join(f"{n} {kind}" for kind, n in self.kinds.most_common())
        each = (time.monotonic() - self.seconds) / max(self.kinds.total(), 1)
        return f"{kinds}; {self.native} steps ran natively; {each * 1e3:.0f} ms a program"


def run(form: str, first: int, last: int) -> int:
    """Check seeds; returns how many fail."""
    tally, wrap = Tally(), wrap_of(form)
    for seed in range(first, last):
        if seed % FROZEN == 0:
            gc.collect()
            gc.freeze()
        program = drawn(seed)
        outcome = check(program, wrap)
        tally.kinds[outcome.kind] += 1
        if outcome.failed:
            print(report(program, outcome, wrap))
    print(f"seeds {first} to {last - 1}, {form}: {tally}")
    return sum(tally.kinds[kind] for kind in ("differs", "raises"))


if __name__ == "__main__":
    # NumPy warns of what kernels do in silence: numbers that leave their range.
    warnings.simplefilter("ignore", RuntimeWarning)
    warnings.simplefilter("ignore", SyntaxWarning)  # of statements that were shrunk
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.exit(min(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])), 100))
