"""When this process began, on perf_counter's clock."""

from __future__ import annotations

import time

# What passed before this line is taken to be the CPU time spent until here, the one measure of it
# that every platform has.
PROCESS_START = time.perf_counter() - time.process_time()
