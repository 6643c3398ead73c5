"""Functions whose calls are remembered: the next call that is like one does what that came to.

What such a function does with a tensor and numbers has to depend on the tensor's kind and shape and
on the numbers alone. Where a call came to one call of a row, of this contiguous tensor, that is
kept, and next time all that lies between the two is left out: the parsing of arguments, their
checks, the look-up of the row's own call. The look-up of the whole call is a text, with the
parameters of the function, because Python binds these far sooner than it makes a dict of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from ..dispatch.ready import Again, note, watching
from ..dispatch.structured import remember
from ..tensor import Size, Tensor
from ..tensor.storage import kept
from .checked import check_flags, flags_of

F = TypeVar("F", bound=Callable[..., Any])
_absent = object()
# Others may be equal and yet not the same, as (True, False) and (1, 0).
_PLAIN = (int, float, bool, str, type(None), Size, object)
_TEXT = """\
def {name}({parameters}, **others):
    again = key = None
    try:
        if {x}._flat is not None and not others:
            key = ({x}._kind, {x}._shape, {key})
            again = known.get(key)
    except (AttributeError, TypeError):  # no tensor, or what has no hash
        key = None
    if again is not None:
        return again({x})
    return new(key, {x}, dict({given}), others)
"""


def remembered(function: F, known: dict[Any, Again] | None = None) -> F:
    """`function`, whose first parameter is the tensor, with calls that are kept in `known`."""
    table: dict[Any, Again] = kept({}) if known is None else known
    flags = flags_of(function)

    def new(key: Any, x: Any, given: dict[str, Any], others: dict[str, Any]) -> Any:
        given = {name: value for name, value in given.items() if value is not _absent}
        check_flags(function.__name__, flags, given)
        outer, watching.calls = watching.calls, []
        try:
            result, calls = function(**given, **others), watching.calls
        finally:
            watching.calls = outer
        again = _again(calls, x, result)
        if again is not None and key is not None and {*map(type, key[2:])} <= {*_PLAIN, type}:
            remember(table, key, again)
            note(again, (x,), result)
        return result

    names = {"new": new, "known": table, "absent": _absent}
    made = wraps(function)(_looking_up(function, names))
    made.inside, made.known = function, table  # type: ignore[attr-defined]
    return cast(F, made)


def around(wrap: Callable[[F], F], function: F) -> F:
    """`wrap(function)`, within what is remembered of it, if anything is."""
    inside = getattr(function, "inside", None)
    return wrap(function) if inside is None else remembered(wrap(inside), function.known)  # type: ignore[attr-defined]


def _looking_up(function: Callable[..., Any], names: dict[str, Any]) -> Any:
    """The function of the text, with the parameters of `function`."""
    own = [*inspect.signature(function).parameters.values()]
    x, *others = [p.name for p in own]
    starred = next((p.name for p in own if p.kind is p.KEYWORD_ONLY), "")
    # One that is missing may come by another name, as `axis` does; `function` knows.
    parameters = [x, *("*, " * (name == starred) + f"{name}=absent" for name in others)]
    # 1, 1.0 and True are equal.
    classes = [f"{p.name}.__class__" for p in own if p.name != x and p.annotation != "bool"]
    text = _TEXT.format(
        name=function.__name__,
        parameters=", ".join(parameters),
        x=x,
        key=", ".join([*others, *classes]),
        given=", ".join(f"{p.name}={p.name}" for p in own),
    )
    found: dict[str, Any] = {}
    # Of a name in the package: whoever looks for the user's own line passes it by.
    exec(compile(text, f"{__file__}: {function.__name__}", "exec"), names, found)
    return found[function.__name__]


def _again(calls: Any, x: Any, result: Any) -> Again | None:
    """What makes `result` of `x` again, where that came of one of the calls, else None."""
    for again, operands, made in calls:
        if len(operands) != 1 or operands[0] is not x:
            continue
        if made is result:
            return cast(Again, again)
        if isinstance(made, tuple):
            if isinstance(result, Tensor):
                places = [i for i, y in enumerate(made) if y is result]
                return _part(again, places[0]) if places else None
            if [*map(id, made)] == [*map(id, result)]:
                return _packed(again, type(result))
    return None


def _part(again: Again, i: int) -> Again:
    return lambda x: again(x)[i]


def _packed(again: Again, several: Callable[..., Any]) -> Again:
    return lambda x: several(*again(x))
