"""Targets: the tensor that a call writes to, where it is not a new one, and whether it may."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from ...graph.modes import state
from ...recording import world
from ...tensor import Tensor, contiguous_strides
from ...tensor.weak import WeakList
from ...types.dtypes import dtype
from ..common import common_device
from .memory import put


def own(name: str, x: Tensor, shape: tuple[int, ...], result: dtype, others: Sequence[Any]) -> None:
    """RuntimeError unless a `result` of `shape` may be written over `x`, computed from `others`."""
    check_writable(name, x, others)
    check_cast(name, result, x.dtype)
    if shape != x._shape:
        raise _mismatched(f"{name}_", x, shape)
    check_apart(name, x, others)


def _mismatched(name: str, x: Tensor, shape: tuple[int, ...]) -> RuntimeError:
    return RuntimeError(
        f"output with shape {list(x._shape)} doesn't match the broadcast shape {list(shape)} "
        f"in {name}()"
    )


def given(
    name: str,
    out: Any,
    shape: tuple[int, ...],
    result: dtype,
    others: Sequence[Any],
    *,
    same: bool = False,
) -> None:
    """RuntimeError unless `out=` can take a `result` from `others`; it gets that `shape`.

    With `same` it has to have the result's dtype.
    """
    check_out(name, out, result, others)
    common_device(name, (out, *others))
    check_cast(name, result, out.dtype)
    if same and out.dtype is not result:
        raise RuntimeError(
            f"{name}(): Expected out tensor to have dtype {result!r}, but got {out.dtype!r} instead"
        )
    if out._shape != shape:
        if any(a is out for a in others):
            raise _mismatched(name, out, shape)
        resize(out, shape)
    check_repeats(out)
    check_apart(name, out, others)


def check_out(name: str, out: Any, result: dtype, others: Sequence[Any]) -> None:
    """TypeError unless `out` is a tensor, RuntimeError where the call would be recorded."""
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if not state.grad or not result.is_floating_point:
        return
    if any(isinstance(t, Tensor) and t._requires_grad for t in (out, *others)):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, "
            "but one of the arguments requires grad."
        )


def resize(out: Tensor, shape: tuple[int, ...]) -> None:
    """Give `out` another shape, over its own storage where that is large enough."""
    if out.numel():
        warnings.warn(
            "An output with one or more elements was resized since it had shape "
            f"{list(out._shape)}, which does not match the required output shape {list(shape)}. "
            "Pass an empty tensor, or one of that shape.",
            UserWarning,
            stacklevel=2,
        )
    seen = out._alias(shape, contiguous_strides(shape), out._offset)
    if seen._flat is None or seen._flat.size != seen.numel():
        seen = Tensor._empty(shape, out._kind)
        seen._storage.version = out._storage.version
        out._storage.touch()  # a graph that saved it must see that it is another tensor now
    for field in ("_flat", "_shape", "_strides", "_offset", "_storage"):
        setattr(out, field, getattr(seen, field))
    if out._base is not None:
        base = out._base[0]
        views = [v for v in base._views or () if v is not out]
        base._views = WeakList()
        for v in views:
            base._views.add(v)
    out._base = None
    world.tensors += 1


def check_cast(name: str, result: dtype, target: dtype) -> None:
    """RuntimeError where a result of one type cannot be stored as another."""
    if result.category > target.category:
        raise RuntimeError(
            f"result type {result!r} can't be cast to the desired output type {target!r} in "
            f"{name}()"
        )


def check_writable(
    name: str, x: Tensor, others: Sequence[Any] = (), *, repeats: bool = False
) -> None:
    """RuntimeError where PyTorch forbids a write from `others`.

    To leaves that want gradients and views of them, to views made in no_grad when the write would
    be recorded, and, unless all elements get one value (`repeats`), to expanded memory.
    """
    if state.grad and x._requires_grad and x._node is None:
        raise RuntimeError(
            f"a leaf Variable that requires grad is being used in an in-place operation ({name}_). "
            "Do it inside `with torch.no_grad():`, or on x.data."
        )
    if state.grad and x._base is not None:
        _check_view(name, x, others)
    if not repeats:
        check_repeats(x)


def _check_view(name: str, x: Tensor, others: Sequence[Any]) -> None:
    base, _, recorded = x._base
    wanted = base._requires_grad or any(isinstance(a, Tensor) and a._requires_grad for a in others)
    if wanted and not recorded:
        raise RuntimeError(
            f"A view was created in no_grad mode and is being modified inplace ({name}_) with "
            "grad mode enabled, which is ambiguous. Make and modify the view both inside the "
            "no_grad block, or both outside of it."
        )
    if base._requires_grad and base._node is None:
        raise RuntimeError(
            "a view of a leaf Variable that requires grad is being used in an in-place "
            f"operation ({name}_). Do it inside `with torch.no_grad():`."
        )


def check_repeats(x: Tensor) -> None:
    """RuntimeError for expanded memory."""
    pairs = zip(x._strides, x._shape, strict=True)
    if x._flat is None and 0 not in x._shape and any(not step and n > 1 for step, n in pairs):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location. Please clone() the tensor before performing the operation."
        )


def once(x: Tensor) -> Tensor:
    """The places of an expanded tensor, each one time."""
    pairs = list(zip(x._strides, x._shape, strict=True))
    return x._alias([1 if not step and n else n for step, n in pairs], x._strides, x._offset)


def check_apart(name: str, x: Tensor, others: Sequence[Any], *, whole: bool = True) -> None:
    """RuntimeError where PyTorch sees that an operand shares a part of the memory of `x`.

    It sees it in `x` itself, and in tensors without gaps, which one range of memory describes. An
    operand may be all of `x` where each element depends on no other (`whole`).
    """
    array = x._storage.array
    for a in others:
        if (a is x and whole) or not isinstance(a, Tensor) or a._storage.array is not array:
            continue
        if a is x or _meets(a, x, whole):
            raise RuntimeError(
                "unsupported operation: some elements of the input tensor and the written-to "
                "tensor refer to a single memory location. Please clone() the tensor before "
                f"performing the operation. (in {name}())"
            )


def _meets(a: Tensor, x: Tensor, whole: bool) -> bool:
    if not (a.numel() and x.numel() and _dense(a) and _dense(x)):
        return False
    (start, stop), (first, last) = ((t._offset, t._offset + t.numel()) for t in (a, x))
    if (start, stop) == (first, last) and whole:
        return _walk(a) != _walk(x)
    return max(start, first) < min(stop, last)


def _walk(t: Tensor) -> list[tuple[int, int]]:
    """The extents and strides of the dimensions along which there are steps."""
    return [(n, step) for n, step in zip(t._shape, t._strides, strict=True) if n != 1]


def _dense(t: Tensor) -> bool:
    """Whether the elements of `t` fill a range of memory, each a place of its own."""
    if t._flat is not None:
        return True
    reach = 1
    for step, n in sorted(zip(t._strides, t._shape, strict=True)):
        if n != 1:
            if step != reach:
                return False
            reach *= n
    return True


def store(name: str, out: Any, result: Any, *, same: bool) -> Any:
    """`out=` of a function that has computed `result`, or several, in memory of its own.

    TypeError or RuntimeError where it cannot be; with `same` it has to have the result's dtype.
    """
    if isinstance(result, tuple):
        if not isinstance(out, (tuple, list)) or len(out) != len(result):
            raise TypeError(f"{name}(): argument 'out' must be a tuple of {len(result)} Tensors")
        for o, r in zip(out, result, strict=True):
            store(name, o, r, same=same)
        return type(result)(*out)
    given(name, out, result._shape, result.dtype, (result,), same=same)
    put(out, result)
    out._storage.touch()
    return out
