"""An optimizer's state as plain data: parameters become their place in the groups' order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from ..tensor import Tensor
from .groups import Group

States = defaultdict[Tensor, dict[str, Any]]


def save(states: Mapping[Tensor, dict[str, Any]], groups: list[Group]) -> dict[str, Any]:
    """`{"state": {place: state}, "param_groups": [options and places]}`; tensors are shared."""
    place = {param: index for index, param in enumerate(_all_params(groups))}
    return {
        "state": {place[param]: dict(held) for param, held in states.items() if held},
        "param_groups": [
            {**options(group), "params": [place[param] for param in group["params"]]}
            for group in groups
        ],
    }


def load(saved: Mapping[str, Any], groups: list[Group]) -> tuple[list[Group], States]:
    """The groups and states that `saved` describes, over the parameters of `groups`."""
    described = saved["param_groups"]
    _check_sizes(described, groups)
    by_place = dict(
        zip((i for group in described for i in group["params"]), _all_params(groups), strict=True)
    )
    states: States = defaultdict(dict)
    for place, held in saved["state"].items():
        param = by_place[place]
        states[param] = {name: _adopt(name, value, param) for name, value in held.items()}
    return [_merge(old, new) for old, new in zip(groups, described, strict=True)], states


def _all_params(groups: list[Group]) -> list[Tensor]:
    return [param for group in groups for param in group["params"]]


def options(group: Mapping[str, Any]) -> dict[str, Any]:
    """All of `group` but its parameters."""
    return {name: value for name, value in group.items() if name != "params"}


def _check_sizes(described: list[Any], groups: list[Group]) -> None:
    if len(described) != len(groups):
        raise ValueError("loaded state dict has a different number of parameter groups")
    if any(len(d["params"]) != len(g["params"]) for d, g in zip(described, groups, strict=True)):
        raise ValueError(
            "loaded state dict contains a parameter group that doesn't match the size of "
            "optimizer's group"
        )


def _merge(group: Group, described: Mapping[str, Any]) -> Group:
    return Group({**group, **deepcopy(options(described))})


def _adopt(name: str, value: Any, param: Tensor) -> Any:
    """A copy of one saved value that fits `param`: its dtype and device, a step as a number."""
    if not isinstance(value, Tensor):
        return deepcopy(value)
    if name == "step":
        return int(value.item())
    copied = value.detach().clone().to(param.device)
    return copied.to(param.dtype) if param.is_floating_point() else copied
