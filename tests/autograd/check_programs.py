"""Programs around gradcheck and gradgradcheck."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from .graph_programs import leaf
from .programs import program, tried


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
