"""Making tensors: from Python and NumPy data, filled, and counted."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..dispatch.common import check_range
from ..dispatch.memory import copy, filled
from ..interop.dlpack import offers_gpu_memory, shared
from ..tensor import Size, Tensor
from ..tensor.arrays import from_array, from_numpy
from ..tensor.methods import method
from ..tensor.storage import Kind, kind_of
from ..types import dtypes
from ..types.device import chosen_device, device, get_default_device
from ..types.dtypes import dtype, get_default_dtype, int64
from ..types.integers import count, lengths, whole
from .spacing import spaced

_NUMBERS = frozenset((bool, int, float))


def kind_from(d: Any, where: Any, fallback: dtype, like: Tensor | None = None) -> Kind:
    """The Kind for a creation function's dtype= and device= arguments."""
    chosen = fallback if d is None else dtypes.as_dtype(d)
    if where is None:
        return kind_of(chosen, get_default_device() if like is None else like.device)
    return kind_of(chosen, device(where))


def finish(t: Tensor, requires_grad: bool, pin_memory: bool = False) -> Tensor:
    """`t`, in page-locked memory or requiring grad if asked; RuntimeError for integers."""
    if pin_memory:
        t = t.pin_memory()
    if requires_grad:
        t.requires_grad = True
    return t


# From data


def tensor(
    data: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A new tensor with a copy of `data`: numbers, nested sequences, NumPy arrays, tensors.

    Floats become the default dtype, ints int64; NumPy data keep their type. ValueError for ragged
    sequences, TypeError for what is not numeric.
    """
    device = chosen_device() if device is None else device
    if isinstance(data, Tensor):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use "
            "sourceTensor.detach().clone() or sourceTensor.detach().clone().requires_grad_(True), "
            "rather than tensor(sourceTensor).",
            UserWarning,
            stacklevel=2,
        )
        t = copy(data).to(device=device, dtype=dtype)
        return finish(t, requires_grad, pin_memory)
    if offers_gpu_memory(data):
        theirs, _ = shared(data)
        t = theirs.to(device=device, dtype=dtype)
        return finish(copy(t) if t is theirs else t, requires_grad, pin_memory)
    array, natural = as_array(data, dtype is not None and dtypes.as_dtype(dtype).is_floating_point)
    kind = kind_from(dtype, device, natural)
    if array.size and not (kind.dtype.is_floating_point or isinstance(data, np.ndarray)):
        check_range(kind.dtype, array.min().item(), array.max().item())
    return finish(from_array(array, kind), requires_grad, pin_memory)


def as_array(data: Any, floating: bool = False) -> tuple[np.ndarray[Any, Any], dtype]:
    """`data` as a NumPy array, and the dtype of a tensor of it unless another is asked for.

    ValueError for an integer beyond 64 bits, unless the tensor will be a `floating` one.
    """
    if not isinstance(data, (bool, int, float, list, tuple)):
        if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
            data = list(data)
        elif hasattr(data, "__array__"):
            array = np.asarray(data)
            return array, dtypes.from_numpy(array.dtype)
    natural = _natural(data)
    try:
        array = np.asarray(_numbers(data))
    except ValueError as error:
        raise ValueError(f"expected sequences of equal length to make a tensor: {error}") from None
    if array.dtype == object or (array.dtype.kind == "u" and array.itemsize > 1):
        if not (natural.is_floating_point or floating):
            raise ValueError("Overflow when unpacking long long: an int is beyond 64 bits")
        array = array.astype(np.float64)
    return array, natural


def _natural(data: Any) -> dtype:
    """The dtype that nested sequences of numbers, tensors and NumPy values promote to."""
    if not isinstance(data, (list, tuple)):
        if isinstance(data, (Tensor, np.ndarray, np.generic)):
            return data.dtype if isinstance(data, Tensor) else dtypes.from_numpy(data.dtype)
        if isinstance(data, (bool, int, float)):
            return dtypes.of_number(data)
        what = f"{type(data).__name__} {data!r}"
        if isinstance(data, (str, bytes)):
            raise TypeError(f"cannot make a tensor of {what}: elements must be numbers or bools")
        raise RuntimeError(f"Could not infer dtype of {what}: elements must be numbers or bools")
    kinds = dict(zip(map(type, data), data, strict=True))
    if kinds.keys() <= _NUMBERS:
        data = kinds.values()
    return (
        functools.reduce(dtypes.promote_types, map(_natural, data)) if data else get_default_dtype()
    )


def _numbers(data: Any) -> Any:
    """`data` with NumPy scalars in place of tensors, which have to be single numbers."""
    if isinstance(data, (list, tuple)):
        return data if _NUMBERS.issuperset(map(type, data)) else [_numbers(d) for d in data]
    if not isinstance(data, Tensor):
        return data
    if data.numel() != 1:
        error = ValueError if data.dtype.is_floating_point else TypeError
        raise error(
            "only one element tensors can be converted to Python scalars, not one of shape "
            f"{list(data._shape)}; stack() joins tensors"
        )
    return data._numpy().reshape(())


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a tensor, without a copy where type and device allow it."""
    device = chosen_device() if device is None else device
    if isinstance(data, Tensor):
        return data.to(device=device, dtype=dtype)
    if isinstance(data, np.ndarray) and data.flags.writeable:
        return from_numpy(data).to(device=device, dtype=dtype)
    if offers_gpu_memory(data):
        return _on_gpu(data).to(device=device, dtype=dtype)
    return tensor(data, dtype=dtype, device=device)


def from_dlpack(source: Any) -> Tensor:
    """A tensor over the memory of any object with `__dlpack__`, without a copy.

    Objects with `__cuda_array_interface__` are taken too. TypeError and ValueError for types and
    strides that tensors do not have. Read-only memory is copied, with a warning.
    """
    return _on_gpu(source) if offers_gpu_memory(source) else from_numpy(np.from_dlpack(source))


def _on_gpu(source: Any) -> Tensor:
    t, readonly = shared(source)
    if readonly:
        warnings.warn(
            "The given memory is not writable; the tensor is a copy of it.",
            UserWarning,
            stacklevel=3,
        )
    return copy(t) if readonly else t


def _construct(cls: type, *args: Any, **options: Any) -> Any:
    """PyTorch's old constructor: of data, Tensor([1, 2]), or of a shape, Tensor(1, 2)."""
    if "data" not in options and all(isinstance(a, (int, Size)) for a in args):
        make, args = empty, args or (0,)
    else:
        make = tensor
    return make(*args, dtype=get_default_dtype(), **options)._as(cls, False)


method(name="__new__")(staticmethod(_construct))


# Filled


def extents(size: tuple[Any, ...]) -> tuple[int, ...]:
    """A shape given as numbers or as one sequence; RuntimeError for a negative extent."""
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    shape = lengths(size)
    if any(n < 0 for n in shape):
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}"
        )
    return shape


