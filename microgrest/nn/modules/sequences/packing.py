"""Sequences of different lengths in one tensor: padded to one length, or packed without gaps.

A packed tensor has the first elements of all sequences, then the second ones, ..., the longest
sequences first, so that step t of a recurrent layer reads a run of `batch_sizes[t]` rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from ....creation import full, tensor
from ....functions.outputs import cat, index_select, stack
from ....functions.ranking.sorting import argsort
from ....tensor import Tensor
from ....types.dtypes import dtype, float16, float32, float64, int8, int16, int32, int64, uint8


class _Fields(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Fields):
    """Rows of all sequences by their steps: `pack_sequence` and the like make them.

    `data` is (rows, *), `batch_sizes`, on the CPU, how many sequences have a step t. Sequence
    `sorted_indices[i]` of those that were given is the i-th longest; None if they came sorted.
    """

    # The batch sizes as numbers: steps of `compile` cannot read a tensor.
    _sizes: tuple[int, ...] | None = None

    def __new__(
        cls,
        data: Tensor,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        if batch_sizes is None:  # PackedSequence((data, batch_sizes), ...)
            if not (isinstance(data, (list, tuple)) and len(data) == 2):
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        if batch_sizes.device.type != "cpu":
            raise ValueError(
                f"batch_sizes has to be on the CPU, but it is on {batch_sizes.device}; make packed "
                "sequences by pack_sequence or pack_padded_sequence"
            )
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def sizes(self) -> tuple[int, ...]:
        """`batch_sizes` as numbers."""
        if self._sizes is None:
            self._sizes = tuple(self.batch_sizes.tolist())
        return self._sizes

    def like(self, data: Tensor) -> PackedSequence:
        """The same sequences with other rows."""
        orders = self.sorted_indices, self.unsorted_indices
        if self.sorted_indices is not None and data.device != self.data.device:
            orders = tuple(None if t is None else t.to(data.device) for t in orders)  # type: ignore
        packed = type(self)(data, self.batch_sizes, *orders)
        packed._sizes = self._sizes
        return packed

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """`Tensor.to` of the rows; the packed sequence itself where that changes nothing."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else self.like(data)

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """On a GPU."""
        data = self.data.cuda(*args, **kwargs)
        return self if data is self.data else self.like(data)

    def cpu(self) -> PackedSequence:
        """On the CPU."""
        return self.to("cpu")

    @property
    def is_cuda(self) -> bool:
        """Whether the rows are on a GPU."""
        return bool(self.data.is_cuda)


def _converting(name: str, to: dtype) -> Callable[[PackedSequence], PackedSequence]:
    def convert(self: PackedSequence) -> PackedSequence:
        return self.to(to)

    convert.__name__, convert.__doc__ = name, f"The rows as {to!r}."
    return convert


