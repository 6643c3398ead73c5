"""What ops of two results return, by PyTorch's names and in its printed form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .tensor import Tensor


def _text(result: Any) -> str:
    fields = ",\n".join(f"{name}={value!r}" for name, value in result._asdict().items())
    return f"microgrest.return_types.{type(result).__name__}(\n{fields})"


class max(NamedTuple):
    """The largest elements along a dimension, and where they are."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text(self)


class min(NamedTuple):
    """The smallest elements along a dimension, and where they are."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text(self)


class cummax(NamedTuple):
    """The largest elements so far along a dimension, and where they are."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text(self)


class cummin(NamedTuple):
    """The smallest elements so far along a dimension, and where they are."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text(self)


class aminmax(NamedTuple):
    """The smallest and the largest elements."""

    min: Tensor
    max: Tensor

    def __repr__(self) -> str:
        return _text(self)
