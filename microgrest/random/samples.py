"""Numbers whose distribution differs from element to element: each has a stream of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import recording
from ..creation import check_tensor
from ..dispatch.common import broadcast_shapes, common_device
from ..dispatch.conversion import convert
from ..dispatch.writes.memory import copy
from ..kernels.kinds.draws.sample import KEYS, SAMPLE
from ..kernels.source.draws import samples
from ..kernels.source.draws.samples import Sampler
from ..ops.places.movement import expand
from ..tensor import Tensor
from ..tensor.storage import kind_of
from ..types.dtypes import float64, int64
from .draws import drawn, everywhere
from .generator import Generator


def _sampled(sampler: Sampler, generator: Generator | None, *parameters: Tensor) -> Tensor:
    """What `sampler` makes of parameters of one shape, in float64."""
    first = parameters[0]
    given = [copy(convert(p.detach(), float64)) for p in parameters]
    if sampler.operands[0] == "key":
        keys = kind_of(int64, first.device)
        given.insert(0, drawn(keys, first._shape, "integers", generator, 0, KEYS))
    out = Tensor._empty(first._shape, kind_of(float64, first.device))
    operands = [*(t._flat for t in given), out._flat]
    out._kind.kernels.kinds.run(SAMPLE, sampler, operands)
    return out


def _check(name: str, x: Any, error: type[Exception]) -> None:
    """TypeError for what is no tensor, `error` for integers."""
    check_tensor(name, x)
    if not x.dtype.is_floating_point:
        raise error(f'"{name}" is not implemented for {x.dtype!r} tensors')


def _expect(holds: Callable[[], Tensor], message: str) -> None:
    """RuntimeError unless it holds everywhere; looking is no part of a step that is recorded."""
    if recording.aside(lambda: not everywhere(holds())):
        raise RuntimeError(message)


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Poisson numbers of the rates that `input` says; RuntimeError for negative ones and NaN.

    No gradient goes through a draw.
    """
    _check("poisson", input, NotImplementedError)
    rates = input.detach()
    _expect(lambda: rates >= 0, "invalid Poisson rate, expected rate to be non-negative")
    return convert(_sampled(samples.POISSON, generator, input), input.dtype)


def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """Successes of `count` trials with the chance `prob`, each of a floating dtype.

    ValueError for integers, RuntimeError for negative counts and for chances beyond [0, 1]. No
    gradient goes through a draw.
    """
    _check("binomial", count, ValueError)
    _check("binomial", prob, ValueError)
    if count.dtype is not prob.dtype:
        raise RuntimeError(
            f"binomial: Found dtype {prob.dtype!r} but expected {count.dtype!r}, that of `count`"
        )
    common_device("binomial", (count, prob))
    shape = broadcast_shapes("binomial", (count._shape, prob._shape))
    n, p = (_expanded(t.detach(), shape) for t in (count, prob))
    _expect(
        lambda: (n >= 0) & (p >= 0) & (p <= 1),
        "binomial expects counts that are not negative and probabilities in [0, 1]",
    )
    return convert(_sampled(samples.BINOMIAL, generator, n, p), count.dtype)


def _expanded(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    return x if x._shape == shape else expand(x, size=shape)


def standard_gamma(shape: Tensor, generator: Generator | None = None) -> Tensor:
    """Gamma numbers of rate 1, one for each shape parameter, in float64."""
    return _sampled(samples.GAMMA, generator, shape)


def gamma_slope(value: Tensor, shape: Tensor) -> Tensor:
    """d value / d shape of gamma numbers of rate 1 at fixed quantiles, in float64."""
    return _sampled(samples.GAMMA_SLOPE, None, value, shape)
