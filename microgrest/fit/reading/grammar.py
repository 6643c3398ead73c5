"""The grammar of formulas: what of Python's expressions is let through, and what is said of others.

    numbers, names, + - * / // % **, < <= > >= == !=, and, or, not, a if c else b,
    functions of the op table (`FUNCTIONS`), the constants pi and e

Python's parser makes the tree; nothing of it is ever run by Python.
"""

from __future__ import annotations

import ast
import math
import unicodedata
from difflib import get_close_matches

from ...dispatch.api import FUNCTIONS as OURS
from ...own.meanings import Meaning, meaning

MOST_TEXT = 4000  # characters
DEEPEST = 100  # expressions within expressions
CONSTANTS = {"pi": math.pi, "e": math.e}
_ROWS = (
    *("abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "ceil", "clamp", "cos"),
    *("cosh", "deg2rad", "digamma", "erf", "erfc", "erfinv", "exp", "exp2", "expm1", "floor"),
    *("heaviside", "hypot", "lgamma", "log", "log10", "log1p", "log2", "logaddexp", "maximum"),
    *("minimum", "pow", "rad2deg", "reciprocal", "relu", "rsqrt", "sigmoid", "sign", "sin"),
    *("sinc", "sinh", "sqrt", "square", "tan", "tanh", "trunc", "where", "xlogy"),
)
# Other names that people know them by.
_ALSO = {
    **{"arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh"},
    **{"arctan": "atan", "arctan2": "atan2", "arctanh": "atanh", "clip": "clamp", "ln": "log"},
    **{"max": "maximum", "min": "minimum", "power": "pow"},
}


def _meaning(name: str) -> Meaning:
    found = meaning(OURS[_ALSO.get(name, name)])
    assert found is not None
    return found


FUNCTIONS = {name: _meaning(name) for name in sorted((*_ROWS, *_ALSO))}
_ALLOWED = (
    "numbers, names, + - * / // % **, comparisons, `and`, `or`, `not`, `a if c else b`, functions "
    "such as exp, sin, sqrt and where, and the constants pi and e"
)
_NODES = (
    *(ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Call, ast.Name),
    *(ast.Constant, ast.Load, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod),
    *(ast.Pow, ast.USub, ast.UAdd, ast.Not, ast.And, ast.Or),
    *(ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq),
)
_INSTEAD = {
    ast.BitXor: "`^` is no power; write **",
    ast.Attribute: "names have no attributes; write exp(x), not np.exp(x)",
    ast.Subscript: "there is nothing to be indexed",
    ast.Lambda: "there are no functions of one's own",
    ast.NamedExpr: "nothing can be assigned to",
}


class ExpressionError(ValueError):
    """A text that is no formula: the text, the place in it, and what is allowed."""

    def __init__(self, text: str, why: str, node: ast.AST | None = None) -> None:
        at = getattr(node, "col_offset", None)  # in bytes
        place = "" if at is None else f", column {len(text.encode()[:at].decode()) + 1}"
        brief = text if len(text) <= 120 else f"{text[:117]}..."
        super().__init__(f"formula {brief!r}{place}: {why}")


def parsed(text: str) -> ast.expr:
    """The tree of a formula, all of it in the grammar, and its numbers floats."""
    if not isinstance(text, str):
        raise TypeError(f"a formula has to be a str, not {type(text).__name__}")
    text = " ".join(text.split())
    if len(text) > MOST_TEXT:
        raise ExpressionError(text, f"it has {len(text)} characters, more than {MOST_TEXT}")
    if "#" in text:  # Python would pass over the rest, of a text in several lines, too
        at = ast.Name("", col_offset=len(text.partition("#")[0].encode()))
        raise ExpressionError(text, f"there are no comments; {_only()}", at)
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise _unread(text, error) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(text, f"it cannot be read ({error}); {_only()}") from None
    _check(text, tree, tree, 1)
    return tree


def names_in(tree: ast.expr) -> list[str]:
    """The variables of a formula in the order in which they appear."""
    return list(dict.fromkeys(n.id for n in variables(tree)))


def variables(tree: ast.expr) -> list[ast.Name]:
    """Where variables stand in a formula, in order."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in called]
    return sorted((n for n in found if n.id not in CONSTANTS), key=lambda n: n.col_offset)


def spelled(name: str) -> str:
    """A name as Python reads it: of the two mu that look alike, for one, it knows the Greek."""
    return unicodedata.normalize("NFKC", name)


def _only() -> str:
    return f"a formula has {_ALLOWED}"


def _unread(text: str, error: SyntaxError) -> ExpressionError:
    end = (error.offset or len(text) + 1) - 1  # 0 is the end of the text
    at = ast.Name("", col_offset=len(text[:end].encode()))
    return ExpressionError(text, f"{error.msg}; {_only()}", at)


def _check(text: str, node: ast.AST, around: ast.AST, depth: int) -> None:
    """ExpressionError for what is not in the grammar; operators stand where their node does."""
    place = node if hasattr(node, "col_offset") else around
    if depth > DEEPEST:
        raise ExpressionError(text, f"it is nested deeper than {DEEPEST}", place)
    if isinstance(node, ast.Call):
        _check_call(text, node)
        inner: list[ast.AST] = list(node.args)
    elif isinstance(node, ast.Constant):
        _check_number(text, node)
        inner = []
    else:
        _check_kind(text, node, place)
        inner = list(ast.iter_child_nodes(node))
    for each in inner:
        _check(text, each, place, depth + 1)


def _check_kind(text: str, node: ast.AST, place: ast.AST) -> None:
    if not isinstance(node, _NODES):
        why = _INSTEAD.get(type(node), f"{type(node).__name__} is not allowed")
        raise ExpressionError(text, f"{why}; {_only()}", place)
    if isinstance(node, ast.Name):
        if node.id in FUNCTIONS:
            raise ExpressionError(text, f"{node.id} is a function: {node.id}(...)", node)
        if node.id.startswith("_"):
            raise ExpressionError(text, f"the name {node.id!r} begins with _; {_only()}", node)


def _check_number(text: str, node: ast.Constant) -> None:
    """Make a number a float, so that no power of whole numbers grows without end."""
    if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
        raise ExpressionError(text, f"{node.value!r} is no real number; {_only()}", node)
    try:
        node.value = float(node.value)
    except OverflowError:
        node.value = math.inf
    if math.isinf(node.value):
        raise ExpressionError(text, "a number beyond what a float holds", node)


def _check_call(text: str, node: ast.Call) -> None:
    if not isinstance(node.func, ast.Name):
        raise ExpressionError(text, f"only functions by their names are called; {_only()}", node)
    name = node.func.id
    found = FUNCTIONS.get(name)
    if found is None:
        close = get_close_matches(name, FUNCTIONS, 1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        known = ", ".join(FUNCTIONS)
        raise ExpressionError(text, f"no function {name!r}{hint}; there are {known}", node)
    if node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
        raise ExpressionError(text, f"{name}() takes plain arguments only", node)
    if len(node.args) != found.most:
        count = f"{found.most} argument{'s' * (found.most > 1)}, not {len(node.args)}"
        raise ExpressionError(text, f"{name}() takes {count}", node)
