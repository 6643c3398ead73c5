"""What a program has bound, and whether it is the same in both libraries."""

from __future__ import annotations

import copy
import ctypes
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

import microgrest as mg

Names = dict[str, Any]
Array = np.ndarray[Any, Any]

# How far two correct results of one statement may lie apart, in units in the last place.
ULPS = {"float16": 4, "float32": 16, "float64": 16}
LOST = "no place in the graph"


def namespace(library: Any) -> Names:
    """What a program finds when it starts; hooks put into `seen` what they were given."""
    return {
        "torch": library, "F": library.nn.functional, "inf": math.inf, "nan": math.nan,
        "np": np, "copy": copy, "seen": [],
    }  # fmt: skip


GIVEN = {*namespace(torch), "__builtins__"} - {"seen"}


@dataclass
class Difference:
    """What differs first: `kind` for people and for telling kinds apart, and both sides' words."""

    kind: str
    where: str
    ours: Any
    theirs: Any
    statements: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        program = "\n".join(self.statements)
        return (
            f"{program}\n# {self.kind}, {self.where}:\n"
            f"#   microgrest: {self.ours}\n#   PyTorch:    {self.theirs}"
        )


def execute(library: Any, statement: str, names: Names) -> Exception | None:
    """The error that `statement` ends with, or None."""
    try:
        exec(compile(statement, "<program>", "exec"), names)
    except Exception as error:
        return error
    finally:
        library.set_grad_enabled(True)
    return None


def flat(library: Any, names: Names) -> Iterator[tuple[str, Any]]:
    """Everything that a program has bound, by path: tensors with their gradients, and values."""
    for name, value in names.items():
        if name not in GIVEN and not name.startswith("_"):
            yield from flatten(library, name, value)


def flatten(library: Any, where: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, library.Tensor):
        refused = unreadable(value)
        yield where, refused or value
        if not refused and (value.is_leaf or value.retains_grad) and value.grad is not None:
            yield f"{where}.grad", value.grad
    elif isinstance(value, (tuple, list)) and not isinstance(value, str):
        yield f"len({where})", len(value)
        for i, item in enumerate(value):
            yield from flatten(library, f"{where}[{i}]", item)
    elif not callable(value) and "Handle" not in type(value).__name__:
        yield where, value


def unreadable(t: Any) -> str:
    """What PyTorch says to a question about a view that lost its place in the graph, else ""."""
    try:
        t.is_leaf  # noqa: B018 - a question
    except RuntimeError:
        return LOST
    return ""


def array(t: Any) -> Array:
    """The values of a tensor, over its memory."""
    if isinstance(t, mg.Tensor):
        return t.detach().numpy()
    # Not numpy(): what has lent its memory to an array can never again be resized by `out=`.
    dtype, size = np.dtype(str(t.dtype).partition(".")[2]), t.element_size()
    if not t.numel() or t._is_zerotensor():
        return np.zeros(tuple(t.shape), dtype)
    storage = t.untyped_storage()
    memory = (ctypes.c_byte * storage.nbytes()).from_address(storage.data_ptr())
    strides = [s * size for s in t.stride()]
    return np.ndarray(tuple(t.shape), dtype, memory, t.storage_offset() * size, strides)


def plain(value: Any) -> Any:
    """A value that is no tensor, in words that both libraries share."""
    if isinstance(value, (bool, int, float, type(None))):
        return value
    text = re.sub(r",?\s*grad_fn=<\w*>", "", str(value))
    return " ".join(text.replace("microgrest", "torch").split())