def _filler(name: str, value: Any) -> Callable[..., Tensor]:
    def make(
        *size: Any,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        **size_keyword: Any,
    ) -> Tensor:
        if not size and "size" not in size_keyword:
            raise TypeError(f"{name}() missing 1 required positional argument: 'size'")
        shape = extents(size or (size_keyword.pop("size"),))
        if size_keyword:
            raise TypeError(
                f"{name}() got an unexpected keyword argument {next(iter(size_keyword))!r}"
            )
        kind = kind_from(dtype, device, get_default_dtype())
        t = Tensor._empty(shape, kind) if value is None else filled(shape, kind, value)
        return finish(t, requires_grad, pin_memory)

    make.__name__ = make.__qualname__ = name
    what = "uninitialized tensor" if value is None else f"tensor full of {value}s"
    make.__doc__ = f"A new {what} of shape `size`."
    return make


zeros = _filler("zeros", 0)
ones = _filler("ones", 1)
empty = _filler("empty", None)


def full(
    size: Sequence[int],
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A new tensor of shape `size` full of `fill_value`, of the value's type or `dtype`."""
    value = fill_value.item() if isinstance(fill_value, (Tensor, np.generic)) else fill_value
    kind = kind_from(dtype, device, dtypes.of_number(value))
    return finish(filled(extents((tuple(size),)), kind, value), requires_grad)


def _like(input: Tensor, value: Any, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    kind = kind_from(dtype, device, input.dtype, input)
    t = Tensor._empty(input._shape, kind) if value is None else filled(input._shape, kind, value)
    return finish(t, requires_grad)


def zeros_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Zeros in the shape, dtype and device of `input`."""
    return _like(input, 0, dtype, device, requires_grad)


def ones_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Ones in the shape, dtype and device of `input`."""
    return _like(input, 1, dtype, device, requires_grad)


def empty_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """An uninitialized tensor in the shape, dtype and device of `input`."""
    return _like(input, None, dtype, device, requires_grad)


def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`fill_value` in the shape, dtype and device of `input`."""
    return _like(input, fill_value, dtype, device, requires_grad)


# Counted


def _numeric(name: str, kind: Kind) -> Kind:
    """`kind`, unless it is of bools, which no counting makes."""
    if kind.dtype is dtypes.bool_:
        raise NotImplementedError(f"\"{name}\" is not implemented for 'bool' tensors")
    return kind


def arange(
    start: Any = None, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """start (or 0), start + step, ... below `end`.

    The type is int64 for ints, the default dtype if one of them is a float.

    RuntimeError for a step of 0 or of the wrong sign, and for bounds that are not finite.
    """
    if end is None:
        start, end = None, start
    if end is None:
        raise TypeError("arange() missing 1 required positional argument: 'end'")
    given = (0 if start is None else start, end, step)
    start, end, step = (v.item() if isinstance(v, (Tensor, np.generic)) else v for v in given)
    floating = any(isinstance(v, float) for v in (start, end, step))
    kind = _numeric("arange", kind_from(dtype, device, get_default_dtype() if floating else int64))
    if not all(map(math.isfinite, (start, end, step))):
        raise RuntimeError(f"unsupported range: {start} -> {end} by {step}")
    if kind.dtype is int64:  # narrower integers take the count of the floats, as in PyTorch
        start, end, step = int(start), int(end), int(step)
    if not (kind.dtype.is_floating_point or any(isinstance(v, float) for v in (start, end, step))):
        check_range(int64, min(start, end, step), max(start, end, step))
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start < 0) is not (step < 0) and end != start:
        raise RuntimeError(
            f"upper bound and lower bound inconsistent with step sign: arange({start}, {end}, "
            f"{step})"
        )
    exact = isinstance(end - start, int) and isinstance(step, int)
    n = count([-(-(end - start) // step) if exact else math.ceil((end - start) / step)])
    if kind.dtype.is_floating_point:
        values = start + step * np.arange(n, dtype=np.float64)
    else:
        values = int(start) + int(step) * np.arange(n, dtype=np.int64)
    return finish(from_array(values, kind), requires_grad)


def _steps(steps: int) -> int:
    """A number of values; RuntimeError for a negative one, and where no memory could hold them."""
    if whole(steps, "steps") < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    return count([whole(steps, "steps")])


def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`steps` equally spaced values from start to end, both included, with PyTorch's rounding.

    Of an integer dtype the ends are whole numbers, too.
    """
    for name, value in (("start", start), ("end", end)):
        if isinstance(value, Tensor) and value._shape:
            raise RuntimeError(
                "linspace only supports 0-dimensional start and end tensors, but got "
                f"{name} with {value.ndim} dimension(s)."
            )
    kind = _numeric("linspace", kind_from(dtype, device, get_default_dtype()))
    if not kind.dtype.is_floating_point:
        start, end = int(start), int(end)
    numbers = spaced(float(start), float(end), _steps(steps), kind.dtype)
    return finish(from_array(numbers, kind), requires_grad)


def logspace(
    start: float,
    end: float,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`steps` values from base**start to base**end, equally spaced in the exponent."""
    kind, steps = _numeric("logspace", kind_from(dtype, device, get_default_dtype())), _steps(steps)
    if not kind.dtype.is_floating_point and steps != 1:
        start, end = int(start), int(end)
    exponents = spaced(float(start), float(end), steps, dtypes.float64)
    return finish(from_array(np.power(float(base), exponents), kind), requires_grad)


def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Ones on the diagonal of n rows and m columns (n if left out), zeros elsewhere."""
    n = whole(n, "n")
    m = n if m is None else whole(m, "m")
    if n < 0 or m < 0:
        raise RuntimeError(
            f"eye(): rows and columns must be greater or equal to 0, got {n} and {m}"
        )
    kind = kind_from(dtype, device, get_default_dtype())
    t = from_array(np.eye(n, m), kind) if count((n, m)) else Tensor._empty((n, m), kind)
    return finish(t, requires_grad)


def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None
) -> Tensor:
    """The (2, k) indices of the lower triangle of a row by col matrix."""
    return _places(np.tril_indices, row, col, offset, kind_from(dtype, device, int64))


def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None
) -> Tensor:
    """The (2, k) indices of the upper triangle of a row by col matrix."""
    return _places(np.triu_indices, row, col, offset, kind_from(dtype, device, int64))


def _places(triangle: Callable[..., Any], row: int, col: int, offset: int, kind: Kind) -> Tensor:
    """NumPy's indices of a triangle; RuntimeError for negative numbers of rows or columns."""
    row, col, offset = whole(row, "row"), whole(col, "col"), whole(offset, "offset")
    if row < 0 or col < 0:
        raise RuntimeError(f"row and col must be non-negative, got {row} and {col}")
    if not count((row, col)):
        return Tensor._empty((2, 0), kind)
    return from_array(np.stack(triangle(row, min(max(offset, -row), col), col)), kind)


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a Tensor."""
    return isinstance(obj, Tensor)


def numel(input: Tensor) -> int:
    """The number of elements of `input`."""
    return input.numel()


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype of `input` is a floating-point one."""
    return input.is_floating_point()
