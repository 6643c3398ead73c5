"""New tensors of random numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import recording
from ..creation import check_like, extents, finish, kind_from
from ..dispatch.conversion import convert
from ..kernels.kinds.draws import draw as draws
from ..kernels.kinds.draws.draw import Request
from ..ops.folds.reduction import all as every
from ..tensor import Tensor
from ..tensor.methods import method
from ..tensor.storage import Kind, kind_of
from ..types.dtypes import (
    FLOATING,
    bool_,
    dtype,
    float16,
    float32,
    float64,
    get_default_dtype,
    iinfo,
    int64,
)
from ..types.integers import whole
from .generator import Generator, default_generator


def drawn(
    kind: Kind, shape: Any, name: str, generator: Generator | None, *parameters: Any
) -> Tensor:
    """A new tensor filled by the draw `name`; float16 is drawn as float32."""
    own = kind_of(float32, kind.device) if kind.dtype is float16 else kind
    t = Tensor._empty(shape, own)
    request = REQUESTS[name](own.numpy, *parameters)
    if generator is not None and not isinstance(generator, Generator):
        what = type(generator).__name__
        raise TypeError(f"argument 'generator' must be microgrest.Generator, not {what}")
    (generator or default_generator).draw(kind.kernels, request, t._flat)
    return t if own is kind else convert(t, kind.dtype)


# What is asked of the kernels, of elements of a NumPy type.
REQUESTS: dict[str, Callable[..., Request]] = {
    "uniform": draws.uniform,
    "normal": draws.normal,
    "integers": lambda d, low, high: draws.integers(low, high),
    "permutation": lambda d: draws.SHUFFLE,
}


def floating(d: Any, where: Any, name: str, like: Tensor | None = None) -> Kind:
    """The Kind of what `name` draws, by default that of `like`; NotImplementedError for ints."""
    kind = kind_from(d, where, like.dtype if like is not None else get_default_dtype(), like)
    if kind.dtype.category != FLOATING:
        raise NotImplementedError(
            f'"{name}" not implemented for {kind.dtype!r}; it makes floating-point numbers'
        )
    return kind


def _shape(name: str, sizes: tuple[Any, ...], size: Any) -> tuple[int, ...]:
    """A shape given as numbers, as one sequence, or by name; TypeError for none."""
    if not sizes and size is None:
        raise TypeError(f"{name}() missing 1 required positional argument: 'size'")
    return extents(sizes or (size,))


def rand(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers uniform in [0, 1)."""
    shape = _shape("rand", sizes, size)
    return finish(
        drawn(floating(dtype, device, "rand"), shape, "uniform", generator), requires_grad
    )


def randn(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers from the standard normal distribution."""
    shape = _shape("randn", sizes, size)
    return finish(
        drawn(floating(dtype, device, "randn"), shape, "normal", generator), requires_grad
    )


def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Numbers uniform in [0, 1) in the shape, dtype and device of `input`."""
    check_like("rand_like", input, options)
    kind = floating(dtype, device, "rand_like", input)
    return finish(drawn(kind, input._shape, "uniform", generator), requires_grad)


def randn_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Standard normal numbers in the shape, dtype and device of `input`."""
    check_like("randn_like", input, options)
    kind = floating(dtype, device, "randn_like", input)
    return finish(drawn(kind, input._shape, "normal", generator), requires_grad)


def randint(
    low: Any = None,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Integers uniform in [low, high), or in [0, low) if `high` is left out."""
    if size is None:
        high, low, size = low, None, high
    low, high = (0, low) if high is None else (0 if low is None else low, high)
    low, high = whole(low, "low"), whole(high, "high")
    kind = kind_from(dtype, device, int64)
    check_bounds(kind.dtype, low, high)
    t = drawn(
        kind_of(int64, kind.device), extents((tuple(size),)), "integers", generator, low, high
    )
    return finish(convert(t, kind.dtype), requires_grad)


def check_bounds(d: dtype, low: int, high: int) -> None:
    """RuntimeError where there are no integers in [low, high), or some that `d` cannot hold."""
    if not low < high:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
        )
    if d.is_floating_point:
        return
    least, most = (0, 1) if d is bool_ else (iinfo(d).min, iinfo(d).max)
    for name, value in (("from", low), ("to - 1", high - 1)):
        if not least <= value <= most:
            raise RuntimeError(f"{name} is out of bounds for {d!r}: {value}")


