"""What is no tensor, given where functions take one, is told as in PyTorch: by a TypeError."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import microgrest as mg

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

# Functions that take what PyTorch's do not, or end with another error, and why.
OTHERWISE = {
    "dist": "a number is a tensor without dimensions",
    "eig": "complex numbers are not there, whatever is given",
    "eigvals": "complex numbers are not there, whatever is given",
    "from_dlpack": "as NumPy's",
    "full_like": "None is NaN, as in full",
    "index_fill": "the type of the index is looked at first",
    "index_put": "an index may be a list",
    "index_put_": "an index may be a list",
    "isin": "elements may be a list",
    "ldexp": "numbers are tensors without dimensions",
    "logsumexp": "no dimension is all",
    "pairwise_distance": "numbers are tensors without dimensions",
    "poisson_nll_loss": "a target may be a number",
    "rsub": "numbers are tensors without dimensions",
    "set_float32_matmul_precision": "anything is taken, as nothing follows",
    "set_flush_denormal": "anything is true or false",
    "soft_margin_loss": "an input may be a number",
}


def functions(ours: Any, theirs: Any) -> Iterator[tuple[str, Any, Any, int]]:
    """Those that both have, and how many arguments they want."""
    for name in sorted(set(dir(ours)) & set(dir(theirs))):
        mine, other = getattr(ours, name), getattr(theirs, name)
        if name.startswith("_") or inspect.isclass(mine) or not callable(mine):
            continue
        wanted = inspect.signature(mine).parameters.values()
        yield name, mine, other, sum(p.default is p.empty and p.kind <= 1 for p in wanted)


def ends(function: Callable[..., Any], args: list[Any]) -> str:
    """The type of what a call raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            function(*args)
        except Exception as error:
            return type(error).__name__
    return "nothing"


@pytest.mark.parametrize("place", ["", "nn.functional", "linalg", "special"])
def test_what_is_no_tensor(place: str) -> None:
    wrong = []
    ours, theirs = mg, torch
    for part in filter(None, place.split(".")):
        ours, theirs = getattr(ours, part), getattr(theirs, part)
    for name, mine, other, n in functions(ours, theirs):
        for at in range(min(n, 4)):
            for value in (1.5, None, "a", [1.0]):
                args = ([lib.ones(2, 2) for _ in range(n)] for lib in (mg, torch))
                found, expected = (
                    ends(f, [*given[:at], value, *given[at + 1 :]])
                    for f, given in zip((mine, other), args, strict=True)
                )
                refused = found in ("TypeError", "ValueError", "RuntimeError")
                if not (refused or found == expected) and name not in OTHERWISE:
                    wrong.append(f"{name}, argument {at}, {value!r}: {found}, not {expected}")
    assert not wrong, "\n".join(wrong)
