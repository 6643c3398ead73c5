"""Programs around checkpoints."""

from __future__ import annotations

from typing import Any

from .graph_programs import leaf
from .programs import program, tried


def _net(torch: Any) -> Any:
    net = torch.nn.Sequential(
        *[torch.nn.Linear(2, 2) if i % 2 else torch.nn.Tanh() for i in range(5)]
    )
    with torch.no_grad():
        for i, p in enumerate(net.parameters()):
            p.copy_(torch.arange(p.numel()).reshape(p.shape) * 0.1 + 0.1 * i)
    return net


@program
def checkpoints(torch: Any) -> Any:
    found = []
    for reentrant in (False, True):
        net, x = _net(torch), torch.ones(3, 2, requires_grad=True)
        y = torch.utils.checkpoint.checkpoint(net, x, use_reentrant=reentrant)
        (y * x).sum().backward()
        found.append((y, x.grad, [p.grad for p in net.parameters()]))
    return found


@program
def checkpoints_in_a_row(torch: Any) -> Any:
    found = []
    for reentrant in (False, True):
        for segments in (1, 2, 3):
            net, x = _net(torch), torch.ones(3, 2, requires_grad=True)
            run = torch.utils.checkpoint.checkpoint_sequential
            y = run(net, segments, x, use_reentrant=reentrant)
            y.sum().backward()
            found.append((y, x.grad, [p.grad for p in net.parameters()]))
    return found


@program
def checkpoints_within_checkpoints(torch: Any) -> Any:
    checkpoint = torch.utils.checkpoint.checkpoint
    calls: list[str] = []

    def inner(x: Any) -> Any:
        calls.append("inner")
        return x.sin().exp()

    def outer(x: Any, k: float = 1.0) -> Any:
        calls.append("outer")
        return (checkpoint(inner, x * k, use_reentrant=False) * x).tanh()

    x = leaf(torch, 0.1, 0.2)
    y = checkpoint(outer, x, k=2.0, use_reentrant=False)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    return y, g, h, calls[:2]


@program
def a_checkpoint_runs_twice(torch: Any) -> Any:
    counts = []
    for options in ({}, {"early_stop": False}, {"preserve_rng_state": False}):
        calls = []

        def f(x: Any, calls: Any = calls) -> Any:
            calls.append(torch.is_grad_enabled())
            y = x.exp()
            calls.append("middle")
            y = y.exp()
            calls.append("end")
            return y * 2.0

        x = leaf(torch, 0.1)
        y = torch.utils.checkpoint.checkpoint(f, x, use_reentrant=False, **options)
        y.backward(retain_graph=True)
        y.backward()
        counts.append((calls, x.grad))
    return counts


@program
def a_checkpoint_draws_the_same_numbers(torch: Any) -> Any:
    found = []
    for reentrant in (False, True):
        kept = []

        def f(x: Any, kept: Any = kept) -> Any:
            mask = (torch.rand(100, dtype=torch.float64) < 0.5) * 1.0
            kept.append(mask)
            return x * mask * x

        x = torch.ones(100, dtype=torch.float64, requires_grad=True)
        y = torch.utils.checkpoint.checkpoint(f, x, use_reentrant=reentrant)
        after = torch.rand(1)
        y.sum().backward()
        found += [len(kept), bool((kept[0] == kept[1]).all()), bool((x.grad == 2 * kept[0]).all())]
        found.append(bool((torch.rand(1) != after).all()))
    return found


@program
def checkpoints_that_change(torch: Any) -> Any:
    def run(first: Any, then: Any, **options: Any) -> Any:
        calls: list[int] = []

        def f(x: Any) -> Any:
            calls.append(1)
            return first(x) if len(calls) == 1 else then(x)

        x = leaf(torch, 1.0, 2.0)
        checkpoint = torch.utils.checkpoint.checkpoint
        checkpoint(f, x, use_reentrant=False, **options).sum().backward()
        return x.grad

    more, less = (lambda x: x.exp().exp()), (lambda x: x.exp())
    return [
        tried(lambda: run(less, more, early_stop=False)),
        tried(lambda: run(more, lambda x: x.detach() * 1)),
        tried(lambda: run(less, lambda x: x[:1].exp())),
        tried(lambda: run(less, less, early_stop=False)),
    ]


@program
def what_a_reentrant_checkpoint_refuses(torch: Any) -> Any:
    checkpoint = torch.utils.checkpoint.checkpoint
    x = leaf(torch, 1.0)
    return [
        tried(lambda: checkpoint(torch.sin, x, b=2, use_reentrant=True)),
        tried(lambda: torch.autograd.grad(checkpoint(torch.sin, x, use_reentrant=True), x)),
        tried(lambda: checkpoint(torch.sin, x, use_reentrant=True).backward(inputs=[x])),
        tried(lambda: checkpoint(torch.sin, x)),
        tried(lambda: checkpoint(torch.sin, x.detach(), use_reentrant=True)),
    ]


@program
def a_checkpoint_s_input_is_written_to(torch: Any) -> Any:
    x = leaf(torch, 1.0)
    a = x * 1
    y = torch.utils.checkpoint.checkpoint(torch.exp, a, use_reentrant=False)
    a.add_(1)
    return tried(y.backward)
