"""What else networks need, clipped gradients and packed sequences: PyTorch's `nn.utils`."""

from __future__ import annotations

from . import rnn as rnn
from .clip_grad import (
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)

__all__ = ["clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]
