"""The text of a user's function, as a syntax tree, and what its names stand for."""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any, NamedTuple


class Source(NamedTuple):
    """A function, its tree, and the file that its tree is in, as a list of lines."""

    function: Any  # a FunctionType, which type checkers would take for a method
    tree: ast.FunctionDef | ast.Lambda
    file: str
    lines: list[str]

    @property
    def name(self) -> str:
        """What people are told."""
        return str(self.function.__name__)

    @property
    def parameters(self) -> list[str]:
        """The names of the parameters, all of them positional."""
        return [a.arg for a in (*self.tree.args.posonlyargs, *self.tree.args.args)]

    def global_value(self, name: str) -> Any:
        """What a name that is no local variable stands for now; NameError for nothing."""
        code = self.function.__code__
        if name in code.co_freevars:
            cell = (self.function.__closure__ or ())[code.co_freevars.index(name)]
            try:
                return cell.cell_contents
            except ValueError:
                raise NameError(name) from None
        found = self.function.__globals__
        if name in found:
            return found[name]
        if hasattr(builtins, name):
            return getattr(builtins, name)
        raise NameError(name)

    def at(self, node: ast.AST | None) -> str:
        """Where a node is, for messages: the function, the line and its text."""
        line = getattr(node, "lineno", self.tree.lineno)
        text = self.lines[line - 1].strip()
        text = text if len(text) < 100 else f"{text[:97]}..."
        return f"{self.name}, {self.file}, line {line}: `{text}`"


def undecorated(f: Any) -> Any:
    """The function that Numba's njit or vectorize decorated, or `f` itself."""
    found = getattr(f, "py_func", None)  # njit
    return found or getattr(getattr(f, "_dispatcher", None), "py_func", f)  # vectorize


def python_function(f: Any, what: str) -> FunctionType:
    """The Python function in `f`, which Numba may have decorated; TypeError if there is none."""
    found = undecorated(f)
    if not isinstance(found, FunctionType):
        kind = "a class" if isinstance(f, type) else f"{f!r}, {_a(type(f).__name__)}"
        raise TypeError(f"{what} takes a function written in Python with def or lambda, not {kind}")
    flags = found.__code__.co_flags
    if flags & (inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        raise TypeError(f"{what}: {found.__name__} yields or awaits; it has to return its result")
    return found


def source_of(f: FunctionType, what: str) -> Source:
    """The source of `f`; OSError where there is none, or where it is not what runs."""
    try:
        lines = [line.rstrip("\n") for line in inspect.findsource(f)[0]]
        module = ast.parse("\n".join(lines))
    except (OSError, TypeError, SyntaxError):
        raise OSError(
            f"{what}: the source of {f.__name__} cannot be found, as that of what exec() or an "
            "interactive prompt made; define it in a file or in a notebook's cell"
        ) from None
    code = f.__code__
    found = [node for node in _candidates(module, code) if _alike(_compiled(node), code)]
    if len(found) > 1:
        found = _by_columns(found, code)
    if len(found) != 1:
        several = (
            "there are several lambdas like it in its line"
            if found
            else ("its source has changed since it was imported")
        )
        raise OSError(f"{what}: cannot tell which text is that of {f.__name__}: {several}")
    return Source(f, found[0], code.co_filename, lines)


def signature(f: FunctionType, what: str) -> inspect.Signature:
    """The signature of `f`; TypeError unless its parameters come by position, one by one."""
    found = inspect.signature(f)
    for p in found.parameters.values():
        if p.kind not in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            star = "*" if p.kind is p.VAR_POSITIONAL else "**"
            star = "keyword-only " if p.kind is p.KEYWORD_ONLY else star
            raise TypeError(
                f"{what}: {f.__name__} has a parameter {star}{p.name}; name each plainly"
            )
    return found


def arguments(
    f: FunctionType, what: str, args: Sequence[Any], named: Mapping[str, Any]
) -> list[Any]:
    """Arguments in the order of the parameters, with defaults; TypeError if they do not fit."""
    known = signature(f, what)
    try:
        bound = known.bind(*args, **named)
    except TypeError as error:
        raise TypeError(f"{f.__name__}(): {error}") from None
    bound.apply_defaults()
    return list(bound.arguments.values())


def _candidates(module: ast.Module, code: CodeType) -> Iterator[ast.FunctionDef | ast.Lambda]:
    """Functions of the name that begin in the line that `code` does."""
    for node in ast.walk(module):
        if isinstance(node, ast.Lambda):
            if code.co_name == "<lambda>" and node.lineno == code.co_firstlineno:
                yield node
        elif isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if first == code.co_firstlineno:
                yield node


def _compiled(node: ast.FunctionDef | ast.Lambda) -> CodeType:
    """The code of a function's tree, without what surrounds it."""
    if isinstance(node, ast.Lambda):
        whole = compile(ast.Expression(node), "", "eval")
    else:
        bare = ast.FunctionDef(**{**dict(ast.iter_fields(node)), "decorator_list": []})
        whole = compile(ast.Module([ast.copy_location(bare, node)], []), "", "exec")
    codes = [c for c in whole.co_consts if isinstance(c, CodeType)]
    return next(c for c in codes if c.co_name == getattr(node, "name", "<lambda>"))


def _alike(a: CodeType, b: CodeType) -> bool:
    """Whether two codes have the same names and constants."""
    return _words(a) == _words(b)


def _words(code: CodeType) -> tuple[Any, ...]:
    names = {*code.co_names, *code.co_freevars, *code.co_cellvars}
    constants = {repr(c) for c in code.co_consts if not isinstance(c, CodeType)}
    return code.co_varnames[: code.co_argcount], names - {*code.co_varnames}, constants


def _by_columns(
    nodes: list[ast.FunctionDef | ast.Lambda], code: CodeType
) -> list[ast.FunctionDef | ast.Lambda]:
    """Of trees in one line, the smallest that holds all of `code`, where Python knows columns."""
    positions: Callable[[], Any] | None = getattr(code, "co_positions", None)
    if positions is None:  # before Python 3.11
        return nodes
    places = [(p[0], p[2]) for p in positions() if p[0] is not None and p[2] is not None]
    first, last = min(p for p in places if p[1]), max(places)
    around = [
        n
        for n in nodes
        if (n.lineno, n.col_offset) <= first
        and last <= (n.end_lineno or n.lineno, n.end_col_offset or 0)
    ]
    return sorted(around, key=lambda n: (n.end_lineno or 0, n.end_col_offset or 0))[:1]


def _a(noun: str) -> str:
    return f"an {noun}" if noun[:1].lower() in "aeiou" else f"a {noun}"
