"""Module: the base class of everything that holds parameters.

A module keeps three tables, each a dict from attribute name to member: `_parameters`, `_buffers`
(tensors that are saved but not trained) and `_modules` (children). `__setattr__` sorts what is
assigned into them, and every traversal reads them in order of registration. Every change of a
table or attribute is counted, so that the step compiler looks at the module again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from ...creation import empty_like
from ...functions.queries import typename
from ...graph.modes import no_grad
from ...recording import world
from ...recording.counted import Counted
from ...tensor import Tensor
from ...types.dtypes import float16, float32, float64
from ..parameter import Parameter
from .base import registration, state
from .base.conversion import converter
from .base.hooks import (
    EVERYWHERE,
    TABLES as HOOKS,
    Hooked,
    Hooks,
    call_with_hooks,
    register_module_forward_hook as register_module_forward_hook,
    register_module_forward_pre_hook as register_module_forward_pre_hook,
    register_module_full_backward_hook as register_module_full_backward_hook,
    register_module_full_backward_pre_hook as register_module_full_backward_pre_hook,
)
from .base.registration import TABLES
from .base.state_hooks import Saved

Self = TypeVar("Self", bound="Module")


class Module(Hooked, Saved):
    """Base class of layers and models: subclass it, call `super().__init__()`, write `forward`.

    Calling the module calls `forward` between its hooks. `training` is True until `eval()`.
    """

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _non_persistent: set[str]

    def __init__(self) -> None:
        self.__dict__.update(
            training=True,
            _parameters=Counted(),
            _buffers=Counted(),
            _modules=Counted(),
            _non_persistent=set(),
            _state_hooks=Hooks(),
            **{table: Hooks() for table in HOOKS},
        )

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass defines it. NotImplementedError otherwise."""
        name = type(self).__name__
        raise NotImplementedError(f'Module [{name}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if (
            self._forward_hooks
            or self._forward_pre_hooks
            or self._backward_hooks
            or self._backward_pre_hooks
            or EVERYWHERE
        ):
            return call_with_hooks(self, args, kwargs)
        return self.forward(*args, **kwargs)

    # Attributes and registration

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        for table in TABLES:
            if table in own and name in own[table]:
                return own[table][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            registration.claim(self, name, "_parameters", "parameters")
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            registration.claim(self, name, "_modules", "module")[name] = value
        elif not registration.replace(self, name, value):
            object.__setattr__(self, name, value)
            world.version += 1

    def __delattr__(self, name: str) -> None:
        for table in TABLES:
            if name in self.__dict__[table]:
                del self.__dict__[table][name]
                self._non_persistent.discard(name)
                return
        object.__delattr__(self, name)
        world.version += 1

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(n for t in TABLES for n in self.__dict__[t])})

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Make `param` (a leaf, or None: none yet) the attribute `name`.

        KeyError for a name that is taken, empty or has a dot; TypeError for another type.
        """
        registration.check_name(self, name, "_parameters", "parameter")
        if not (param is None or isinstance(param, Parameter)):
            raise TypeError(
                f"cannot assign '{typename(param)}' object to parameter '{name}' "
                "(microgrest.nn.Parameter or None required)"
            )
        if param is not None and param.grad_fn is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be "
                f"created explicitly. To express '{name}' as a function of another Tensor, "
                "compute the value in the forward() method."
            )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Make `tensor` the attribute `name`: moved and, if `persistent`, saved with the module.

        KeyError for a name that is taken, empty or has a dot; TypeError for another type.
        """
        registration.check_name(self, name, "_buffers", "buffer")
        if not (tensor is None or isinstance(tensor, Tensor)):
            raise TypeError(
                f"cannot assign '{type(tensor).__name__}' object to buffer '{name}' "
                "(microgrest.Tensor or None required)"
            )
        self._buffers[name] = tensor
        if persistent:
            self._non_persistent.discard(name)
        else:
            self._non_persistent.add(name)

    def register_module(self, name: str, module: Module | None) -> None:
        """Make `module` the child `name`; the errors are those of `register_parameter`."""
        if not (module is None or isinstance(module, Module)):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
        registration.check_name(self, name, "_modules", "module")
        self._modules[name] = module

    add_module = register_module

    def get_submodule(self, target: str) -> Module:
        """The module at the dotted path `target`; AttributeError where there is none."""
        found: Any = self
        for name in filter(None, target.split(".")):
            if not hasattr(found, name):
                raise AttributeError(f"{type(found).__name__} has no attribute `{name}`")
            found = getattr(found, name)
            if not isinstance(found, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return found  # type: ignore[no-any-return]

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put `module` at the dotted path `target`; with `strict` only in place of another.

        AttributeError where the path leads to no module; ValueError for what is none.
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict or hasattr(parent, name):
            parent.get_submodule(name)
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at the dotted path `target`; AttributeError where there is none."""
        found = self._get_member(target)
        if not isinstance(found, Parameter):
            raise AttributeError(f"`{target.rpartition('.')[2]}` is not an nn.Parameter")
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at the dotted path `target`; AttributeError where there is none."""
        path, _, name = target.rpartition(".")
        found = self._get_member(target)
        if name not in self.get_submodule(path)._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return found  # type: ignore[no-any-return]

    def _get_member(self, target: str) -> Any:
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        if not hasattr(owner, name):
            raise AttributeError(f"{type(owner).__name__} has no attribute `{name}`")
        return getattr(owner, name)

    # Traversal

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it, each with its dotted path, parents first."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                path = f"{prefix}.{name}" if prefix else name
                yield from child.named_modules(memo, path, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once, parents first."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly below this one, each once, with their names."""
        seen: set[Module | None] = {None}
        for name, child in self._modules.items():
            if child is not None and child not in seen:
                seen.add(child)
                yield name, child

    def children(self) -> Iterator[Module]:
        """The modules directly below this one, each once."""
        return (child for _, child in self.named_children())

    def _named_members(
        self, table: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        below = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
        for path, module in below if recurse else ((prefix, self),):
            for name, member in module.__dict__[table].items():
                if member is None or id(member) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(member))
                yield f"{path}.{name}" if path else name, member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their dotted names, shared ones once."""
        return self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters of this module and, if `recurse`, of all below it, shared ones once."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their dotted names, shared ones once."""
        return self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers of this module and, if `recurse`, of all below it, shared ones once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def apply(self: Self, fn: Callable[[Module], object]) -> Self:
        """Call `fn` on every module below this one, then on this one."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    # Modes and gradients

    def train(self: Self, mode: bool = True) -> Self:
        """Set `training` on this module and all below it; ValueError unless `mode` is a bool."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        if self.__dict__.get("training") is not mode:
            self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self: Self) -> Self:
        """`train(False)`: the behavior of evaluation."""
        return self.train(False)

    def requires_grad_(self: Self, requires_grad: bool = True) -> Self:
        """Train (or freeze) every parameter."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        world.version += 1
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget every parameter's gradient, or fill it with zeros."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.detach_().zero_()

    # Conversion

    def _apply(self: Self, convert: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace the data of every parameter, of its gradient, and every buffer, in place."""
        for parameter in self.parameters(recurse):
            # Both are converted before either is replaced: an error must not lose the gradient.
            grad = None if parameter.grad is None else convert(parameter.grad)
            data, parameter.grad = convert(parameter.data), None
            parameter.data, parameter.grad = data, grad
        for module in self.modules() if recurse else (self,):
            for name, buffer in module._buffers.items():
                module._buffers[name] = None if buffer is None else convert(buffer)
        return self

    def to(self: Self, *args: Any, **kwargs: Any) -> Self:
        """Move to a device and (floating tensors only) convert to a dtype, in place.

        Takes a device, a floating dtype, both, or a tensor to be like; `non_blocking` is a hint.
        TypeError for a dtype that is not floating.
        """
        with no_grad():
            return self._apply(converter(*args, **kwargs))

    def cpu(self: Self) -> Self:
        """Move to the CPU."""
        return self.to("cpu")

    def cuda(self: Self, device: Any = None) -> Self:
        """Move to a GPU: the current one, or the one with this index."""
        return self._apply(lambda tensor: tensor.cuda(device))

    def double(self: Self) -> Self:
        """Convert floating tensors to float64."""
        return self.to(float64)

    def float(self: Self) -> Self:
        """Convert floating tensors to float32."""
        return self.to(float32)

    def half(self: Self) -> Self:
        """Convert floating tensors to float16."""
        return self.to(float16)

    def type(self: Self, dst_type: Any) -> Self:
        """Convert all tensors, those of integers too, to a dtype."""
        return self._apply(lambda tensor: tensor.type(dst_type))

    def to_empty(self: Self, *, device: Any, recurse: bool = True) -> Self:
        """Move to a device without the values, of this module alone unless `recurse`."""
        return self._apply(lambda tensor: empty_like(tensor, device=device), recurse)

    # Saving

    def state_dict(
        self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """Parameters and persistent buffers by dotted name: detached, sharing storage."""
        return state.save(self, destination, prefix, keep_vars)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> state._IncompatibleKeys:
        """Copy tensors by name into this module, or with `assign` take them as they are.

        RuntimeError, with every difference listed and nothing loaded, where shapes differ or, if
        `strict`, where names do. Returns `missing_keys` and `unexpected_keys`.
        """
        return state.load(self, state_dict, strict, assign)

    # Printing

    def extra_repr(self) -> str:
        """What stands in the module's own parentheses when it is printed."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        children = [f"({name}): {child!r}" for name, child in self._modules.items()]
        if not children and "\n" not in extra:
            return f"{type(self).__name__}({extra})"
        lines = "\n".join([*filter(None, [extra]), *children]).replace("\n", "\n  ")
        return f"{type(self).__name__}(\n  {lines}\n)"
