"""Attention: values weighed by how well their keys fit a query."""

from __future__ import annotations

import math

from ...creation import ones, zeros
from ...functions.checked import of_tensors
from ...functions.joining.rearranging import repeat_interleave
from ...functions.matrices.products import matmul
from ...functions.outputs import tril
from ...functions.pointwise.arithmetic import where
from ...functions.pointwise.dropout import check_probability, drop
from ...functions.reductions.softmax import softmax
from ...tensor import Tensor
from ...types.dtypes import bool_


@of_tensors
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(scale query key^T) value: (..., L, E), (..., S, E), (..., S, V) to (..., L, V).

    `scale` is 1 / sqrt(E) by default. A bool mask, which broadcasts to (..., L, S), says what takes
    part, another one is added to the products; `is_causal` lets query i see the keys up to i. A
    query that sees none gets zeros. `enable_gqa` shares the heads, the third dimension from the
    end, of keys and values among more of queries. Vaswani et al. 2017.
    """
    _check(query, key, value, attn_mask, is_causal)
    check_probability(dropout_p, RuntimeError)
    if enable_gqa:
        heads = query._shape[-3]
        key = repeat_interleave(key, heads // key._shape[-3], -3)
        value = repeat_interleave(value, heads // value._shape[-3], -3)
    # Half of it on each side, so that products of float16 overflow less.
    root = math.sqrt(query._shape[-1] ** -0.5 if scale is None else abs(scale))
    sign = -1.0 if scale is not None and scale < 0 else 1.0
    products = matmul(query * (root * sign), (key * root).transpose(-2, -1))
    if is_causal:
        attn_mask = tril(ones(*products._shape[-2:], dtype=bool_, device=query.device))
    weights = _weights(products, attn_mask)
    return matmul(drop(weights, dropout_p) if dropout_p else weights, value)


def _check(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, is_causal: bool) -> None:
    if not query.dtype is key.dtype is value.dtype:
        raise RuntimeError(
            "Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{query.dtype!r} key.dtype: {key.dtype!r} and value.dtype: {value.dtype!r} instead."
        )
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
            f"{query.ndim}, key.dim: {key.ndim} and value.dim: {value.ndim} instead."
        )
    if mask is None:
        return
    if is_causal:
        raise RuntimeError("Explicit attn_mask should not be set when is_causal=True")
    if mask.dtype not in (bool_, query.dtype):
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
            f"attn_mask.dtype: {mask.dtype!r} and  query.dtype: {query.dtype!r} instead."
        )


def _weights(products: Tensor, mask: Tensor | None) -> Tensor:
    """The softmax of products under a mask; 0 for a query that sees nothing."""
    if mask is None:
        return softmax(products, -1)
    if mask.dtype is bool_:
        mask = where(mask, zeros((), dtype=products.dtype, device=products.device), -math.inf)
    seen = products + mask
    blind = (seen.detach() == -math.inf).all(-1, True)
    return where(blind, 0, softmax(where(blind, 0, seen), -1))
