"""gradcheck and gradgradcheck: derivatives beside differences of what a function computes.

For each output and each input that requires grad, the Jacobian that `backward` gives, row by row,
is compared with the one that differences give, column by column. The fast mode compares one number
in place of the matrix: both Jacobians between two random directions.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..creation import zeros_like
from ..functions.outputs import stack
from ..functions.reductions.comparing import allclose
from ..graph.modes import enable_grad, no_grad
from ..random import Generator, randn, randn_like
from ..tensor import Tensor
from ..types.dtypes import float64
from .gradients import grad

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """A derivative is not what differences say, or is not as one has to be."""


@dataclass(frozen=True)
class _Check:
    """What is checked, and how closely."""

    func: Callable[..., Any]
    inputs: tuple[Any, ...]
    eps: float
    atol: float
    rtol: float
    nondet_tol: float
    undefined: bool
    dtypes: bool
    fast: bool

    def __post_init__(self) -> None:
        given = [x for x in self.inputs if isinstance(x, Tensor) and x._requires_grad]
        if not given:
            raise ValueError(
                "gradcheck expects at least one input tensor to require gradient, but none of the "
                "them have requires_grad=True."
            )
        for i, x in enumerate(self.inputs):
            if isinstance(x, Tensor) and x._requires_grad:
                _check_input(i, x)

    def wanted(self) -> list[tuple[int, Tensor]]:
        """The inputs that require grad, with their numbers."""
        return [
            (i, x) for i, x in enumerate(self.inputs) if isinstance(x, Tensor) and x._requires_grad
        ]

    def outputs(self) -> list[Tensor]:
        """What the function returns that requires grad, in a new graph."""
        return [y for y in self.returned() if y._requires_grad]

    def returned(self) -> list[Tensor]:
        """What the function returns that is floating point."""
        with enable_grad():
            found = _several(self.func(*self.inputs))
        return [y for y in found if isinstance(y, Tensor) and y.is_floating_point()]

    def run(self) -> None:
        """GradcheckError where something is wrong."""
        ys = self.outputs()
        if not ys:
            self._check_constant()
        for o, y in enumerate(ys):
            for i, x in self.wanted():
                if self.fast:
                    self._compare_along(o, y, i, x)
                else:
                    self._compare(o, y, i, x)
        self._check_gradients()
        if self.undefined:
            self._check_undefined()

    def _check_constant(self) -> None:
        """Where no output requires grad, none may depend on an input."""
        for o, _ in enumerate(self.returned()):
            for _, x in self.wanted():
                if any(self._difference(o, x, one).abs().sum() > self.eps for one in _units(x)):
                    raise GradcheckError(
                        "Numerical gradient for function expected to be zero, since no output "
                        "requires grad"
                    )

    # Jacobians

    def _compare(self, o: int, y: Tensor, i: int, x: Tensor) -> None:
        numerical = self._numerical(o, x)
        analytical, again = self._analytical(o, x), self._analytical(o, x)
        self._expect(numerical, analytical, o, i, self.atol)
        self._expect_again(analytical, again)

    def _compare_along(self, o: int, y: Tensor, i: int, x: Tensor) -> None:
        """v^T J u by differences and by the gradient."""
        generator = Generator(x.device).manual_seed(o * 1009 + i)
        u, v = (_direction(t, generator) for t in (x, y))
        numerical = (self._difference(o, x, u) * v).sum()
        first, again = (self._gradient(o, x, v) for _ in range(2))
        analytical = (first * u).sum()
        # An error of `atol` in each element is this large between the two directions.
        atol = self.atol * float(u.abs().sum()) * float(v.abs().sum())
        self._expect(numerical, analytical, o, i, atol)
        self._expect_again(first, again)

    def _expect(self, numerical: Tensor, analytical: Tensor, o: int, i: int, atol: float) -> None:
        if not allclose(analytical, numerical.to(analytical.dtype), self.rtol, atol):
            raise GradcheckError(
                f"Jacobian mismatch for output {o} with respect to input {i},\n"
                f"numerical:{numerical}\nanalytical:{analytical}\n"
                + "(both between random directions, as fast_mode=True asks)"
                * self.fast
            )

    def _expect_again(self, first: Tensor, again: Tensor) -> None:
        """The same gradient twice, within `nondet_tol`."""
        same = allclose(first, again, 0, self.nondet_tol, equal_nan=True)
        if not same:
            raise GradcheckError(
                "Backward is not reentrant, i.e., running backward with same input and grad_output "
                "multiple times gives different values, although analytical gradient matches "
                f"numerical gradient. The tolerance for nondeterminism was {self.nondet_tol}."
            )

    def _analytical(self, o: int, x: Tensor) -> Tensor:
        """The Jacobian of output `o` for `x`, of their numbers of elements, a row at a time."""
        y = self.outputs()[o]
        rows = [self._gradient(o, x, one, y).reshape(-1) for one in _units(y)]
        return stack(rows) if rows else x.new_zeros((0, x.numel()))

    def _gradient(self, o: int, x: Tensor, v: Tensor, y: Tensor | None = None) -> Tensor:
        y = self.outputs()[o] if y is None else y
        (g,) = grad(y, x, v, retain_graph=True, allow_unused=True)
        return zeros_like(x) if g is None else g.detach()

    def _numerical(self, o: int, x: Tensor) -> Tensor:
        """The same by differences, a column at a time."""
        columns = [self._difference(o, x, one).reshape(-1) for one in _units(x)]
        n = self.outputs()[o].numel()
        return stack(columns, 1) if columns else x.new_zeros((n, 0))

    def _difference(self, o: int, x: Tensor, direction: Tensor) -> Tensor:
        """How output `o` changes per unit of `direction` in `x`, by both sides."""
        with no_grad():
            held = x.detach().clone()
            ends = []
            for step in (self.eps, -self.eps):
                x.data.copy_(held + step * direction)
                try:
                    ends.append((self.outputs() or self.returned())[o].detach().clone())
                finally:
                    x.data.copy_(held)
            return (ends[0] - ends[1]) / (2 * self.eps)

    # What a gradient has to be

    def _check_gradients(self) -> None:
        """A weight of zero makes gradients of zero, of the input's shape, type and device."""
        ys = self.outputs()
        xs = [x for _, x in self.wanted()]
        if not ys:
            return
        found = grad(ys, xs, [zeros_like(y) for y in ys], allow_unused=True)
        for g, x in zip(found, xs, strict=True):
            if g is None:
                continue
            if g.numel() and not (g == 0).all():
                raise GradcheckError("backward not multiplied by grad_output")
            if g.device != x.device:
                raise GradcheckError("grad is incorrect device")
            if g._shape != x._shape:
                raise GradcheckError("grad is incorrect size")
            if self.dtypes and g.dtype is not x.dtype:
                raise GradcheckError("grad is incorrect type")

    def _check_undefined(self) -> None:
        """Where a gradient reaches some outputs only, it is as if zeros reached the others."""
        xs = [x for _, x in self.wanted()]
        n = len(self.outputs())
        for i in range(n if n > 1 else 0):
            alone, beside = self.outputs(), self.outputs()
            v = zeros_like(alone[i]) + 1
            others = [v if k == i else zeros_like(y) for k, y in enumerate(beside)]
            try:
                first = grad(alone[i], xs, v, allow_unused=True)
                second = grad(beside, xs, others, allow_unused=True)
            except (RuntimeError, TypeError, AttributeError) as error:
                raise GradcheckError(
                    "Expected backward function to handle undefined output grads: with one for "
                    f"output {i} alone it raised {error!r}"
                ) from error
            for x, a, b in zip(xs, first, second, strict=True):
                if not allclose(
                    _or_zeros(a, x), _or_zeros(b, x), self.rtol, self.atol, equal_nan=True
                ):
                    raise GradcheckError(
                        "Expected backward function to handle undefined output grads as zeros: "
                        f"with one for output {i} alone it returned {a}, with zeros for the others "
                        f"{b}"
                    )


