"""What computes, as `torch.backends` asks for it, and settings of the whole library.

Programs turn these knobs whatever they run on. Here nothing hangs on most of them: kernels are
deterministic, float32 products are of float32, and cuDNN has no part in anything.
"""

from __future__ import annotations

from . import cuda as cuda, cudnn as cudnn, mps as mps
from .settings import (
    are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled,
    get_float32_matmul_precision as get_float32_matmul_precision,
    get_num_threads as get_num_threads,
    set_default_tensor_type as set_default_tensor_type,
    set_float32_matmul_precision as set_float32_matmul_precision,
    set_flush_denormal as set_flush_denormal,
    set_num_threads as set_num_threads,
    use_deterministic_algorithms as use_deterministic_algorithms,
)
