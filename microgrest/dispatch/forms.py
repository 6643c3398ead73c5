"""Forms: what a row is at given operand types, its kernel and how gradients go back through it.

A row meets each combination of operand types as a Form, which holds the traced Program and, per set
of inputs that want gradients, a Backward, the Rule that nodes carry.
"""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from ..graph.node import Node, checked, numbers, watched, watchers
from ..kernels.source.program import LARGE, Program, Reduce
from ..ops.row import Row
from ..ops.trace import Lowering, Symbol, cotangents, evaluate, expand, free_inputs
from ..tensor import Tensor, contiguous_strides, wrap
from ..tensor.storage import Kind, forgetter, kind_of
from ..types import dtypes
from ..types.device import device
from ..types.dtypes import dtype, float16, float64
from .launch import flat_of, run
from .operands import promote

_new = object.__new__


class Form:
    """A row at given operand types, `stored` (None for a Python number) and `loaded` per input."""

    def __init__(
        self, row: Row, stored: Sequence[dtype | None], loaded: Sequence[dtype], result: dtype
    ) -> None:
        self.row, self.stored, self.loaded, self.result = row, stored, loaded, result
        self.compute = next(
            d for name, d in zip(row.args, loaded, strict=True) if name not in row.unpromoted
        )
        self.symbols = [Symbol(name) for name in row.extra.get("symbols", row.args)]
        self.halved = [s for i, s in enumerate(self.symbols) if self.halves(i)]
        lowering = Lowering(self.typed(), self.halved)
        self.program = lowering.program(row.name, [(expand(row, self.symbols), result, None)])
        self.name, self.inputs = _name(row, stored), _inputs(row, stored)
        self.differentiable = row.differentiable and result.is_floating_point
        self.backwards: dict[tuple[int, str, device], Backward] = {}

    def halves(self, i: int) -> bool:
        """Whether input `i` is rounded to float16, in which the row computes, before it does."""
        if self.loaded[i] is not float16 or self.stored[i] is float16 or self.row.to is float16:
            return False
        name = self.row.args[i]
        return self.stored[i] is not None or name not in (*self.row.exact, *self.row.defaults)

    def typed(self) -> list[tuple[Symbol, dtype, dtype]]:
        """The inputs as Lowering wants them: symbol, stored type, loaded type."""
        return [
            (s, t or u, u) for s, t, u in zip(self.symbols, self.stored, self.loaded, strict=True)
        ]

    def backward(self, edges: Sequence[Any], layout: str, where: device) -> Backward:
        """The Backward for the inputs that have an edge, operands in `layout` ("" if strided)."""
        mask = sum(1 << i for i, edge in enumerate(edges) if edge is not None)
        found = self.backwards.get((mask, layout, where))
        if found is None:
            found = self.backwards[mask, layout, where] = Backward(self, edges, layout)
            found.ahead(kind_of(self.result, where))
        return found


def _name(row: Row, stored: Sequence[dtype | None]) -> str:
    """The name of nodes, which depends on whether the first operand, or the last, is a number."""
    first, last = row.extra.get("backward_number"), row.extra.get("backward_tensor")
    if first and stored[0] is None:
        return str(first)
    return str(last) if last and stored[-1] is not None else row.backward_name


def _inputs(row: Row, stored: Sequence[dtype | None]) -> list[int]:
    """Which inputs nodes show: tensors that may have a gradient, and one number in arithmetic.

    PyTorch makes a tensor of that, the second operand of a sum or product.
    """
    tensors = [
        i for i, name in enumerate(row.args) if stored[i] is not None and name not in row.unpromoted
    ]
    if row.operator not in ("add", "sub", "mul", "truediv") or len(tensors) == 2:
        return tensors
    return tensors if stored[0] is None and row.operator == "sub" else [*tensors, 1 - tensors[0]]


