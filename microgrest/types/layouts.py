"""PyTorch's layouts and memory formats, of which there are few here: tensors are strided."""

from __future__ import annotations

from typing import Any


class layout:
    """How a tensor's elements lie in memory; `strided` is the only one."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"microgrest.{self.name}"

    def __reduce__(self) -> str:
        return self.name


class memory_format(layout):
    """In which order a new tensor has its elements: row-major here, whatever is said."""

    __slots__ = ()


strided = layout("strided")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")


def check_layout(layout: Any = None, memory_format: Any = None) -> None:
    """TypeError for what is no layout, or no memory format."""
    if layout not in (None, strided):
        raise TypeError(f"argument 'layout' must be microgrest.strided, not {layout!r}")
    if memory_format not in (None, contiguous_format, preserve_format):
        raise TypeError(
            "argument 'memory_format' must be microgrest.contiguous_format or "
            f"microgrest.preserve_format, not {memory_format!r}"
        )


def without_layout(options: dict[str, Any]) -> dict[str, Any]:
    """The `options` of a call, checked, without those that change nothing."""
    rest = dict(options)
    check_layout(rest.pop("layout", None), rest.pop("memory_format", None))
    return rest
