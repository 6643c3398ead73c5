"""Functions, programs on them and their errors, for either library: `functions(lib)`."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import microgrest as mg


def functions(lib: Any) -> Any:
    """The Functions of the tests, made for a library: ours or PyTorch."""
    Function: Any = lib.autograd.Function

    class Cube(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return 3 * x * x * g

    class Exp(Function):
        """Saves its output."""

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.saved_tensors[0]

    class Blend(Function):
        """x * y * scale, its context set up apart."""

        @staticmethod
        def forward(x: Any, y: Any, scale: float = 2.0) -> Any:
            return x * y * scale

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            x, y, ctx.scale = inputs
            ctx.save_for_backward(x, y)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, y = ctx.saved_tensors
            first, second = ctx.needs_input_grad[:2]
            return (
                (g * y).sum_to_size(x.shape) * ctx.scale if first else None,
                (g * x).sum_to_size(y.shape) * ctx.scale if second else None,
                None,
            )

    class Parts(Function):
        """The product and the exponential, which is saved; where x is larger; and a number."""

        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            e = x.exp()
            ctx.save_for_backward(x, None, y, e)
            return x * y, e, x > y, 7

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            product, power, larger, number = grads
            assert larger is not None and number is None
            x, nothing, y, e = ctx.saved_tensors
            assert nothing is None
            return product * y + power * e, product * x

    class Given(Function):
        """Which gradients arrive, without zeros in their places."""

        seen: list[Any] = []  # noqa: RUF012 - what it has seen

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.set_materialize_grads(False)
            return x * 1, x * 2

        @staticmethod
        def backward(ctx: Any, a: Any, b: Any) -> Any:
            Given.seen.append((a is None, b is None))
            return a if b is None else 2 * b if a is None else a + 2 * b

    class Double(Function):
        """In place."""

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.mark_dirty(x)
            return x.mul_(2)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    class Reverse(Function):
        """Its input as it is, and the gradient reversed."""

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return -g

    class Flat(Reverse):
        """A view of its input."""

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.shape = x.shape
            return x.view(-1)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return -g.view(ctx.shape)

    class Sorted(Function):
        """The second output is floating, and has no gradient by `mark_non_differentiable`."""

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            sign = x.sign()
            ctx.mark_non_differentiable(sign)
            ctx.save_for_backward(sign)
            return x * sign, sign

        @staticmethod
        def backward(ctx: Any, g: Any, zeros: Any) -> Any:
            return g * ctx.saved_tensors[0] + zeros

    class Opaque(Function):
        """Differentiable once."""

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @lib.autograd.function.once_differentiable
        def backward(ctx: Any, g: Any) -> Any:
            assert not lib.is_grad_enabled()
            return g * 2 * ctx.saved_tensors[0].detach()

    class Returns(Function):
        """Has the gradients that it was given: `Returns.apply(x, 5, grads)`."""

        @staticmethod
        def forward(ctx: Any, x: Any, k: int, grads: Any) -> Any:
            ctx.grads = grads
            return x * k

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return ctx.grads

    return SimpleNamespace(**{k: v for k, v in locals().items() if k not in ("lib", "Function")})


OURS = functions(mg)
Program = Callable[[Any, Any, Any], Any]


def leaf_of(lib: Any) -> Callable[..., Any]:
    return lambda *values: lib.tensor(
        values if len(values) > 1 else values[0], dtype=lib.float64, requires_grad=True
    )


leaf = leaf_of(mg)


def numbers(t: Any) -> Any:
    return t.detach().cpu().numpy()


# Values and derivatives, of the first and of the second order


def cube(lib: Any, f: Any, x: Any, y: Any) -> Any:
    return f.Cube.apply(x * y)


def power(lib: Any, f: Any, x: Any, y: Any) -> Any:
    return f.Exp.apply(x) * f.Exp.apply(y * x)


def blend(lib: Any, f: Any, x: Any, y: Any) -> Any:
    return f.Blend.apply(x, y, 3.0) + f.Blend.apply(x * x, y[:1]) + f.Blend.apply(x, y=y)


def parts(lib: Any, f: Any, x: Any, y: Any) -> Any:
    product, e, larger, number = f.Parts.apply(x * y, y)
    assert number == 7 and larger.dtype == lib.bool and not larger.requires_grad
    return product * e * number + e


def one_part(lib: Any, f: Any, x: Any, y: Any) -> Any:
    return f.Parts.apply(x, y)[1] * y


def in_place(lib: Any, f: Any, x: Any, y: Any) -> Any:
    z = x * y
    doubled = f.Double.apply(z)
    assert doubled is z
    return z * x


def in_a_view(lib: Any, f: Any, x: Any, y: Any) -> Any:
    z = x * y
    f.Double.apply(z[1:])
    return z * z


def reverse(lib: Any, f: Any, x: Any, y: Any) -> Any:
    return f.Reverse.apply(x * y) * y + f.Flat.apply((x * x).view(3, 1))


def signed(lib: Any, f: Any, x: Any, y: Any) -> Any:
    z, sign = f.Sorted.apply(x * y)
    assert not sign.requires_grad and z.requires_grad == x.requires_grad
    return z * z + sign


CASES = [cube, power, blend, parts, one_part, in_place, in_a_view, reverse, signed]
by_case = pytest.mark.parametrize("case", CASES)


def derivatives(lib: Any, f: Any, case: Any) -> list[Any]:
    """The values, the gradients of a weighted sum, and those of the gradients' squares."""
    x, y = leaf_of(lib)(0.5, -1.2, 2.0), leaf_of(lib)(1.5, 0.7, -0.3)
    z = case(lib, f, x, y)
    weights = lib.tensor([1.0, -2.0, 0.5], dtype=lib.float64)
    first = lib.autograd.grad((z * weights).sum(), (x, y), create_graph=True)
    second = lib.autograd.grad(sum((g * g).sum() for g in first), (x, y), allow_unused=True)
    return [z, *first, *second]


