"""Races: whether the threads of a kernel meet at an element with no barrier between them.

The finished source of a kernel is read, not what wrote it. Accesses that follow one another without
a barrier have to be to other arrays, or reads, or of one loop, whose places `order` keeps apart, or
by one thread: the first, or that to which an element belongs, since it is found by a counter that
starts with the thread's number and goes by as many as there are threads. Blocks know no barriers.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from .places import Refused

_THREAD, _GRID = "thread", "np.int64(cuda.grid(1))"
_STEPS = "s"  # the counter of the loop over steps
_UNTOLD = {"status"}  # which says one thing only, whoever writes it
_KNOWN = {"stride", _THREAD}
# Where a thread's counters start, and how they are called in indexes.
_STARTS = {_THREAD: "@0", f"begin + {_THREAD}": "@1", _GRID: "@2"}
_SEVERAL = re.compile(r"\((@\d) Add \(\d+ Mult stride\)\)")
_SHIFTED = re.compile(rf"\(?(?:{_THREAD}|@0)(?: Add (\d+)\))?")
_INSIDE = re.compile(r"(\w+)_at_\d+")  # a pointer into an array


class Where(NamedTuple):
    """Where code stands: in a `loop`, in a part that not all threads run, or the first alone."""

    loop: int = 0
    inside: bool = False
    first: bool = False


class Access(NamedTuple):
    """One of an array, of elements that are a thread's `own`, or one of them by its number."""

    array: str
    own: str
    writes: bool
    where: Where

    def races(self, other: Access, blocks: int) -> bool:
        """Whether two threads may come to one element in any order, and it matters."""
        if not (self.writes or other.writes):
            return False
        if self.where.loop and self.where.loop == other.where.loop:
            return False
        if self.own.isdecimal() and other.own.isdecimal() and self.own != other.own:
            return False
        if self.own == other.own and "@" in self.own:
            return False
        return not (self.where.first and other.where.first and blocks == 1)


def check(source: str, blocks: int = 1) -> None:
    """Refused, if threads of `kernel` in a module may meet; it is run by so many blocks."""
    tree = ast.parse(source)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    (bounds,) = re.findall(r"^LAUNCH_BOUNDS = (\d+)", source, re.MULTILINE)
    _Kernel(functions, int(bounds), blocks).body(functions["kernel"].body, Where())


