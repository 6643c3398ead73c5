"""Recurrent layers: RNN, LSTM and GRU over sequences, padded or packed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from numbers import Number
from typing import Any, ClassVar

from ....creation import empty, zeros
from ....functions.outputs import cat, index_select, stack
from ....tensor import Tensor
from ... import functional as F, init
from ...parameter import Parameter
from ..module import Module
from .packing import PackedSequence
from .recurrence import Way, recurrent
from .steps import CELLS, Weights

# Options, and the values that are not printed.
_PLAIN: dict[str, Any] = {
    "proj_size": 0,
    "num_layers": 1,
    "bias": True,
    "batch_first": False,
    "dropout": 0,
    "bidirectional": False,
}
# The weights of one direction of one layer.
_FIELDS = "weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"


class RNNBase(Module):
    """What recurrent layers share: their weights, and the way through layers and directions.

    Weights start uniform in +-1/sqrt(hidden_size). Layer k has `weight_ih_lk` (gates * hidden_size,
    inputs), `weight_hh_lk` (gates * hidden_size, hidden_size), `bias_ih_lk` and `bias_hh_lk`; those
    backwards in time end in `_reverse`. ValueError and TypeError for sizes and options that make
    no layer.
    """

    _name: ClassVar[str] = "RNN"

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        _check_options(num_layers, bias, batch_first, dropout)
        _check_sizes(input_size, hidden_size, num_layers, proj_size)
        if mode not in CELLS:
            raise ValueError(f"Unrecognized RNN mode: {mode}")
        self.mode, self.input_size, self.hidden_size = mode, input_size, hidden_size
        self.num_layers, self.bias, self.batch_first = num_layers, bias, batch_first
        self.dropout, self.bidirectional = float(dropout), bidirectional
        self.proj_size = proj_size
        for layer in range(num_layers):
            for suffix in self._suffixes():
                self._have(layer, suffix, device=device, dtype=dtype)
        self.reset_parameters()

    def _suffixes(self) -> tuple[str, ...]:
        return ("", "_reverse") if self.bidirectional else ("",)

    def _have(self, layer: int, suffix: str, **made: Any) -> None:
        """Make the weights of one direction of one layer."""
        shown = self.proj_size or self.hidden_size
        inputs = shown * len(self._suffixes()) if layer else self.input_size
        gates = CELLS[self.mode].gates * self.hidden_size
        shapes = [(gates, inputs), (gates, shown), (gates,), (gates,), (shown, self.hidden_size)]
        for name, shape in zip(_FIELDS, shapes, strict=True):
            if self._has(name):
                setattr(self, f"{name}_l{layer}{suffix}", Parameter(empty(*shape, **made)))

    def _has(self, name: str) -> bool:
        return self.proj_size > 0 if name == "weight_hr" else self.bias or name[0] == "w"

    def _weights(self, layer: int, suffix: str) -> Weights:
        def found(name: str) -> Any:
            return getattr(self, f"{name}_l{layer}{suffix}") if self._has(name) else None

        return Weights(*map(found, _FIELDS))

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The weights of every layer and direction."""
        return [
            [w for w in self._weights(layer, suffix) if w is not None]
            for layer in range(self.num_layers)
            for suffix in self._suffixes()
        ]

    @property
    def _flat_weights(self) -> list[Parameter]:
        return [w for weights in self.all_weights for w in weights]

    def flatten_parameters(self) -> None:
        """Nothing: there is no layout of weights that would be quicker."""

    def reset_parameters(self) -> None:
        """Draw new parameters."""
        bound = 1 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        given = [
            f"{n}={getattr(self, n)}" for n, plain in _PLAIN.items() if getattr(self, n) != plain
        ]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *given])

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """Outputs (T, B, directions * hidden), last states (layers * directions, B, hidden).

        The input is (T, B, input_size), (B, T, input_size) with `batch_first`, and then so is the
        output, (T, input_size) with states of two dimensions, or packed. `hx` are the first states,
        zeros by default; an LSTM has two, what it shows and its memory. RuntimeError for shapes
        that do not fit, ValueError for another dtype than that of the weights.
        """
        if isinstance(input, PackedSequence):
            return self._packed(input, hx)
        x = input
        if x.ndim not in (2, 3):
            raise ValueError(
                f"{self._name}: Expected input to be 2D or 3D, got {x.ndim}D"
                f"{' tensor' if self._name == 'RNN' else ''} instead"
            )
        alone = x.ndim == 2
        x = x.unsqueeze(1) if alone else x.transpose(0, 1) if self.batch_first else x
        self._check_input(x, 3)
        states = self._given(hx, alone)
        y, found = self._layers(x, self._first_states(x, x._shape[1], states), None)
        y, found = (y.squeeze(1), [s.squeeze(1) for s in found]) if alone else (y, found)
        return y.transpose(0, 1) if self.batch_first and not alone else y, self._shown(found)

    def _packed(self, packed: PackedSequence, hx: Any) -> tuple[PackedSequence, Any]:
        x, sizes = packed.data, packed.sizes()
        self._check_input(x, 2)
        states = self._given(hx, False)
        if packed.sorted_indices is not None:
            order = packed.sorted_indices
            states = states and [index_select(s, 1, order) for s in states]
        y, found = self._layers(x, self._first_states(x, sizes[0], states), sizes)
        if packed.unsorted_indices is not None:
            found = [index_select(s, 1, packed.unsorted_indices) for s in found]
        return packed.like(y), self._shown(found)

    def _layers(
        self, x: Tensor, states: Sequence[Tensor], sizes: tuple[int, ...] | None
    ) -> tuple[Tensor, list[Tensor]]:
        """All layers over inputs (T, B, *), or (rows, *) of which step t has `sizes[t]`."""
        steps, before = len(sizes or x), x._shape[:-1]
        x, ends = x.flatten(0, -2), list[tuple[Tensor, ...]]()
        for layer in range(self.num_layers):
            if layer and self.training and self.dropout:
                x = F.dropout(x, self.dropout)
            sides = []
            for back, suffix in enumerate(self._suffixes()):
                w = self._weights(layer, suffix)
                first = tuple([s[len(ends)] for s in states])
                way = Way(self.mode, steps, sizes, bool(back))
                y, *end = recurrent(way, _by_input(self.mode, x, w), first, w)
                sides.append(y)
                ends.append(tuple(end))
            x = sides[0] if len(sides) == 1 else cat(sides, -1)
        y = x.contiguous().view(*before, x._shape[-1])
        return y, [stack(each) for each in zip(*ends, strict=True)]

    def _given(self, hx: Any, alone: bool) -> list[Tensor] | None:
        """The first states that were given, with a dimension of the batch."""
        if hx is None:
            return None
        states = [hx] if CELLS[self.mode].states == 1 else list(hx)
        dims, kind = (2, "unbatched") if alone else (3, "batched")
        if any(s.ndim != dims for s in states):
            got = ", ".join(f"{s.ndim}-D" for s in states)
            raise RuntimeError(
                f"For {kind} {dims}-D input, the states should also be {dims}-D but got {got}"
            )
        return [s.unsqueeze(1) for s in states] if alone else states

    def _first_states(self, x: Tensor, batch: int, states: list[Tensor] | None) -> Sequence[Tensor]:
        shown = self.proj_size or self.hidden_size
        n = self.num_layers * len(self._suffixes())
        wanted = [(n, batch, shown), (n, batch, self.hidden_size)][: CELLS[self.mode].states]
        if states is None:
            return [zeros(*shape, dtype=x.dtype, device=x.device) for shape in wanted]
        for i, (state, shape) in enumerate(zip(states, wanted, strict=True)):
            if state._shape != shape:
                name = f"hidden[{i}]" if len(wanted) > 1 else "hidden"
                raise RuntimeError(f"Expected {name} size {shape}, got {list(state._shape)}")
        return states

    def _check_input(self, x: Tensor, dims: int) -> None:
        weight = getattr(self, "weight_ih_l0")  # noqa: B009 - made by its name
        if x.dtype is not weight.dtype:
            raise ValueError(
                f"RNN input dtype ({x.dtype!r}) does not match weight dtype ({weight.dtype!r}). "
                f"Convert input: input.to({weight.dtype!r}), or convert model: "
                f"model.to({x.dtype!r})"
            )
        if x.ndim != dims:
            raise RuntimeError(f"input must have {dims} dimensions, got {x.ndim}")
        if x._shape[-1] != self.input_size:
            raise RuntimeError(
                "input.size(-1) must be equal to input_size. "
                f"Expected {self.input_size}, got {x._shape[-1]}"
            )
        if not x._shape[0]:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")

    def _shown(self, states: Sequence[Tensor]) -> Any:
        return states[0] if len(states) == 1 else tuple(states)