def differing(a: Any, b: Any) -> tuple[str, Any, Any] | None:
    """The kind of the first difference between two values, and the two sides of it."""
    if not isinstance(b, torch.Tensor) or not isinstance(a, mg.Tensor):
        got, want = plain(a), plain(b)
        same = type(got) is type(want) and (got == want or (got != got and want != want))
        return None if same else ("result", got, want)
    facts = {
        "dtype": (str(a.dtype).partition(".")[2], str(b.dtype).partition(".")[2]),
        "shape": (tuple(a.shape), tuple(b.shape)),
        "requires_grad": (a.requires_grad, b.requires_grad),
        "leaf": (a.is_leaf, b.is_leaf),
    }
    for kind, (got, want) in facts.items():
        if got != want:
            return kind, got, want
    got, want = array(a), array(b)
    if got.dtype.kind == "f":
        ulps = ULPS[got.dtype.name] * np.spacing(np.maximum(np.abs(got), np.abs(want)))
        same = close(got, want, ulps).all()
    else:
        same = np.array_equal(got, want)
    return None if same else ("values", got.tolist(), want.tolist())


def close(got: Array, want: Array, tolerance: Any) -> Array:
    """Where two arrays are equal, NaN included, or lie within a tolerance."""
    wide, reference = got.astype(float), want.astype(float)
    equal = (wide == reference) | (np.isnan(wide) & np.isnan(reference))
    return np.asarray(equal | (np.abs(wide - reference) <= tolerance) | np.isposinf(tolerance))


def differing_errors(ours: Exception | None, theirs: Exception | None) -> Difference | None:
    """Errors agree in their type; PyTorch's NotImplementedError is a RuntimeError."""
    a, b = error_type(ours), error_type(theirs)
    if a == b:
        return None
    kind = f"{a} for {b}" if ours and theirs else f"only PyTorch raises {b}"
    if not theirs:
        kind = f"only microgrest raises {a}"
    words = [repr(e).split("\\n")[0][:300] if e else "passes" for e in (ours, theirs)]
    return Difference(kind, "", *words)


def error_type(error: Exception | None) -> str:
    return (
        "" if error is None else type(error).__name__.replace("NotImplementedError", "RuntimeError")
    )


def shared_differently(ours: Names, theirs: Names) -> Difference | None:
    """Views are views of the same tensors on both sides, with the same strides if those have."""
    seen: list[tuple[str, Any, Any, Any, Any]] = []
    for where, b in theirs.items():
        if not isinstance(b, torch.Tensor) or where.endswith(".grad") or not b.numel():
            continue
        a, viewed = ours[where], False
        home = a._storage.array.__array_interface__["data"][0]
        their_home = b.untyped_storage().data_ptr()
        for other, c, its_home, d, their in seen:
            if its_home != home and their != their_home:
                continue
            got, want = np.shares_memory(array(a), array(c)), np.shares_memory(array(b), array(d))
            if got != want and strides(c) == strides(d):
                words = [f"{'' if x else 'not '}in the memory of {other}" for x in (got, want)]
                return Difference("memory", where, *words)
            viewed |= want and strides(c) == strides(d)
        seen.append((where, a, home, b, their_home))
        if viewed and strides(a) != strides(b):
            return Difference("strides", where, strides(a), strides(b))
    return None


def strides(t: Any) -> tuple[int, ...]:
    """The strides of the dimensions that have any use for one."""
    return tuple(s for s, n in zip(t.stride(), t.shape, strict=True) if n > 1)


def make_equal(ours: Names, theirs: Names) -> None:
    """Write PyTorch's values into microgrest's tensors where the two differ in a bit."""
    for where, b in theirs.items():
        if isinstance(b, torch.Tensor):
            got, want = array(ours[where]), array(b)
            if got.tobytes() != want.tobytes():
                got[...] = want


def materialize(names: Names) -> None:
    """PyTorch computes wrongly with the zeros that it does not store (0 / 0 is inf there)."""
    for name, value in names.items():
        if isinstance(value, torch.Tensor) and value._is_zerotensor():
            names[name] = torch.zeros_like(value)
        elif isinstance(value, (list, tuple)) and type(value) in (list, tuple):
            zero = [isinstance(v, torch.Tensor) and v._is_zerotensor() for v in value]
            if any(zero):
                items = zip(value, zero, strict=True)
                names[name] = type(value)(torch.zeros_like(v) if z else v for v, z in items)
