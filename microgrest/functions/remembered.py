"""Functions whose calls are remembered: the next call that is like one does what that came to.

What such a function does with tensors and numbers has to depend on the tensors' kinds and shapes,
and on the numbers alone. Where a call came to one call of a row, of these contiguous tensors, that
is kept, and next time all that lies between the two is left out: the parsing of arguments, their
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
from .aliases import check_flags, flags_of

F = TypeVar("F", bound=Callable[..., Any])
_absent = object()
# What each function that remembers is made of, and how another is made that shares its calls.
INSIDE: dict[Callable[..., Any], tuple[Any, Callable[[Any], Any]]] = {}
# Others may be equal and yet not the same, as (True, False) and (1, 0).
_PLAIN = (int, float, bool, str, type(None), Size, object)
_TEXT = """\
def {name}({parameters}, **others):
    again = key = None
    try:
        if {whole} and not others:
            key = ({key})
            again = known.get(key)
    except (AttributeError, TypeError):  # no tensor, or what has no hash
        key = None
    if again is not None:
        return again({tensors})
    return new(key, ({tensors},), dict({given}), others)
"""


def remembered(function: F, operands: int = 1, known: dict[Any, Again] | None = None) -> F:
    """`function`, whose first parameters are so many tensors, with calls kept in `known`."""
    table: dict[Any, Again] = kept({}) if known is None else known
    flags = flags_of(function)

    def new(key: Any, tensors: Any, given: dict[str, Any], others: dict[str, Any]) -> Any:
        given = {name: value for name, value in given.items() if value is not _absent}
        check_flags(function.__name__, flags, given)
        if key is None or key in refused:
            return function(**given, **others)
        outer, watching.calls = watching.calls, []
        try:
            result, calls = function(**given, **others), watching.calls
        finally:
            watching.calls = outer
        again = _again(calls, tensors, result)
        if again is not None and {*map(type, key[2 * operands :])} <= {*_PLAIN, type}:
            remember(table, key, again)
            note(again, tensors, result)
        else:
            remember(refused, key, True)
        return result

    refused: dict[Any, bool] = kept({})
    names = {"new": new, "known": table, "absent": _absent}
    made = wraps(function)(_looking_up(function, operands, names))
    INSIDE[made] = function, lambda inside: remembered(inside, operands, table)
    return cast(F, made)


def around(wrap: Callable[[F], F], function: F) -> F:
    """`wrap(function)` of a function that remembers, within what it does."""
    inside, again = INSIDE[function]
    return cast(F, again(wrap(inside)))


def _looking_up(function: Callable[..., Any], operands: int, names: dict[str, Any]) -> Any:
    """The function of the text, with the parameters of `function`."""
    own = [*inspect.signature(function).parameters.values()]
    tensors, others = [p.name for p in own[:operands]], [p.name for p in own[operands:]]
    starred = next((p.name for p in own if p.kind is p.KEYWORD_ONLY), "")
    # One that is missing may come by another name, as `axis` does; `function` knows.
    optional = ["*, " * (p.name == starred) + f"{p.name}=absent" for p in own]
    # 1, 1.0 and True are equal.
    classes = [f"{x}.__class__" for x in others]
    facts = [f"{x}._kind, {x}._shape" for x in tensors]
    text = _TEXT.format(
        name=function.__name__,
        parameters=", ".join(optional),
        whole=" and ".join(f"{x}._flat is not None" for x in tensors),
        key=", ".join([*facts, *others, *classes]),
        tensors=", ".join(tensors),
        given=", ".join(f"{p.name}={p.name}" for p in own),
    )
    found: dict[str, Any] = {}
    # Of a name in the package: whoever looks for the user's own line passes it by.
    exec(compile(text, f"{__file__}: {function.__name__}", "exec"), names, found)
    return found[function.__name__]


def _again(calls: Any, tensors: tuple[Any, ...], result: Any) -> Again | None:
    """What makes `result` of `tensors` again, where that came of one of the calls, else None."""
    for again, operands, made in calls:
        if [*map(id, operands)] != [*map(id, tensors)]:
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
    return lambda *tensors: again(*tensors)[i]


def _packed(again: Again, several: Callable[..., Any]) -> Again:
    return lambda *tensors: several(*again(*tensors))
