"""A program in microgrest and in PyTorch, statement by statement, all of it compared after each.

A program is a list of source statements over the names of `namespace`. What agrees within rounding
is made equal after each statement, so that rounding errors do not grow along a program: every
statement is judged by itself. Where a value differs by more than that, PyTorch runs the whole
program again, a few times, with its last bits shaken: a value that this moves as much is
ill-conditioned, and no library has it right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

import microgrest as mg
from tests.torch_compare.agreement import (
    LOST,
    ULPS,
    Array,
    Difference,
    Names,
    array,
    close,
    differing,
    differing_errors,
    execute,
    flat,
    make_equal,
    materialize,
    namespace,
    shared_differently,
)
from tests.torch_compare.excuses import HOOKED, SPELLING, UNDEFINED, excused_errors, excused_values

# What microgrest says of a name or an argument that it does not have.
ABSENT = re.compile(
    r"module 'microgrest[\w.]*' has no attribute|'(Tensor|Parameter)' object has no attribute"
    r"|unexpected (keyword )?argument"
)
# Statements that bind gradients, and the one that makes them row-major.
GRADIENTS = re.compile(r"autograd\.grad|for t in")
# Their out= keeps a shape of as many elements.
RESHAPED = re.compile(r"arange|linspace|logspace|rand|eye")
SHAKES = 4


class Absent(Exception):
    """The statement needs a name or an argument that microgrest does not have."""


class Ended(Exception):
    """Nothing more can be compared, and nothing differs."""


class Sides:
    """The two namespaces of a program while it runs."""

    def __init__(self) -> None:
        self.ours, self.theirs = namespace(mg), namespace(torch)
        self.done: list[str] = []

    def run(self, statement: str) -> Difference | None:
        """Run `statement` in both libraries, compare everything, make rounded values equal."""
        return self.follow(statement, execute(torch, statement, self.theirs))

    def follow(self, statement: str, theirs: Exception | None) -> Difference | None:
        """The same after PyTorch has run it, and ended with the error `theirs` or None."""
        materialize(self.theirs)
        ours = execute(mg, statement, self.ours)
        if ours and ABSENT.search(str(ours)) and type(ours) is not type(theirs):
            raise Absent
        self.done.append(statement)
        if theirs and SPELLING.search(str(theirs)):
            return self.forget(statement)
        found = differing_errors(ours, theirs)
        if found and excused_errors(ours, theirs, self.involved(statement)):
            raise Ended
        found = found or self.differing_values(statement)
        if found and ours and theirs and found.kind.startswith(("values", "presence")):
            raise Ended  # something had been done when the error was found
        resized = re.search(r"out=(\S*)\)", statement)
        if found and resized and (found.where != resized[1] or (ours and theirs)):
            raise Ended  # out= of another shape: before an error, and in the memory of its views
        if found and resized and found.kind == "shape" and RESHAPED.search(statement):
            raise Ended  # PyTorch keeps another shape of as many elements there
        if (
            found
            and found.kind in ("presence of v.grad", "requires_grad")
            and HOOKED.search("\n".join(self.done))
        ):
            raise Ended
        if found and resized and statement.count(resized[1]) > 1:
            raise Ended  # out= is an operand
        if found:
            found.statements = list(self.done)
        return found

    def forget(self, statement: str) -> None:
        """Undo in microgrest a statement that PyTorch refused."""
        if not re.match(r"(v\d+) = (?!.*(_\(|out=))", statement) or "\n" in statement:
            raise Ended
        self.ours.pop(statement.partition(" = ")[0], None)

    def differing_values(self, statement: str) -> Difference | None:
        """The first difference between the variables; floats are made equal where there is none."""
        ours, theirs = dict(flat(mg, self.ours)), dict(flat(torch, self.theirs))
        for where in [*theirs, *ours]:
            if where not in ours or where not in theirs:
                zeros = theirs.get(where)
                if where.endswith(".grad") and isinstance(zeros, torch.Tensor) and not zeros.any():
                    raise Ended  # nothing arrives where all that arrived would be zeros
                a, b = (str(side.get(where, "absent")) for side in (ours, theirs))
                return Difference("presence of " + re.sub(r"\d+", "", where), where, a, b)
        found = None
        for where, b in theirs.items():
            a = ours[where]
            found = differing(a, b)
            if b is LOST or (found and found[0] == "requires_grad" and self.constant(a, b)):
                raise Ended
            if found and found[0] == "values" and self.excused(statement, where, a, b):
                found = None
            if found:
                return Difference(found[0], where, *found[1:])
        found = shared_differently(ours, theirs)
        if found and found.kind == "memory" and GRADIENTS.search(statement):
            raise Ended  # which gradients share memory is nobody's promise
        if not found:
            make_equal(ours, theirs)
        return found

    def excused(self, statement: str, where: str, a: Any, b: Any) -> bool:
        """Whether other values than PyTorch's are no difference here."""
        if UNDEFINED.search(statement):
            return True
        got, want = array(a), array(b)
        if got.dtype.kind == "i" or got.dtype.kind == "u":
            return self.beyond(statement, got.dtype)
        if got.dtype.kind != "f":
            return False
        ulps = ULPS[got.dtype.name] * np.spacing(np.maximum(np.abs(got), np.abs(want)))
        fine = close(got, want, ulps) | excused_values(got, want, self.involved(statement))
        if not fine.all():
            truth = self.truth(where, want)
            fine |= close(got, truth, np.abs(want - truth))
        return bool((fine | close(got, want, 16 * self.spread(where, want))).all())

    def involved(self, statement: str) -> str:
        """What computes in a statement: in a derivative the whole program."""
        return "\n".join(self.done) if re.search("grad|backward", statement) else statement

    def truth(self, where: str, want: Array) -> Array:
        """The value `where` of the same program in float64; NaN where there is no such value."""
        names = namespace(torch)
        for statement in self.done:
            double = re.sub(r"torch\.(float16|float32|half)\b", "torch.float64", statement)
            execute(torch, double, names)
        found = dict(flat(torch, names)).get(where)
        if not isinstance(found, torch.Tensor) or found.shape != want.shape:
            return np.full(want.shape, math.nan)
        return array(found).astype(float)

    def constant(self, ours: Any, theirs: Any) -> bool:
        """Whether what requires grad on one side does so for nothing: its derivatives are zero."""
        library, t = (torch, theirs) if theirs.requires_grad else (mg, ours)
        if library is torch and ((t._is_view() and t.is_leaf) or not t.is_floating_point()):
            return True
        names = self.theirs if library is torch else self.ours
        everything = [x for _, x in flat(library, names) if isinstance(x, library.Tensor)]
        inputs = [x for x in everything if x.requires_grad and x is not t]
        try:
            found = library.autograd.grad(t.sum(), inputs, allow_unused=True, retain_graph=True)
        except Exception as error:
            return excused_errors(None, error, "")
        return all(g is None or not g.nan_to_num().any() for g in found)

    def beyond(self, statement: str, dtype: Any) -> bool:
        """Whether a float that `statement` names is none of the integer type: undefined there."""
        limits = np.iinfo(dtype)
        for where, t in flat(torch, self.theirs):
            if re.search(rf"\b{re.escape(where.partition('[')[0])}\b", statement):
                values = array(t) if isinstance(t, torch.Tensor) else np.zeros(1)
                if values.dtype.kind == "f" and values.size:
                    wide = values.astype(float)
                    if not ((wide >= limits.min) & (wide <= limits.max)).all():
                        return True
        return False

    def spread(self, where: str, want: Array) -> Array:
        """How far shaking the last bits moves the value `where`; infinite where it makes NaN."""
        widest = np.zeros(want.shape)
        for seed in range(SHAKES):
            found = dict(flat(torch, shaken(self.done, seed)))
            if where not in found or found[where].shape != want.shape:
                return np.full(want.shape, math.inf)
            moved = array(found[where]).astype(float)
            same = (moved == want) | (np.isnan(moved) & np.isnan(want))
            distance = np.where(same, 0, np.abs(moved - want.astype(float)))
            widest = np.maximum(widest, np.where(np.isnan(distance), math.inf, distance))
        return widest


