"""Calls like one before, as functions written for them.

What such a call does is known: how many operands and results it has, what the kernel takes beside
them, what a node saves. So its function is a text without a loop or a look-up, made as `namedtuple`
makes its own, for each number of operands once. A call of the sum along a dimension is

    def again(a0):
        b0 = empty0()
        launch(a0._flat, b0, t0, t1, t2)
        y0 = wrap(b0, shape0, strides0, kind0)
        if grad.grad:
            wanted = a0._requires_grad | 0
            if wanted:
                save, extra = rules.get(wanted) or rule(wanted, (a0,))
                save(y0, extra, name, a0)
        return y0

and its node is made by the text of `saving`. By name texts are of files in the package: whoever
looks for the user's own line passes them by.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

from ..graph.modes import state
from ..graph.node import Node, numbers, watched, watchers
from ..tensor import contiguous_strides, wrap
from ..tensor.storage import Kind

Again = Callable[..., Any]
_NODE = """\
def save(y, extra, name, {operands}):
    node = new(Node)
    node.number = next(numbers)
    node.rule = rule
    node.edges = ({edges})
    node.saved = ({saved})
    node.versions = ({versions})
    node.extra = extra
    node._shape = y._shape
    node._kind = y._kind
    node.hooks = None
    if name:
        node._name = name
    y._node = node
    y._requires_grad = True
    if watchers:
        watched(node)
"""
_RECORD = """\
    if grad.grad:
        wanted = {wanted}
        if wanted:
            save, extra = rules.get(wanted) or rule(wanted, ({recorded},))
            save(y0, extra, name, {recorded})
"""


class Launch(NamedTuple):
    """What fills the arrays of results: `function` of those of the operands, theirs, and `tail`."""

    function: Callable[..., Any]
    tail: tuple[Any, ...] = ()


def ready(
    launch: Launch,
    operands: int,
    results: Sequence[tuple[tuple[int, ...], Kind]],
    rule: Callable[[int, Sequence[Any]], tuple[Any, Any]] | None = None,
    name: str = "",
) -> Again:
    """The function of so many contiguous operands: a tensor for each of `results`, or the only one.

    `rule(wanted, tensors)` is what saves, and its `extra`, where the bits of `wanted` say which of
    the tensors, operands and all results but the first, want gradients; without, none is recorded.
    """
    names: dict[str, Any] = {"launch": launch.function, "wrap": wrap}
    for i, value in enumerate(launch.tail):
        names[f"t{i}"] = value
    for i, (shape, kind) in enumerate(results):
        names |= {f"empty{i}": _making(kind, math.prod(shape)), f"shape{i}": shape}
        names |= {f"strides{i}": contiguous_strides(shape), f"kind{i}": kind}
    if rule is not None:
        rules: dict[int, tuple[Any, Any]] = {}

        def new_rule(wanted: int, tensors: Sequence[Any]) -> tuple[Any, Any]:
            found = rules[wanted] = rule(wanted, tensors)
            return found

        names |= {"rules": rules, "rule": new_rule, "grad": state, "name": name}
    return _made(_calling(operands, len(results), len(launch.tail), rule is not None), names)


def _making(kind: Kind, n: int) -> Callable[[], Any]:
    """What makes arrays of `n` elements."""
    sized = getattr(kind.kernels.memory, "sized", None)  # which the CPU has
    return partial(kind.empty, n) if sized is None else sized(kind.raw, n)


def saving(rule: Any, wanted: Sequence[bool], saved: Sequence[int], saves_y: bool) -> Again:
    """The function of a result, what `rule` wants beside tensors, a name and the operands.

    It makes the result that of a node, whose edges are to the operands that are `wanted`.
    """
    text = _noting(tuple(wanted), tuple(saved), saves_y)
    names = {"new": object.__new__, "Node": Node, "numbers": numbers, "rule": rule}
    return _made(text, names | {"watchers": watchers, "watched": watched})


def _made(code: Any, names: dict[str, Any]) -> Again:
    """The function of a text, in which `names` stand for what they do."""
    found: dict[str, Again] = {}
    exec(code, names, found)
    (made,) = found.values()
    return made


@lru_cache(maxsize=512)
def _calling(operands: int, results: int, tail: int, recorded: bool) -> Any:
    own = [f"a{i}" for i in range(operands)]
    made = [f"y{i}" for i in range(results)]
    arrays = [f"{a}._flat" for a in own] + [f"b{i}" for i in range(results)]
    given = ", ".join([*arrays, *(f"t{i}" for i in range(tail))])
    lines = [f"def again({', '.join(own)}):"]
    lines += [f"    b{i} = empty{i}()" for i in range(results)]
    lines += [f"    launch({given})"]
    lines += [f"    y{i} = wrap(b{i}, shape{i}, strides{i}, kind{i})" for i in range(results)]
    if recorded:
        wanted = " | ".join(f"{a}._requires_grad << {i}" for i, a in enumerate(own))
        lines += [_RECORD.format(wanted=wanted, recorded=", ".join([*own, *made[1:]])).rstrip()]
    lines += [f"    return {', '.join(made)}"]
    return compile("\n".join(lines), f"{__file__}: a call", "exec")


@lru_cache(maxsize=512)
def _noting(wanted: tuple[bool, ...], saved: tuple[int, ...], saves_y: bool) -> Any:
    edges = [f"a{i}._node or a{i}" if wants else "None" for i, wants in enumerate(wanted)]
    kept = ["y"] * saves_y + [f"a{i}" for i in saved]
    text = _NODE.format(
        operands=", ".join(f"a{i}" for i in range(len(wanted))),
        edges="".join(f"{edge}, " for edge in edges),
        saved="".join("y._same(), " if t == "y" else f"{t}, " for t in kept),
        versions="".join(f"{t}._storage.version, " for t in kept),
    )
    return compile(text, f"{__file__}: a node", "exec")


class _Watching(threading.local):
    """What the call of a function came to, while somebody asks: (again, operands, result) each."""

    calls: list[tuple[Again, Sequence[Any], Any]] | None = None


watching = _Watching()


def note(again: Again, operands: Sequence[Any], result: Any) -> Any:
    """`result`, which `again` makes of `operands`, told to whoever asks what a call comes to."""
    if watching.calls is not None:
        watching.calls.append((again, operands, result))
    return result