def randint_like(
    input: Tensor,
    low: int,
    high: int | None = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Integers uniform in [low, high), in the shape, dtype and device of `input`."""
    check_like("randint_like", input, options)
    low, high = (0, low) if high is None else (low, high)
    kind = kind_from(dtype, device, input.dtype, input)
    t = randint(low, high, input._shape, generator=generator, dtype=kind.dtype, device=kind.device)
    return finish(t, requires_grad)


def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The integers 0 to n - 1 in random order."""
    n = whole(n, "n")
    if n < 0:
        raise RuntimeError(f"randperm(): n must be non-negative, got {n}")
    kind = kind_from(dtype, device, int64)
    t = drawn(kind_of(int64, kind.device), (n,), "permutation", generator)
    return finish(convert(t, kind.dtype), requires_grad)


def normal(
    mean: Any,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal numbers; `mean` and `std` are numbers, with a size, or tensors, with their own.

    No gradient goes through a draw. TypeError for a size and a tensor of several elements.
    """
    mean, std = (a.detach() if isinstance(a, Tensor) else a for a in (mean, std))
    if size is not None:
        mean, std = _number("mean", mean), _number("std", std)
    like = next((a for a in (mean, std) if isinstance(a, Tensor)), None)
    check_deviation(std)
    if like is None:
        if size is None:
            raise TypeError("normal() of two numbers is missing an argument: 'size'")
        kind = floating(dtype, device, "normal")
        return finish(drawn(kind, extents((size,)), "normal", generator, mean, std), requires_grad)
    shape = (mean + std)._shape
    unit: Tensor = drawn(floating(like.dtype, like.device, "normal"), shape, "normal", generator)
    return convert(unit * std + mean, like.dtype)


def _number(name: str, value: Any) -> Any:
    """A number, which a tensor without dimensions is, too."""
    if not isinstance(value, Tensor):
        return value
    if value.ndim:
        raise TypeError(
            f"normal(): with a size, {name!r} has to be a number, got a tensor of shape "
            f"{list(value.shape)}"
        )
    return value.item()


def check_deviation(std: Any) -> None:
    """RuntimeError for a negative standard deviation."""
    if not isinstance(std, Tensor):
        if not std >= 0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    elif recording.aside(lambda: not everywhere(std.detach() >= 0)):
        raise RuntimeError("normal expects all elements of std >= 0.0")


@method
def bernoulli(
    input: Tensor, p: float | None = None, *, generator: Generator | None = None
) -> Tensor:
    """1 with the probability that `input` says at each place, else 0; or with probability `p`."""
    if p is not None:
        return chances("bernoulli", input, p, generator)
    if not input.dtype.is_floating_point:
        raise NotImplementedError(
            f"bernoulli expects probabilities of a floating-point type, got {input.dtype!r}"
        )
    values = input.detach()
    if recording.aside(lambda: not everywhere((values >= 0) & (values <= 1))):
        raise RuntimeError(
            "Expected p_in >= 0 && p_in <= 1 to be true for every element of bernoulli's input"
        )
    found = drawn(floating(None, None, "bernoulli", input), input._shape, "uniform", generator)
    result = convert(found < values, input.dtype)
    return result + input * 0 if input._requires_grad else result


def chances(name: str, like: Tensor, p: Any, generator: Generator | None) -> Tensor:
    """1 with probability `p`, a number or a tensor that broadcasts to `like`, else 0, in its kind.

    RuntimeError for probabilities beyond [0, 1].
    """
    p = p.detach() if isinstance(p, Tensor) else p
    if recording.aside(lambda: not _probable(p)):
        raise RuntimeError(f"{name} expects p to be in [0, 1], but got p={p}")
    exact = float64 if isinstance(p, Tensor) and p.dtype is float64 else float32
    u = drawn(kind_of(exact, like.device), like._shape, "uniform", generator)
    return convert(u < p, like.dtype)


def _probable(p: Any) -> bool:
    """Whether a number, or a tensor all over, is in [0, 1]."""
    return everywhere((p >= 0) & (p <= 1)) if isinstance(p, Tensor) else 0 <= p <= 1


def everywhere(x: Any) -> bool:
    """Whether a tensor of bools is True at every place."""
    return bool(every(x, dim=tuple(range(x.ndim)), keepdim=False))
