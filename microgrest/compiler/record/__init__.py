"""What a thread computes, as a Trace.

In comes what runs while a recorder is `watching`: kernels that stand-ins see, and what the library
tells. Out comes a Trace: ops over buffers, and slots for the numbers that change between steps.
"""

from __future__ import annotations

from .buffers import Region as Region, address as address
from .kernel_standins import watching as watching, written as written
from .number_slots import (
    NumberEvent as NumberEvent,
    NumberTable as NumberTable,
    is_number as is_number,
)
from .recorder import Recorder as Recorder, source_line as source_line
