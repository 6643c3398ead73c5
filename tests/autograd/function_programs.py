"""Programs around a user's Function and anomaly mode."""

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
