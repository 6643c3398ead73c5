"""The numbers of optimizers' rules, as text of an exported module.

What a rule computes from a group's options and from the count of steps is a method of the optimizer
that uses nothing else, so its own text is what the module gets. Where that is not so, or where
schedulers change the options, the module gets a table.
"""

from __future__ import annotations

import ast
import copy
import inspect
import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...optim.optimizer import Numbers
from ...optim.schedulers.scheduler import assign
from ..record import NumberEvent, NumberTable, is_number
from ..replay import Recording
from .export_text import function, literal, wrapped

TABLE = '''
def numbers_of(steps):
    """Row s has the numbers of step s: what optimizers and schedulers gave, tabulated."""
    numbers = STORED["numbers"]
    if steps > len(numbers):
        raise ValueError(f"there are numbers of {len(numbers)} steps only: give `numbers`")
    return numbers[:steps]
'''


class Rules:
    """What a recording's optimizers compute: `text`, and the `table` that it needs, if it does.

    `counts`: some rule counts steps. `done`: how many it has taken.
    """

    def __init__(self, recording: Recording, rows: int) -> None:
        self.recording, numbers = recording, recording.numbers
        self.events = numbers.numbered
        self._options: dict[int, str] = {}
        self._functions: dict[str, str] = {}
        self._begins = _beginnings(recording)
        counted = [e.count for e in self.events if e.count is not None]
        self.done = counted[0] if counted else 0
        self._exact = all(map(self._is_alone, self.events)) and not numbers.schedulers
        self.counts = bool(counted) and self._exact and len(set(counted)) == 1
        self.table = None if self._exact or not numbers.slots else _ahead(numbers, rows)

    def begin(self, buffer: int) -> float | None:
        """What fills a buffer before a first step, if an optimizer keeps it there; else None."""
        return self._begins.get(buffer)

    def text(self) -> Iterator[str]:
        """Options, formulas, and `numbers_of`, where there are any."""
        if self.table is not None:
            yield TABLE
        elif self.events:
            lines = [line for event in self.events for line in self._lines(event)]
            said = "# What the optimizers were told. An option may be an array of one value a step."
            yield "\n".join([said, *self._options.values()])
            yield from self._functions.values()
            yield self._numbers_of(lines)

    def _numbers_of(self, lines: list[str]) -> str:
        return function(
            f"def numbers_of(steps{', done=0' * self.counts})",
            ["Row s has the numbers of step s.", *self._columns()],
            [
                f"numbers = np.empty((steps, {self.recording.numbers.slots}))",
                "step = np.arange(steps)",
                *lines,
                "return numbers",
            ],
        )

    def _columns(self) -> Iterator[str]:
        for event in self.events:
            names = _formulas(_method(event))
            last = event.first + len(names) - 1
            what = f"Columns {event.first} to {last}, of {self._option(event)}: {', '.join(names)}."
            yield from wrapped(what)

    def _lines(self, event: NumberEvent) -> list[str]:
        """Statements that fill the columns of one event."""
        self._functions.setdefault(_name(event), _alone(event))
        step = "None"
        if event.count is not None:
            done = "done" if self.counts else str(event.count)
            times = f" * {event.times}" if event.times != 1 else ""
            step = f"{done} + {event.nth} + step{times}"
        at = f"{event.first} + i" if event.first else "i"
        return [
            f"for i, value in enumerate({_name(event)}({self._option(event)}, {step})):",
            f"    numbers[:, {at}] = value",
        ]

    def _option(self, event: NumberEvent) -> str:
        """The name of a group's options."""
        group = event.source.group
        optimizer = event.source.optimizer
        at = next(i for i, g in enumerate(optimizer.param_groups) if g is group)
        if id(group) not in self._options:
            name = f"{type(optimizer).__name__.upper()}_{at}"
            taken = {text.split(" =")[0] for text in self._options.values()}
            name += "_" * sum(other.rstrip("_") == name for other in taken)
            used = re.findall(r"group\[['\"](\w+)['\"]\]", _alone(event))
            options = _plain_options(event.source)
            known = {key: options[key] for key in dict.fromkeys(used)}
            items = ", ".join(f'"{k}": {literal(v)}' for k, v in known.items())
            self._options[id(group)] = f"{name} = {{{items}}}"
        return self._options[id(group)].split(" =")[0]

    def _is_alone(self, event: NumberEvent) -> bool:
        """Whether the text of a rule gives its numbers without anything around it."""
        found: dict[str, Any] = {}
        try:
            exec(_alone(event), {"np": np}, found)
            step = None if event.count is None else np.arange(1, 4)
            ours = found[_name(event)](_plain_options(event.source), step)
            theirs = event.source.at(step)
        except (NameError, AttributeError, TypeError, KeyError, OSError, SyntaxError):
            return False
        pairs = zip(ours, theirs, strict=True)
        return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


