"""One step of a recurrent layer, as a module."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ....creation import empty, zeros
from ....tensor import Tensor
from ... import init
from ...parameter import Parameter
from ..module import Module
from .steps import CELLS, Weights, by_input


class RNNCellBase(Module):
    """What cells share: weights uniform in +-1/sqrt(hidden_size), and a step of one batch."""

    mode: ClassVar[str]
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        made, gates = {"device": device, "dtype": dtype}, num_chunks * hidden_size
        self.weight_ih = Parameter(empty(gates, input_size, **made))
        self.weight_hh = Parameter(empty(gates, hidden_size, **made))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty(gates, **made)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new parameters."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0.0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        shown = f"{self.input_size}, {self.hidden_size}"
        return shown if self.bias else f"{shown}, bias={self.bias}"

    def _mode(self) -> str:
        return self.mode

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        """The next states (B, hidden_size) of inputs (B, input_size), or of one without the B.

        `hx` are the states now, zeros by default: an LSTM has two, and gives both. ValueError for
        another number of dimensions, RuntimeError for extents that do not fit.
        """
        cell = CELLS[self._mode()]
        states = None if hx is None else [hx] if cell.states == 1 else list(hx)
        self._check(input, states)
        x = input if input.ndim == 2 else input.unsqueeze(0)
        if states is None:
            zero = zeros(x._shape[0], self.hidden_size, dtype=x.dtype, device=x.device)
            states = [zero] * cell.states
        columns = tuple(s.t() if s.ndim == 2 else s.unsqueeze(1) for s in states)
        w = Weights(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        found = [s.t().contiguous() for s in cell.step(by_input(cell, x.t(), w), columns, w)]
        found = found if input.ndim == 2 else [s.squeeze(0) for s in found]
        return found[0] if cell.states == 1 else tuple(found)

    def _check(self, x: Tensor, states: list[Tensor] | None) -> None:
        name = type(self).__name__
        if x.ndim not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {x.ndim}D instead")
        for i, s in enumerate(states or ()):
            if s.ndim not in (1, 2):
                which = f"hx[{i}]" if len(states or ()) > 1 else "hidden"
                raise ValueError(f"{name}: Expected {which} to be 1D or 2D, got {s.ndim}D instead")
            if s._shape != (*x._shape[:-1], self.hidden_size):
                raise RuntimeError(
                    f"{name}: an input of shape {list(x._shape)} wants states of shape "
                    f"{[*x._shape[:-1], self.hidden_size]}, got {list(s._shape)}"
                )
        if x._shape[-1] != self.input_size:
            raise RuntimeError(
                f"input has inconsistent input_size: got {x._shape[-1]} expected {self.input_size}"
            )


class RNNCell(RNNCellBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of it."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def _mode(self) -> str:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return f"RNN_{self.nonlinearity.upper()}"

    def extra_repr(self) -> str:
        shown, given = super().extra_repr(), self.nonlinearity
        return shown if given == "tanh" else f"{shown}, nonlinearity={given}"


class LSTMCell(RNNCellBase):
    """A step of an `LSTM`: (h', c') of x and (h, c)."""

    mode = "LSTM"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)


class GRUCell(RNNCellBase):
    """A step of a `GRU`."""

    mode = "GRU"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)
