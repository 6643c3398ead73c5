"""Random programs over every op there is: 5 to 40 statements, chosen by a seed.

Ops come from microgrest's own tables and modules, their arguments from the names and annotations of
their parameters, so that a new op joins by itself. `check(seed)` makes a program and compares it on
the way, because what a statement may sensibly do depends on what PyTorch has bound so far.

    python tests/torch_compare/random_programs.py 0 500

prints the differences that the seeds 0 to 499 find, shrunk, one of each kind.
"""

from __future__ import annotations

import inspect
import random
import re
import resource
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

import numpy as np
import torch
from side_by_side import Absent, Difference, Ended, Sides, difference, execute, flat, shrunk, strides

import microgrest as mg
from microgrest.dispatch.api import PUBLIC

FLOATS = ["float32", "float32", "float64", "float64", "float16"]
INTEGERS = ["int64", "int64", "int32", "int16", "int8", "uint8"]
EXTENTS = [0, 1, 1, 2, 2, 2, 3, 3, 3, 4]
NUMBERS = ["0", "1", "2", "-1", "3", "0.5", "-1.5", "2.5", "0.0", "-0.0", "True", "False"]
EXTREMES = ["inf", "-inf", "nan", "300", "2**31", "-2**63", "2**62", "1e30", "1e-40", "2**70"]
SPECIAL = [0.0, -0.0, 1.0, -1.0, float("inf"), float("-inf"), float("nan"), 1e-40, 1e30, -1e30, 88.0]

# No ops of tensors, or about the world outside: processes, devices, memory, the library's state.
OUTSIDE = {
    "get_default_device", "get_default_dtype", "set_default_device", "set_default_dtype",
    "get_rng_state", "set_rng_state", "initial_seed", "manual_seed", "seed", "set_printoptions",
    "from_numpy", "from_dlpack", "is_grad_enabled", "is_inference_mode_enabled", "cuda", "to",
    "pin_memory", "record_stream", "data_ptr", "get_device", "share_memory_", "compile", "numpy",
    "backward", "register_hook", "requires_grad_", "retain_grad", "is_pinned", "as_strided",
    "promote_types", "register_post_accumulate_grad_hook", "random_", "apply_", "map_",
}  # fmt: skip
# Their arguments are, or come to, numbers of elements: none may be extreme.
COUNTING = {
    "arange", "linspace", "logspace", "eye", "tril_indices", "triu_indices", "diag", "diagflat",
    "diag_embed", "repeat", "repeat_interleave", "tile", "randperm", "chunk", "tensor_split", "full",
    "unfold",
}  # fmt: skip
# Modules whose functions are nn.functional's own helpers.
HELPERS = {
    "apply_in_place", "check_probability", "drop", "reduced", "reduction_of", "sigmoid_row",
    "tanh_row",
}  # fmt: skip


# Statements that may leave something behind when they fail.
LASTING = re.compile(r"backward|autograd|out=|\n|\] .=")


class Op(NamedTuple):
    """A callable of the library: how it is written, and its parameters but the first of a method."""

    name: str
    prefix: str  # "torch.", "F.", or "" for a method
    parameters: tuple[inspect.Parameter, ...]


