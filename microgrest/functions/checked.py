"""What functions say to somebody who gives them no tensor."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from ..tensor import Tensor

# Functions of the package that look at their first argument without asking what it is.
OF_TENSORS = (
    "adjoint", "argwhere", "bincount", "broadcast_to", "combinations", "corrcoef",
    "count_nonzero", "cov", "cumulative_trapezoid", "detach", "detach_", "diag_embed", "diagflat",
    "diagonal", "diff", "flatten", "fliplr", "flipud", "get_device", "gradient", "histc",
    "is_signed", "isreal", "nan_to_num", "nan_to_num_", "numel", "pdist", "permute", "positive",
    "ravel", "repeat_interleave", "reshape", "rot90", "squeeze", "t", "tile", "trace",
    "trapezoid", "trapz", "unbind", "unique", "unique_consecutive", "zero_",
)  # fmt: skip
F = TypeVar("F", bound=Callable[..., Any])


def of_tensor(function: F) -> F:
    """`function`, whose first argument is a tensor: TypeError for what is none.

    It is looked at only where something is missed of it, so that tensors cost nothing.
    """

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except AttributeError:
            check_first(function.__name__, args)
            raise

    return cast(F, called)


def check_first(name: str, args: tuple[Any, ...]) -> None:
    """TypeError unless the first of several arguments is a tensor."""
    if args and not isinstance(args[0], Tensor):
        raise TypeError(
            f"{name}(): argument 'input' (position 1) must be Tensor, not {type(args[0]).__name__}"
        ) from None
