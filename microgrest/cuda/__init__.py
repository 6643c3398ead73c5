"""GPUs, as `torch.cuda` has them: devices, streams, events, memory.

Where no GPU can be used, `problem()` says why; nothing of NVIDIA's is imported before it is needed.
A `device` argument is a number, a string or a device; None is the current GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..kernels.cuda.driver.environment import OutOfMemoryError as OutOfMemoryError
from .detection import problem as problem
from .devices import (
    current_device as current_device,
    device as device,
    device_count as device_count,
    get_device_capability as get_device_capability,
    get_device_name as get_device_name,
    get_device_properties as get_device_properties,
    init as init,
    is_available as is_available,
    is_initialized as is_initialized,
    kernels as kernels,
    set_device as set_device,
    synchronize as synchronize,
)
from .memory import (
    empty_cache as empty_cache,
    max_memory_allocated as max_memory_allocated,
    max_memory_reserved as max_memory_reserved,
    mem_get_info as mem_get_info,
    memory_allocated as memory_allocated,
    memory_reserved as memory_reserved,
    memory_stats as memory_stats,
    reset_peak_memory_stats as reset_peak_memory_stats,
    set_per_process_memory_fraction as set_per_process_memory_fraction,
)
from .streams import (
    Event as Event,
    ExternalStream as ExternalStream,
    Stream as Stream,
    current_stream as current_stream,
    default_stream as default_stream,
    stream as stream,
)

# Those of the package: there is one stream of random numbers for all devices.
manual_seed: Callable[[int], Any]
manual_seed_all: Callable[[int], Any]
