"""Weights as a length and a direction: PyTorch's `nn.utils.weight_norm` (Salimans and Kingma 2016).

The module's weight becomes two parameters, of which a hook computes it before every `forward`.
"""

from __future__ import annotations

from typing import Any, TypeVar

from ...functions.reductions.statistics import norm
from ...tensor import Tensor
from ..modules.module import Module
from ..parameter import Parameter
from .hooked import find, forget

Made = TypeVar("Made", bound=Module)


class WeightNorm:
    """What computes the weight `name` as `g * v / |v|`, the norm by slices of `dim`."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, dim

    def lengths(self, v: Tensor) -> Any:
        """The norm of each slice, of v's number of dimensions; without `dim` that of all, 0-d."""
        if self.dim is None or self.dim == -1:
            return norm(v)
        keep = self.dim % v.ndim
        others = [d for d in range(v.ndim) if d != keep]
        return norm(v, 2, others, True) if others else v.abs()

    def compute_weight(self, module: Module) -> Any:
        """The weight, with its place in the graph."""
        g, v = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return v * (g / self.lengths(v))

    def __call__(self, module: Module, args: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: Made, name: str = "weight", dim: int | None = 0) -> Made:
    """Give `module` the parameters `name`_g and `name`_v in place of `name`.

    There is a length for each slice along `dim`; one for all with None. RuntimeError for a second.
    """
    if find(module, WeightNorm, name):
        raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    rule, weight = WeightNorm(name, dim), getattr(module, name)
    del module._parameters[name]
    module.register_parameter(name + "_g", Parameter(rule.lengths(weight.detach())))
    module.register_parameter(name + "_v", Parameter(weight.detach()))
    rule(module, ())
    module.register_forward_pre_hook(rule)
    return module


def remove_weight_norm(module: Made, name: str = "weight") -> Made:
    """Make `name` a parameter of its own again; ValueError if it has no such norm."""
    rule = forget(module, WeightNorm, name, "weight_norm")
    weight = rule.compute_weight(module).detach()
    delattr(module, name)
    del module._parameters[name + "_g"], module._parameters[name + "_v"]
    module.register_parameter(name, Parameter(weight))
    return module