class _Kernel:
    """`met` are the accesses since the last barrier, and, where blocks meet, all."""

    def __init__(self, functions: dict[str, ast.FunctionDef], threads: int, blocks: int) -> None:
        self.functions, self.threads, self.blocks = functions, threads, blocks
        kernel = functions["kernel"]
        self.arrays = {a.arg: a.arg for a in kernel.args.args}
        for name in self.arrays:
            inside = _INSIDE.fullmatch(name)
            if inside and inside[1] in self.arrays:
                self.arrays[name] = inside[1]
        self.shared: set[str] = set()
        self.met: dict[str, set[Access]] = defaultdict(set)
        self.counters = _counters(kernel, threads)
        self.texts: dict[str, str] = {}
        self.touched: dict[str, set[tuple[int, bool]]] = {}
        self.turn = 0

    def body(self, body: Iterable[ast.stmt], where: Where) -> None:
        """Go through statements."""
        for node in body:
            self._statement(node, where)

    def _statement(self, node: ast.stmt, where: Where) -> None:
        if isinstance(node, ast.Expr) and ast.unparse(node) == "cuda.syncthreads()":
            self._barrier(where)
        elif isinstance(node, ast.For) and _plain(node.target) == _STEPS:
            for self.turn in range(2):
                self.body(node.body, where)
        elif isinstance(node, (ast.For, ast.While)):
            self._loop(node, where)
        elif isinstance(node, ast.If):
            self._reads(node.test, where)
            first = where.first or ast.unparse(node.test) == f"{_THREAD} == 0"
            self.body(node.body, Where(where.loop, True, first))
            self.body(node.orelse, where._replace(inside=True))
        else:
            self._simple(node, where)

    def _loop(self, node: ast.For | ast.While, where: Where) -> None:
        self._reads(node.iter if isinstance(node, ast.For) else node.test, where)
        if isinstance(node, ast.For):
            self.texts.pop(ast.unparse(node.target), None)
        loop = where.loop or 2 * id(node) + self.turn
        self.body(node.body, Where(loop, True, where.first))

    def _barrier(self, where: Where) -> None:
        if where.inside:
            raise Refused("a barrier that not all threads meet")
        for array in [*self.met]:
            if array in self.shared or self.blocks == 1:
                del self.met[array]

    def _simple(self, node: ast.stmt, where: Where) -> None:
        """An assignment, or a call."""
        self._reads(node, where)
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AugAssign):
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Subscript):
                self._access(target, True, where)
                if isinstance(node, ast.AugAssign):
                    self._access(target, False, where)
            elif isinstance(node, ast.Assign):
                self._note(target, node.value)

    def _reads(self, node: ast.AST, where: Where) -> None:
        for part in ast.walk(node):
            if isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Load):
                self._access(part, False, where)
            elif isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
                # What threads do in one call is no matter of what stands around it.
                call = where._replace(loop=where.loop or 2 * id(part) + self.turn)
                for k, writes in self._touched(part.func.id):
                    array = self.arrays.get(_plain(part.args[k]))
                    if array:
                        self._meet(Access(array, "", writes, call))

    def _access(self, node: ast.Subscript, writes: bool, where: Where) -> None:
        if isinstance(node.value, ast.Name) and node.value.id in self.arrays:
            array = self.arrays[node.value.id]
            self._meet(Access(array, self._own(node.slice), writes, where))

    def _meet(self, access: Access) -> None:
        if access.array in _UNTOLD:
            return
        blocks = 1 if access.array in self.shared else self.blocks
        met = self.met[access.array]
        if access not in met:
            if any(access.races(other, blocks) for other in met):
                raise Refused(f"threads meet in {access.array} with no barrier between them")
            met.add(access)

    def _touched(self, name: str) -> set[tuple[int, bool]]:
        """The parameters that a function reads (False) or writes (True) as arrays."""
        function = self.functions.get(name)
        if name not in self.touched:
            found = self.touched[name] = set()
            order = {a.arg: k for k, a in enumerate(function.args.args)} if function else {}
            for node in ast.walk(function) if function else ():
                if isinstance(node, ast.Subscript):
                    found |= {(order.get(_plain(node.value), -1), isinstance(node.ctx, ast.Store))}
                elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    met = self._touched(node.func.id)
                    found |= {(order.get(_plain(node.args[j]), -1), w) for j, w in met}
            self.touched[name] = {(k, writes) for k, writes in found if k >= 0}
        return self.touched[name]

    # Indexes

    def _note(self, target: ast.expr, value: ast.expr) -> None:
        """What a variable is, in terms of counters and numbers."""
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for part, x in zip(target.elts, value.elts, strict=True):
                self._note(part, x)
        elif isinstance(target, ast.Name):
            start = _STARTS.get(_plain(value), "")
            counts = target.id in self.counters or start == _STARTS[_GRID]
            known = start if start and counts else self._text(value)
            self.texts[target.id] = _SEVERAL.sub(r"\1", known)
            if isinstance(value, ast.Call) and _plain(value).startswith("cuda.shared.array"):
                self.arrays[target.id] = target.id
                self.shared.add(target.id)

    def _text(self, node: ast.expr) -> str:
        """An index in terms of counters and numbers; nothing, if it is of something else."""
        match node:
            case ast.Name(name):
                return name if name in _KNOWN else self.texts.get(name, "")
            case ast.Constant(int(number)):
                return str(number)
            case ast.BinOp(left, op, right):
                first, second = self._text(left), self._text(right)
                both = first and second
                return f"({first} {type(op).__name__} {second})" if both else ""
            case ast.Call(ast.Attribute(ast.Name("np"), "int64" | "uint64"), [x]):
                return self._text(x)
        return ""

    def _own(self, index: ast.expr) -> str:
        """The same for elements that one thread alone comes to, or a number; else nothing."""
        text = self._text(index)
        found = _SHIFTED.fullmatch(text)
        if found:  # elements a multiple of the threads apart are one thread's
            return f"@0 + {int(found[1] or 0) % self.threads}"
        # What is computed from the thread's number alone may be that of several threads.
        return text if text.isdecimal() or ("@" in text and _THREAD not in text) else ""


def _plain(node: ast.expr) -> str:
    """The text of a name or a call, or of a sum."""
    if isinstance(node, ast.Name):
        return node.id
    return ast.unparse(node) if isinstance(node, (ast.Call, ast.BinOp)) else ""


def _counters(kernel: ast.FunctionDef, threads: int) -> set[str]:
    """Variables that go by as many as there are threads, wherever they go."""
    steps: dict[str, set[str]] = defaultdict(set)
    for node in ast.walk(kernel):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            steps[node.target.id].add(ast.unparse(node.value))
    strides = re.compile(rf"{threads}|(\d+ \* )?stride")
    return {name for name, texts in steps.items() if all(map(strides.fullmatch, texts))}