# Errors


def returns(grads: Any) -> Program:
    def call(lib: Any, f: Any, leaf: Any) -> Any:
        given = grads(lib) if callable(grads) else grads
        return f.Returns.apply(leaf(1.0, 2.0), 5, given).sum().backward()

    return call


def frees(lib: Any, f: Any, leaf: Any) -> Any:
    y = f.Cube.apply(leaf(1.0))
    y.backward()
    y.backward()


def overwritten(lib: Any, f: Any, leaf: Any) -> Any:
    x = leaf(1.0) * 1
    y = f.Cube.apply(x)
    x.add_(1)
    y.backward()


def twice(lib: Any, f: Any, leaf: Any) -> Any:
    x = leaf(1.0)
    (g,) = lib.autograd.grad(f.Opaque.apply(x) ** 2, x, create_graph=True)
    g.backward()


def saves(value: Any, method: str = "save_for_backward") -> Program:
    def call(lib: Any, f: Any, leaf: Any) -> Any:
        class Saves(lib.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                getattr(ctx, method)(value)
                return x * 1

        return Saves.apply(leaf(1.0))

    return call


def without(method: str) -> Program:
    def call(lib: Any, f: Any, leaf: Any) -> Any:
        Bare = type("Bare", (lib.autograd.Function,), {})
        if method == "backward":
            Bare.forward = staticmethod(lambda ctx, x: x * 1)
        return Bare.apply(leaf(1.0)).backward()

    return call


COUNT = r"function ReturnsBackward returned an incorrect number of gradients \(expected 3, got "
INVALID = r"ReturnsBackward returned an invalid gradient at index 0 - got \[{}\] .*with \[2\]"
ERRORS: list[tuple[Program, type[Exception], str]] = [
    (returns(None), RuntimeError, COUNT + "1"),
    (returns(lambda lib: lib.ones(2)), RuntimeError, COUNT + "1"),
    (returns((None, None)), RuntimeError, COUNT + "2"),
    (returns(lambda lib: (None, None, None, lib.ones(2))), RuntimeError, COUNT + "4"),
    (returns(lambda lib: (None, lib.ones(2), None)), RuntimeError, "than None at position 2"),
    (returns((1.0, None, None)), RuntimeError, r"expected Variable or None \(got float\)"),
    (returns(lambda lib: (lib.ones(3), None, None)), RuntimeError, INVALID.format("3")),
    (returns(lambda lib: (lib.tensor(1.0), None, None)), RuntimeError, INVALID.format("")),
    (returns(lambda lib: (lib.ones(2, 1), None, None)), RuntimeError, INVALID.format("2, 1")),
    (frees, RuntimeError, "backward through the graph a second time"),
    (overwritten, RuntimeError, "modified by an inplace operation"),
    (twice, RuntimeError, "once_differentiable"),
    (saves(5), TypeError, "save_for_backward can only save .* argument 0 is of type int"),
    (saves(5, "mark_dirty"), RuntimeError, "mark_dirty"),
    (saves(5, "mark_non_differentiable"), RuntimeError, "mark_non_differentiable"),
    (without("forward"), NotImplementedError, "forward"),
    (without("backward"), NotImplementedError, "backward"),
    (lambda lib, f, leaf: f.Cube()(leaf(1.0)), RuntimeError, "apply"),
    (lambda lib, f, leaf: f.Cube.apply(), TypeError, "missing 1 required positional"),
    (lambda lib, f, leaf: f.Blend.apply(leaf(1.0), no=1), TypeError, "missing|unexpected"),
    (lambda lib, f, leaf: f.Double.apply(leaf(1.0)), RuntimeError, "a leaf Variable that"),
    (lambda lib, f, leaf: f.Reverse.apply(leaf(1.0) * 1).mul_(2), RuntimeError, "inplace"),
]
by_error = pytest.mark.parametrize(("call", "error", "message"), ERRORS)