def _method(event: NumberEvent) -> ast.FunctionDef:
    """The optimizer's method, parsed."""
    text = inspect.getsource(type(event.source.optimizer)._numbers)
    node = ast.parse(textwrap.dedent(text)).body[0]
    assert isinstance(node, ast.FunctionDef)
    return node


def _name(event: NumberEvent) -> str:
    """What the method is called as a function: by the class that has it."""
    cls = type(event.source.optimizer)
    owner = next(c for c in cls.__mro__ if "_numbers" in vars(c))
    return f"{owner.__name__.lower()}_numbers"


def _alone(event: NumberEvent) -> str:
    """The method as a function of a group's options and the number of the step."""
    node = _method(event)
    node.name, node.returns = _name(event), None
    node.args.args = [ast.arg(a.arg) for a in node.args.args[1:]]
    title = f"What {type(event.source.optimizer).__name__} computes for step `step`, from 1 on."
    documented = ast.get_docstring(node) is not None
    node.body[: int(documented)] = [ast.Expr(ast.Constant(title))]
    return ast.unparse(ast.fix_missing_locations(node)).replace("'", '"')


def _formulas(node: ast.FunctionDef) -> list[str]:
    """What the columns are, in words of the method."""
    last = node.body[-1]
    if isinstance(last, ast.Return) and isinstance(last.value, ast.Tuple):
        return [re.sub(r"group\['(\w+)'\]", r"\1", ast.unparse(e)) for e in last.value.elts]
    return ["number"]


def _plain_options(source: Numbers) -> dict[str, Any]:
    """Options that are numbers, flags or texts; tensors of one element by their values."""
    found = {}
    for name, value in source.group.items():
        if name != "params":
            found[name] = value.item() if hasattr(value, "item") else value
    return found


def _beginnings(recording: Recording) -> dict[int, float]:
    """Buffers of optimizers' state and of gradients, and what fills them before a first step."""
    arguments, known = recording.trace.arguments, recording.binding.known
    first: dict[int, float] = {}
    for event in recording.numbers.numbered:
        first |= dict(_states(event))
    found = {}
    for position, i in (*recording.binding.inputs, *recording.binding.copied):
        value = first.get(id(known[i].storage), None if known[i].owner is None else 0.0)
        if value is not None:
            found[arguments[position]] = value
    return found


def _states(event: NumberEvent) -> Iterator[tuple[int, float]]:
    """The storages of what an optimizer remembers, and with what they are filled at first."""
    optimizer = event.source.optimizer
    for param, state in optimizer.state.items():
        if any(state is s for s in event.states):
            fresh = optimizer._new_state(param, event.source.group)
            for name, tensor in state.items():
                if hasattr(tensor, "_storage"):
                    filled = fresh[name].numpy().reshape(-1)[:1].tolist() if name in fresh else []
                    yield id(tensor._storage), float(sum(filled))


def _ahead(numbers: NumberTable, rows: int) -> np.ndarray[Any, Any]:
    """The numbers of the steps to come, schedulers being put back where they are."""
    with _undone(numbers):
        return numbers.scheduled(rows)


@contextmanager
def _undone(numbers: NumberTable) -> Iterator[None]:
    """Options and schedulers are in the end as they were."""
    schedulers = [(s, copy.deepcopy(s.state_dict())) for s in numbers.schedulers]
    groups = {id(e.source.group): e.source.group for e in numbers.numbered}.values()
    options = [(g, k, v) for g in groups for k, v in g.items() if k != "params"]
    kept = [(g, k, v.item() if hasattr(v, "item") else v) for g, k, v in options]
    try:
        yield
    finally:
        for scheduler, state in schedulers:
            scheduler.load_state_dict(state)
        for group, name, value in kept:
            if is_number(value):
                assign(group, name, value)