def shaken(statements: Sequence[str], seed: int) -> Names:
    """PyTorch's variables after `statements` with noise of a bit or so on every rounded value."""
    names, noise, old = namespace(torch), np.random.default_rng(seed), {}
    for statement in statements:
        execute(torch, statement, names)
        for where, t in flat(torch, names):
            if not isinstance(t, torch.Tensor) or where.endswith(".grad"):
                continue
            values = array(t)
            if values.dtype.kind == "f" and old.get(where) != values.tobytes():
                shake(values[(..., *(slice(0, None if s else 1) for s in t.stride()))], noise)
        old = {w: array(t).tobytes() for w, t in flat(torch, names) if isinstance(t, torch.Tensor)}
    return names


def shake(values: Array, noise: np.random.Generator) -> None:
    """Move values up or down by a bit, but not those that are exact, such as 0, 1.5 or inf."""
    exact = (values * 16 == np.rint(values * 16)) & (np.abs(values) < 4096) | ~np.isfinite(values)
    moved = values * (1 + noise.integers(-1, 2, values.shape) * np.finfo(values.dtype).eps)
    values[...] = np.where(exact, values, moved)


def difference(statements: Sequence[str]) -> Difference | None:
    """The first difference between the libraries on a program."""
    sides = Sides()
    for statement in statements:
        try:
            found = sides.run(statement)
        except (Absent, Ended):
            return None
        if found:
            return found
    return None


def shrunk(found: Difference) -> Difference:
    """The same kind of difference, by as few statements as can be."""
    statements, i = found.statements, len(found.statements) - 2
    while i >= 0:
        fewer = statements[:i] + statements[i + 1 :]
        less = difference(fewer)
        if less and less.kind == found.kind and less.statements[-1] == statements[-1]:
            statements, found = less.statements, less
            i = min(i, len(statements) - 1)
        i -= 1
    return found
