"""A failing program made as small as it can be while it still fails.

Statements, events and calls are taken away, in halves first, then one by one; extents become 1, 2
or 3; arguments of calls, calls themselves and operands go. A program that eager mode does not
accept has not failed, so nothing here has to know what a statement needs.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

from random_programs import Program

Fails = Callable[[Program], bool]
Lines = list[tuple[str, int, str]]  # part, call of an event, statement
PAIRS = {"(": ")", "[": "]", "{": "}"}


def shrunk(program: Program, fails: Fails, seconds: float = 60.0) -> Program:
    """The smallest program found in that time that fails; `program` itself does."""
    end = time.monotonic() + seconds
    best, before = program, None
    while best != before and time.monotonic() < end:
        before = best
        for variants in (fewer_calls, fewer_lines, smaller_extents, no_extents, simpler_lines):
            best = _improved(best, variants, fails, end)
    return best


def _improved(
    best: Program, variants: Callable[[Program], Iterator[Program]], fails: Fails, end: float
) -> Program:
    """The program once no variant of it fails, or time is over."""
    tried = {best}
    found = True
    while found:
        found = False
        for variant in variants(best):
            if time.monotonic() > end:
                return best
            if variant in tried:
                continue
            tried.add(variant)
            if fails(variant):
                best, found = variant, True
                break
    return best


# Variants of a program


def fewer_calls(program: Program) -> Iterator[Program]:
    """No repetition; fewer calls."""
    if program.repeats:
        yield program._replace(repeats=0)
    for calls in range(3, program.calls):
        events = tuple(event for event in program.events if event[0] <= calls)
        yield program._replace(calls=calls, events=events)
    for calls in range(4, program.calls):
        events = tuple((min(call, calls - 1), text) for call, text in program.events)
        yield program._replace(calls=calls, events=events)


def fewer_lines(program: Program) -> Iterator[Program]:
    """Without a run of statements: half of them, a quarter, ... one."""
    lines = _lines(program)
    size = max(len(lines) // 2, 1)
    while size:
        for start in range(0, len(lines), size):
            yield _of_lines(program, lines[:start] + lines[start + size :])
        size //= 2


def smaller_extents(program: Program) -> Iterator[Program]:
    """One extent, or two that are equal, made 1, 2 or 3."""
    found = [(i, *_extent(line)) for i, line in enumerate(program.setup) if _extent(line)[0]]
    for i, name, size in found:
        alike = [j for j, _, other in found if other == size]
        for smaller in range(1, min(size, 4)):
            for places in ([i], alike):
                setup = list(program.setup)
                for j in places:
                    setup[j] = f"{_extent(setup[j])[0] or name} = {smaller}"
                yield program._replace(setup=tuple(setup))


def no_extents(program: Program) -> Iterator[Program]:
    """A number in the place of one extent's name."""
    for i, line in enumerate(program.setup):
        name, size = _extent(line)
        if name:
            setup = [*program.setup[:i], *program.setup[i + 1 :]]
            setup = [re.sub(rf"\b{name}\b(?!\.)", str(size), text) for text in setup]
            yield program._replace(setup=tuple(setup))


def simpler_lines(program: Program) -> Iterator[Program]:
    """One statement made simpler."""
    lines = _lines(program)
    for i, (part, call, text) in enumerate(lines):
        for simple in simpler(text):
            yield _of_lines(program, [*lines[:i], (part, call, simple), *lines[i + 1 :]])


def _extent(line: str) -> tuple[str, int]:
    found = re.fullmatch(r"([A-Z]) = (\d+)", line)
    return (found[1], int(found[2])) if found else ("", 0)


def _lines(program: Program) -> Lines:
    events = [("events", call, text) for call, text in program.events]
    body = [("body", 0, text) for text in program.body]
    return [*events, *body, *(("setup", 0, text) for text in program.setup)]


def _of_lines(program: Program, lines: Lines) -> Program:
    events = tuple((call, text) for part, call, text in lines if part == "events")
    body = tuple(text for part, _, text in lines if part == "body")
    setup = tuple(text for part, _, text in lines if part == "setup")
    takes = program.takes if any(line.startswith("inputs = ") for line in setup) else ""
    return program._replace(setup=setup, body=body, events=events, takes=takes)


# Variants of a statement


def simpler(text: str) -> Iterator[str]:
    """A statement without one of its parts."""
    parts = text.split("; ")
    if len(parts) > 1:
        yield from ("; ".join(parts[:i] + parts[i + 1 :]) for i in range(len(parts)))
    for start, end in _groups(text):
        yield from _of_group(text, start, end)
    for operator in re.finditer(r" [-+*/@] ", text):
        yield from _without_operand(text, *operator.span())


def _of_group(text: str, start: int, end: int) -> Iterator[str]:
    """Without one of the arguments in brackets, without the method called, or the function."""
    items = _items(text, start + 1, end)
    if len(items) > 1:
        for i in range(len(items)):
            kept = ", ".join(items[:i] + items[i + 1 :])
            yield text[: start + 1] + kept + text[end:]
    called = re.search(r"[\w.]+$", text[:start])
    if called:
        if items and called[0][0] != ".":
            yield text[: called.start()] + items[0] + text[end + 1 :]
        method = text.rfind(".", called.start(), start)
        if method > 0:
            yield text[:method] + text[end + 1 :]
    elif not called and len(items) == 1:
        yield text[:start] + items[0] + text[end + 1 :]
    if text[start] == "[" and start and (text[start - 1].isalnum() or text[start - 1] in ")]"):
        yield text[:start] + text[end + 1 :]


def _groups(text: str) -> list[tuple[int, int]]:
    """The places of brackets and of those that close them."""
    found, opened = [], []
    for i, letter in enumerate(text):
        if letter in PAIRS:
            opened.append(i)
        elif opened and letter == PAIRS[text[opened[-1]]]:
            found.append((opened.pop(), i))
    return sorted(found)


def _items(text: str, start: int, end: int) -> list[str]:
    """What commas part, at the level of text[start:end] itself."""
    items, depth, last = [], 0, start
    for i in range(start, end):
        depth += (text[i] in PAIRS) - (text[i] in PAIRS.values())
        if text[i] == "," and depth == 0:
            items.append(text[last:i].strip())
            last = i + 1
    return [item for item in [*items, text[last:end].strip()] if item]


def _without_operand(text: str, start: int, end: int) -> Iterator[str]:
    """Without what stands right or left of an operator, as far as brackets and commas go."""
    right = _edge(text, end, 1)
    left = _edge(text, start - 1, -1) + 1
    yield text[:start] + text[right:]
    yield text[:left] + text[end:]


def _edge(text: str, at: int, step: int) -> int:
    """Where an operand ends, going from `at`."""
    opening, closing = ("([{", ")]}") if step > 0 else (")]}", "([{")
    depth = 0
    while 0 <= at < len(text):
        letter = text[at]
        if depth == 0 and (letter in closing or letter in ",; ="):
            return at
        depth += (letter in opening) - (letter in closing)
        at += step
    return at
