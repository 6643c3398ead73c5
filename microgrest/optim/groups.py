"""Parameter groups: their checks, and the options they leave out filled in."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from ..recording.counted import Counted
from ..tensor import Tensor

_TITLES = {"lr": "learning rate", "eps": "epsilon value"}


class Group(Counted):
    """The options of some parameters, and under "params" these themselves."""

    __slots__ = ()


def check_params(params: Any) -> None:
    """TypeError for a bare tensor, and for what cannot be iterated."""
    if isinstance(params, Tensor) or not isinstance(params, Iterable):
        raise TypeError(
            "params argument given to the optimizer should be an iterable of Tensors or dicts, "
            f"but got {type(params).__name__}"
        )


def check_hints(options: Mapping[str, Any]) -> None:
    """Refuse what PyTorch refuses, and `differentiable`, which would change what a step means.

    `foreach`, `fused` and `capturable` only choose an implementation there, so they pass.
    """
    if options.get("differentiable"):
        raise NotImplementedError(
            "differentiable=True is not supported: step() runs outside the graph"
        )
    if options.get("fused") and options.get("foreach"):
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def check_nonnegative(**options: float) -> None:
    """ValueError naming the first option that is negative, NaN, or a tensor of several elements."""
    for name, value in options.items():
        if isinstance(value, Tensor) and value.numel() != 1:
            raise ValueError(f"Tensor {name} must be 1-element")
        if not value >= 0.0:
            raise ValueError(f"Invalid {_TITLES.get(name, f'{name} value')}: {value}")


def check_betas(betas: tuple[float, float]) -> None:
    """ValueError naming the first beta outside [0, 1)."""
    for index, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {index}: {beta}")


def complete(given: Any, defaults: dict[str, Any], others: list[Group]) -> Group:
    """`given` with its parameters as a list and every option, checked against the `others`.

    It is itself completed if it is a Group; a plain dict is left as it was.
    """
    if not isinstance(given, dict):
        raise TypeError(f"param_group must be a dict, but got {type(given)}")
    group = given if isinstance(given, Group) else Group(given)
    params, names = _split_names(_as_list(group["params"]))
    for param in params:
        _check_leaf(param)
    if len(set(params)) != len(params):
        warnings.warn(
            "optimizer contains a parameter group with duplicate parameters", stacklevel=4
        )
    for other in others:
        _check_apart(params, bool(names) or "param_names" in group, other)
    group |= {**defaults, **group, "params": params}
    if names:
        group["param_names"] = names
    return group


def _as_list(params: Any) -> list[Any]:
    if isinstance(params, Tensor):
        return [params]
    if isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering "
            "of tensors in sets will change between runs. Please use a list instead."
        )
    return list(params)


def _split_names(params: list[Any]) -> tuple[list[Any], list[str]]:
    """Tensors and names out of tensors, or of (name, tensor) pairs; ValueError for a mixture."""
    names = [entry[0] for entry in params if isinstance(entry, tuple)]
    if names and len(names) != len(params):
        raise ValueError(
            "all optimizer params should be with/without names. Some param names are missing"
        )
    return [entry[1] if isinstance(entry, tuple) else entry for entry in params], names


def _check_leaf(param: Any) -> None:
    if not isinstance(param, Tensor):
        raise TypeError(
            f"optimizer can only optimize Tensors, but one of the params is {type(param).__name__}"
        )
    if not param.is_leaf:
        raise ValueError("can't optimize a non-leaf Tensor")


def _check_apart(params: list[Tensor], named: bool, other: Group) -> None:
    if named != ("param_names" in other):
        raise ValueError(
            "all optimizer param groups should be with/without names. cannot add param group "
            f"{'with' if named else 'without'} names to the optimizer"
        )
    if not set(params).isdisjoint(other["params"]):
        raise ValueError("some parameters appear in more than one parameter group")
