"""Random arguments, made by the names and the annotations of an op's parameters."""

from __future__ import annotations

import inspect
from typing import Any

import torch

from tests.torch_compare.random_ops import COUNTING, Op
from tests.torch_compare.random_values import Values


class Arguments(Values):
    """`for_name` makes what a parameter of that name takes; x is the op's first tensor, or None."""

    def argument(self, op: Op, p: inspect.Parameter, x: Any) -> str:
        """An expression for one parameter, where x is the op's first tensor, or None before it."""
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
        if first in ("Ints", "Sizes"):
            return self.by_annotation("int | Sequence", x)
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

    def for_tensors(self, op: Op, x: Any, annotation: str) -> str:
        several = self.by_annotation("several", x)
        return several if "Sequence" in annotation else several[1:-1]

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
        rank = (
            1 if op.name in ("index_select", "index_add_", "index_copy_") else getattr(x, "ndim", 1)
        )
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
        if op.name in ("norm", "dist", "cdist"):
            return self.one(
                ["2", "1", "0", "3", "0.5", "inf", "-inf", "-1", "'fro'", "None", "2.5"]
            )
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
        return self.one(
            ["2", "3", "-1", "0", "1", "0.5", "-2", "2.0", self.other(x), self.number()]
        )

    def for_target(self, op: Op, x: Any, annotation: str) -> str:
        return self.tensor(lambda t: x is not None and t.shape == x.shape)

    def for_decimals(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["0", "1", "2", "-1"])

    def for_device(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["'cpu'", "None", "torch.device('cpu')"])

    def for_data(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(
            [
                "[1, 2]",
                "[1.5, 2]",
                "[True]",
                "3",
                "2.5",
                "[[]]",
                "[[1], [2]]",
                "[2**40, 1]",
                self.tensor(),
            ]
        )

    def for_fill_value(self, op: Op, x: Any, annotation: str) -> str:
        return self.number()

    def for_size_average(self, op: Op, x: Any, annotation: str) -> str:
        return "None"

    for_generator = for_inplace = for_out = for_compute_mode = for_size_average

    # What selects, ranks, scatters and counts

    def for_reduce(self, op: Op, x: Any, annotation: str) -> str:
        if "reduce" in op.name:
            return self.one(["'sum'", "'prod'", "'mean'", "'amax'", "'amin'", "'up'"])
        return "None"

    def for_src(self, op: Op, x: Any, annotation: str) -> str:
        if not op.name.startswith("scatter"):
            return self.other(x)
        if op.name in ("scatter", "scatter_") and self.often(0.4):
            return self.number()
        if x is None:
            return self.tensor()
        return self.tensor(lambda t: t.dtype == x.dtype, lambda t: t.ndim == x.ndim)

    def for_value(self, op: Op, x: Any, annotation: str) -> str:
        return "None" if op.name.startswith("scatter") else self.number()

    def for_k(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["0", "1", "1", "2", "2", "3", "-1"])

    def for_q(self, op: Op, x: Any, annotation: str) -> str:
        dtype = getattr(x, "dtype", torch.float32)
        return self.one(["0.5", "0.3", "1", "0", f"torch.tensor([0.2, 0.7], dtype={dtype})", "1.5"])

    def for_interpolation(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["'linear'", "'lower'", "'higher'", "'midpoint'", "'nearest'", "'up'"])

    def for_bins(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["3", "5", "1", "0"])

    def for_min(self, op: Op, x: Any, annotation: str) -> str:
        if op.name == "histc":
            return self.one(["0", "-1", "-3"])
        return self.by_annotation(annotation, x, op)

    def for_max(self, op: Op, x: Any, annotation: str) -> str:
        if op.name == "histc":
            return self.one(["0", "2", "3"])
        return self.by_annotation(annotation, x, op)

    def for_range(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["None", "(-1.0, 2.0)", "(0.0, 0.0)"])

    def for_minlength(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["0", "3", "-1"])

    def for_spacing(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["1", "0.5", "None"])

    def for_edge_order(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["1", "2", "3"])

    def for_n(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["0", "1", "1", "2", "3"]) if op.name == "diff" else self.integer(op)

    def for_prepend(self, op: Op, x: Any, annotation: str) -> str:
        return "None" if self.often(0.6) else self.other(x)

    for_append = for_prepend

    def for_dx(self, op: Op, x: Any, annotation: str) -> str:
        return self.one(["1", "0.5", "2"])