def _by_input(mode: str, x: Tensor, w: Weights) -> Tensor:
    """The gates by the input, and what is added to them at every step."""
    if w.b_ih is None or w.b_hh is None:
        return F.linear(x, w.ih)
    return F.linear(x, w.ih, w.b_ih if CELLS[mode].apart else w.b_ih + w.b_hh)


class RNN(RNNBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of it (Elman 1990)."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        **other: Any,
    ) -> None:
        _refuse(other)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        super().__init__(
            f"RNN_{nonlinearity.upper()}",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
        )
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory (Hochreiter and Schmidhuber 1997), with gates i, f, g, o.

    c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c'), of which a projection
    `weight_hr` to `proj_size` is shown where that is not 0 (Sak et al. 2014).
    """

    _name = "LSTM"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        given = num_layers, bias, batch_first, dropout, bidirectional, proj_size, device, dtype
        super().__init__("LSTM", input_size, hidden_size, *given)


class GRU(RNNBase):
    """Gated recurrent units (Cho et al. 2014), with gates r, z, n.

    n' = tanh(n + sigmoid(r) (W_hn h + b_hn)), h' = (1 - sigmoid(z)) n' + sigmoid(z) h.
    """

    _name = "GRU"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        **other: Any,
    ) -> None:
        _refuse(other)
        given = num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        super().__init__("GRU", input_size, hidden_size, *given)


def _refuse(other: dict[str, Any]) -> None:
    if "proj_size" in other:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
    if other:
        raise TypeError(f"unexpected keyword argument {next(iter(other))!r}")


def _check_options(num_layers: int, bias: bool, batch_first: bool, dropout: float) -> None:
    if isinstance(dropout, bool) or not isinstance(dropout, Number) or not 0 <= dropout <= 1:
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an "
            f"element being zeroed, got {dropout!r}"
        )
    if dropout > 0 and num_layers == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout "
            f"expects num_layers greater than 1, but got dropout={dropout} and "
            f"num_layers={num_layers}",
            stacklevel=4,
        )
    for name, value in (("bias", bias), ("batch_first", batch_first)):
        if not isinstance(value, bool):
            raise TypeError(f"{name} should be of type bool, got: {type(value).__name__}")


def _check_sizes(input_size: int, hidden_size: int, num_layers: int, proj_size: int) -> None:
    for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
        if not isinstance(size, int):
            raise TypeError(f"{name} should be of type int, got: {type(size).__name__}")
        if size <= 0:
            raise ValueError(f"{name} must be greater than zero")
    if num_layers <= 0:
        raise ValueError("num_layers must be greater than zero")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")
