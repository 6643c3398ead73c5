"""Every op that both libraries have, taken from microgrest's tables and modules."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

import microgrest as mg
from microgrest.dispatch.api import PUBLIC

# No ops of tensors, or about the world outside: processes, devices, memory, the library's state.
OUTSIDE = {
    "get_default_device", "get_default_dtype", "set_default_device", "set_default_dtype",
    "get_rng_state", "set_rng_state", "initial_seed", "manual_seed", "seed", "set_printoptions",
    "from_numpy", "from_dlpack", "is_grad_enabled", "is_inference_mode_enabled", "cuda", "to",
    "pin_memory", "record_stream", "data_ptr", "get_device", "share_memory_", "compile", "numpy",
    "backward", "register_hook", "requires_grad_", "retain_grad", "is_pinned", "as_strided",
    "promote_types", "stride", "register_post_accumulate_grad_hook", "random_", "apply_", "map_",
    "multinomial",
    "unique_consecutive",  # PyTorch loses its flags where they are given by position
    "vmap", "is_anomaly_enabled", "is_anomaly_check_nan_enabled",
    "get_device_module", "untyped_storage", "get_num_threads", "set_num_threads", "new",
    "set_flush_denormal", "set_default_tensor_type", "use_deterministic_algorithms", "typename",
    "are_deterministic_algorithms_enabled", "get_float32_matmul_precision", "binomial", "asarray",
    "set_float32_matmul_precision", "resize_", "resize_as_", "set_", "as_strided_", "frombuffer",
    "as_strided_scatter", "empty_strided", "new_empty_strided",
}  # fmt: skip
# Their arguments are, or come to, numbers of elements: none may be extreme.
COUNTING = {
    "arange", "linspace", "logspace", "eye", "tril_indices", "triu_indices", "diag", "diagflat",
    "diag_embed", "repeat", "repeat_interleave", "tile", "randperm", "chunk", "tensor_split",
    "full", "unfold", "polygamma", "polygamma_", "mvlgamma", "mvlgamma_",
}  # fmt: skip
# Modules whose functions are nn.functional's own helpers.
HELPERS = {
    "apply_in_place", "check_probability", "drop", "reduced", "reduction_of", "sigmoid_row",
    "tanh_row",
}  # fmt: skip


class Op(NamedTuple):
    """A callable of the library: how it is written, and its parameters."""

    name: str
    prefix: str  # "torch.", "F.", or "" for a method
    parameters: tuple[inspect.Parameter, ...]


def parameters_of(name: str, function: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    """From the row, where the function is made from one, else from the signature."""
    row = PUBLIC.get(name.removesuffix("_"))
    found = inspect.signature(function).parameters.values()
    if row is None or not any(p.kind is p.VAR_POSITIONAL for p in found):
        return tuple(p for p in found if p.kind is not p.VAR_KEYWORD)
    return tuple(
        inspect.Parameter(
            arg,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=row.defaults.get(arg, inspect.Parameter.empty),
            annotation="Mask"
            if arg in row.unpromoted
            else "Number"
            if arg in row.defaults
            else "Any",
        )
        for arg in row.args
    )


def collect() -> list[Op]:
    """Every op that both libraries have, as a function, as a method and in nn.functional."""
    found = []
    places = [(mg, torch, "torch."), (mg.Tensor, torch.Tensor, ""), (mg.nn.functional, None, "F.")]
    for ours, theirs, prefix in places:
        theirs = theirs or torch.nn.functional
        for name in sorted(dir(ours)):
            function = getattr(ours, name)
            if name.startswith("_") or name in OUTSIDE | HELPERS or not hasattr(theirs, name):
                continue
            if inspect.isfunction(function):
                found.append(Op(name, prefix, parameters_of(name, function)))
    return found


OPS = collect()
WRITING = [op for op in OPS if op.name.endswith("_")]
PROPERTIES = [
    name
    for name in sorted(dir(mg.Tensor))
    if not name.startswith("_")
    and isinstance(getattr(mg.Tensor, name), property)
    and hasattr(torch.Tensor, name)
    and name not in ("grad_fn", "grad")
]
