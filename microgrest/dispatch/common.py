"""What every kind of op needs: shapes that broadcast, one device, the strided launch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..device import CPU, device
from ..kernels.program import Program
from ..tensor import Tensor


def broadcast_shapes(name: str, shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape that all of `shapes` expand to; RuntimeError as PyTorch words it."""
    result = shapes[0]
    for shape in shapes[1:]:
        if shape != result:
            result = _broadcast(name, result, shape)
    return result


def _broadcast(name: str, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    n = max(len(a), len(b))
    pair = zip((1,) * (n - len(a)) + a, (1,) * (n - len(b)) + b, strict=True)
    result = []
    for d, (x, y) in enumerate(pair):
        if x != y and x != 1 and y != 1:
            raise RuntimeError(
                f"The size of tensor a ({x}) must match the size of tensor b ({y}) at "
                f"non-singleton dimension {d} (in {name}: shapes {list(a)} and {list(b)} do not "
                "broadcast)"
            )
        result.append(y if x == 1 else x)
    return tuple(result)


def common_device(name: str, args: Sequence[Any]) -> device:
    """The device of all tensors among `args`; 0-d CPU tensors go along with any other."""
    found = [a._kind.device for a in args if isinstance(a, Tensor)]
    dimensioned = {
        a._kind.device for a in args if isinstance(a, Tensor) and (a._shape or a.is_cuda)
    }
    if len(dimensioned) > 1:
        raise mixed_devices(
            name, {f"argument {i}": a for i, a in enumerate(args) if isinstance(a, Tensor)}
        )
    return dimensioned.pop() if dimensioned else (found[0] if found else CPU)


def mixed_devices(name: str, tensors: Mapping[str, Tensor]) -> RuntimeError:
    """The error of an op whose tensors, here by what they are called, cannot meet."""
    places = ", ".join(f"{called} is on {t.device}" for called, t in tensors.items())
    return RuntimeError(
        f"Expected all tensors to be on the same device in {name}(), but {places}: move them to "
        "one with .to(device)"
    )


def identity(first: str, lane: str) -> str:
    """The first value of a fold or scan in type `lane`: "lowest" and "highest" as numbers."""
    if first not in ("lowest", "highest"):
        return first
    if lane.startswith("float"):
        return "-inf" if first == "lowest" else "inf"
    limits = np.iinfo(lane)
    if first == "highest" or not limits.min:
        return str(limits.max if first == "highest" else 0)
    return f"-{limits.max} - 1"  # 128 is no int8


def run(
    program: Program, shape: tuple[int, ...], operands: Sequence[Any], results: Sequence[Tensor]
) -> None:
    """Launch `program` over `shape` with operands broadcast to it, walking all by their strides."""
    kernels = results[0]._kind.kernels.elementwise
    views = [view(kernels, a, shape) if isinstance(a, Tensor) else a for a in operands]
    kernels.launch(program, shape, views, [view(kernels, r, shape) for r in results])


def view(kernels: Any, t: Tensor, shape: tuple[int, ...]) -> Any:
    """`t` as a kernel's View, broadcast to `shape` by strides of 0."""
    return kernels.View(t._storage.array, t._offset, broadcast_strides(t._shape, t._strides, shape))


@lru_cache(maxsize=4096)
def broadcast_strides(
    own: tuple[int, ...], strides: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[int, ...]:
    """The strides that walk a tensor of shape `own` as if it had `shape`."""
    missing = len(shape) - len(own)
    steps = [0 if extent == 1 else step for extent, step in zip(own, strides, strict=True)]
    return (0,) * missing + tuple(steps)
