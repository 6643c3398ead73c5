"""What the library tells the step compiler, of which it knows nothing else: signals and counts."""

from __future__ import annotations

from .signals import (
    aside as aside,
    leaves as leaves,
    run_eagerly as run_eagerly,
    shapes as shapes,
    state as state,
    world as world,
)
