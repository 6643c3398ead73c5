"""How tensors are made: of data, filled, or counted."""

from __future__ import annotations

from .data import (
    arange as arange,
    as_array as as_array,
    as_tensor as as_tensor,
    empty as empty,
    empty_like as empty_like,
    extents as extents,
    eye as eye,
    finish as finish,
    from_dlpack as from_dlpack,
    full as full,
    full_like as full_like,
    is_floating_point as is_floating_point,
    is_tensor as is_tensor,
    kind_from as kind_from,
    linspace as linspace,
    logspace as logspace,
    numel as numel,
    ones as ones,
    ones_like as ones_like,
    tensor as tensor,
    tril_indices as tril_indices,
    triu_indices as triu_indices,
    zeros as zeros,
    zeros_like as zeros_like,
)
