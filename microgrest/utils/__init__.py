"""What is beside tensors and networks: `checkpoint`, `hooks`."""

from __future__ import annotations

from . import checkpoint as checkpoint, hooks as hooks
