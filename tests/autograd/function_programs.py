"""Programs around a user's Function, module hooks, checkpoints and anomaly mode."""

from __future__ import annotations

import warnings
from typing import Any

from .graph_programs import leaf
from .programs import program, tried


@program
def a_function_with_setup_context(torch: Any) -> Any:
    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(x: Any, factor: Any, power: int = 2) -> Any:
            return factor * x**power

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            x, factor, ctx.power = inputs
            ctx.save_for_backward(x, factor)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, factor = ctx.saved_tensors
            needs = ctx.needs_input_grad
            return g * factor * ctx.power * x ** (ctx.power - 1), (g * x**2).sum(), None, needs

    class Right(Scale):
        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return Scale.backward(ctx, g)[:3]

    x, factor = leaf(torch, 1.0, 2.0), torch.tensor(3.0, dtype=torch.float64)
    y = Right.apply(x, factor, 2)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    wrong = tried(lambda: Scale.apply(x, factor, 2).sum().backward())
    return y.grad_fn.name(), type(y.grad_fn).__name__, g, h, wrong


@program
def a_function_s_node(torch: Any) -> Any:
    class Keep(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            ctx.factor = 3
            return x * 3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.factor

    x = leaf(torch, 1.0, 2.0)
    node = Keep.apply(x).grad_fn
    return (
        node.factor,
        node.saved_tensors[0] is x,
        node.needs_input_grad,
        tried(lambda: node.nothing),
        node.next_functions[0][0].variable is x,
    )


@program
def what_is_once_differentiable(torch: Any) -> Any:
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**2

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, g: Any) -> Any:
            return 2 * ctx.saved_tensors[0] * g

    x = leaf(torch, 1.0, 2.0)
    (Once.apply(x) * x).sum().backward()
    (g,) = torch.autograd.grad((Once.apply(x) * x).sum(), x, create_graph=True)
    return x.grad, g


