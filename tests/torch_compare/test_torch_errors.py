"""Calls that are wrong: each ends with PyTorch's type of error, and with the facts that it tells.

The facts are the numbers in PyTorch's message, and the names that it quotes. Where its message only
lists the signatures that there are, or is about its own internals, the type is all that counts.
"""

from __future__ import annotations

import copy
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgrest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

CALLS = (Path(__file__).parent / "programs" / "wrong_calls.txt").read_text().splitlines()
# What of a message is no fact: the list of signatures, what to do about it, notes of its build.
NOISE = re.compile(
    r"received an invalid combination of arguments.*|Hint:.*|Exception raised from.*|"
    r"but expected one of:.*|Expected one of cpu.*|\(Triggered.*|https?://\S+|"
    r"\(position \d+\)|in argument \d+|\"\w+\" not implemented for '\w+'",
    re.DOTALL,
)


def error(library: Any, call: str) -> Exception:
    """What `call` ends with."""
    names = {"torch": library, "np": np, "copy": copy}
    with warnings.catch_warnings(), pytest.raises(Exception) as caught:
        warnings.simplefilter("ignore")
        eval(call, names)
    return caught.value


def facts(message: str) -> set[str]:
    """The numbers of a message, and the names that it quotes."""
    message = NOISE.sub("", message)
    quoted = re.findall(r"[`'\"]([\w.]+)[`'\"]", message)
    return {*re.findall(r"-?\b\d+(?:\.\d+)?\b", message), *quoted}


# Calls whose message here tells another thing than PyTorch's, and why.
OTHER_WORDS = {
    "torch.addmm(torch.ones(3, 3), torch.ones(2, 3), torch.ones(3, 2))": "as of a sum",
    "torch.broadcast_shapes((2,), (3,))": "as of a sum",
    "torch.tensordot(torch.ones(2, 3), torch.ones(2, 3), 1)": "all sizes, and dimensions from 0",
    'torch.ones(2, 3)["a"]': "the index that was given",
    'torch.tensor([1]).copy_("a")': "the parameter's name is src",
    "torch.ones(2).shape.foo": "the class has its own name",
    'torch.nn.Linear("a", 3)': "the argument that was given, not a call within",
    'torch.nn.Parameter("a")': "another attribute is missed first",
    "torch.autograd.grad(torch.ones(2, requires_grad=True).sum(), "
    "torch.ones(2, requires_grad=True))": "which of the inputs it is",
}


@pytest.mark.parametrize("call", CALLS)
def test_the_error(call: str) -> None:
    ours, theirs = error(microgrest, call), error(torch, call)
    assert type(ours).__name__ == type(theirs).__name__, f"{ours!r} for {theirs!r}"
    if call not in OTHER_WORDS:
        text = str(ours).replace("microgrest", "torch")
        missing = {fact for fact in facts(str(theirs)) if fact not in text}
        assert not missing, f"{ours} for {theirs}"


def test_there_are_many_and_no_two_alike() -> None:
    assert len(set(CALLS)) == len(CALLS) >= 300
    assert OTHER_WORDS.keys() <= set(CALLS)
