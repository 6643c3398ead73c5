"""Compiling in a process of its own, once a process has compiled enough."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import processes
import pytest
from microgrest.kernels import cache
from microgrest.kernels.cache import elsewhere, roots

SOURCE = '''"""{name}: a test."""

from numba import njit


@njit
def kernel(a, out):
    for i in range(a.size):
        out[i] = a[i] + {number}
'''


@pytest.fixture(autouse=True)
def from_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty cache, and a child for every function."""
    monkeypatch.setenv("MICROGREST_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(elsewhere, "OWN", 0)
    roots._found.cache_clear()
    yield
    elsewhere._end()
    roots._found.cache_clear()


def kernel(number: int) -> Any:
    """A kernel that adds `number`, in a module that no other test has."""
    text = SOURCE.format(name=f"{number} of {os.getpid()}", number=number)
    return cache.load(text, "elsewhere").kernel


def added(function: Any) -> float:
    """What it adds."""
    out = np.zeros(3)
    function(np.ones(3), out)
    return float(out[0] - 1)


def own(function: Any) -> int:
    """How many functions this process compiled itself while it was called."""
    before = elsewhere._own
    function()
    return elsewhere._own - before


def test_a_child_compiles_and_this_process_loads() -> None:
    for number in (1, 2):
        add = kernel(number)
        assert own(lambda add=add, number=number: added(add) == number) == 0
        assert added(add) == number


def test_children_end_after_some_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "JOBS", 1)
    assert added(kernel(3)) == 3
    first = elsewhere._service.child
    assert first is not None
    assert added(kernel(4)) == 4
    assert elsewhere._service.child is not first and first.process.poll() is not None


def test_a_child_that_is_gone_is_no_harm() -> None:
    assert added(kernel(5)) == 5
    child = elsewhere._service.child
    assert child is not None
    child.process.kill()
    assert added(kernel(6)) == 6


def test_no_child_is_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    add = kernel(7)
    assert own(lambda: added(add)) == 1
    monkeypatch.setattr(sys, "executable", "/usr/bin/editor")
    assert added(kernel(8)) == 8


def test_errors_are_those_of_this_process() -> None:
    from numba.core.errors import TypingError

    broken = cache.load(SOURCE.format(name="broken", number="'a'"), "elsewhere").kernel
    with pytest.raises(TypingError, match="unicode"):
        added(broken)


def test_the_first_functions_are_compiled_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "OWN", elsewhere._own + 1)
    first, second = kernel(9), kernel(10)
    assert own(lambda: added(first)) == 1
    assert own(lambda: added(second)) == 0
    assert (added(first), added(second)) == (9, 10)


PROGRAM = """
import os, sys
sys.path.insert(0, {here!r})
import test_elsewhere as own
from microgrest.kernels.cache import elsewhere
elsewhere.OWN = 0
assert own.added(own.kernel(11)) == 11

def work():
    assert elsewhere._service.child is None
    return own.added(own.kernel(12)) != 12

print(forked(work), elsewhere._service.child.process.poll())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_has_a_child_of_its_own(tmp_path: Path) -> None:
    code = processes.FORK + PROGRAM.format(here=str(Path(__file__).parent))
    done = processes.start(code, MICROGREST_CACHE_DIR=tmp_path)
    out, errors = done.communicate(timeout=120)
    assert (out, errors) == ("0 None\n", "")