class Backward:
    """How gradients go back through a Form, what must be saved for that, and the fused kernel.

    A cotangent that is `g` itself costs nothing and is no part of the kernel.
    """

    def __init__(self, form: Form, edges: Sequence[Any], layout: str) -> None:
        self.form, self.layout, self.name, self.inputs = form, layout, form.name, form.inputs
        self.g, self.y = Symbol("g"), Symbol("y")
        bars = cotangents(form.row, self.g, self.y, form.symbols)
        self.bars = {i: b for i, b in enumerate(bars) if b is not None and edges[i] is not None}
        free = free_inputs(self.bars.values())
        used = [i for i, s in enumerate(form.symbols) if s in free]
        self.saves_y = self.y in free
        self.saved = [i for i in used if form.stored[i] is not None]
        self.numbers = [i for i in used if form.stored[i] is None]
        self.through = [i for i, bar in self.bars.items() if bar is self.g and not self.folds(i)]
        self.computed = [i for i in self.bars if i not in self.through]
        self.programs: dict[bool, Program] = {}
        self.launches: dict[str, Launch] = {}
        # For a contiguous gradient, and one of an element that is repeated.
        self.ready: Launch | None = None
        self.repeated: Launch | None = None
        self.save = saver(self)
        with _registering:
            _backwards.add(self)

    def folds(self, i: int) -> bool:
        """Whether input `i` is one element that met many, so that its gradient is a sum."""
        return bool(self.layout) and self.layout[i] == "e"

    def program(self, folded: bool) -> Program:
        """The kernel's Program; not `folded`, sums over broadcast inputs are left to the engine."""
        found = self.programs.get(folded)
        if found is None:
            form, result = self.form, self.form.result
            ends = [self.g, self.y] if self.saves_y else [self.g]
            inputs = form.typed()
            typed = [(s, result, result) for s in ends] + [
                inputs[i] for i in (*self.saved, *self.numbers)
            ]
            outputs = [
                (
                    self.bars[i],
                    self.stored(i),
                    sum_of(self.stored(i)) if folded and self.folds(i) else None,
                )
                for i in self.computed
            ]
            found = Lowering(typed, form.halved).program(f"{form.row.name}_backward", outputs)
            self.programs[folded] = found
        return found

    def stored(self, i: int) -> dtype:
        """The stored type of input `i`, a tensor."""
        d = self.form.stored[i]
        assert d is not None
        return d

    def letters(self, g: str) -> str:
        """The layout of the flat kernel for a gradient whose own letter is `g`."""
        inputs = "".join(self.layout[i] for i in (*self.saved, *self.numbers))
        outputs = "".join("r" if self.folds(i) else "v" for i in self.computed)
        return g + "v" * self.saves_y + inputs + outputs

    def ahead(self, kind: Kind) -> None:
        """Have the kernel for a contiguous gradient compiled while the forward pass goes on."""
        letters = self.letters("v") if self.computed and self.layout else ""
        if "v" in letters:
            kind.kernels.elementwise.ahead(self.program(True), letters)

    def attach(self, y: Tensor, edges: tuple[Any, ...], args: Sequence[Any]) -> None:
        """Make `y` the result of a recorded operation on `args`."""
        node = _new(Node)
        node.number = next(numbers)
        node.rule = self
        node.edges = edges
        self.save(node, y, args)
        node._shape = y._shape
        node._kind = y._kind
        node.hooks = None
        y._node = node
        y._requires_grad = True
        if watchers:
            watched(node)

    def backward(self, node: Node, g: Tensor) -> Sequence[Any]:
        """One fused kernel for all wanted inputs."""
        bars: list[Any] = [None] * len(node.edges)
        for i in self.through:
            bars[i] = g
        if self.computed:
            flat, ready, saved = g._flat, self.ready, node.saved
            if flat is None and not any(g._strides):
                flat, ready = flat_of(g), self.repeated
            if ready is None or flat is None or flat.size >= LARGE or saved.__class__ is not tuple:
                self._general(node, g, bars)
            else:
                n = flat.size if ready is self.ready else math.prod(node._shape)
                self._launch(ready, node, saved, flat, n, bars)
        return bars

    def _general(self, node: Node, g: Tensor, bars: list[Any]) -> None:
        """Gradients of any layout and size; a flat kernel found on the way is kept."""
        saved = checked(node)
        letter = "v" if g._flat is not None else "" if any(g._strides) else "x"
        launch = self.launches.get(letter)
        if launch is None:
            launch = self.launches[letter] = Launch(self, letter, node._kind)
            self.ready = self._fitting("v")
            self.repeated = self._fitting("x")
        if launch.fits and node.saved.__class__ is tuple:  # what hooks unpack may lie otherwise
            self._launch(launch, node, saved, flat_of(g), math.prod(node._shape), bars)
            return
        for i in self.computed:
            bars[i] = Tensor._empty(node._shape, self._kind(i, node._kind))
        operands = (g, *saved, *node.extra)
        run(self.program(False), node._shape, operands, [bars[i] for i in self.computed])

    def _fitting(self, letter: str) -> Launch | None:
        launch = self.launches.get(letter)
        return launch if launch is not None and launch.fits else None

    def _launch(
        self, launch: Launch, node: Node, saved: Any, flat: Any, n: int, bars: list[Any]
    ) -> None:
        """The kernel on flat operands, folded where an input was broadcast."""
        arguments = [flat]
        for t, version in zip(saved, node.versions):  # noqa: B905 - costs time here
            if t._storage.version != version:
                checked(node)
            arguments.append(t._flat if t._flat is not None else flat_of(t))
        arguments += node.extra
        edges = node.edges
        for i, kind, folds in launch.results:
            array = kind.empty(1 if folds else n)
            shape = edges[i]._shape
            bars[i] = wrap(array, shape, contiguous_strides(shape), kind)
            arguments.append(array)
        (launch.kernel if n < LARGE else launch.at(n))(*arguments)

    def _kind(self, i: int, kind: Kind) -> Kind:
        stored = self.stored(i)
        return kind if stored is kind.dtype else kind_of(stored, kind.device)

    def differentiable(self, node: Node, g: Tensor) -> Sequence[Any]:
        """The traced rule, evaluated in recorded operations."""
        saved = iter(checked(node))
        values: dict[Any, Any] = {self.g: g}
        if self.saves_y:
            y = next(saved)._same()
            y._node, y._requires_grad = node, True
            values[self.y] = y
        values |= {self.form.symbols[i]: next(saved) for i in self.saved}
        for i, x in zip(self.numbers, node.extra, strict=True):
            values[self.form.symbols[i]] = int(x) if isinstance(x, bool) else x
        results = evaluate(list(self.bars.values()), values, lambda x: lift(x, g))
        bars: list[Any] = [None] * len(node.edges)
        for i, bar in zip(self.bars, results, strict=True):
            bars[i] = bar if isinstance(bar, Tensor) else lift(bar, g)
        return bars


