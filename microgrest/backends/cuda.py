"""CUDA: whether it can be used, and settings of its products, which change nothing."""

from __future__ import annotations

from types import SimpleNamespace

from ..cuda import is_available

# Products of float32 are of float32 whatever this says: a setting for more speed, not for accuracy.
matmul = SimpleNamespace(
    allow_tf32=False, allow_fp16_reduced_precision_reduction=False, fp32_precision="ieee"
)


def is_built() -> bool:
    """Whether this installation can use a GPU."""
    return is_available()
