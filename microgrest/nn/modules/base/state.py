"""Saving and restoring what a Module has learned: parameters and persistent buffers, by name.

Every module saves its own, then has its children do so. What is loaded is looked for in the same
order, and nothing is written before all of it is found to fit.
"""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ....graph.modes import no_grad
from ....tensor import Tensor
from ...parameter import Parameter
from .members import Members
from .state_hooks import EXTRA, run

# What hooks are given as `local_metadata`, PyTorch's number of a format.
_METADATA = {"version": 1}


class _IncompatibleKeys(namedtuple("_IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict(strict=False)` did not match: two lists of names."""

    __slots__ = ()

    def __repr__(self) -> str:
        return super().__repr__() if any(self) else "<All keys matched successfully>"

    __str__ = __repr__


def _own(module: Members) -> Iterator[tuple[str, Tensor]]:
    """The module's own tensors that are saved."""
    for name, parameter in module._parameters.items():
        if parameter is not None:
            yield name, parameter
    for name, buffer in module._buffers.items():
        if buffer is not None and name not in module._non_persistent:
            yield name, buffer


def save(
    module: Members, destination: dict[str, Any] | None, prefix: str, keep_vars: bool
) -> dict[str, Any]:
    """The tensors of `module` by name, sharing their storage, detached unless `keep_vars`."""
    saved: dict[str, Any] = OrderedDict() if destination is None else destination
    run(module, "save", prefix, keep_vars)
    for name, tensor in _own(module):
        saved[prefix + name] = tensor if keep_vars else tensor.detach()
    if module._has_extra_state("get_extra_state"):
        saved[prefix + EXTRA] = module.get_extra_state()
    for name, child in module._modules.items():
        if child is not None:
            child.state_dict(destination=saved, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
    for changed in run(module, "saved", saved, prefix, _METADATA):
        if changed is not None:
            raise RuntimeError("state_dict post-hook must return None")
    return saved


def load(
    module: Members, state: Mapping[str, Any], strict: bool, assign: bool
) -> _IncompatibleKeys:
    """Copy (or `assign`) the tensors in `state` into `module`: all or, on an error, none.

    Hooks that run when modules have been loaded see them loaded, so names are checked after these.
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state)}.")
    found = _Found(assign)
    found.look(module, OrderedDict(state), "")
    keys = _IncompatibleKeys(found.missing, found.unexpected)
    hooked = [m for m in found.modules if m._state_hooks]
    found.check(module, keys if strict and not hooked else None)
    for put in found.writes:
        put()
    for below in hooked:
        for changed in run(below, "loaded", keys):
            if changed is not None:
                raise AssertionError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not expected "
                    "to return new values, if incompatible_keys need to be modified, it should be "
                    "done inplace."
                )
    found.check(module, keys if strict else None)
    return keys


class _Found:
    """What there is to load, and what stands in the way."""

    def __init__(self, assign: bool) -> None:
        self.assign = assign
        self.missing: list[str] = []
        self.unexpected: list[str] = []
        self.errors: list[str] = []
        self.writes: list[Callable[[], object]] = []
        self.modules: list[Members] = []  # those below first

    def look(self, module: Members, state: dict[str, Any], prefix: str) -> None:
        """Match `state`, whose names begin with `prefix`, with the module and its children."""
        lists = self.missing, self.unexpected, self.errors
        run(module, "load", state, prefix, _METADATA, True, *lists)
        own = dict(_own(module))
        for name, tensor in own.items():
            self._match(module, name, tensor, state, prefix + name)
        self._match_extra(module, state, prefix + EXTRA)
        for key in state:
            first, dot, _ = key[len(prefix) :].partition(".")
            if first != EXTRA and first not in (module._modules if dot else own):
                self.unexpected.append(key)
        for name, child in module._modules.items():
            if child is not None:
                below = f"{prefix}{name}."
                part = {key: value for key, value in state.items() if key.startswith(below)}
                self.look(child, part, below)
        self.modules.append(module)

    def _match(
        self, module: Members, name: str, tensor: Tensor, state: dict[str, Any], key: str
    ) -> None:
        if key not in state:
            self.missing.append(key)
            return
        value = state[key]
        error = _mismatch(key, tensor, value)
        if error:
            self.errors.append(error)
        else:
            self.writes.append(lambda: _restore(module, name, tensor, value, self.assign))

    def _match_extra(self, module: Members, state: dict[str, Any], key: str) -> None:
        if not module._has_extra_state("set_extra_state"):
            self.unexpected += [key] if key in state else []
        elif key in state:
            self.writes.append(lambda: module.set_extra_state(state[key]))
        else:
            self.missing.append(key)

    def check(self, module: Members, keys: _IncompatibleKeys | None) -> None:
        """RuntimeError with every error, and the names, if there are any."""
        names = (
            [] if keys is None else [_listed("Missing", keys[0]), _listed("Unexpected", keys[1])]
        )
        errors = [*filter(None, names), *self.errors]
        if errors:
            title = f"Error(s) in loading state_dict for {type(module).__name__}:"
            raise RuntimeError("\n\t".join([title, *errors]))


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
