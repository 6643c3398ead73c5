"""Attention of several heads: projections in, attention of each, a projection out."""

from __future__ import annotations

import math
import warnings
from typing import NamedTuple

from ...creation import zeros
from ...functions.matrices.products import linear
from ...functions.outputs import cat, matmul
from ...functions.pointwise.arithmetic import where
from ...functions.pointwise.dropout import drop
from ...functions.reductions.softmax import softmax
from ...tensor import Tensor
from ...types.dtypes import bool_, dtype
from .attention import scaled_dot_product_attention
from .padding import pad


class _Masks(NamedTuple):
    """What is added to the products of queries and keys: (heads or 1, L, S), and (B, S)."""

    attention: Tensor | None
    padding: Tensor | None

    def longer(self) -> _Masks:
        """The masks for one more key, which all see."""
        return _Masks(*[None if m is None else pad(m, (0, 1)) for m in self])


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """(output, weights) of queries (L, B, E), keys (S, B, E) and values (S, B, E), or without B.

    The output is (L, B, E), the weights (B, L, S) or, not averaged, (B, heads, L, S), None unless
    they are needed. Masks that are bool say what is left out, others are added: `attn_mask` is
    (L, S) or (B * heads, L, S), `key_padding_mask` (B, S). `is_causal` says that `attn_mask`, which
    has to be there, lets no query see a later key. AssertionError and RuntimeError for shapes that
    do not fit. Vaswani et al. 2017.
    """
    batched = _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
    padding = added_mask(key_padding_mask, "key_padding_mask", query.dtype, attn_mask, "attn_mask")
    causal = is_causal and padding is None and not need_weights
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module "
            "method `generate_square_subsequent_mask` to create this mask."
        )
    attention = None if causal else added_mask(attn_mask, "attn_mask", query.dtype)
    if not batched:
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
        padding = padding if padding is None else padding.unsqueeze(0)
    separate = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    _check_sizes(query, key, value, embed_dim_to_check, num_heads, separate is not None)
    q, k, v = _projected(query, key, value, in_proj_weight, in_proj_bias, separate)
    batch = query._shape[1]
    masks = _Masks(_of_heads(attention, batch * num_heads, len(query), len(key)), padding)
    if (bias_k is None) != (bias_v is None):
        raise AssertionError("bias_k and bias_v have to be there together")
    if bias_k is not None and bias_v is not None:
        if static_k is not None or static_v is not None:
            raise AssertionError("bias cannot be added to static key or value.")
        k, v = (cat([x, b.expand(1, batch, -1)]) for x, b in ((k, bias_k), (v, bias_v)))
        masks = masks.longer()
    q, k, v = (_heads(x, batch, num_heads) for x in (q, k, v))
    k, v = _static(k, static_k, batch, num_heads), _static(v, static_v, batch, num_heads)
    if add_zero_attn:
        none = zeros(batch, num_heads, 1, k._shape[-1], dtype=k.dtype, device=k.device)
        k, v, masks = cat([k, none], 2), cat([v, none], 2), masks.longer()
    mask = _merged(masks, batch, num_heads, k._shape[2])
    p = dropout_p if training else 0.0
    weights: Tensor | None = None
    if need_weights:
        products = matmul(q * math.sqrt(1.0 / q._shape[-1]), k.transpose(-2, -1))
        shares = softmax(products if mask is None else products + mask, -1)
        shares = drop(shares, p) if p else shares
        found, weights = matmul(shares, v), shares.mean(1) if average_attn_weights else shares
    else:
        found = scaled_dot_product_attention(q, k, v, mask, p, causal)
    out = linear(found.permute(2, 0, 1, 3).flatten(2), out_proj_weight, out_proj_bias)
    if batched:
        return out, weights
    return out.squeeze(1), None if weights is None else weights.squeeze(0)


def added_mask(
    mask: Tensor | None,
    name: str,
    to: dtype,
    other: Tensor | None = None,
    other_name: str = "",
) -> Tensor | None:
    """A mask as what is added to products: of a bool one -inf where it is True, else 0.

    AssertionError for integers; a warning for another dtype than that of `other`.
    """
    if mask is None:
        return None
    if mask.dtype is not bool_ and not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of {name} are supported")
    if other is not None and mask.dtype is not other.dtype:
        warnings.warn(
            f"Support for mismatched {name} and {other_name} is deprecated. Use same type for both "
            "instead.",
            stacklevel=3,
        )
    if mask.is_floating_point():
        return mask
    return where(mask, -math.inf, zeros((), dtype=to, device=mask.device))


