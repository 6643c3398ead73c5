"""Attention of several heads, as a module."""

from __future__ import annotations

from typing import Any

from ....creation import empty
from ....tensor import Tensor
from ... import functional as F, init
from ...parameter import Parameter
from ..layers import Linear
from ..module import Module


class NonDynamicallyQuantizableLinear(Linear):
    """`Linear`, by the name that PyTorch gives the one behind the heads."""


class MultiheadAttention(Module):
    """Attention of `num_heads` heads, each of embed_dim / num_heads features (Vaswani et al. 2017).

    `in_proj_weight` (3 embed_dim, embed_dim) makes queries, keys and values; where keys have `kdim`
    or values `vdim` features, `q_proj_weight`, `k_proj_weight` and `v_proj_weight` do. `out_proj`
    joins what the heads found. `add_bias_kv` adds a learned key and value, `add_zero_attn` one of
    zeros. ValueError and AssertionError for sizes that do not go together.
    """

    in_proj_weight: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, got "
                f"embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        super().__init__()
        self.embed_dim, self.num_heads = embed_dim, num_heads
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == self.vdim == embed_dim
        self.dropout, self.batch_first = dropout, batch_first
        self.head_dim, rest = divmod(embed_dim, num_heads)
        if rest:
            raise AssertionError("embed_dim must be divisible by num_heads")
        made = {"device": device, "dtype": dtype}
        self._have_projections(bias, made)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias, **made)
        if add_bias_kv:
            self.bias_k = Parameter(empty(1, 1, embed_dim, **made))
            self.bias_v = Parameter(empty(1, 1, embed_dim, **made))
        else:
            self.bias_k = self.bias_v = None
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _have_projections(self, bias: bool, made: dict[str, Any]) -> None:
        same, n = self._qkv_same_embed_dim, self.embed_dim
        sizes = {"q_proj_weight": n, "k_proj_weight": self.kdim, "v_proj_weight": self.vdim}
        shapes = {name: (n, size) for name, size in sizes.items()}
        for name, shape in shapes.items():
            self.register_parameter(name, None if same else Parameter(empty(*shape, **made)))
        joint = Parameter(empty(3 * n, n, **made)) if same else None
        self.register_parameter("in_proj_weight", joint)
        fresh = Parameter(empty(3 * n, **made)) if bias else None
        self.register_parameter("in_proj_bias", fresh)

    def _reset_parameters(self) -> None:
        separate = self.q_proj_weight, self.k_proj_weight, self.v_proj_weight
        for weight in (self.in_proj_weight, *separate):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None and self.out_proj.bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        for learned in (self.bias_k, self.bias_v):
            if learned is not None:
                init.xavier_normal_(learned)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """(output, weights) of queries (L, B, E), keys (S, B, kdim), values (S, B, vdim).

        Also (B, L, E) and so on with `batch_first`, or without B. The masks, the weights, what
        `is_causal` says and the errors are those of `nn.functional.multi_head_attention_forward`.
        """
        turned = self.batch_first and query.ndim == 3
        if turned:
            # What is one tensor stays one, so that it is projected once.
            given = {id(x): x.transpose(0, 1) for x in (query, key, value)}
            query, key, value = (given[id(x)] for x in (query, key, value))
        found, weights = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return found.transpose(0, 1) if turned else found, weights
