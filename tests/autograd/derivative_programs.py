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


def cases(torch: Any) -> dict[str, tuple[Callable[..., Any], Any]]:
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
    return {k: run(f, x) for k, (f, x) in cases(torch).items() if k != "empty"}


@program
def jacobians_vectorized(torch: Any) -> Any:
    run = torch.autograd.functional.jacobian
    some = {k: c for k, c in cases(torch).items() if k != "empty"}
    found = {k: run(f, x, vectorize=True) for k, (f, x) in some.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        forward = run(*some["vector"], vectorize=True, strategy="forward-mode")
    return found, forward


@program
def products_with_jacobians(torch: Any) -> Any:
    api, found = torch.autograd.functional, {}
    for k, (f, x) in cases(torch).items():
        y = f(*x) if isinstance(x, tuple) else f(x)
        found[k] = (
            tried(lambda f=f, x=x, y=y: api.vjp(f, x, _ones(torch, y))),
            tried(lambda f=f, x=x: api.jvp(f, x, _ones(torch, x))),
        )
    return found


@program
def hessians(torch: Any) -> Any:
    api, found = torch.autograd.functional, {}
    for k, (f, x) in cases(torch).items():

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