def _check_shapes(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    padding: Tensor | None,
    mask: Tensor | None,
    num_heads: int,
) -> bool:
    """Whether there is a batch; AssertionError for dimensions that do not go together."""
    n = query.ndim
    if n not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {n}-D query tensor"
        )
    kind = f"For {'batched' if n == 3 else 'unbatched'} ({n}-D) `query`, expected"
    if key.ndim != n or value.ndim != n:
        raise AssertionError(
            f"{kind} `key` and `value` to be {n}-D but found {key.ndim}-D and {value.ndim}-D "
            "tensors respectively"
        )
    if padding is not None and padding.ndim != n - 1:
        raise AssertionError(
            f"{kind} `key_padding_mask` to be `None` or {n - 1}-D but found {padding.ndim}-D tensor"
            " instead"
        )
    if mask is not None and mask.ndim not in (2, 3):
        raise AssertionError(
            f"{kind} `attn_mask` to be `None`, 2-D or 3-D but found {mask.ndim}-D tensor instead"
        )
    wanted = (num_heads, len(query), len(key))
    if n == 2 and mask is not None and mask.ndim == 3 and mask._shape != wanted:
        raise AssertionError(f"Expected `attn_mask` shape to be {wanted} but got {mask._shape}")
    return n == 3


def _check_sizes(
    query: Tensor, key: Tensor, value: Tensor, embed: int, num_heads: int, separate: bool
) -> None:
    size = query._shape[-1]
    if size != embed:
        raise AssertionError(f"was expecting embedding dimension of {embed}, but got {size}")
    if size % num_heads:
        raise AssertionError(f"embed_dim {size} not divisible by num_heads {num_heads}")
    if separate and key._shape[:2] != value._shape[:2]:
        raise AssertionError(
            f"key's sequence and batch dims {key._shape[:2]} do not match value's "
            f"{value._shape[:2]}"
        )
    if not separate and key._shape != value._shape:
        raise AssertionError(f"key shape {key._shape} does not match value shape {value._shape}")


def _projected(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    separate: tuple[Tensor | None, ...] | None,
) -> list[Tensor]:
    """Queries, keys and values as the heads take them."""
    if separate is None and weight is None:
        raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
    if separate is not None and any(w is None for w in separate):
        raise AssertionError("use_separate_proj_weight is True but a weight is None")
    if separate is None and query is key is value:
        assert weight is not None
        return list(linear(query, weight, bias).chunk(3, -1))
    assert separate is not None or weight is not None
    weights = separate or weight.chunk(3)  # type: ignore[union-attr]
    biases = (None, None, None) if bias is None else bias.chunk(3)
    given = zip((query, key, value), weights, biases, strict=True)
    return [linear(x, w, b) for x, w, b in given]


def _of_heads(mask: Tensor | None, heads: int, queries: int, keys: int) -> Tensor | None:
    """A mask with its dimension of heads; RuntimeError for a shape that does not fit."""
    if mask is None:
        return None
    wanted = (queries, keys) if mask.ndim == 2 else (heads, queries, keys)
    if mask._shape != wanted:
        raise RuntimeError(
            f"The shape of the {mask.ndim}D attn_mask is {mask.shape}, but should be {wanted}."
        )
    return mask.unsqueeze(0) if mask.ndim == 2 else mask


def _heads(x: Tensor, batch: int, num_heads: int) -> Tensor:
    """(length, batch, heads * size) as (batch, heads, length, size)."""
    return x.unflatten(-1, (num_heads, x._shape[-1] // num_heads)).permute(1, 2, 0, 3)


def _static(x: Tensor, static: Tensor | None, batch: int, num_heads: int) -> Tensor:
    """Keys or values that are given, (batch * heads, length, size), in place of `x`."""
    if static is None:
        return x
    for i, wanted in ((0, batch * num_heads), (2, x._shape[-1])):
        if static._shape[i] != wanted:
            raise AssertionError(
                f"expecting a static key or value whose size({i}) is {wanted}, but got "
                f"{static._shape[i]}"
            )
    return static.unflatten(0, (batch, num_heads))


def _merged(masks: _Masks, batch: int, num_heads: int, keys: int) -> Tensor | None:
    """Both masks in one, which broadcasts to (batch, heads, queries, keys)."""
    mask, padding = masks
    if mask is not None:
        mask = mask.unsqueeze(0) if len(mask) == 1 else mask.unflatten(0, (batch, num_heads))
    if padding is None:
        return mask
    for i, wanted in enumerate((batch, keys)):
        if padding._shape[i] != wanted:
            raise AssertionError(
                f"Expected key_padded_mask.shape[{i}] to be {wanted}, but got {padding._shape[i]}"
            )
    padding = padding.view(batch, 1, 1, keys)
    return padding if mask is None else mask + padding
