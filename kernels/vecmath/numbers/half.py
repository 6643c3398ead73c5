"""float16 as storage: its bits to float32 and back, in integer arithmetic that vectorizes."""

from __future__ import annotations

import numpy as np


def half_to_float(h: np.uint16) -> np.float32:
    """The float32 equal to the float16 whose bits are h; exact."""
    bits = np.int32(h)
    wide = ((bits & 0x7FFF) << 13) + 0x38000000
    x = np.int32(wide).view(np.float32)
    # A subnormal: without its implicit leading one.
    low = np.int32(wide + 0x800000).view(np.float32) - np.float32(6.1035156e-05)
    # Infinity or NaN: the largest exponent stays the largest.
    high = np.int32(wide + 0x38000000).view(np.float32)
    exponent = bits & 0x7C00
    x = low if exponent == 0 else x
    x = high if exponent == 0x7C00 else x
    return -x if bits & 0x8000 else x


def float_to_half(x: np.float32) -> np.uint16:
    """The bits of the float16 nearest to x, ties to even; beyond 65504 infinity."""
    bits = np.float32(x).view(np.int32)
    a = bits & 0x7FFFFFFF
    normal = (a - 0x38000000 + 0xFFF + ((a >> 13) & 1)) >> 13
    # Adding 1/2 leaves a subnormal's bits at the end of the sum, rounded.
    low = np.float32(abs(x) + np.float32(0.5)).view(np.int32) - 0x3F000000
    h = low if a < 0x38800000 else normal
    h = np.int32(0x7C00) if a >= 0x47800000 else h
    h = np.int32(0x7E00) if a > 0x7F800000 else h
    return np.uint16(h | ((bits >> 16) & 0x8000))
