"""Activations as modules: each is one line, the function of `nn.functional` and its options."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter as Argument, Signature
from typing import Any, ClassVar

from .. import functional as F
from .module import Module


class Activation(Module):
    """Applies a function of one tensor; its options are the constructor's arguments."""

    function: ClassVar[Callable[..., Any]]
    signature: ClassVar[Signature]

    def __init_subclass__(cls, function: Callable[..., Any] | None = None, **options: Any) -> None:
        if function is None:
            return
        kind = Argument.POSITIONAL_OR_KEYWORD
        cls.function = staticmethod(function)
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

    def forward(self, input: Any) -> Any:
        return self.function(input, **self._options())

    def extra_repr(self) -> str:
        shown = self._options()
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
# fmt: on
