"""Activations as modules: each is one line, the function of `nn.functional` and its options."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter as Argument, Signature
from typing import Any, ClassVar

from ...creation import empty
from .. import functional as F, init as initial
from ..parameter import Parameter
from .module import Module


class Activation(Module):
    """Applies a function of one tensor; its options are the constructor's arguments."""

    function: ClassVar[Callable[..., Any]]
    signature: ClassVar[Signature]
    silent: ClassVar[bool]  # whether its repr has no options

    def __init_subclass__(
        cls, function: Callable[..., Any] | None = None, silent: bool = False, **options: Any
    ) -> None:
        if function is None:
            return
        kind = Argument.POSITIONAL_OR_KEYWORD
        cls.function, cls.silent = staticmethod(function), silent
        cls.signature = Signature(
            [Argument(name, kind, default=value) for name, value in options.items()]
        )
        cls.__doc__ = f"`nn.functional.{function.__name__}`, elementwise, as a module."

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            setattr(self, name, value)

    def forward(self, *tensors: Any) -> Any:
        return self.function(*tensors, **self._options())

    def extra_repr(self) -> str:
        shown = {} if self.silent else self._options()
        if not shown.get("inplace", True):
            del shown["inplace"]
        # PyTorch prints the threshold of the shrink functions, `lambd`, without its name.
        return ", ".join(f"{n}={v!r}" if n != "lambd" else f"{v!r}" for n, v in shown.items())

    def _options(self) -> dict[str, Any]:
        own = self.__dict__
        return {name: own[name] for name in self.signature.parameters}


_ANY = Signature.empty  # an argument without a default


# fmt: off
class Sigmoid(Activation, function=F.sigmoid): ...
class Tanh(Activation, function=F.tanh): ...
class Softsign(Activation, function=F.softsign): ...
class LogSigmoid(Activation, function=F.logsigmoid): ...
class Tanhshrink(Activation, function=F.tanhshrink): ...
class ReLU(Activation, function=F.relu, inplace=False): ...
class ReLU6(Activation, function=F.relu6, inplace=False): ...
class SELU(Activation, function=F.selu, inplace=False): ...
class SiLU(Activation, function=F.silu, inplace=False): ...
class Mish(Activation, function=F.mish, inplace=False): ...
class Hardsigmoid(Activation, function=F.hardsigmoid, inplace=False): ...
class Hardswish(Activation, function=F.hardswish, inplace=False): ...
class ELU(Activation, function=F.elu, alpha=1.0, inplace=False): ...
class CELU(Activation, function=F.celu, alpha=1.0, inplace=False): ...
class LeakyReLU(Activation, function=F.leaky_relu, negative_slope=0.01, inplace=False): ...
class Hardtanh(Activation, function=F.hardtanh, min_val=-1.0, max_val=1.0, inplace=False): ...
class Threshold(Activation, function=F.threshold, threshold=_ANY, value=_ANY, inplace=False): ...
class GELU(Activation, function=F.gelu, approximate="none"): ...
class Softplus(Activation, function=F.softplus, beta=1.0, threshold=20.0): ...
class Softshrink(Activation, function=F.softshrink, lambd=0.5): ...
class Hardshrink(Activation, function=F.hardshrink, lambd=0.5): ...
class GLU(Activation, function=F.glu, dim=-1): ...
class Softmax(Activation, function=F.softmax, dim=None): ...
class LogSoftmax(Activation, function=F.log_softmax, dim=None): ...
class Softmin(Activation, function=F.softmin, dim=None): ...
class CosineSimilarity(
    Activation, function=F.cosine_similarity, silent=True, dim=1, eps=1e-8
): ...
class PairwiseDistance(
    Activation, function=F.pairwise_distance, silent=True, p=2.0, eps=1e-6, keepdim=False
): ...
# fmt: on


class Softmax2d(Module):
    """Softmax over the channels of (C, H, W) or (N, C, H, W)."""

    def forward(self, input: Any) -> Any:
        if input.dim() not in (3, 4):
            raise ValueError(
                f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead"
            )
        return F.softmax(input, -3)


class PReLU(Module):
    """x for x > 0, else `weight` times x: one weight, or one for each channel (He et al. 2015)."""

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Begin with the weight of the start."""
        initial.constant_(self.weight, self.init)

    def forward(self, input: Any) -> Any:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """x for x > 0, else x times a slope that is drawn in training (Xu et al. 2015)."""

    def __init__(
        self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False
    ) -> None:
        super().__init__()
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Any) -> Any:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        shown = f"lower={self.lower}, upper={self.upper}"
        return f"{shown}, inplace=True" if self.inplace else shown
