"""Programs that differentiate functions: autograd.grad, functional, func, gradcheck."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from .graph_programs import leaf
from .programs import program, tried


# backward and grad


@program
def options_of_grad(torch: Any) -> Any:
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    z = (x * x).sum()
    grad = torch.autograd.grad
    return [
        tried(lambda: grad(z, [x, y], retain_graph=True)),
        tried(lambda: grad(z, [x, y], retain_graph=True, allow_unused=True)),
        tried(lambda: grad(z, [x, y], retain_graph=True, materialize_grads=True)),
        tried(lambda: grad(z, [x, y], allow_unused=False, materialize_grads=True)),
        tried(lambda: grad(x * x, x)),
        tried(lambda: grad(x * x, x, torch.ones(3))),
        tried(lambda: grad(x * x, x, [None])),
        tried(lambda: grad((x * x, z), (x,), (x.detach(), None), retain_graph=True)),
        tried(lambda: grad(z, x, torch.ones(1))),
        tried(lambda: grad(z, [], retain_graph=True)),
        tried(lambda: grad([], x)),
        tried(lambda: grad(z, torch.ones(2))),
    ]


@program
def backward_of_several(torch: Any) -> Any:
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    torch.autograd.backward([(x * y).sum(), x * 2], [None, y.detach()])
    errors = [
        tried(lambda: torch.autograd.backward([x.sum(), y.sum()], [None])),
        tried(
            lambda: torch.autograd.backward(x.sum(), grad_variables=torch.ones((), dtype=x.dtype))
        ),
        tried(
            lambda: torch.autograd.backward(x.sum(), torch.ones(()), grad_variables=torch.ones(()))
        ),
        tried(lambda: torch.autograd.backward(x.sum().detach())),
    ]
    return x.grad, y.grad, errors


@program
def backward_for_inputs(torch: Any) -> Any:
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    a = x * y
    (a * a).sum().backward(inputs=[x], retain_graph=True)
    (a * a).sum().backward(inputs=[a, y])
    return x.grad, y.grad, a.grad


@program
def asking_for_the_gradient_of_no_leaf_warns(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    y.sum().backward()
    return y.grad, y.retains_grad


@program
def a_gradient_that_was_asked_for_does_not_warn(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    y.retain_grad()
    before = y.grad
    y.sum().backward()
    return before, y.grad, y.retains_grad, x.retains_grad, torch.ones(1).grad


@program
def modes(torch: Any) -> Any:
    x, seen = leaf(torch, 1.0), []

    @torch.no_grad()
    def quiet() -> Any:
        return x * 2

    @torch.enable_grad()
    def loud() -> Any:
        return x * 2

    with torch.no_grad():
        seen.append(loud().requires_grad)
    seen.append(quiet().requires_grad)
    with torch.set_grad_enabled(False):
        seen.append((x * 2).requires_grad)
    with torch.inference_mode():
        seen.append((x * 2).requires_grad)
        with torch.enable_grad():
            seen.append((x * 2).requires_grad)
    with torch.inference_mode(False):
        seen.append((x * 2).requires_grad)
    with torch.autograd.set_multithreading_enabled(False):
        seen.append(torch.autograd.is_multithreading_enabled())
    seen.append(torch.autograd.is_multithreading_enabled())
    seen.append(torch.is_grad_enabled())
    return seen


@program
def old_names(torch: Any) -> Any:
    t = torch.ones(2)
    v = torch.autograd.Variable(t, requires_grad=True)
    same = v.data_ptr() == t.data_ptr()
    return v, same, isinstance(t, torch.autograd.Variable), isinstance(3, torch.autograd.Variable)


# autograd.functional


def _cases(torch: Any) -> dict[str, tuple[Callable[..., Any], Any]]:
    x = torch.tensor([0.5, 1.5], dtype=torch.float64)
    m = torch.tensor([[0.2, 0.4], [0.6, 0.8]], dtype=torch.float64)
    return {
        "vector": (lambda x: x**3 + x.sum(), x),
        "matrix": (lambda m: m @ m, m),
        "pair": (lambda x, m: (m @ x).exp(), (x, m)),
        "two": (lambda x, m: (m @ x, x.sum() * m), (x, m)),
        "alone": (lambda x: (x.sin(),), (x,)),
        "apart": (lambda x, m: x**2, (x, m)),
        "empty": (lambda x: x[:0] * 2, x),
        "number": (lambda x: x**2, torch.tensor(1.5, dtype=torch.float64)),
    }


def _ones(torch: Any, like: Any) -> Any:
    return (
        tuple(_ones(torch, t) for t in like) if isinstance(like, tuple) else torch.ones_like(like)
    )


@program
def jacobians(torch: Any) -> Any:
    run = torch.autograd.functional.jacobian
    return {k: run(f, x) for k, (f, x) in _cases(torch).items() if k != "empty"}


@program
def jacobians_vectorized(torch: Any) -> Any:
    run = torch.autograd.functional.jacobian
    cases = {k: c for k, c in _cases(torch).items() if k != "empty"}
    found = {k: run(f, x, vectorize=True) for k, (f, x) in cases.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        forward = run(*cases["vector"], vectorize=True, strategy="forward-mode")
    return found, forward


@program
def products_with_jacobians(torch: Any) -> Any:
    api, found = torch.autograd.functional, {}
    for k, (f, x) in _cases(torch).items():
        y = f(*x) if isinstance(x, tuple) else f(x)
        found[k] = (
            tried(lambda f=f, x=x, y=y: api.vjp(f, x, _ones(torch, y))),
            tried(lambda f=f, x=x: api.jvp(f, x, _ones(torch, x))),
        )
    return found


@program
def hessians(torch: Any) -> Any:
    api, found = torch.autograd.functional, {}
    for k, (f, x) in _cases(torch).items():

        def total(*args: Any, f: Any = f) -> Any:
            y = f(*args)
            return sum((t * t).sum() for t in (y if isinstance(y, tuple) else (y,)))

        found[k] = (
            api.hessian(total, x),
            api.vhp(total, x, _ones(torch, x)),
            api.hvp(total, x, _ones(torch, x)),
        )
    return found


@program
def derivatives_that_go_on(torch: Any) -> Any:
    api, found = torch.autograd.functional, []
    for run in (
        lambda x: api.jacobian(lambda x: x**3, x, create_graph=True),
        lambda x: api.hessian(lambda x: (x**4).sum(), x, create_graph=True),
        lambda x: api.vjp(lambda x: (x**3).sum(), x, create_graph=True)[1],
        lambda x: api.jvp(lambda x: x**3, x, torch.ones_like(x), create_graph=True)[1],
        lambda x: api.vhp(lambda x: (x**4).sum(), x, torch.ones_like(x), create_graph=True)[1],
        lambda x: api.hvp(lambda x: (x**4).sum(), x, torch.ones_like(x), create_graph=True)[1],
    ):
        x = leaf(torch, 0.5, 1.5)
        y = run(x)
        y.sum().backward()
        found.append((y, x.grad, run(x.detach())))
    return found


@program
def strict_derivatives(torch: Any) -> Any:
    api, x = torch.autograd.functional, torch.tensor([0.5, 1.5], dtype=torch.float64)
    flat, linear = (lambda x: torch.ones(2)), (lambda x: x.sum() * 2)
    unused = lambda x, y: x * 2  # noqa: E731
    found = []
    for strict in (False, True):
        found += [
            tried(lambda s=strict: api.jacobian(flat, x, strict=s)),
            tried(lambda s=strict: api.jacobian(unused, (x, x), strict=s)),
            tried(lambda s=strict: api.hessian(linear, x, strict=s)),
            tried(lambda s=strict: api.vjp(unused, (x, x), x, strict=s)),
            tried(lambda s=strict: api.jvp(flat, x, x, strict=s)),
            tried(lambda s=strict: api.vhp(linear, x, x, strict=s)),
            tried(lambda s=strict: api.hvp(linear, x, x, strict=s)),
            tried(lambda s=strict: api.vjp(lambda x: x * 1, x, x, strict=s)),
            tried(lambda s=strict: api.jacobian(lambda x: x, x, strict=s)),
        ]
    return found


@program
def what_functional_refuses(torch: Any) -> Any:
    api, x = torch.autograd.functional, torch.ones(2)
    square = lambda x: x**2  # noqa: E731
    return [
        tried(lambda: api.vjp(square, x)),
        tried(lambda: api.vjp(square, 3)),
        tried(lambda: api.vjp(square, (x, 3))),
        tried(lambda: api.vjp(lambda x: 3, x)),
        tried(lambda: api.jvp(square, x)),
        tried(lambda: api.jvp(square, x, torch.ones(3))),
        tried(lambda: api.jvp(square, x, (x, x))),
        tried(lambda: api.hessian(square, x)),
        tried(lambda: api.hessian(lambda x: (x, x), x)),
        tried(lambda: api.vhp(square, x, x)),
        tried(lambda: api.jacobian(square, x, strategy="forward-mode")),
        tried(lambda: api.jacobian(square, x, strategy="sideways")),
        tried(lambda: api.jacobian(square, x, vectorize=True, strict=True)),
        tried(
            lambda: api.jacobian(
                square, x, create_graph=True, vectorize=True, strategy="forward-mode"
            )
        ),
        tried(lambda: api.jacobian(square, torch.tensor([1, 2]))),
    ]


# torch.func


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
    for k, (f, x) in _cases(torch).items():
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


# gradcheck


class _Wrong:
    """A Function whose gradient is twice what it should be, or another kind of wrong."""

    def __new__(cls, torch: Any, back: Callable[[Any, Any], Any]) -> Any:
        class Wrong(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                ctx.save_for_backward(x)
                return x**2

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return back(ctx.saved_tensors[0], g)

        return Wrong.apply


@program
def checks_that_pass(torch: Any) -> Any:
    check, again = torch.autograd.gradcheck, torch.autograd.gradgradcheck
    x, m = leaf(torch, 0.3, 0.7), torch.ones(2, 2, dtype=torch.float64, requires_grad=True)
    cases = [
        (lambda x, m: (m @ x).sin(), (x, m)),
        (lambda x, k: x * k, (x, 3)),
        (lambda x: (x**3, x.exp()), (x,)),
        (lambda x: (x**3, x.detach()), x),
        (lambda x: x.detach() * 0, x),
        (lambda x: x.sum(), x),
    ]
    found = [check(f, given, fast_mode=fast) for f, given in cases for fast in (False, True)]
    cases = [case for i, case in enumerate(cases) if i not in (3, 4)]
    found += [again(f, given, fast_mode=fast) for f, given in cases for fast in (False, True)]
    found.append(again(cases[2][0], cases[2][1], gen_non_contig_grad_outputs=True))
    found.append(again(cases[0][0], cases[0][1], torch.ones(2, dtype=x.dtype, requires_grad=True)))
    return found, x.grad, x


@program
def checks_that_fail(torch: Any) -> Any:
    found: list[Any] = []
    check, again = torch.autograd.gradcheck, torch.autograd.gradgradcheck
    calls = [0]

    def drifting(x: Any, g: Any) -> Any:
        calls[0] += 1
        return 2 * x * g * (1 + 1e-7 * calls[0])

    for back in (
        lambda x, g: 4 * x * g,
        lambda x, g: 2 * x,
        lambda x, g: 2 * x * g + 1,
        drifting,
        lambda x, g: (2 * x * g).float(),
    ):
        f = _Wrong(torch, back)
        for fast in (False, True):
            x = leaf(torch, 0.3, 0.7)
            found.append(tried(lambda f=f, x=x, fast=fast: check(f, x, fast_mode=fast)))
            options = {"fast_mode": fast, "raise_exception": False}
            found.append(tried(lambda f=f, x=x, o=options: check(f, x, nondet_tol=1e-3, **o)))
    detached = _Wrong(torch, lambda x, g: 2 * x.detach() * g)
    found.append(check(detached, leaf(torch, 0.3)))
    found.append(tried(lambda: again(detached, leaf(torch, 0.3))))
    return found


@program
def checks_that_refuse(torch: Any) -> Any:
    check = torch.autograd.gradcheck
    x = leaf(torch, 0.3, 0.7)
    return [
        tried(lambda: check(torch.sin, x.detach())),
        tried(lambda: check(torch.sin, leaf(torch, 0.3).expand(3))),
        tried(lambda: check(torch.sin, x, check_backward_ad=False)),
        tried(lambda: check(torch.sin, torch.ones(2, requires_grad=True), eps=1e-2, atol=1e-2)),
    ]


@program
def undefined_gradients_are_checked(torch: Any) -> Any:
    class Two(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.set_materialize_grads(False)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx: Any, a: Any, b: Any) -> Any:
            return a * 2 + b * 3

    x = leaf(torch, 0.3, 0.7)
    check = torch.autograd.gradcheck
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            tried(lambda: check(Two.apply, x)),
            tried(lambda: check(Two.apply, x, check_undefined_grad=False)),
        ]
