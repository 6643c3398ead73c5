"""The layers of transformers: attention and a small network, each with a way around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....tensor import Tensor
from ... import functional as F
from ...operations.heads import added_mask
from ..layers import Dropout, Linear
from ..module import Module
from ..normalization import LayerNorm
from .attention import MultiheadAttention

Activation = Callable[[Tensor], Tensor]


class _Layer(Module):
    """What both kinds of layers share: self-attention, the network, and how they are added up."""

    def _begin(
        self,
        d_model: int,
        nhead: int,
        dropout: float,
        bias: bool,
        batch_first: bool,
        **made: Any,
    ) -> None:
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, **made
        )

    def _have(
        self,
        d_model: int,
        hidden: int,
        dropout: float,
        norms: int,
        eps: float,
        bias: bool,
        **made: Any,
    ) -> None:
        """The network, then the normalizations, then the dropouts, in PyTorch's order."""
        self.linear1 = Linear(d_model, hidden, bias, **made)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(hidden, d_model, bias, **made)
        for i in range(norms):
            setattr(self, f"norm{i + 1}", LayerNorm(d_model, eps, bias=bias, **made))
        for i in range(norms):
            setattr(self, f"dropout{i + 1}", Dropout(dropout))

    def _attend(
        self,
        attention: MultiheadAttention,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None,
        padding: Tensor | None,
        is_causal: bool,
    ) -> Tensor:
        found, _ = attention(
            x,
            memory,
            memory,
            key_padding_mask=padding,
            need_weights=False,
            attn_mask=mask,
            is_causal=is_causal,
        )
        return found  # type: ignore[no-any-return]

    def _network(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))  # type: ignore[no-any-return]

    def _around(self, x: Tensor, parts: list[Callable[[Tensor], Tensor]]) -> Tensor:
        """Each part's result, dropped out, added to what it was of; normalized before or after."""
        for i, part in enumerate(parts, 1):
            norm, dropout = getattr(self, f"norm{i}"), getattr(self, f"dropout{i}")
            x = x + dropout(part(norm(x))) if self.norm_first else norm(x + dropout(part(x)))
        return x


class TransformerEncoderLayer(_Layer):
    """Self-attention and a network of two linear layers (Vaswani et al. 2017).

    `activation` is "relu", "gelu" or a function; with `norm_first` each part is normalized before,
    not after. RuntimeError for another name of an activation.
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        made = {"device": device, "dtype": dtype}
        self._begin(d_model, nhead, dropout, bias, batch_first, **made)
        self._have(d_model, dim_feedforward, dropout, 2, layer_norm_eps, bias, **made)
        self.norm_first = norm_first
        self.activation = _activation(activation)

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """A sequence like `src` (S, B, d_model); masks are those of `MultiheadAttention`."""
        padding = added_mask(
            src_key_padding_mask, "src_key_padding_mask", src.dtype, src_mask, "src_mask"
        )
        mask = added_mask(src_mask, "src_mask", src.dtype)

        def attend(x: Tensor) -> Tensor:
            return self._attend(self.self_attn, x, x, mask, padding, is_causal)

        return self._around(src, [attend, self._network])


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to what an encoder found, and a network of two linear layers.

    The options are those of `TransformerEncoderLayer`.
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        made = {"device": device, "dtype": dtype}
        self._begin(d_model, nhead, dropout, bias, batch_first, **made)
        self.multihead_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, **made
        )
        self._have(d_model, dim_feedforward, dropout, 3, layer_norm_eps, bias, **made)
        self.norm_first = norm_first
        self.activation = _activation(activation)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """A sequence like `tgt` (T, B, d_model), by `memory` (S, B, d_model)."""

        def attend(x: Tensor) -> Tensor:
            own = tgt_mask, tgt_key_padding_mask, tgt_is_causal
            return self._attend(self.self_attn, x, x, *own)

        def remember(x: Tensor) -> Tensor:
            other = memory_mask, memory_key_padding_mask, memory_is_causal
            return self._attend(self.multihead_attn, x, memory, *other)

        return self._around(tgt, [attend, remember, self._network])


def _activation(given: str | Activation) -> Activation:
    if not isinstance(given, str):
        return given
    if given not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {given}")
    return getattr(F, given)  # type: ignore[no-any-return]
