"""Random expressions: tensors that are read and written through all kinds of views.

First the step changes tensors in place; each write reads tensors and views of them, some of which
it has just written. Then comes an expression with a graph, its gradients, and what they update.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from random_programs import Draft

Shape = tuple[int, ...]
Term = tuple[str, Shape]

UNARY = ["mg.sin", "mg.tanh", "mg.sigmoid", "mg.cos", "mg.atan", "F.softplus", "mg.abs", "F.relu"]
BINARY = ["{} + {}", "{} - {}", "{} * {}", "{} * {}", "mg.maximum({}, {})", "mg.atan2({}, {})"]
BINARY += ["{} / ({}.square() + 1.0)", "mg.where({0} > 0.1, {0}, {1})", "mg.minimum({}, {})"]
WRITES = ["copy_({})", "copy_({})", "add_({})", "add_({}, alpha=0.1)", "sub_({})", "mul_({})"]
WRITES += ["lerp_({}, 0.3)", "div_({}.abs() + 1.0)", "clamp_(max={}.abs().amax() + 0.5)"]
PLAIN = ["mul_(0.5)", "add_(1.0)", "neg_()", "sin_()", "tanh_()", "zero_()", "fill_(0.5)", "abs_()"]
# Each names extents; square ones and columns are the places where rows and columns are mixed up.
SHAPES = ["M, N", "N, M", "M, M", "N, N", "M, 1", "1, N", "M", "N", "1", "", "K, M, N", "M, K"]


def views(term: Term, written: bool = False) -> Iterator[Term]:
    """A tensor and what can be seen of it; only views that may be written to, if so."""
    x, shape = term
    yield term
    if len(shape) == 1:
        (n,) = shape
        yield f"{x}[0]", ()
        yield f"{x}[-1:]", (1,)
        yield f"{x}[::2]", ((n + 1) // 2,)
        if n > 1:
            yield f"{x}[1:]", (n - 1,)
            yield f"{x}[:-1]", (n - 1,)
        if not written:
            yield from ((f"{x}.flip(0)", shape), (f"{x}.cumsum(0)", shape), (f"{x}.sum()", ()))
            yield from ((f"{x}.unsqueeze(1)", (n, 1)), (f"{x}[None]", (1, n)))
    if len(shape) == 2:
        m, n = shape
        yield from ((f"{x}.t()", (n, m)), (f"{x}[0]", (n,)), (f"{x}[-1]", (n,)))
        yield from ((f"{x}[:, 0]", (m,)), (f"{x}[:, -1:]", (m, 1)), (f"{x}[:1]", (1, n)))
        yield from ((f"{x}[:, ::2]", (m, (n + 1) // 2)), (f"{x}.diagonal()", (min(m, n),)))
        if m > 1:
            yield from ((f"{x}[1:]", (m - 1, n)), (f"{x}[:-1]", (m - 1, n)))
        if not written:
            yield from ((f"{x}.flip(1)", shape), (f"{x}.t().reshape(-1)", (m * n,)))
            yield from ((f"{x}.sum(0)", (n,)), (f"{x}.mean(1, keepdim=True)", (m, 1)))
            yield from ((f"{x}.amax(0)", (n,)), (f"{x}.mean()", ()), (f"{x}.cumsum(1)", shape))
            yield from ((f"{x}.t().sum(0)", (m,)), (f"{x}.roll(1, 0)", shape))
            yield f"{x}.index_select(0, mg.tensor([{m - 1}, 0]))", (2, n)
    if len(shape) == 3:
        k, m, n = shape
        yield from ((f"{x}[0]", (m, n)), (f"{x}[:, 0]", (k, n)), (f"{x}[..., -1]", (k, m)))
        yield f"{x}.transpose(0, 2)", (n, m, k)
        if not written:
            yield from ((f"{x}.sum(0)", (m, n)), (f"{x}.mean((0, 2))", (m,)))


def fits(shape: Shape, target: Shape) -> bool:
    """Whether a shape broadcasts to another."""
    if len(shape) > len(target):
        return False
    return all(m in (1, n) for m, n in zip(reversed(shape), reversed(target), strict=False))


def joined(a: Shape, b: Shape) -> Shape | None:
    """The shape that two broadcast to, if they do."""
    pairs = list(zip_longest(reversed(a), reversed(b), fillvalue=1))
    if any(m != n and 1 not in (m, n) for m, n in pairs):
        return None
    return tuple(reversed([n if m == 1 else m for m, n in pairs]))


class Expressions(Draft):
    """A step of expressions as it is drawn.

    `tensors` are changed in place, `params` have gradients, `values` are made in the step.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.tensors: list[Term] = []
        self.params: list[Term] = []
        self.values: list[Term] = []
        self.numbers = 0

    def draw(self) -> None:
        """The whole program."""
        for name in "MNK":
            self.extent(name)
        self.make()
        for _ in range(self.chance.randint(0 if self.params else 2, 7)):
            self.pick([self.write] * 4 + [self.value, self.swap])()
        if self.params:
            self.graph()
        if self.odds(0.3):
            self.write()
        known = [x for x, _ in (*self.tensors, *self.values)]
        self.body.append(f"return {', '.join(self.chance.sample(known, self.pick([0, 1, 2])))}")
        if self.odds(0.6):
            for _ in range(self.chance.randint(1, 3)):
                self.happening()

    def named(self, letter: str) -> str:
        """A new name."""
        self.numbers += 1
        return f"{letter}{self.numbers}"

    # Tensors

    def make(self) -> None:
        """Tensors, some of them views of others, and parameters."""
        shapes = [self.pick(SHAPES) for _ in range(self.pick([1, 1, 2, 2, 3]))]
        for _ in range(self.chance.randint(2, 5)):
            self.tensors.append(self.tensor(self.pick(shapes)))
        for _ in range(self.pick([0, 1, 1, 2])):
            name, shape = self.tensor(self.pick(shapes), "p")
            self.setup.append(f"{name}.requires_grad_()")
            self.params.append((name, shape))

    def tensor(self, extents: str, letter: str = "a") -> Term:
        """A tensor of such extents in one of a few layouts, or a view of one that is there."""
        name = self.named(letter)
        shape = tuple(self.extents.get(e, 1) for e in extents.split(", ") if e)
        seen = [view for x in self.tensors for view in views(x, written=True)]
        if letter == "a" and seen and self.odds(0.2):
            text, shape = self.pick(seen)
        else:
            text = self.layout(extents, len(shape))
        self.setup.append(f"{name} = {text if letter == 'a' else f'({text}).detach()'}")
        return name, shape

    def layout(self, extents: str, dims: int) -> str:
        """New memory."""
        plain = f"mg.rand({extents}) - 0.5"
        layouts = [plain] * 4 if dims else ["mg.rand(()) - 0.5"]
        if dims:
            layouts += [f"(mg.rand(2, {extents}) - 0.5)[1]"]
        if dims == 1:
            layouts += [f"(mg.rand(2 * {extents}) - 0.5)[::2]"]
        if dims == 2:
            rows, columns = extents.split(", ")
            layouts += [f"(mg.rand({columns}, {rows}) - 0.5).t()"] * 2
            layouts += [f"(mg.rand({rows}, 2 * {columns}) - 0.5)[:, 1::2]"]
        return str(self.pick(layouts))

    # Expressions

    def operand(self, shape: Shape, known: list[Term]) -> Term:
        """Something that broadcasts to a shape, and most often has it."""
        found = [view for x in known for view in views(x) if fits(view[1], shape)]
        same = [view for view in found if view[1] == shape]
        if same and self.odds(0.8):
            return self.pick(same)
        return self.pick(found) if found else ("0.5", ())

    def product(self, shape: Shape, known: list[Term]) -> str:
        """A product of matrices, or of a matrix and a vector, of that shape; else ""."""
        seen = [view for x in known for view in views(x) if 1 <= len(view[1]) <= 2]
        left = [a for a in seen if len(a[1]) == 2 and a[1][:1] == shape[:1]]
        self.chance.shuffle(left)
        for a, (_, k) in left:
            right = [b for b, s in seen if s[0] == k and s[1:] == shape[1:]]
            if right:
                return f"{a} @ {self.pick(right)}"
        return ""

    def expression(self, shape: Shape, known: list[Term], depth: int = 2) -> str:
        """A text whose value broadcasts to a shape."""
        kind = self.chance.random() if depth else 0.0
        if kind < 0.25:
            return self.operand(shape, known)[0]
        if kind < 0.45:
            return f"{self.pick(UNARY)}({self.expression(shape, known, depth - 1)})"
        if kind < 0.6 and len(shape) in (1, 2):
            made = self.product(shape, known)
            if made:
                return f"({made})"
        a = self.operand(shape, known)[0]
        b = self.expression(shape, known, depth - 1)
        return f"({self.pick(BINARY).format(a, b)})"

    def read(self) -> list[Term]:
        """What may be read without a graph."""
        return self.tensors + self.values + [(f"{p}.detach()", s) for p, s in self.params]

    # The step: without a graph

    def write(self) -> None:
        """A tensor, or a view of it, changed in place."""
        target, shape = self.pick(self.tensors)
        if self.odds(0.4):
            target, shape = self.pick(list(views((target, shape), written=True)))
        known = self.read()
        if self.odds(0.25):
            self.body.append(f"{target}.{self.pick(PLAIN)}")
        elif self.odds(0.1):
            self.body.append(f"mg.add({target}, {self.operand(shape, known)[0]}, out={target})")
        else:
            text = self.expression(shape, known, self.pick([0, 1, 2]))
            text = f"mg.sin({text})" if self.odds(0.4) and text != "0.5" else f"({text})"
            text = "mg.tensor(0.5)" if text == "(0.5)" else text
            self.body.append(f"{target}.{self.pick(WRITES).format(text)}")

    def value(self) -> None:
        """A value that is read later, when what it was made of may have changed."""
        name = self.named("v")
        x, shape = self.operand(self.pick(self.tensors)[1], self.tensors)
        how = self.pick(["{} + 0.5", "{}.clone()", "mg.sin({})", "{} * {}", "{}"])
        text = how.format(x, x) if x != "0.5" else self.tensors[0][0]
        self.body.append(f"{name} = {text}")
        self.values.append((name, shape if x != "0.5" else self.tensors[0][1]))

    def swap(self) -> None:
        """Two tensors that take each other's place, through temporaries."""
        tensors = [(x, s) for x, s in self.tensors if len(s) == 2] or self.tensors
        (a, shape), (b, other) = self.pick(tensors), self.pick(tensors)
        turned = shape == other[::-1] and len(shape) == 2
        if a == b or not (turned or shape == other):
            self.write()
            return
        one, two, t = self.named("v"), self.named("v"), ".t()" * turned
        self.body += [f"{one} = {b}{t} + 0.5", f"{two} = {a}{t} * 0.9"]
        self.body += [f"{a}.copy_({one})", f"{b}.copy_({two})"]
        self.values += [(one, shape), (two, other)]

    # The step: with a graph

    def graph(self) -> None:
        """A loss, its gradients, and what they are for."""
        known = [*self.params, *self.params, *self.tensors]
        terms = [f"{self.pick(self.params)[0]}.square().mean()"]
        for _ in range(self.chance.randint(1, 3)):
            name, (_, shape) = self.named("g"), self.pick(known)
            self.body.append(f"{name} = {self.expression(shape, known, 2)} * 1.0")
            if self.odds(0.2):
                self.body += [f"{name} = {name}.clone()", f"{name}.{self.pick(PLAIN)}"]
            terms.append(
                self.pick(["{}.mean()", "{}.square().mean()", "{}.sin().sum()"]).format(name)
            )
        self.body.append(f"loss = {' + '.join(terms)}")
        if self.odds(0.8):
            self.body.insert(0, "; ".join(f"{p}.grad = None" for p, _ in self.params))
        self.body.append("loss.backward()")
        self.update()
        self.values.append(("loss.detach()", ()))

    def update(self) -> None:
        """Parameters changed by their gradients."""
        names = [p for p, _ in self.params]
        if self.odds(0.3):
            rule = self.pick(["SGD", "Adam", "Adagrad", "RMSprop"])
            extra = ", momentum=0.9, weight_decay=0.1" if rule == "SGD" else ", weight_decay=0.1"
            self.setup.append(f"rule = optim.{rule}([{', '.join(names)}], lr=0.02{extra})")
            self.body.append("rule.step()")
            return
        for p in names:
            update = self.pick(
                [
                    f"{p}.sub_(0.01 * {p}.grad.tanh())",
                    f"{p}.mul_(0.99).add_({p}.grad.tanh(), alpha=-0.01)",
                    f"{p}.copy_({p} - 0.1 * mg.sin({p}.grad))",
                ]
            )
            self.body.append(f"with mg.no_grad(): {p}.grad is None or {update}")

    # Between calls

    def happening(self) -> None:
        """One event."""
        x, _ = self.pick(self.tensors)
        alike = [y for y, s in self.tensors if y != x and s == dict(self.tensors)[x]]
        changes = [f"{x}.copy_(mg.rand_like({x}))", f"{x}.mul_(0.5)", f"{x} = {x} * 0.5"]
        changes += [f"{x}.data = {x}.data.clone()", f"{x}.data = {x}.data * 0.5"]
        changes += [f"{x}.data = {y}.data" for y in alike[:1]] * 2
        changes += [f"{x} = {y}" for y in alike[:1]]
        changes += [f"{x}, {y} = {y}, {x}" for y in alike[:1]]
        if self.params:
            p, _ = self.pick(self.params)
            changes += [f"{p}.grad = None", f"with mg.no_grad(): {p}.mul_(0.5)"]
            changes += [f"{p}.grad = mg.ones_like({p}).detach()", f"{p}.data = {p}.data.clone()"]
        self.event(self.pick(changes))