_backwards: weakref.WeakSet[Backward] = weakref.WeakSet()
_registering = threading.Lock()


@forgetter
def _forget() -> None:
    """Let every Backward look up its kernels anew."""
    with _registering:
        for backward in _backwards:
            backward.launches.clear()
            backward.ready = backward.repeated = None


class Launch:
    """The flat backward kernel for one layout of the gradient, and the arrays that it fills."""

    __slots__ = ("at", "fits", "kernel", "results")

    def __init__(self, backward: Backward, letter: str, kind: Kind) -> None:
        letters = backward.letters(letter) if backward.layout and letter else ""
        # Without an operand of full length a kernel would not know n.
        self.fits = "v" in letters
        if self.fits:
            self.results = [
                (i, backward._kind(i, kind), backward.folds(i)) for i in backward.computed
            ]
            program = backward.program(True)
            kernels = kind.kernels.elementwise
            self.at: Callable[[int], Any] = lambda n: kernels.compiled(program, letters, 0, n)
            self.kernel = self.at(0)


def saver(backward: Backward) -> Callable[[Node, Tensor, Sequence[Any]], None]:
    """The function that saves in a node what `backward` needs: the usual cases without a loop."""
    saved, numbers, saves_y = backward.saved, backward.numbers, backward.saves_y

    def save_nothing(node: Node, y: Tensor, args: Sequence[Any]) -> None:
        node.saved = node.versions = node.extra = ()

    def save_one(node: Node, y: Tensor, args: Sequence[Any]) -> None:
        t = args[saved[0]]
        node.saved = (t,)
        node.versions = (t._storage.version,)
        node.extra = ()

    def save_two(node: Node, y: Tensor, args: Sequence[Any]) -> None:
        a, b = node.saved = (args[saved[0]], args[saved[1]])
        node.versions = (a._storage.version, b._storage.version)
        node.extra = ()

    def save(node: Node, y: Tensor, args: Sequence[Any]) -> None:
        tensors = [args[i] for i in saved]
        if saves_y:
            tensors.insert(0, y._same())
        node.saved = tuple(tensors)
        node.versions = tuple([t._storage.version for t in tensors])
        node.extra = tuple([args[i] for i in numbers])

    if saves_y or numbers or len(saved) > 2:
        return save
    return (save_nothing, save_one, save_two)[len(saved)]


def lift(number: Any, like: Tensor) -> Tensor:
    """A 0-d tensor of a Python number, on the device of `like`."""
    kind = kind_of(float64 if isinstance(number, float) else dtypes.of_number(number), like.device)
    t = Tensor._empty((), kind)
    kind.fill(t._flat, number)
    return t


def sum_of(d: dtype) -> Reduce:
    """The fold of a sum of floats: float32 lanes within blocks, float64 across them."""
    lane = "float64" if d is float64 else "float32"
    return Reduce("0", "{acc} + {x}", lane, "float64")


# Forms at the types of operands


def form_of(row: Row, args: Sequence[Any]) -> Form:
    """The Form for the types of `args`."""
    compute, result = row.types(promote(row, args))
    stored = tuple([a._kind.dtype if isinstance(a, Tensor) else type(a) for a in args])
    forms = row.forms
    form = forms.get((compute, stored))
    if form is None:
        types = [d if isinstance(d, dtype) else None for d in stored]
        loaded = [
            (types[i] or dtypes.of_number(a)) if name in row.unpromoted else compute
            for i, (name, a) in enumerate(zip(row.args, args, strict=True))
        ]
        form = forms[compute, stored] = Form(row, types, loaded, result)
    return form


def stored_as(form: Form, target: dtype) -> Form:
    """`form` with its result stored as `target`."""
    if form.result is target:
        return form
    key = (form, target)
    found: Form | None = form.row.forms.get(key)
    if found is None:
        found = form.row.forms[key] = Form(form.row, form.stored, form.loaded, target)
    return found
