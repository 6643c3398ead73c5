"""What functions that make tensors are given: sizes, a dtype, a device, options."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from ..tensor.storage import Kind, kind_of
from ..types import dtypes
from ..types.device import device, get_default_device
from ..types.dtypes import dtype
from ..types.integers import lengths
from ..types.layouts import without_layout
from . import pinning


def extents(size: tuple[Any, ...]) -> tuple[int, ...]:
    """A shape given as numbers or as one sequence; RuntimeError for a negative extent."""
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    shape = lengths(size)
    if any(n < 0 for n in shape):
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}"
        )
    return shape


def kind_from(d: Any, where: Any, fallback: dtype, like: Tensor | None = None) -> Kind:
    """The Kind for a creation function's dtype= and device= arguments."""
    chosen = fallback if d is None else dtypes.as_dtype(d)
    if where is None:
        return kind_of(chosen, get_default_device() if like is None else like.device)
    return kind_of(chosen, device(where))


def check_tensor(name: str, x: Any) -> None:
    """TypeError for an `input` that is no tensor."""
    if not isinstance(x, Tensor):
        raise TypeError(
            f"{name}(): argument 'input' (position 1) must be Tensor, not {type(x).__name__}"
        )


def check_options(name: str, options: dict[str, Any]) -> None:
    """TypeError for options that no function of tensors takes, among those that change nothing."""
    rest = without_layout(options)
    rest.pop("pin_memory", None)
    if rest:
        raise TypeError(f"{name}() got an unexpected keyword argument {next(iter(rest))!r}")


def check_like(name: str, input: Any, options: dict[str, Any]) -> None:
    """TypeError unless `input` is a tensor, and `options` are such."""
    check_tensor(name, input)
    if options:
        check_options(name, options)


def finish(t: Tensor, requires_grad: bool, pin_memory: bool = False) -> Tensor:
    """`t`, in page-locked memory or requiring grad if asked; RuntimeError for integers."""
    if pin_memory:
        t = pinning.pin_memory(t)
    if requires_grad:
        t.requires_grad = True
    return t
