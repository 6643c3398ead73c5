"""A recording: a native function, with all that a call of it has to do around it.

In come a Trace, the guards and the effects of the recorded call; then the arguments of a call that
the guards let through. Out comes its result, and what eager execution would leave is left.
"""

from __future__ import annotations

from .chunks import (
    CHUNK_SECONDS as CHUNK_SECONDS,
    KEPT_BYTES as KEPT_BYTES,
    LONGEST as LONGEST,
    telling as telling,
    uninterrupted as uninterrupted,
)
from .finiteness import (
    all_finite as all_finite,
    finite_rows as finite_rows,
    is_finite as is_finite,
)
from .native_function import Build as Build, native as native, proved as proved
from .recording import Failed as Failed, Recording as Recording, stored as stored
from .snapshot import Snapshot as Snapshot, before_eager as before_eager
