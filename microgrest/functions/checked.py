"""What functions say to somebody who gives them no tensor."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, TypeVar, cast

from ..tensor import Tensor
from .aliases import check_flags, flags_of
from .remembered import INSIDE, around

# Functions of the package that look at their arguments without asking what they are.
OF_TENSORS = (
    "addmv_", "addr", "adjoint", "allclose", "argwhere", "as_strided_", "bincount", "broadcast_to",
    "cholesky_solve", "chunk", "combinations", "corrcoef", "count_nonzero", "cov", "cross",
    "cumulative_trapezoid", "detach", "detach_", "diag_embed", "diagflat", "diagonal",
    "diagonal_scatter", "diff", "dsplit", "equal", "flatten", "fliplr", "flipud", "ger",
    "get_device", "gradient", "histc", "hsplit", "index_put", "inner", "is_same_size", "is_signed",
    "isclose", "isin", "isreal", "kron", "ldexp", "ldexp_", "logit_", "lu_solve", "lu_unpack",
    "masked_scatter", "moveaxis", "movedim", "nan_to_num", "nan_to_num_", "narrow", "narrow_copy",
    "numel", "outer", "permute", "positive", "ravel", "repeat_interleave", "reshape", "resize_as_",
    "rot90", "select", "slice_scatter", "split_with_sizes", "squeeze", "std_mean", "swapaxes",
    "swapdims", "t", "take_along_dim", "tensor_split", "tile", "trace", "transpose", "trapezoid",
    "trapz", "unbind", "unflatten", "unique", "unique_consecutive", "unsqueeze", "vander",
    "var_mean", "vsplit", "where", "zero_",
)  # fmt: skip
_wrapped: dict[Callable[..., Any], Callable[..., Any]] = {}
F = TypeVar("F", bound=Callable[..., Any])


def of_tensors(function: F) -> F:
    """`function`, whose parameters of type Tensor take nothing else: TypeError for what is none.

    They are looked at only where something is missed of them, so that tensors cost one call more;
    flags where they are given by name. A function is wrapped once, whatever its names.
    """
    if function in _wrapped:
        return cast(F, _wrapped[function])
    if function in INSIDE:
        found = _wrapped[function] = around(of_tensors, function)
        return found
    flags = flags_of(function)

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        if kwargs and not flags.isdisjoint(kwargs):
            check_flags(function.__name__, flags, kwargs)
        try:
            return function(*args, **kwargs)
        except AttributeError:
            check_tensors(function, args, kwargs)
            raise

    _wrapped[function] = called
    return cast(F, called)


def check_tensors(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """TypeError for an argument that is no tensor where `function` says that it takes one."""
    parameters = signature(function).parameters
    given = dict(zip(parameters, args, strict=False)) | kwargs
    for position, (name, parameter) in enumerate(parameters.items(), 1):
        wanted = str(parameter.annotation)
        if name not in given or wanted.removesuffix(" | None") != "Tensor":
            continue
        value = given[name]
        if not (isinstance(value, Tensor) or (value is None and wanted != "Tensor")):
            raise TypeError(
                f"{function.__name__}(): argument {name!r} (position {position}) must be Tensor, "
                f"not {type(value).__name__}"
            ) from None