def _or_zeros(g: Tensor | None, x: Tensor) -> Tensor:
    return zeros_like(x) if g is None else g


def _several(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, (tuple, list)) else (given,)


def _check_input(i: int, x: Tensor) -> None:
    if x.dtype is not float64:
        warnings.warn(
            f"Input #{i} requires gradient and is not a double precision floating point or "
            "complex. This check will likely fail if all the inputs are not of double precision "
            "floating point or complex. ",
            stacklevel=5,
        )
    if any(n > 1 and step == 0 for n, step in zip(x._shape, x._strides, strict=True)):
        raise RuntimeError(
            f"The {i}th input has a dimension with stride 0. gradcheck() only supports inputs that "
            "are non-overlapping to be able to compute the numerical gradients correctly. You "
            "should call .contiguous on the input before passing it to gradcheck()."
        )


def _units(t: Tensor) -> Iterator[Tensor]:
    """One in each place in turn, zeros elsewhere."""
    for i in range(t.numel()):
        one = t.new_zeros((t.numel(),))
        one[i] = 1
        yield one.reshape(t._shape)


def _direction(like: Tensor, generator: Generator) -> Tensor:
    """A random tensor of length one."""
    t = randn(like._shape, generator=generator, dtype=like.dtype, device=like.device)
    return t / t.square().sum().sqrt().clamp(min=1e-12) if t.numel() else t


