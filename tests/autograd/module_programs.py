"""Programs around the hooks of modules."""

from __future__ import annotations

from typing import Any

from .graph_programs import leaf
from .programs import program, tried


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
