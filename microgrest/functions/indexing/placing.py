"""Elements written to places of the flattened tensor, or where a mask is True."""

from __future__ import annotations

from ... import recording
from ...dispatch.common import broadcast_shapes, common_device
from ...ops.places import indexing as rows
from ...tensor import Tensor
from ...types.dtypes import bool_, int64
from ..naming import ends_as
from ..places import checked, index_of, unless_changed
from ..pointwise.arithmetic import where
from ..reductions.folds import sum
from ..reductions.scans import cumsum
from ..views.shapes import expand, reshape
from .picking import take
from .writing import Write, check_tensors, same_type, writing


@writing
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Write:
    """`input` with the elements of `source` written, or added, at places `index` of it, flattened.

    There are as many of both, int64 places; negative ones count from the end.
    """
    check_tensors("put_", index=index, source=source)
    if index.dtype is not int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index.dtype!r}")
    given = same_type("put_", input, source)
    if given.numel() != index.numel():
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got "
            f"source.numel() = {given.numel()}, index.numel() = {index.numel()}"
        )
    common_device("put_", (input, index, given))
    n = input.numel()
    if not n and index.numel():
        raise IndexError("put_(): Expected self to be non-empty when index is non-empty")
    text = f"out of range: tried to access index {{}} on a tensor of {n} elements."
    values = index_of(index, input.device)
    places = checked(values, -n, n, lambda wrong: IndexError(text.format(wrong)))
    numbers = unless_changed(index, values, places)
    return Write(rows.put_, reshape(given, index._shape), numbers, accumulate)


@writing
@ends_as("MaskedScatterBackward0")
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """The elements of `source`, in order, where the bool `mask`, which broadcasts, is True.

    RuntimeError where there are fewer of them.
    """
    check_tensors("masked_scatter", mask=mask, source=source)
    given = same_type("masked_scatter", input, source)
    if mask.dtype is not bool_:
        raise RuntimeError("masked_scatter_ only supports boolean masks")
    common_device("masked_scatter", (input, mask, given))
    shape = broadcast_shapes("masked_scatter", [input._shape, mask._shape])
    flat = reshape(expand(mask, shape), -1)
    if recording.aside(lambda: sum(flat).item()) > given.numel():
        raise RuntimeError(
            "masked_scatter: expected self and source to have number of elements in source >= "
            f"number of ones in mask, got {given.numel()} in source"
        )
    if not given.numel() or not flat.numel():
        return expand(input, shape).clone()
    places = where(flat, cumsum(flat, 0) - 1, 0)
    return where(expand(mask, shape), reshape(take(given, places), shape), input)
