"""Weights divided by their largest singular value: PyTorch's `nn.utils.spectral_norm`.

Miyato et al. 2018. The vectors that belong to that value are buffers, which power iteration brings
nearer before every `forward` in training.
"""

from __future__ import annotations

from typing import Any, TypeVar

from ...graph.modes import no_grad
from ...tensor import Tensor
from ..modules.images.convolutions import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from ..modules.module import Module
from ..operations.losses.distances import normalize
from ..parameter import Parameter
from .hooked import find, forget

Made = TypeVar("Made", bound=Module)


class SpectralNorm:
    """What computes the weight `name` as `W / (u' W v)`, W a matrix with rows along `dim`."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but "
                f"got n_power_iterations={n_power_iterations}"
            )
        self.name, self.n_power_iterations, self.dim, self.eps = name, n_power_iterations, dim, eps

    def matrix(self, weight: Tensor) -> Tensor:
        """The weight with all dimensions but `dim` as one."""
        return weight.movedim(self.dim, 0).reshape(weight.shape[self.dim], -1)

    def compute_weight(self, module: Module, iterate: bool) -> Any:
        """The weight, with its place in the graph; the vectors are moved on if asked."""
        weight = getattr(module, self.name + "_orig")
        u, v = getattr(module, self.name + "_u"), getattr(module, self.name + "_v")
        matrix = self.matrix(weight)
        if iterate:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(normalize(matrix.t().mv(u), dim=0, eps=self.eps))
                    u.copy_(normalize(matrix.mv(v), dim=0, eps=self.eps))
                # The next call overwrites them, and this one's backward may still be to come.
                u, v = u.clone(), v.clone()
        return weight / u.dot(matrix.mv(v))

    def __call__(self, module: Module, args: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))


def spectral_norm(
    module: Made,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Made:
    """Give `module` the parameter `name`_orig, and the buffers `name`_u and `name`_v, for `name`.

    `dim` is that of the outputs, 0, or 1 in transposed convolutions. RuntimeError if it has them.
    """
    if dim is None:
        transposed = ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
        dim = 1 if isinstance(module, transposed) else 0
    if find(module, SpectralNorm, name):
        raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    rule, weight = SpectralNorm(name, n_power_iterations, dim, eps), module._parameters[name]
    if weight is None:
        raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
    with no_grad():
        matrix = rule.matrix(weight)
        vectors = [matrix.new_empty(n).normal_(0, 1) for n in matrix.shape]
    delattr(module, name)
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.data)
    for part, vector in zip("uv", vectors, strict=True):
        module.register_buffer(f"{name}_{part}", normalize(vector, dim=0, eps=eps))
    module.register_forward_pre_hook(rule)
    return module


def remove_spectral_norm(module: Made, name: str = "weight") -> Made:
    """Make `name` a parameter of its own again; ValueError if it has no such norm."""
    rule = forget(module, SpectralNorm, name, "spectral_norm")
    weight = rule.compute_weight(module, False).detach()
    for part in ("", "_u", "_v", "_orig"):
        delattr(module, name + part)
    module.register_parameter(name, Parameter(weight))
    return module
