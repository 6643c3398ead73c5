"""Saving and restoring what a Module has learned: parameters and persistent buffers, by name."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Iterator, Mapping
from typing import Any

from ....graph.modes import no_grad
from ....tensor import Tensor
from ...parameter import Parameter
from .members import Members


class _IncompatibleKeys(namedtuple("_IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict(strict=False)` did not match: two lists of names."""

    __slots__ = ()

    def __repr__(self) -> str:
        return super().__repr__() if any(self) else "<All keys matched successfully>"

    __str__ = __repr__


def entries(module: Members, prefix: str = "") -> Iterator[tuple[str, Members, str, Tensor]]:
    """Each saved tensor as (key, owner, attribute, tensor); a shared one under each name."""
    for path, owner in module.named_modules(remove_duplicate=False):
        stem = f"{prefix}{path}." if path else prefix
        for name, parameter in owner._parameters.items():
            if parameter is not None:
                yield stem + name, owner, name, parameter
        for name, buffer in owner._buffers.items():
            if buffer is not None and name not in owner._non_persistent:
                yield stem + name, owner, name, buffer


def save(
    module: Members, destination: dict[str, Any] | None, prefix: str, keep_vars: bool
) -> dict[str, Any]:
    """The tensors of `module` by name, sharing their storage, detached unless `keep_vars`."""
    saved: dict[str, Any] = OrderedDict() if destination is None else destination
    for key, _, _, tensor in entries(module, prefix):
        saved[key] = tensor if keep_vars else tensor.detach()
    return saved


def load(
    module: Members, state: Mapping[str, Any], strict: bool, assign: bool
) -> _IncompatibleKeys:
    """Copy (or `assign`) the tensors in `state` into `module`: all or, on an error, none."""
    if not isinstance(state, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state)}.")
    expected = list(entries(module))
    keys = {key for key, *_ in expected}
    missing = [key for key, *_ in expected if key not in state]
    unexpected = [key for key in state if key not in keys]
    found = [(key, *rest, state[key]) for key, *rest in expected if key in state]
    errors = [_mismatch(key, tensor, value) for key, _, _, tensor, value in found]
    if strict:
        errors = [_listed("Missing", missing), _listed("Unexpected", unexpected), *errors]
    if any(errors):
        title = f"Error(s) in loading state_dict for {type(module).__name__}:"
        raise RuntimeError("\n\t".join([title, *filter(None, errors)]))
    for _, owner, name, tensor, value in found:
        _restore(owner, name, tensor, value, assign)
    return _IncompatibleKeys(missing, unexpected)


def _listed(kind: str, keys: list[str]) -> str:
    names = ", ".join(f'"{key}"' for key in keys)
    return f"{kind} key(s) in state_dict: {names}. " if keys else ""


def _mismatch(key: str, tensor: Tensor, value: Any) -> str:
    """Why `value` cannot take the place of `tensor`; empty when it can."""
    if not isinstance(value, Tensor):
        return (
            f'While copying the parameter named "{key}", expected a Tensor from checkpoint '
            f"but received {type(value)}"
        )
    if value.shape == tensor.shape:
        return ""
    return (
        f"size mismatch for {key}: copying a param with shape {value.shape} from checkpoint, "
        f"the shape in current model is {tensor.shape}."
    )


def _restore(owner: Members, name: str, tensor: Tensor, value: Tensor, assign: bool) -> None:
    if not assign:
        with no_grad():
            tensor.copy_(value)
        return
    if isinstance(tensor, Parameter) and not isinstance(value, Parameter):
        value = Parameter(value, tensor.requires_grad)
    setattr(owner, name, value.requires_grad_(tensor.requires_grad))
