"""Copies and conversions, which are elementwise ops with a formula of nothing but the operand."""

from __future__ import annotations

from ...types import dtypes
from ..row import Row, elementwise
from .rounding import zero

clone = elementwise("clone", "{x}", vjp=lambda g, y, x: (g,), doc="A copy, contiguous.")

# The destination takes part for its memory and its place in the graph; its value is not read, and
# its gradient is 0, not None.
copy = elementwise(
    "copy",
    "{value}",
    args=("x", "value"),
    unpromoted=("x",),
    vjp=lambda g, y, x, value: (zero(g), g),
    method=False,
    backward_name="CopyBackwards",
    extra={"internal": True},
    doc="The value, converted to the type of the destination.",
)

transfer: Row = Row(
    "transfer",
    "transfer",
    ("x",),
    lambda g, y, x, device, blocking: (transfer(g, device=x.device, blocking=blocking),),
    "The operand on another device.",
    backward_name="ToCopyBackward0",
    method=False,
)

to: dict[dtypes.dtype, Row] = {
    d: elementwise(
        f"to_{d.name}",
        "{x}",
        vjp=lambda g, y, x: (g,),
        to=d,
        method=False,
        backward_name="ToCopyBackward0",
        extra={"internal": True},
        doc=f"The operand converted to {d.name}.",
    )
    for d in dtypes.ALL
}
