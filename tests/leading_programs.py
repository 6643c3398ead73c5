"""Programs that lead through every room of the library, for those who watch how it runs."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import numpy as np

import microgrest as mg
from microgrest import nn


def elementwise() -> None:
    """Operators of all forms, promotion, broadcasting, in place, into `out`."""
    x, y = mg.rand(3, 4, requires_grad=True), mg.rand(4, requires_grad=True)
    z = (x + y) * 2.0 - 1 / (x + 1) + x**2 + mg.where(x > 0.5, x, y).exp()
    z.add_(1).mul_(y)
    mg.add(x.detach(), 1, out=mg.empty(3, 4))
    (z.half().float() % 3).sum().backward()
    mg.tensor([5, 6]) // mg.tensor([2, 3])


def derivatives() -> None:
    """Derivatives of derivatives, hooks, several roots, inputs, a Function of a user's own."""
    x = mg.rand(3, requires_grad=True)
    y = x * x.sin()
    y.retain_grad()
    y.register_hook(lambda g: g * 2)
    (g,) = mg.autograd.grad((y * y).sum() + y.sum(), x, create_graph=True)
    (g * g).sum().backward(inputs=[x])
    Halves.apply(x)[0].sum().backward()
    sum(Halves.apply(x)).sum().backward()
    a, b = Halves.apply(x)
    (a * b + a).sum().backward(create_graph=True)
    mg.autograd.grad(x.sum(), [x, y], allow_unused=True, materialize_grads=True)


class Halves(mg.autograd.Function):
    """Two halves of what comes in."""

    @staticmethod
    def forward(ctx, x):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x)
        return x / 2, x / 2

    @staticmethod
    def backward(ctx, a, b):  # type: ignore[no-untyped-def]
        return (a + b) / 2


def views() -> None:
    """Views, writes through them, expanded memory, strides of one's own."""
    x = mg.rand(4, 6, requires_grad=True)
    y = x * 1
    y.t()[1:3].mul_(2)
    y[0] = y[1] * 2
    y.as_strided((3, 3), (2, 1)).sum().backward(retain_graph=True)
    x.expand(2, 4, 6).sum(0).prod(1).amax().backward()
    x.T.mT.reshape(-1).unflatten(0, (4, 6)).squeeze().flip(0).roll(1).sum().backward()
    w = x * 1
    w.split(2, 1)[0].zero_()
    [row.sum() for row in w]
    mg.cat([w, w]).unbind(0)
    w.half().expand(2, 4, 6).argmax()
    mg.ones(3, dtype=mg.int64).expand(2, 3).prod()
    mg.ones(3, dtype=mg.float16).expand(2, 3).sum(0)


def reductions() -> None:
    """Folds, searches, scans, statistics, products."""
    x = mg.rand(4, 5, requires_grad=True)
    (x.std() + x.var(0).sum() + x.norm()).backward()
    (x.cumsum(0) * x.cumprod(1)).max(1).values.sum().backward()
    (x @ x.T).matmul(x).trace().backward()
    mg.tensordot(x, x, 2)
    mg.allclose(x, x), x.nanmean(), x.all(), x.count_nonzero()


def indexing() -> None:
    """Reads and writes by index, by mask and by functions."""
    x = mg.rand(4, 5, requires_grad=True)
    i = mg.tensor([0, 2, -1])
    y = x * 1
    y[i] = y[i] * 2
    y[y > 0.5] = 0.0
    y[:, i] += 1
    y.index_put_((i,), mg.ones(3, 5), accumulate=True)
    y.gather(1, mg.zeros(4, 2, dtype=mg.int64)).sum().backward()
    h = mg.zeros(5, dtype=mg.float16)
    h.index_put_((mg.tensor([0, 0]),), mg.ones(2, dtype=mg.float16), accumulate=True)
    x.masked_select(x > 0.5), x.nonzero(), x.take(i), x.index_select(0, mg.tensor([1]))


def creation() -> None:
    """Tensors of data, filled, counted, random."""
    mg.tensor([[1, 2.5], [3, mg.tensor(4)]], dtype=mg.float16)
    mg.as_tensor(np.arange(3), dtype=mg.float32), mg.from_dlpack(np.ones(3))
    mg.full((2,), 3), mg.zeros_like(mg.eye(3)), mg.linspace(0, 1, 5), mg.arange(0, 1, 0.25)
    mg.manual_seed(0)
    mg.randn(3, dtype=mg.float16), mg.randint(5, (3,)), mg.randperm(4)
    mg.normal(mg.zeros(3), mg.ones(3)), mg.bernoulli(mg.rand(3)), mg.rand(3).normal_().uniform_()
    mg.zeros(3).bernoulli_(0.5), mg.zeros(3).random_(4)


def others() -> None:
    """Python's and NumPy's protocols."""
    x = mg.rand(3)
    repr(x), f"{x[0]:.2f}", list(x), 0.5 in x, bool(x[0]), float(x[0]), np.sin(x), np.sum(x)
    copy.deepcopy(x), copy.copy(x), pickle.loads(pickle.dumps(x)), np.from_dlpack(x), x.type()
    x.to(mg.float64, copy=True).numpy(), x.tolist(), x.new_zeros(2), x.type(mg.int32)


def training() -> None:
    """A net, an optimizer, a scheduler, a compiled step."""
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(), nn.Linear(4, 1))
    optimizer = mg.optim.Adam(net.parameters(), lr=0.1)
    scheduler = mg.optim.lr_scheduler.StepLR(optimizer, 2)
    x, y = mg.rand(8, 3), mg.rand(8, 1)

    def step(x: mg.Tensor, y: mg.Tensor) -> mg.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        return loss

    for _ in range(3):
        step(x, y)
        scheduler.step()
    net.load_state_dict(net.state_dict())


PROGRAMS: tuple[Callable[[], None], ...] = (
    elementwise,
    derivatives,
    views,
    reductions,
    indexing,
    creation,
    others,
    training,
)