def _refuse(**flags: bool) -> None:
    for name, on in flags.items():
        if on:
            raise NotImplementedError(
                f"{name}=True is not implemented: there is neither forward-mode differentiation "
                "nor vmap"
            )


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of `func` at `inputs` are those that differences of `eps` give.

    Each input that requires grad is moved, and moved back; it should be float64. Gradients have to
    be right within `atol` and `rtol`, the same twice within `nondet_tol`, of zero for a weight of
    zero, and to take an output without a gradient for one with zeros (`check_undefined_grad`). The
    `fast_mode` compares along random directions: two calls of `func` for each pair of an output
    and an input. GradcheckError says what is wrong, or False with `raise_exception=False`.
    """
    _refuse(
        check_batched_grad=check_batched_grad,
        check_batched_forward_grad=check_batched_forward_grad,
        check_forward_ad=check_forward_ad,
        masked=bool(masked),
    )
    if not check_backward_ad:
        raise AssertionError(
            "Expected at least one of check_forward_ad or check_backward_ad to be True"
        )
    try:
        _Check(
            func,
            _several(inputs),
            eps,
            atol,
            rtol,
            nondet_tol,
            check_undefined_grad,
            check_grad_dtypes,
            fast_mode,
        ).run()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Whether the second derivatives of `func` are right: `gradcheck` of its gradients.

    These are weighed by `grad_outputs`, which is drawn where it is None, and are functions of it,
    too. With `gen_non_contig_grad_outputs` what is drawn is not contiguous.
    """
    _refuse(check_fwd_over_rev=check_fwd_over_rev)
    if not check_rev_over_rev:
        raise AssertionError(
            "Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True"
        )
    given = _several(inputs)
    if grad_outputs is None:
        drawn = (y for y in _several(func(*given)) if _differentiable(y))
        weights = tuple([_weight(y, gen_non_contig_grad_outputs) for y in drawn])
    else:
        weights = _several(grad_outputs)

    def gradients(*args: Any) -> tuple[Tensor, ...]:
        xs, vs = args[: len(given)], args[len(given) :]
        ys = [y for y in _several(func(*xs)) if _differentiable(y)]
        wanted = [x for x in xs if isinstance(x, Tensor) and x._requires_grad]
        found = grad(ys, wanted, vs, create_graph=True, allow_unused=True)
        return tuple([g for g in found if g is not None])

    return gradcheck(
        gradients,
        (*given, *weights),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        fast_mode=fast_mode,
        masked=masked,
    )


def _differentiable(y: Any) -> bool:
    return isinstance(y, Tensor) and y._requires_grad


def _weight(y: Tensor, gapped: bool) -> Tensor:
    """A random weight for an output."""
    t = randn_like(y.detach())
    return stack([t, t], -1)[..., 0].requires_grad_() if gapped else t.requires_grad_()
