"""Steps of many kinds, each made anew with the same numbers: `make()` gives (step, tensors)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import microgrest as mg
from microgrest import nn

Made = tuple[Callable[..., Any], list[Any]]
PROGRAMS: dict[str, Callable[[], Made]] = {}


def program(make: Callable[[], Made]) -> Callable[[], Made]:
    """Enter a program: what its step changes is in the tensors, beside what it returns."""
    PROGRAMS[make.__name__] = make
    return make


def data(n: int = 50) -> tuple[Any, Any]:
    """x and sin(x)."""
    x = mg.linspace(-math.pi, math.pi, n)
    return x, mg.sin(x)


@program
def cubic_autograd() -> Made:
    x, y = data()
    a, b, c, d = (mg.tensor(v, requires_grad=True) for v in (0.1, -0.2, 0.3, -0.4))

    def step() -> Any:
        y_pred = a + b * x + c * x**2 + d * x**3
        loss = (y_pred - y).pow(2).sum()
        loss.backward()
        with mg.no_grad():
            for p in (a, b, c, d):
                p -= 1e-5 * p.grad
                p.grad = None
        return loss

    return step, [a, b, c, d]


@program
def cubic_by_hand() -> Made:
    x, y = data()
    a, b, c, d = (mg.tensor(v) for v in (0.1, -0.2, 0.3, -0.4))

    def step() -> Any:
        y_pred = a + b * x + c * x**2 + d * x**3
        loss = (y_pred - y).pow(2).sum()
        bar = 2.0 * (y_pred - y)
        for p, g in zip((a, b, c, d), (bar, bar * x, bar * x**2, bar * x**3), strict=True):
            p -= 1e-5 * g.sum()
        return loss

    return step, [a, b, c, d]


def fitting(optimizer: Callable[..., Any], zero: str = "first", **options: Any) -> Made:
    """A linear layer on powers of x, as the examples have it."""
    x, y = data()
    mg.manual_seed(1)
    xx = x.unsqueeze(-1).pow(mg.tensor([1, 2, 3]))
    model = nn.Sequential(nn.Linear(3, 1), nn.Flatten(0, 1))
    criterion = nn.MSELoss(reduction="sum")
    rule = optimizer(model.parameters(), **options)

    def step() -> Any:
        if zero == "first":
            rule.zero_grad()
        loss = criterion(model(xx), y)
        loss.backward()
        rule.step()
        if zero == "keep":
            rule.zero_grad(set_to_none=False)
        return loss

    return step, list(model.parameters())


for name, options in {
    "sgd": {"lr": 1e-5},
    "momentum": {"lr": 1e-5, "momentum": 0.9},
    "nesterov": {"lr": 1e-5, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
}.items():
    PROGRAMS[name] = lambda options=options: fitting(mg.optim.SGD, **options)
PROGRAMS["rmsprop"] = lambda: fitting(mg.optim.RMSprop, lr=1e-3)
PROGRAMS["zeroed"] = lambda: fitting(mg.optim.SGD, "keep", lr=1e-6)
PROGRAMS["accumulated"] = lambda: fitting(mg.optim.SGD, "never", lr=1e-7)


@program
def sequential_by_hand() -> Made:
    x, y = data()
    mg.manual_seed(1)
    xx = x.unsqueeze(-1).pow(mg.tensor([1, 2, 3]))
    model = nn.Sequential(nn.Linear(3, 1), nn.Flatten(0, 1))

    def step() -> Any:
        loss = nn.MSELoss(reduction="sum")(model(xx), y)
        model.zero_grad()
        loss.backward()
        with mg.no_grad():
            for param in model.parameters():
                param -= 1e-6 * param.grad
        return loss

    return step, list(model.parameters())


@program
def two_backwards() -> Made:
    w = mg.tensor([1.0, 2.0, 3.0], requires_grad=True)

    def step() -> Any:
        w.grad = None
        (w * w).sum().backward()
        (w * 3).sum().backward()
        with mg.no_grad():
            w.sub_(w.grad, alpha=0.1)
        return w.grad.sum(), {"norm": w.grad.pow(2).sum().sqrt()}

    return step, [w]


@program
def read_and_replaced() -> Made:
    """The gradient of the step before is read, then another takes its place."""
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    w.grad = mg.tensor([0.5, 0.5])

    def step() -> Any:
        before = w.grad * 0.5
        w.grad = None
        (w * w).sum().backward()
        with mg.no_grad():
            w.sub_(w.grad + before, alpha=0.1)
        return before

    return step, [w]


@program
def closure() -> Made:
    w = mg.tensor([1.0, -1.0], requires_grad=True)
    rule = mg.optim.SGD([w], lr=0.1)

    def loss() -> Any:
        rule.zero_grad()
        value = (w**2).sum()
        value.backward()
        return value

    return lambda: rule.step(loss), [w]


@program
def in_place_and_views() -> Made:
    a = mg.arange(12, dtype=mg.float32).reshape(3, 4)
    total = mg.zeros(4)

    def step() -> Any:
        a[1] += 1
        a[:, 2].mul_(0.5)
        b = a.t()[1:3]
        total.add_(b.sum(1).mean())
        a.t()[0] = total[1:]
        c = a.clone()
        c[0, 1:] = -1
        return c, b.flip(0), a[2], mg.cat([a, c], 1)

    return step, [a, total]


@program
def views_with_gradients() -> Made:
    w = mg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)

    def step() -> Any:
        h = w * 2
        h[0] = h[1] + h[0]
        h[:, 1] *= 3
        (g,) = mg.autograd.grad(h.sum(), [w])
        with mg.no_grad():
            w.sub_(0.01 * g)
        return g, h.max(), h.argmax()

    return step, [w]


@program
def embedding() -> Made:
    mg.manual_seed(3)
    table = mg.randn(7, 3).requires_grad_()
    words = mg.tensor([[1, 2, -1], [0, 2, 2]])

    def step() -> Any:
        found = table[words]
        picked = mg.gather(table, 0, mg.tensor([[0, 1, 2]]))
        loss = found.pow(2).sum() + picked.sum() + table[:, [0, 2]].sum()
        loss.backward()
        with mg.no_grad():
            table.sub_(table.grad, alpha=0.1)
        table.grad = None
        words[0, 0] = (words[0, 0] + 1) % 7
        return loss, found

    return step, [table, words]


@program
def draws() -> Made:
    mg.manual_seed(5)
    own = mg.Generator()
    own.manual_seed(9)
    x = mg.zeros(5)

    def step() -> Any:
        x.add_(mg.randn(5))
        a = mg.rand(3, 3, generator=own)
        b = mg.bernoulli(a)
        x.normal_(generator=own)
        return a, b, mg.randint(0, 10, (4,)), mg.randperm(6), mg.rand(2, dtype=mg.float16)

    return step, [x]


@program
def many_kinds() -> Made:
    mg.manual_seed(2)
    x = mg.randn(4, 6)
    h = x.half()

    def step() -> Any:
        x.mul_(1.01)
        values, places = x.max(1)
        top = mg.cumsum(x, 1), mg.cummax(x, 1).values, mg.logcumsumexp(x, 0), x.prod(0)
        mixed = (h * 2 + 1).sum(0), h @ h.t(), x.double() @ x.double().t(), x.std(1)
        flags = (x > 0).any(1), (x > 0) & (x < 1), x.int() // 2, mg.where(x > 0, x, -x)
        return values, places, list(top), mixed, {"flags": flags}, x.mean(), 3, "text"

    return step, [x]


@program
def sorted_losses() -> Made:
    """The half with the smallest losses trains: by values of a sort, and its gradients."""
    x, y = data()
    a, b = (mg.tensor(v, requires_grad=True) for v in (0.5, 0.1))

    def step() -> Any:
        losses = (a * x + b - y).square()
        loss = losses.sort(stable=True).values[:25].sum()
        loss.backward()
        with mg.no_grad():
            for p in (a, b):
                p -= 1e-3 * p.grad
                p.grad = None
        return loss, losses.view(5, 10).detach().sort(0, descending=True)

    return step, [a, b]


@program
def buckets() -> Made:
    """Values from a table, by binary search, of one that moves."""
    mg.manual_seed(7)
    edges, table, x = mg.linspace(-1, 1, 8), mg.randn(9), mg.randn(3, 5)

    def step() -> Any:
        edges.mul_(1.01)
        places = mg.searchsorted(edges, x, right=True)
        rows = mg.searchsorted(x.sort(1).values, x, out_int32=True)
        return table[places].sum(1), places, rows, mg.bucketize(0.5, edges)

    return step, [edges]


@program
def meetings() -> Made:
    """A table that is scattered to in place, its best rows, its middle, and their gradients."""
    x = mg.linspace(-1, 1, 12).view(3, 4).sin()
    table = (mg.arange(12.0).view(3, 4) / 7 - 0.5).requires_grad_()
    index = mg.tensor([[0, 2, 1, 0], [2, 2, 0, 1]])
    sums = mg.zeros(3, 4)

    def step() -> Any:
        best = table.scatter_reduce(0, index, x[:2], "amax")
        products = table.scatter_reduce(0, index, table[:2] * 2, "prod", include_self=False)
        values, places = best.topk(2, 1)
        loss = values.sum() + best.median() + products.quantile(0.3) + mg.cdist(best, x).sum()
        loss.backward()
        with mg.no_grad():
            table.sub_(0.01 * table.grad)
            sums.index_add_(0, places[:, 0].clamp(0, 2), table.detach(), alpha=0.5)
        table.grad = None
        return loss, mg.einsum("ij,kj->ik", table.detach(), x), sums.mode(0).values

    return step, [table, sums]


@program
def products() -> Made:
    mg.manual_seed(4)
    a, b, v = mg.randn(3, 4), mg.randn(2, 4, 5), mg.randn(4)

    def step() -> Any:
        v.mul_(0.9)
        return a @ v, v @ a.t(), mg.bmm(b.transpose(1, 2), b), v @ v, a @ b[0], a[:, ::2] @ b[1, :2]

    return step, [v]


@program
def replaced_data() -> Made:
    w = mg.tensor([1.0, 2.0], requires_grad=True)

    def step() -> Any:
        loss = (w**2).sum()
        loss.backward()
        w.data = w.data - 0.1 * w.grad
        w.grad = None
        return loss

    return step, [w]


@program
def replaced_buffer() -> Made:
    module = nn.Module()
    module.register_buffer("mean", mg.zeros(3))
    x = mg.tensor([1.0, 2.0, 3.0])

    def step() -> Any:
        module.mean = 0.9 * module.mean + 0.1 * x
        return module.mean.sum()

    return step, [module.mean]