for _name, _dtype in {
    "double": float64,
    "float": float32,
    "half": float16,
    "long": int64,
    "int": int32,
    "short": int16,
    "char": int8,
    "byte": uint8,
}.items():
    setattr(PackedSequence, _name, _converting(_name, _dtype))


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes `permutation`, 1-D; None of None."""
    return None if permutation is None else argsort(permutation)


def pack_padded_sequence(
    input: Tensor,
    lengths: Tensor | Sequence[int],
    batch_first: bool = False,
    enforce_sorted: bool = True,
) -> PackedSequence:
    """Pack sequences (T, B, *), or (B, T, *), of `lengths`, the longest first unless sorted here.

    RuntimeError for lengths below 1, beyond T, of another number than B, or not sorted where
    `enforce_sorted` says that they are.
    """
    sizes = _numbers(lengths)
    order = None
    if not enforce_sorted:
        ranks = sorted(range(len(sizes)), key=lambda i: -sizes[i])
        sizes = [sizes[i] for i in ranks]
        order = tensor(ranks, dtype=int64, device=input.device)
        input = index_select(input, 0 if batch_first else 1, order)
    x = input.transpose(0, 1) if batch_first else input
    _check_lengths(x, sizes)
    batch_sizes = [sum(n > t for n in sizes) for t in range(sizes[0])]
    batch = len(sizes)
    rows = [t * batch + i for t, b in enumerate(batch_sizes) for i in range(b)]
    index = tensor(rows, dtype=int64, device=x.device)
    packed = PackedSequence(
        index_select(x.flatten(0, 1), 0, index),
        tensor(batch_sizes, dtype=int64, device="cpu"),
        order,
    )
    packed._sizes = tuple(batch_sizes)
    return packed


def _numbers(lengths: Tensor | Sequence[int]) -> list[int]:
    if not isinstance(lengths, Tensor):
        return [int(n) for n in lengths]
    if lengths.ndim != 1 or lengths.device.type != "cpu":
        raise RuntimeError(
            "'lengths' argument should be a 1D CPU int64 tensor, but got "
            f"{lengths.ndim}D {lengths.device.type} {lengths.dtype!r} tensor"
        )
    return [int(n) for n in lengths.tolist()]


def _check_lengths(x: Tensor, lengths: Sequence[int]) -> None:
    if not x.numel():
        raise RuntimeError("Cannot pack empty tensors.")
    if len(lengths) != x._shape[1]:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(lengths)} "
            f"(batch_size={x._shape[1]})"
        )
    if any(a < b for a, b in pairwise(lengths)):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. "
            "You can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to "
            f"sidestep this requirement; got {list(lengths)}"
        )
    if lengths[-1] <= 0 or lengths[0] > x._shape[0]:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, and at most that of the padded "
            f"sequences, {x._shape[0]}, but got {list(lengths)}"
        )


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Sequences (T, B, *), or (B, T, *), and their lengths, in the order in which they were packed.

    T is `total_length`, or the length of the longest. ValueError if that is more.
    """
    sizes, data = sequence.sizes(), sequence.data
    longest = len(sizes)
    if total_length is not None and total_length < longest:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, "
            f"but got total_length={total_length} and max sequence length being {longest}"
        )
    # Every place takes a row; those without one take the padding, which stands behind them.
    starts, n = [0, *accumulate(sizes)], data._shape[0]
    rows = [
        starts[t] + i if t < longest and i < sizes[t] else n
        for t in range(longest if total_length is None else total_length)
        for i in range(sizes[0])
    ]
    padding = full((1, *data._shape[1:]), padding_value, dtype=data.dtype, device=data.device)
    index = tensor(rows, dtype=int64, device=data.device)
    padded = index_select(cat([data, padding]), 0, index).unflatten(0, (-1, sizes[0]))
    padded = padded.transpose(0, 1) if batch_first else padded
    lengths = tensor(
        [sum(b > i for b in sizes) for i in range(sizes[0])], dtype=int64, device="cpu"
    )
    order = sequence.unsorted_indices
    if order is None:
        return padded, lengths
    return index_select(padded, 0 if batch_first else 1, order), lengths[order.cpu()]


def pad_sequence(
    sequences: Tensor | Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences (length, *) in one tensor (T, B, *), or (B, T, *), T being the longest length.

    RuntimeError for none, for what is not iterable, and for another side than "left" or "right".
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    given = tuple(sequences)
    if not given:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(
            f"Expected padding_side to be one of left or right, but got {padding_side}."
        )
    longest = max(x._shape[0] for x in given)
    padded = [_padded(x, longest, padding_value, padding_side) for x in given]
    return stack(padded, 0 if batch_first else 1)


def _padded(x: Tensor, length: int, value: float, side: str) -> Tensor:
    shape = (length - x._shape[0], *x._shape[1:])
    padding = full(shape, value, dtype=x.dtype, device=x.device)
    return cat([padding, x] if side == "left" else [x, padding])


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False
) -> list[Tensor]:
    """The sequences that are padded in (T, B, *), or (B, T, *), each of its length."""
    x = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[:n].clone() for row, n in zip(x, lengths.tolist(), strict=True)]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences (length, *); the errors are those of `pack_padded_sequence`."""
    lengths = [x._shape[0] for x in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences that were packed."""
    return unpad_sequence(*pad_packed_sequence(packed_sequences, batch_first=True), True)
