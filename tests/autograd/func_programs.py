"""Programs around torch.func."""

from __future__ import annotations

from typing import Any

from .derivative_programs import cases
from .graph_programs import leaf
from .programs import program, tried


@program
def gradients_of_functions(torch: Any) -> Any:
    func, x = torch.func, torch.tensor([0.5, 1.5], dtype=torch.float64)
    cube = lambda x: (x**3).sum()  # noqa: E731
    product = lambda x, y: (x * y * y).sum()  # noqa: E731
    nest = {"a": x, "b": [x * 2, (x * 3,)]}
    return [
        func.grad(cube)(x),
        func.grad_and_value(cube)(x),
        func.grad(lambda x: func.grad(cube)(x).sum())(x),
        func.grad(product, argnums=(0, 1))(x, x),
        func.grad(product, argnums=-1)(x, x),
        func.grad(lambda x: (cube(x), {"aux": x * 2}), has_aux=True)(x),
        func.grad_and_value(lambda x: (cube(x), x * 2), has_aux=True)(x),
        func.grad(lambda d: (d["a"] * d["b"][0] * d["b"][1][0]).sum())(nest),
        func.grad(lambda x, k=1: (x * k).sum())(x, k=3),
        func.grad(lambda x: torch.ones((), dtype=x.dtype))(x),
    ]


@program
def functions_within_graphs(torch: Any) -> Any:
    func, x = torch.func, leaf(torch, 0.5, 1.5)
    w = leaf(torch, 2.0, 3.0)
    first = func.grad(lambda y: (y * y * w).sum())(x)
    first.sum().backward()
    found = [first, x.grad, w.grad, func.grad(lambda y: (y * y * w).sum())(x.detach())]
    with torch.no_grad():
        found.append(func.grad(lambda y: (y**3).sum())(x))
    output, pull = func.vjp(lambda y: y * w, x)
    found += [output, pull(torch.ones_like(x)), pull(torch.ones_like(x))]
    found.append(func.grad(lambda y: (y * x.detach()).sum())(torch.ones_like(x)))
    return found


@program
def jacobians_of_functions(torch: Any) -> Any:
    func, found = torch.func, {}
    for k, (f, x) in cases(torch).items():
        args = x if isinstance(x, tuple) else (x,)
        argnums = tuple(range(len(args)))
        found[k] = [func.jacrev(f)(*args), func.jacrev(f, argnums)(*args)]
        if k != "empty":
            found[k].append(func.jacfwd(f, argnums)(*args))
    x = torch.tensor([0.5, 1.5], dtype=torch.float64)
    found["nest"] = func.jacrev(lambda d: {"p": d["a"] ** 2, "q": [d["a"].sum()]})({"a": x})
    found["aux"] = func.jacrev(lambda x: (x**2, x.sum()), has_aux=True)(x)
    found["hessian"] = func.hessian(lambda x: (x**3).prod())(x)
    found["hessian of two"] = func.hessian(lambda x, y: (x * y).sum() ** 2, argnums=(0, 1))(x, x)
    found["of a gradient"] = func.jacrev(func.grad(lambda x: (x**3).prod()))(x)
    return found


@program
def pushes_and_pulls(torch: Any) -> Any:
    func, x = torch.func, torch.tensor([0.5, 1.5], dtype=torch.float64)
    ones = torch.ones_like(x)
    both, pull = func.vjp(lambda x, y: (x * y, {"s": x.sum()}), x, x * 2)
    s = torch.ones((), dtype=x.dtype)
    output, pull_one, aux = func.vjp(lambda x: (x**2, x.sum()), x, has_aux=True)
    return [
        both,
        pull((ones, {"s": s})),
        (output, pull_one(ones), aux),
        func.jvp(lambda x: x**3, (x,), (ones,)),
        func.jvp(lambda x, y: (x * y, y), (x, x), (ones, ones * 2)),
        func.jvp(lambda x: (x**2, x.sum()), (x,), (ones,), has_aux=True),
        func.grad(lambda x: func.jvp(lambda y: y**3, (x,), (ones,))[1].sum())(x),
    ]


@program
def what_func_refuses(torch: Any) -> Any:
    func, x = torch.func, torch.ones(2)
    square = lambda x: x**2  # noqa: E731
    return [
        tried(lambda: func.grad(square)(x)),
        tried(lambda: func.grad(lambda x: 3)(x)),
        tried(lambda: func.grad(lambda x: (x.sum(), 1))(x)),
        tried(lambda: func.grad(lambda x: x.sum(), has_aux=True)(x)),
        tried(lambda: func.grad(lambda x: x.sum(), argnums=2)(x)),
        tried(lambda: func.grad(lambda x: x.sum())(torch.tensor([1, 2]))),
        tried(lambda: func.grad(lambda x: x)(3.0)),
        tried(lambda: func.jvp(square, x, x)),
        tried(lambda: func.jvp(square, (x,), (torch.ones(3),))),
        tried(lambda: func.jacrev(lambda x: 3)(x)),
        tried(lambda: func.vjp(square, x)[1](torch.ones(3))),
        tried(lambda: func.vjp(lambda x: (x, x * 2), x)[1](x)),
    ]


@program
def modules_as_functions(torch: Any) -> Any:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh(), torch.nn.Linear(2, 1))
    with torch.no_grad():
        for i, p in enumerate(model.parameters()):
            p.fill_(0.1 * (i + 1))
    x, call = torch.ones(3, 2), torch.func.functional_call
    own = {name: p.detach() * 2 for name, p in model.named_parameters()}
    found = [
        call(model, own, (x,)),
        call(model, own, x),
        call(model, {"0.weight": own["0.weight"]}, x),
        torch.func.grad(lambda p: call(model, p, (x,)).sum())(own),
        call(model, [{"0.weight": own["0.weight"]}, {"0.bias": own["0.bias"]}], x),
        [p.grad for p in model.parameters()],
        tried(lambda: call(model, {"0.weight": own["0.weight"]}, x, strict=True)),
        tried(lambda: call(model, {**own, "more": x}, x, strict=True)),
        tried(lambda: call(model, [own, own], x)),
        tried(lambda: call(model, 3, x)),
        tried(lambda: call(model, {"0.weight": 3}, x)),
        tried(lambda: call(model, {"0.weight": torch.ones(5, 7)}, x)),
    ]
    return [*found, list(model.parameters())]


@program
def tied_weights(torch: Any) -> Any:
    class Tied(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = torch.nn.Parameter(torch.ones(2))
            self.b = self.a

        def forward(self, x: Any) -> Any:
            return self.a * x + self.b

    module, new = Tied(), torch.full((2,), 5.0)
    call = torch.func.functional_call
    return [
        call(module, {"a": new}, torch.ones(2)),
        call(module, {"a": new}, torch.ones(2), tie_weights=False),
    ]