@program
def gradients_are_not_materialized(torch: Any) -> Any:
    seen: list[Any] = []

    class Two(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.set_materialize_grads(False)
            return x * 1, x * 2

        @staticmethod
        def backward(ctx: Any, a: Any, b: Any) -> Any:
            seen.append((a, b))
            return b * 2

    x = leaf(torch, 1.0, 2.0)
    Two.apply(x)[1].sum().backward()
    return seen, x.grad


@program
def dirty_and_plain(torch: Any) -> Any:
    class Add(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            x.add_(1)
            ctx.mark_dirty(x)
            rank = x.argsort().double()
            ctx.mark_non_differentiable(rank)
            return x, rank

        @staticmethod
        def backward(ctx: Any, g: Any, rank: Any) -> Any:
            return g * 5

    x = leaf(torch, 2.0, 1.0)
    a = x * 1
    y, rank = Add.apply(a)
    y.sum().backward()
    return y is a, y, rank, x.grad, tried(lambda: Add.apply(x))


# Modules


@program
def module_hooks_in_both_directions(torch: Any) -> Any:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh(), torch.nn.Linear(2, 1))
    with torch.no_grad():
        for i, p in enumerate(model.parameters()):
            p.fill_(0.1 * (i + 1))
    seen: list[Any] = []
    for name, layer in model.named_modules():
        layer.register_forward_pre_hook(lambda m, a, n=name: seen.append((n, "pre")))
        layer.register_forward_hook(lambda m, a, y, n=name: seen.append((n, "forward")))
        layer.register_full_backward_pre_hook(lambda m, g, n=name: seen.append((n, "back", g)))
        layer.register_full_backward_hook(lambda m, i, g, n=name: seen.append((n, "done", i, g)))
    x = torch.ones(3, 2, requires_grad=True)
    model(x).sum().backward()
    return seen, x.grad, [p.grad for p in model.parameters()]


@program
def backward_hooks_replace(torch: Any) -> Any:
    layer = torch.nn.Identity()
    layer.register_full_backward_pre_hook(lambda m, g: (g[0] * 2,))
    layer.register_full_backward_hook(lambda m, i, g: (i[0] + g[0],))
    x = leaf(torch, 1.0, 2.0)
    y = layer(x)
    y.sum().backward()
    return x.grad, y.grad_fn.name()


class _Mixed:
    """Makes a module that takes and returns several things."""

    def __new__(cls, torch: Any) -> Any:
        class Mixed(torch.nn.Module):
            def forward(self, x: Any, n: int, y: Any, z: Any = None) -> Any:
                return x * y * n, n, y.detach()

        return Mixed()


@program
def backward_hooks_of_mixed_values(torch: Any) -> Any:
    module, seen = _Mixed(torch), []
    module.register_full_backward_hook(lambda m, i, g: seen.append((i, g)))
    x, y = leaf(torch, 1.0, 2.0), torch.tensor([3.0, 4.0], dtype=torch.float64)
    result = module(x, 2, y, z=x)
    result[0].sum().backward()
    return seen, x.grad, [type(r).__name__ for r in result]


@program
def backward_hooks_without_inputs_that_require_grad(torch: Any) -> Any:
    layer, seen = torch.nn.Linear(2, 1), []
    layer.register_full_backward_hook(lambda m, i, g: seen.append((i, g)))
    layer(torch.ones(1, 2)).sum().backward()
    with torch.no_grad():
        layer(torch.ones(1, 2))
    layer.register_full_backward_hook(lambda m, i, g: (torch.ones(1, 2),))
    return seen, tried(lambda: layer(torch.ones(1, 2)).sum().backward())


@program
def wrong_backward_hooks(torch: Any) -> Any:
    def run(register: str, hook: Any) -> Any:
        layer = torch.nn.Identity()
        getattr(layer, register)(hook)
        x = leaf(torch, 1.0, 2.0)
        layer(x).sum().backward()
        return x.grad

    def written() -> Any:
        layer = torch.nn.Identity()
        layer.register_full_backward_hook(lambda m, i, g: None)
        return layer(leaf(torch, 1.0)).add_(1)

    return [
        tried(lambda: run("register_full_backward_hook", lambda m, i, g: (i[0], i[0]))),
        tried(lambda: run("register_full_backward_pre_hook", lambda m, g: (g[0], g[0]))),
        tried(written),
    ]


@program
def hooks_of_all_modules(torch: Any) -> Any:
    from_all, seen = torch.nn.modules.module, []
    handles = [
        from_all.register_module_forward_pre_hook(lambda m, a: seen.append("pre")),
        from_all.register_module_forward_hook(lambda m, a, y: y * 2),
        from_all.register_module_full_backward_pre_hook(lambda m, g: seen.append("back")),
        from_all.register_module_full_backward_hook(lambda m, i, g: seen.append(i)),
    ]
    layer, x = torch.nn.Identity(), leaf(torch, 1.0)
    layer.register_forward_hook(lambda m, a, y: y + 1)
    try:
        y = layer(x)
        y.backward()
    finally:
        for handle in handles:
            handle.remove()
    return y, seen, layer(x), x.grad


@program
def hooks_with_everything(torch: Any) -> Any:
    module, seen = _Mixed(torch), []
    module.register_forward_pre_hook(
        lambda m, a, k: ((a[0] * 2, *a[1:]), {**k, "z": 1}), with_kwargs=True
    )
    module.register_forward_hook(lambda m, a, k, y: seen.append((a, k)), with_kwargs=True)
    module.register_forward_hook(lambda m, a, y: seen.append(("always", y)), always_call=True)
    module.register_forward_hook(lambda m, a, y: seen.append("first"), prepend=True)
    x = leaf(torch, 1.0)
    module(x, 2, x)
    return seen, tried(lambda: module(x, "a", None)), seen[-1]


# Checkpoints


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


# Anomaly mode


@program
def anomaly_mode_is_switched(torch: Any) -> Any:
    def now() -> Any:
        return torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()

    seen = [now()]
    with torch.autograd.detect_anomaly(check_nan=False):
        seen.append(now())
        with torch.autograd.set_detect_anomaly(False):
            seen.append(now())
        seen.append(now())
    torch.autograd.set_detect_anomaly(True)
    seen.append(now())
    torch.autograd.set_detect_anomaly(False)
    return seen, now()


@program
def anomaly_mode_finds_nan(torch: Any) -> Any:
    found = []
    for check in (True, False):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            x = leaf(torch, -1.0, 4.0)
            with torch.autograd.set_detect_anomaly(True, check_nan=check):
                y = x.sqrt() * 2
                try:
                    y.sum().backward()
                    found.append(bool(x.grad.isnan().any()))
                except RuntimeError as error:
                    found.append(str(error))
        texts = [str(w.message) for w in told]
        found += ["y = x.sqrt() * 2" in t and "Error detected in SqrtBackward0" in t for t in texts]
    return found


@program
def anomaly_mode_knows_only_what_it_saw(torch: Any) -> Any:
    class Bad(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            raise KeyError("mine")

    y = Bad.apply(leaf(torch, 1.0))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with torch.autograd.set_detect_anomaly(True):
            error = tried(y.backward)
    text = str(told[0].message)
    return error, len(told), "BadBackward" in text, "No forward pass information" in text
