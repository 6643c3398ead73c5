"""Guesses: what most programs need is compiled on a new machine when nothing better is known."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import test_ahead as ahead
from microgrest.kernels import cache
from microgrest.kernels.cache import elsewhere, roots, store
from microgrest.kernels.cpu import guesses


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty cache, two cores, nothing expected, and no child left behind."""
    monkeypatch.setenv("MICROGREST_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(elsewhere, "_cores", lambda: 2)
    monkeypatch.setattr(elsewhere, "OWN", sys.maxsize)
    monkeypatch.setattr(store, "_modules", {})
    monkeypatch.setattr(guesses, "_expected", [])
    roots._found.cache_clear()
    yield
    elsewhere._end()
    roots._found.cache_clear()


class Row(elsewhere.Service):
    """Jobs in a row that nobody does."""

    def _begin(self) -> None:
        pass

    def order(self) -> list[str]:
        """The files in the order in which a child would take them."""
        return [path for path, _ in (*self._waiting, *self._guesses)]


def job(name: str) -> elsewhere.Job:
    return elsewhere.Job(name, "kernel", "")


def test_what_is_known_comes_before_guesses() -> None:
    row = Row()
    for name, guess in (("a", True), ("b", True), ("c", False), ("b", False), ("c", True)):
        row.add(job(name), guess)
    assert row.order() == ["c", "b", "a"]


def test_what_was_guessed_and_is_needed_is_done_here() -> None:
    row = Row()
    row.add(job("a"), True)
    assert row.take(job("a"), here=True) is None and row.order() == []


def test_a_child_compiles_guesses(tmp_path: Path) -> None:
    text = ahead.SOURCE.format(name="a guess", number=5)
    cache.ahead(text, "guess", ahead.TYPES, guess=True)
    ahead.wait_for(lambda: list(tmp_path.glob("cache/*/*.nbc")))
    assert ahead.added(cache.load(text, "guess").kernel) == 5


def test_guesses_are_made_once_and_on_a_new_machine() -> None:
    made: list[str] = []
    guesses.expect(lambda: made.append("new"))
    guesses.begin()
    guesses.begin()
    assert made == ["new"]
    assert ahead.added(ahead.kernel(1)) == 1
    guesses.expect(lambda: made.append("old"))
    guesses.begin()
    assert made == ["new"]


def test_no_guesses_where_no_child_is_of_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "_cores", lambda: 1)
    made: list[str] = []
    guesses.expect(lambda: made.append("one core"))
    guesses.begin()
    assert not made
