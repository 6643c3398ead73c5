"""What stands beside tensors and networks: `checkpoint`, `data`, `hooks`."""

from __future__ import annotations

from . import checkpoint as checkpoint, data as data, hooks as hooks