def parameters_of(name: str, function: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    """From the row, where the function is made from one, else from the signature."""
    row = PUBLIC.get(name.removesuffix("_"))
    found = inspect.signature(function).parameters.values()
    if row is None or not any(p.kind is p.VAR_POSITIONAL for p in found):
        return tuple(p for p in found if p.kind is not p.VAR_KEYWORD)
    return tuple(
        inspect.Parameter(
            arg,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=row.defaults.get(arg, inspect.Parameter.empty),
            annotation="Mask" if arg in row.unpromoted else "Number" if arg in row.defaults else "Any",
        )
        for arg in row.args
    )


def collect() -> list[Op]:
    """Every op that both libraries have, as a function, as a method and in nn.functional."""
    found = []
    places = [(mg, torch, "torch."), (mg.Tensor, torch.Tensor, ""), (mg.nn.functional, None, "F.")]
    for ours, theirs, prefix in places:
        theirs = theirs or torch.nn.functional
        for name in sorted(dir(ours)):
            function = getattr(ours, name)
            if name.startswith("_") or name in OUTSIDE | HELPERS or not hasattr(theirs, name):
                continue
            if inspect.isfunction(function):
                found.append(Op(name, prefix, parameters_of(name, function)))
    return found


OPS = collect()
WRITING = [op for op in OPS if op.name.endswith("_")]
PROPERTIES = sorted(
    name
    for name in dir(mg.Tensor)
    if not name.startswith("_")
    and isinstance(getattr(mg.Tensor, name), property)
    and hasattr(torch.Tensor, name)
) + ["_version"]  # fmt: skip
PROPERTIES = [p for p in PROPERTIES if p not in ("grad_fn", "_version", "grad")]
BINARY = ["+", "-", "*", "/", "//", "%", "**", "@", "<", "<=", ">", ">=", "==", "!=", "&", "|", "^"]
BINARY += ["<<", ">>"]
PROTOCOLS = [
    "repr({x})", "{x}.tolist()", "{x}.item()", "bool({x})", "len({x})", "int({x})", "float({x})",
    "[r for r in {x}]", "copy.deepcopy({x})", "copy.copy({x})", "torch.tensor({x}.tolist())",
    "{x}.shape", "{x}.size(0)", "{x}.is_contiguous()", "1 in {x}", "-{x}", "~{x}",
    "abs({x})", "+{x}", "list({x}.unbind())", "round({x})", "divmod({x}, 2)", "np.asarray({x}).sum()",
    "hash({x}) is None", "{x}.data", "str({x})", "f'{{{x}}}'", "sum({x})", "max({x})", "sorted({x})",
    "torch.tensor([{x}, {x}])", "torch.as_tensor({x})", "range(10)[{x}]", "not {x}", "{x} and {x}",
    "{x}.new_tensor([1, 2])", "{x}.dtype.is_floating_point", "[*{x}]", "torch.Size([2]) + {x}.shape",
]  # fmt: skip


class Writer:
    """Writes the statements of one program, by what PyTorch has bound so far."""

    def __init__(self, seed: int, sides: Sides) -> None:
        self.chance = random.Random(seed)
        self.sides = sides
        self.made = 0
        self.leaves: list[str] = []

    # Choosing

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    def one(self, options: Any) -> Any:
        return self.chance.choice(list(options))

    def name(self) -> str:
        self.made += 1
        return f"v{self.made}"

    def tensors(self) -> dict[str, Any]:
        found = flat(torch, self.sides.theirs)
        return {k: t for k, t in found if isinstance(t, torch.Tensor) and not k.endswith(".grad")}

    def tensor(self, *wishes: Callable[[Any], bool]) -> str:
        """A variable, rather a late one, that meets the wishes if any does."""
        every = self.tensors()
        for wish in wishes:
            fitting = {k: t for k, t in every.items() if wish(t)}
            every = fitting or every
        names = list(every)
        return names[-1 - int(self.chance.random() ** 1.5 * len(names))]

    def value(self, expression: str) -> Any:
        return self.tensors().get(expression)

    # Values

    def shape(self) -> list[int]:
        rank = self.one([0, 1, 1, 2, 2, 2, 3])
        return [self.one(EXTENTS) for _ in range(rank)]

    def numbers(self, dtype: str, count: int) -> list[Any]:
        if dtype == "bool":
            return [self.often(0.5) for _ in range(count)]
        style = self.one(["plain", "plain", "plain", "small", "small", "special"])
        if dtype.startswith("float"):
            pools = {"small": range(-2, 4), "special": SPECIAL}
            if style == "plain":
                return [round(self.chance.uniform(-3, 3), 2) for _ in range(count)]
            return [float(self.one(pools[style])) for _ in range(count)]
        limits = np.iinfo(dtype)
        low = max(-5, limits.min)
        pools = {"plain": range(low, 6), "small": range(max(-1, low), 3)}
        pools["special"] = [limits.min, limits.max, 0, 1, 2, max(-1, low)]  # type: ignore[assignment]
        return [int(self.one(pools[style])) for _ in range(count)]

    def literal(self, shape: list[int] | None = None, dtype: str = "") -> str:
        """A tensor by its elements."""
        shape = self.shape() if shape is None else shape
        dtype = dtype or self.one([*FLOATS, self.one(INTEGERS), "bool"])
        if 0 in shape:
            return f"torch.zeros({tuple(shape)}, dtype=torch.{dtype})"
        count = int(np.prod(shape, dtype=int))
        nested = np.array(self.numbers(dtype, count), object).reshape(shape).tolist()
        return f"torch.tensor({nested}, dtype=torch.{dtype})"

    def number(self, op: Op | None = None) -> str:
        """A number, which may be extreme where it does not count elements."""
        counts = op is not None and op.name in COUNTING
        return self.one(EXTREMES if self.often(0.08) and not counts else NUMBERS)

    def integer(self, op: Op | None = None) -> str:
        if self.often(0.03) and not (op is not None and op.name in COUNTING):
            return self.one(["2**63 - 1", "-2**63", "2**62", "2**31", "-2**31", "2**64"])
        return self.one(["0", "1", "1", "2", "-1", "-2", "3", "4", "5", "True", "1.0"][: 9 + 3 * self.often(0.1)])

    def dim(self, x: Any) -> str:
        n = max(1, getattr(x, "ndim", 1))
        if self.often(0.04):
            return self.one(["2**31", "-2**63", "2**63 - 1", str(n), str(-n - 1)])
        return str(self.chance.randrange(-n, n))

    def dims(self, x: Any) -> str:
        """One dimension, several, none, or the word for all."""
        n = getattr(x, "ndim", 1)
        some = self.chance.sample(range(n), self.chance.randint(0, n))
        several = tuple(d - n * self.often(0.3) for d in some)
        return self.one([self.dim(x), self.dim(x), str(several), str(list(several)), "None"])

    def order(self, x: Any) -> str:
        n = getattr(x, "ndim", 1)
        return str(tuple(self.chance.sample(range(n), n)))

    def dtype(self) -> str:
        return "torch." + self.one([*FLOATS, *INTEGERS, "bool"])

    def new_shape(self, x: Any) -> str:
        """Extents for as many elements as x has."""
        count = x.numel() if x is not None else 1
        extents = []
        while count > 1 and len(extents) < 3:
            extents.append(self.one([d for d in range(1, count + 1) if count % d == 0]))
            count //= extents[-1]
        extents.append(count)
        if self.often(0.3):
            extents[self.chance.randrange(len(extents))] = -1
        return str(tuple(extents))

    def wider(self, x: Any) -> str:
        """A shape that x broadcasts to."""
        shape = list(getattr(x, "shape", ()))
        new = [self.one([1, 2, 3]) for _ in range(self.one([0, 0, 1]))]
        return str(tuple(new + [self.one([2, 3, -1]) if n == 1 else self.one([n, n, -1]) for n in shape]))

    def positions(self, x: Any, dim: int = 0, rank: int | None = None) -> str:
        """An index tensor for a dimension of x."""
        extent = x.shape[dim % x.ndim] if getattr(x, "ndim", 0) else 1
        low = -extent if self.often(0.3) else 0
        if self.often(0.05):
            extent += 1
        rank = self.one([0, 1, 1, 2]) if rank is None else rank
        shape = [self.one([0, 1, 2, 2, 3]) for _ in range(rank)]
        if extent == 0:
            shape = [0]
        count = int(np.prod(shape, dtype=int))
        values = [self.chance.randrange(low, extent) for _ in range(count)]
        dtype = self.one(["int64"] * 8 + ["int32", "uint8", "int16"])
        return f"torch.tensor({np.array(values, int).reshape(shape).tolist()}, dtype=torch.{dtype})"

    def mask(self, x: Any) -> str:
        shape = list(getattr(x, "shape", [1]))
        if shape and self.often(0.3):
            shape = shape[self.chance.randint(0, 1) :]
        return self.literal(shape, "bool")

    # Arguments, by the parameter's name and annotation

    def argument(self, op: Op, p: inspect.Parameter, x: Any) -> str:
        """An expression for one parameter, where x is the op's first tensor, if there is one yet."""
        maker = getattr(self, "for_" + p.name, None)
        if maker is not None:
            return maker(op, x, str(p.annotation))
        return self.by_annotation(str(p.annotation), x, op)

    def by_annotation(self, annotation: str, x: Any, op: Op | None = None) -> str:
        first = annotation.split(" | ")[0]
        if first.startswith("Sequence[Tensor") or annotation == "several":
            same = (lambda t: t.shape == x.shape) if x is not None else (lambda t: t.ndim > 0)
            several = [self.tensor(same) for _ in range(self.one([1, 2, 2, 3]))]
            return f"[{', '.join(several)}]"
        if first == "Dims":
            return self.dims(x)
        if first == "Tensor":
            return self.other(x)
        if first == "Mask":
            return self.mask(x)
        if first in ("float", "Number"):
            return self.number(op)
        if first == "bool":
            return self.one(["True", "False"])
        if first == "int" and "Sequence" in annotation and self.often(0.4):
            return str([self.chance.randint(0, 3) for _ in range(self.one([1, 1, 2, 2, 3]))])
        if first == "int":
            return self.integer(op)
        if first.startswith("Sequence"):
            return str([self.chance.randint(0, 3) for _ in range(self.one([1, 2, 2, 3]))])
        if first == "str":
            return self.one(["'none'", "'mean'", "'sum'", "'ij'", "'tanh'", "'floor'"])
        if op is not None and op.name in COUNTING:
            return self.number(op)
        return self.other(x) if self.often(0.75) else self.number()

    def other(self, x: Any) -> str:
        """A second operand that broadcasts with x, rather of the same dtype."""

        def broadcasts(t: Any) -> bool:
            pairs = zip(t.shape[::-1], x.shape[::-1], strict=False)
            return all(a == b or 1 in (a, b) for a, b in pairs)

        if x is None or self.often(0.05):
            return self.tensor()
        if self.often(0.5):
            return self.tensor(lambda t: t.dtype == x.dtype, broadcasts)
        if self.often(0.2):
            return self.literal(list(x.shape)[self.chance.randint(0, 1) :])
        return self.tensor(broadcasts)

    def for_dim(self, op: Op, x: Any, annotation: str) -> str:
        return self.dims(x) if "Dims" in annotation or "Sequence" in annotation else self.dim(x)

    for_axis = for_dim

    def for_dim0(self, op: Op, x: Any, annotation: str) -> str:
        return self.dim(x)

    for_dim1 = for_dim2 = for_dimension = for_start_dim = for_end_dim = for_dim0

    def for_source(self, op: Op, x: Any, annotation: str) -> str:
        return self.one([self.dim(x), self.order(x)])

    for_destination = for_source

    def for_dims(self, op: Op, x: Any, annotation: str) -> str:
        if op.name in ("tile", "tensordot"):
            return self.one(["0", "1", "2", "((0,), (0,))", "((0, 1), (1, 0))", "(2,)", "(1, 2)"])
        if op.name == "rot90":
            return self.one(["(0, 1)", "(1, 0)", "(-1, 0)", f"({self.dim(x)}, {self.dim(x)})"])
        return self.one([self.order(x), self.dims(x)])

    def for_along(self, op: Op, x: Any, annotation: str) -> str:
        return self.one([self.dims(x), self.order(x)])

    for_order = for_along

    def for_size(self, op: Op, x: Any, annotation: str) -> str:
        if op.name in ("expand", "broadcast_to", "sum_to_size"):
            return self.wider(x)
        if op.name == "unfold":
            return self.integer(op)
        if x is None or op.name.startswith(("new_", "rand", "normal")):
            return str(tuple(self.shape()))
        return self.new_shape(x)

    for_shape = for_extents = for_size

    def for_counts(self, op: Op, x: Any, annotation: str) -> str:
        return str([self.one([0, 1, 2, 2]) for _ in range(self.one([1, 2, 2, 3]))])

    def for_repeats(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["2", "0", "torch.tensor([1, 2])", "torch.tensor([0, 1, 2])", "3"])

    def for_sizes(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["(-1, 1)", "(1, -1)", "(2, -1)", "(3,)", "(2, 2)", "(1, 2)"])

    def for_index(self, op: Op, x: Any, annotation: str) -> str:
        if "int" in annotation:
            return self.integer()
        if op.name == "take" and x is not None:
            return self.positions(x.reshape(-1))
        rank = 1 if op.name in ("index_select", "index_add_", "index_copy_") else getattr(x, "ndim", 1)
        return self.positions(x, self.chance.randint(-1, 0), rank)

    def for_indices(self, op: Op, x: Any, annotation: str) -> str:
        if "Sequence" in annotation:
            return f"({self.positions(x)},)"
        return self.for_index(op, x, annotation)

    def for_mask(self, op: Op, x: Any, annotation: str) -> str:
        return self.mask(x)

    def for_condition(self, op: Op, x: Any, annotation: str) -> str:
        found = self.tensor(lambda t: t.dtype == torch.bool)
        return found if self.often(0.7) else self.literal(None, "bool")

    def for_dtype(self, op: Op, x: Any, annotation: str) -> str:
        return self.dtype() if self.often(0.9) else "None"

    for_d = for_dtype

    def for_p(self, op: Op, x: Any, annotation: str) -> str:
        if op.name in ("norm", "dist"):
            return self.one(["2", "1", "0", "3", "0.5", "inf", "-inf", "-1", "'fro'", "None", "2.5"])
        return self.one(["0", "1"])  # a random choice would show in the gradient

    def for_correction(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["0", "1", "2", "0.5", "3"])

    def for_rounding_mode(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["None", "'floor'", "'trunc'", "'floor'", "'trunc'", "'up'"])

    def for_indexing(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["'ij'", "'xy'"])

    def for_approximate(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["'none'", "'tanh'"])

    def for_reduction(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["'none'", "'mean'", "'sum'"])

    def for_exponent(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["2", "3", "-1", "0", "1", "0.5", "-2", "2.0", self.other(x), self.number()])

    def for_target(self, op: Op, x: Any, annotation: str) -> str:
        return self.tensor(lambda t: x is not None and t.shape == x.shape)

    def for_decimals(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["0", "1", "2", "-1"])

    def for_device(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["'cpu'", "None", "torch.device('cpu')"])

    def for_data(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["[1, 2]", "[1.5, 2]", "[True]", "3", "2.5", "[[]]", "[[1], [2]]", "[2**40, 1]", self.tensor()])

    def for_fill_value(self, op: Op, x: Any, annotation: str) -> str:
        return self.number()

    def for_size_average(self, op: Op, x: Any, annotation: str) -> str:
        return "None"

    for_reduce = for_generator = for_inplace = for_out = for_size_average

    # Statements

    def call(self, op: Op) -> str:
        """A call of an op by its parameters."""
        positional, keywords, first = [], [], None
        options = list(op.parameters)
        subject = ""
        if not op.prefix:
            wish = self.subject_for(op)
            subject = self.tensor(*wish) if self.often(0.95) else self.tensor()
            first = self.value(subject)
            options = options[1:]
        by_name = False
        for p in options:
            if p.name in ("out", "device", "pin_memory", "generator", "inplace", "requires_grad"):
                continue
            if p.default is not p.empty and not self.often(0.4) and op.name != "dropout":
                by_name = True
                continue
            if p.kind is p.VAR_POSITIONAL:
                positional.append(self.argument(op, p, first))
                if p.name == "tensors":
                    positional[-1] = self.by_annotation("several", None)[1:-1]
                by_name = True
                continue
            if first is None and not positional and "Sequence" not in str(p.annotation) and p.name in (
                "input", "self", "tensor", "a", "condition"
            ):  # fmt: skip
                text = self.tensor(*self.subject_for(op))
                if p.name == "condition":
                    text = self.argument(op, p, None)
                first = self.value(text)
            else:
                text = self.argument(op, p, first)
                first = self.value(text) if first is None else first
            if p.kind is p.KEYWORD_ONLY or by_name:
                keywords.append(f"{p.name}={text}")
            else:
                positional.append(text)
        name = f"{subject}.{op.name}" if subject else f"{op.prefix}{op.name}"
        return f"{name}({', '.join(positional + keywords)})"

    def subject_for(self, op: Op) -> list[Callable[[Any], bool]]:
        """What the first operand of an op should rather be."""
        small: Callable[[Any], bool] = lambda t: t.numel() <= 40  # noqa: E731
        ranks = {"mm": 2, "bmm": 3, "mv": 2, "dot": 1, "vdot": 1, "addr": 2, "ger": 1, "t": 2, "trace": 2,
                 "addmm": 2, "addmv": 1, "baddbmm": 3, "outer": 1, "dsplit": 3, "rot90": 2}  # fmt: skip
        rank = ranks.get(op.name)
        wishes = [small]
        if rank:
            wishes.append(lambda t: t.ndim == rank)
        if self.often(0.5):
            wishes.append(lambda t: t.is_floating_point())
        return wishes

    def operator(self) -> str:
        x = self.tensor()
        y = self.other(self.value(x)) if self.often(0.7) else self.number()
        left, right = (x, y) if self.often(0.8) else (y, x)
        return f"{left} {self.one(BINARY)} {right}"

    def index(self, x: Any) -> str:
        """What stands in brackets behind x."""
        n = getattr(x, "ndim", 1)
        if n and self.often(0.15):
            return self.mask(x)
        items, used, dots = [], 0, False
        while used < n and len(items) < 5 and self.often(0.75):
            item, takes = self.index_item(x, used)
            if item == "..." and dots:
                continue
            dots |= item == "..."
            items.append(item)
            used += takes
        return ", ".join(items) or self.one(["...", ":" if n else "()", "None", "()", "True"])

    def index_item(self, x: Any, dim: int) -> tuple[str, int]:
        extent = x.shape[dim]
        low = -extent - self.often(0.04)
        high = max(low + 1, extent + self.often(0.04))
        at = self.chance.randrange(low, high)
        a, b = (self.one(["", "0", "1", "-1", "2", "-2", "5"]) for _ in range(2))
        step = self.one(["", "", "", ":1", ":2", ":3", ":-1" if self.often(0.2) else ""])
        several = [self.chance.randrange(low, high) for _ in range(self.one([0, 1, 2, 3]))]
        kinds = [str(at), f"{a}:{b}{step}", f"{a}:{b}{step}", str(several), self.positions(x, dim)]
        found = self.one([*kinds, "None", "...", self.literal([extent], "bool"), "True", f"torch.tensor({at})"])
        if self.often(0.02):
            found = self.one(["1.0", "2**63", "-2**63", "'a'", "np.int64(0)", "np.bool_(True)", "torch.tensor(1.5)"])
        return found, 0 if found in ("None", "...", "True") else 1

    def target(self) -> str:
        """What a write goes to: mostly no leaf that wants a gradient."""
        return self.tensor(lambda t: not (t.is_leaf and t.requires_grad) or self.often(0.05))

    def writing(self) -> str:
        x = self.target()
        t = self.value(x)
        kind = self.one(["item", "item", "item", "operator", "method", "method", "method", "out"])
        if kind == "item":
            view = self.index(t)
            value = self.number() if self.often(0.4) else self.tensor()
            shape = self.shape_of(f"{x}[{view}]")
            if shape is not None and self.often(0.5):
                value = self.literal(shape[self.chance.randint(0, 1) :], str(t.dtype)[6:] if self.often(0.7) else "")
            return f"{x}[{view}] {self.one(['=', '=', '=', '+=', '*='])} {value}"
        if kind == "operator":
            y = self.other(t) if self.often(0.6) else self.number()
            return f"{x} {self.one(BINARY[:7] + ['&', '|', '^', '<<', '>>'])}= {y}"
        if kind == "method":
            view = f"[{self.index(t)}]" if self.often(0.3) else ""
            text = self.call(self.one(WRITING))
            subject, _, rest = text.partition(".")
            return f"{x}{view}.{rest}" if self.often(0.5) else text
        op = self.one([o for o in OPS if o.prefix == "torch." and not o.name.endswith("_")])
        text = self.call(op)
        return f"{text[:-1]}{'' if text.endswith('()') else ', '}out={x})"

    def shape_of(self, expression: str) -> list[int] | None:
        try:
            return list(eval(expression, self.sides.theirs).shape)
        except Exception:
            return None

    def fresh(self) -> str:
        """A new tensor: a leaf, or one with a layout of its own."""
        text = self.literal()
        layout = self.one(["", "", "", "", "", ".t()", "[::2]", ".unsqueeze(0).expand(2, *s)", ".mT", "[..., 1:]"])
        if ".expand" in layout:
            shape = self.shape_of(text)
            layout = f".expand(2, *{shape})"
        if "float" in text and self.often(0.55):
            layout += ".requires_grad_()"
        return f"{text}{layout}"

    def statement(self) -> str:
        """The next statement, which may be several lines."""
        if len(self.tensors()) < 3:
            return f"{self.name()} = {self.fresh()}"
        kinds: dict[Callable[[], str], int] = {
            self.fresh: 8, lambda: self.call(self.one(OPS)): 45, self.operator: 10,
            self.read: 10, self.write: 14, self.derivative: 12, self.protocol: 5,
            self.hook: 3, self.island: 3,
        }  # fmt: skip
        made = self.chance.choices(list(kinds), list(kinds.values()))[0]
        text = made()
        if made in (self.write, self.derivative, self.hook, self.island) or "\n" in text:
            return text
        return f"{self.name()} = {text}"

    def read(self) -> str:
        x = self.tensor(lambda t: t.ndim > 0)
        return f"{x}[{self.index(self.value(x))}]"

    def write(self) -> str:
        text = self.writing()
        return f"{self.name()} = {text}" if text.endswith(")") and "_(" in text and self.often(0.2) else text

    def protocol(self) -> str:
        x = self.tensor()
        if self.often(0.3):
            return f"{x}.{self.one(PROPERTIES)}"
        return self.one(PROTOCOLS).format(x=x)

    def hook(self) -> str:
        x = self.tensor(lambda t: t.requires_grad)
        y = self.tensor()
        return self.one([
            f"{x}.register_hook(lambda g: g * 2)",
            f"{x}.register_hook(lambda g: seen.append(g.clone()))",
            f"{x}.register_hook(lambda g: {y})",
            f"{x}.retain_grad()",
            f"{x}.requires_grad_({self.one(['', 'False'])})",
            f"{x}.grad = None",
        ])  # fmt: skip

    def island(self) -> str:
        lines = [f"    {self.statement()}" for _ in range(self.one([1, 1, 2]))]
        mode = self.one(["no_grad", "no_grad", "enable_grad", "set_grad_enabled(False)"])
        mode = mode if ")" in mode else f"{mode}()"
        return "\n".join([f"with torch.{mode}:", *(line.replace("\n", "\n    ") for line in lines)])

    def derivative(self) -> str:
        """Gradients, by backward or by grad, of the first order or to be derived again."""
        y = self.tensor(lambda t: t.requires_grad and t.is_floating_point(), lambda t: not t.is_leaf)
        kept = self.one(["", "", "retain_graph=True", "create_graph=True", "create_graph=True"])
        scalar = self.one([f"{y}.sum()", f"{y}.sum()", f"({y} * {y}).sum()", f"{y}.square().mean()", y])
        if self.often(0.4):
            given = f"torch.ones_like({y})" if scalar == y and self.often(0.7) else ""
            return f"{scalar}.backward({', '.join(filter(None, [given, kept]))})"
        xs = [self.tensor(lambda t: t.requires_grad) for _ in range(self.one([1, 1, 2]))]
        given = f", torch.ones_like({y})" if scalar == y and self.often(0.7) else ""
        options = ", ".join(filter(None, [kept, self.one(["allow_unused=True", "allow_unused=True", ""])]))
        return f"{self.name()} = torch.autograd.grad({scalar}, [{', '.join(xs)}]{given}{options and ', ' + options})"


class Program:
    """One random program as it comes into being, compared statement by statement."""

    def __init__(self, seed: int, used: Counter[str] | None = None) -> None:
        self.sides = Sides()
        self.writer = Writer(seed, self.sides)
        self.used = used

    def run(self) -> Difference | None:
        """The first difference."""
        for _ in range(self.writer.chance.randint(5, 40)):
            try:
                found = self.step()
            except Ended:
                return None
            if found:
                return found
        return None

    def step(self) -> Difference | None:
        """One statement, after attempts that PyTorch refuses and that are not meant to be wrong."""
        wrong = self.writer.often(0.12)
        for _ in range(8):
            text = self.writer.statement()
            theirs = execute(torch, text, self.sides.theirs)
            if theirs and not wrong and not LASTING.search(text):
                continue
            return self.followed(text, theirs)
        return None

    def followed(self, text: str, theirs: Exception | None) -> Difference | None:
        try:
            found = self.sides.follow(text, theirs)
        except Absent:
            name = text.partition(" = ")[0]
            if name in self.sides.theirs and name not in self.sides.ours:
                del self.sides.theirs[name]
                return None
            raise Ended from None
        if self.used is not None:
            self.used[text] += 1
        return found or self.laid_out(text)

    def laid_out(self, text: str) -> Difference | None:
        """Results are row-major here; PyTorch keeps the operands' order, which is undone."""
        name = text.partition(" = ")[0]
        ours, theirs = (side.get(name) for side in (self.sides.ours, self.sides.theirs))
        if not isinstance(theirs, torch.Tensor) or strides(ours) == strides(theirs):
            return None
        home = theirs.untyped_storage().data_ptr()
        everything = self.writer.tensors().items()
        if any(t.untyped_storage().data_ptr() == home for k, t in everything if k != name):
            return None
        return self.sides.run(f"{name} = {name}.contiguous()")


def check(seed: int, used: Counter[str] | None = None) -> Difference | None:
    """The difference that the program of a seed finds, not shrunk."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return Program(seed, used).run()


def kind_of(found: Difference) -> str:
    """Differences of one kind come from one op and differ in one thing."""
    text = re.sub(r"^v\d+ = |torch\.tensor|torch\.(?=[a-z]+\d)|torch.zeros", "", found.statements[-1])
    ops = re.findall(r"[\w.]*?(\w+)\(|( [-+*/@%<>=!&|^]+ )|\.(\w+)$|(\[)", text)
    return f"{found.kind}: {' '.join(dict.fromkeys(''.join(op).strip() for op in ops))}"


def main(first: int, last: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    counts: Counter[str] = Counter()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for seed in range(first, last):
            found = check(seed)
            if found is None:
                continue
            if difference(found.statements) is None:
                counts["not again"] += 1
                continue
            key = kind_of(found)
            counts[key] += 1
            if counts[key] == 1:
                print(f"# seed {seed}\n{shrunk(found)}\n", flush=True)
    print(f"{last - first} programs, {sum(counts.values())} differ")
    for key, count in counts.most_common():
        print(f"{count:5} {key}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
