"""How tensors are made: of data, filled, or counted."""

from __future__ import annotations

from .buffers import (
    asarray as asarray,
    empty_strided as empty_strided,
    frombuffer as frombuffer,
)
from .data import (
    as_array as as_array,
    as_tensor as as_tensor,
    from_dlpack as from_dlpack,
    tensor as tensor,
)
from .fills import (
    empty as empty,
    empty_like as empty_like,
    full as full,
    full_like as full_like,
    ones as ones,
    ones_like as ones_like,
    scalar_tensor as scalar_tensor,
    zeros as zeros,
    zeros_like as zeros_like,
)
from .legacy import (
    CUDA_TYPES as CUDA_TYPES,
    TYPES as TYPES,
    TensorType as TensorType,
    named as named,
)
from .options import (
    check_like as check_like,
    check_options as check_options,
    check_tensor as check_tensor,
    extents as extents,
    finish as finish,
    kind_from as kind_from,
)
from .ranges import (
    arange as arange,
    eye as eye,
    linspace as linspace,
    logspace as logspace,
    tril_indices as tril_indices,
    triu_indices as triu_indices,
)
