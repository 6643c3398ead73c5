"""Random statements: calls, operators, indexing, writes, derivatives, hooks, grad modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.torch_compare.random_arguments import Arguments
from tests.torch_compare.random_ops import OPS, PROPERTIES, WRITING, Op

BINARY = ["+", "-", "*", "/", "//", "%", "**", "@", "<", "<=", ">", ">=", "==", "!=", "&", "|", "^"]
BINARY += ["<<", ">>"]
UPDATING = [*BINARY[:7], "&", "|", "^", "<<", ">>"]
PROTOCOLS = [
    "repr({x})", "{x}.tolist()", "{x}.item()", "bool({x})", "len({x})", "int({x})", "float({x})",
    "[r for r in {x}]", "copy.deepcopy({x})", "copy.copy({x})", "torch.tensor({x}.tolist())",
    "{x}.shape", "{x}.size(0)", "{x}.is_contiguous()", "1 in {x}", "-{x}", "~{x}",
    "abs({x})", "+{x}", "list({x}.unbind())", "round({x})", "divmod({x}, 2)",
    "np.asarray({x}).sum()",
    "hash({x}) is None", "{x}.data", "str({x})", "f'{{{x}}}'", "sum({x})", "max({x})",
    "sorted({x})",
    "torch.tensor([{x}, {x}])", "torch.as_tensor({x})", "range(10)[{x}]", "not {x}", "{x} and {x}",
    "{x}.new_tensor([1, 2])", "{x}.dtype.is_floating_point", "[*{x}]",
    "torch.Size([2]) + {x}.shape",
]  # fmt: skip


# What programs leave to its default: other devices, and what has statements of its own.
LEFT_OUT = {"out", "device", "pin_memory", "generator", "inplace", "requires_grad", "sparse_grad"}
RANKS = {
    1: {"dot", "vdot", "ger", "addmv", "outer"},
    2: {"mm", "mv", "addr", "t", "trace", "addmm", "rot90"},
    3: {"bmm", "baddbmm", "dsplit"},
}


class Writer(Arguments):
    """Writes the statements of one program, by what PyTorch has bound so far."""

    def call(self, op: Op) -> str:
        """A call of an op, by position and, behind the first parameter left out, by name."""
        where, first, words, named = op.prefix, None, [], False
        if not where:
            subject = self.tensor(*self.subject_for(op))
            where, first = f"{subject}.", self.value(subject)
        for p in op.parameters[not op.prefix :]:
            if p.name in LEFT_OUT or (p.default is not p.empty and self.spared(op)):
                named = True
                continue
            if first is None and p.name in ("input", "self", "tensor", "a"):
                text = self.tensor(*self.subject_for(op))
            else:
                text = self.argument(op, p, first)
            first = self.value(text) if first is None else first
            words.append(f"{p.name}={text}" if named or p.kind is p.KEYWORD_ONLY else text)
            named |= p.kind is p.VAR_POSITIONAL
        return f"{where}{op.name}({', '.join(words)})"

    def spared(self, op: Op) -> bool:
        """Whether to leave an argument out that may be; dropout's would be random then."""
        return op.name != "dropout" and self.often(0.6)

    def subject_for(self, op: Op) -> list[Callable[[Any], bool]]:
        """What the first operand of an op should rather be."""
        wishes: list[Callable[[Any], bool]] = [lambda t: t.numel() <= 40]
        rank = next((rank for rank, names in RANKS.items() if op.name in names), None)
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
        found = self.one(
            [*kinds, "None", "...", self.literal([extent], "bool"), "True", f"torch.tensor({at})"]
        )
        if self.often(0.02):
            found = self.one(
                [
                    "1.0",
                    "2**63",
                    "-2**63",
                    "'a'",
                    "np.int64(0)",
                    "np.bool_(True)",
                    "torch.tensor(1.5)",
                ]
            )
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
                value = self.literal(
                    shape[self.chance.randint(0, 1) :], str(t.dtype)[6:] if self.often(0.7) else ""
                )
            return f"{x}[{view}] {self.one(['=', '=', '=', '+=', '*='])} {value}"
        if kind == "operator":
            y = self.other(t) if self.often(0.6) else self.number()
            return f"{x} {self.one(UPDATING)}= {y}"
        if kind == "method":
            view = f"[{self.index(t)}]" if self.often(0.3) else ""
            text = self.call(self.one(WRITING))
            _, _, rest = text.partition(".")
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
        layout = self.one(
            ["", "", "", "", "", ".t()", "[::2]", ".unsqueeze(0).expand(2, *s)", ".mT", "[..., 1:]"]
        )
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
        return (
            f"{self.name()} = {text}"
            if text.endswith(")") and "_(" in text and self.often(0.2)
            else text
        )

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
        y = self.tensor(
            lambda t: t.requires_grad and t.is_floating_point(), lambda t: not t.is_leaf
        )
        scalars = [f"{y}.sum()", f"{y}.sum()", f"({y} * {y}).sum()", f"{y}.square().mean()"]
        scalar = self.one([*scalars, y])
        given = f"torch.ones_like({y})" if scalar == y and self.often(0.7) else ""
        options = [
            given,
            self.one(["", "", "retain_graph=True", "create_graph=True", "create_graph=True"]),
        ]
        if self.often(0.4):
            return f"{scalar}.backward({', '.join(filter(None, options))})"
        xs = [self.tensor(lambda t: t.requires_grad) for _ in range(self.one([1, 1, 2]))]
        options.append(self.one(["allow_unused=True", "allow_unused=True", ""]))
        words = ", ".join(filter(None, [scalar, f"[{', '.join(xs)}]", *options]))
        return f"{self.name()} = torch.autograd.grad({words})"
