"""sin, cos, tan.

x = k*pi/2 + r with |r| <= 0.79. pi/2 is subtracted in parts of 37 bits (Cody and Waite, 1980), so
that k times a part is exact while |k| < 2**16; float32 is reduced in float64. That is right for
|x| <= 1e5. The functions named near_* hold there only, and vectorize; sin_f64 and its kin take any
x, and beyond 1e5 call the platform's library.
"""

from __future__ import annotations

import numpy as np


def near_f64(x: np.float64) -> bool:
    """Whether the near_* functions hold at x; true for NaN, which they keep."""
    return not abs(x) > 100000.0


def trig_reduce_f64(x: np.float64) -> tuple[np.float64, np.int64]:
    """(r, q): x - k*pi/2 to full relative precision, and q = k modulo 4 in its low bits."""
    t = x * 0.6366197723675814 + 6755399441055744.0
    k = t - 6755399441055744.0
    a = x - k * 1.5707963267923333
    b = a - k * 2.5633441515839558e-12
    lost = (a - b) - k * 2.5633441515839558e-12
    # Subtracted, not added, so that -0 stays -0.
    return b - (k * 1.0562999066987428e-23 - lost), np.float64(t).view(np.int64)


def sin_poly_f64(r: np.float64, z: np.float64) -> np.float64:
    """sin(r) for |r| <= 0.79, z = r*r; relative error 2**-57.8."""
    p = 1.5892958434691439e-10 * z - 2.5050693449004832e-08
    p = p * z + 2.7557313290027035e-06
    p = p * z - 0.00019841269828686255
    p = p * z + 0.008333333333321067
    p = p * z - 0.16666666666666627
    return r + r * (z * p + 0.0)  # + 0.0: sin(-0) is -0


def cos_poly_f64(z: np.float64) -> np.float64:
    """cos(r) for |r| <= 0.79, z = r*r; error 2**-63."""
    p = -1.1356776667393546e-11 * z + 2.0875668632279968e-09
    p = p * z - 2.755731395768373e-07
    p = p * z + 2.4801587288148124e-05
    p = p * z - 0.0013888888888872054
    p = p * z + 0.04166666666666659
    p = p * z - 0.5
    return 1.0 + z * p


def trig_turn_f64(r: np.float64, q: np.int64) -> np.float64:
    """sin(r + q*pi/2)."""
    z = r * r
    s, c = sin_poly_f64(r, z), cos_poly_f64(z)
    y = c if q & 1 else s
    return np.int64(np.float64(y).view(np.int64) ^ ((q & 2) << 62)).view(np.float64)


def near_sin_f64(x: np.float64) -> np.float64:
    """Sine, for |x| <= 1e5."""
    r, q = trig_reduce_f64(x)
    return trig_turn_f64(r, q)


def near_cos_f64(x: np.float64) -> np.float64:
    """Cosine, for |x| <= 1e5."""
    r, q = trig_reduce_f64(x)
    return trig_turn_f64(r, q + 1)


def near_tan_f64(x: np.float64) -> np.float64:
    """Tangent, for |x| <= 1e5: sin/cos, or -cos/sin in odd quadrants."""
    r, q = trig_reduce_f64(x)
    z = r * r
    s, c = sin_poly_f64(r, z), cos_poly_f64(z)
    odd = q & 1
    return (-c if odd else s) / (s if odd else c)


def sin_f64(x: np.float64) -> np.float64:
    """Sine."""
    return near_sin_f64(x) if near_f64(x) else np.sin(x)


def cos_f64(x: np.float64) -> np.float64:
    """Cosine."""
    return near_cos_f64(x) if near_f64(x) else np.cos(x)


def tan_f64(x: np.float64) -> np.float64:
    """Tangent."""
    return near_tan_f64(x) if near_f64(x) else np.tan(x)


def near_f32(x: np.float32) -> bool:
    """Whether the near_* functions hold at x; true for NaN, which they keep."""
    return not abs(x) > np.float32(100000.0)


def trig_reduce_f32(x: np.float32) -> tuple[np.float32, np.int32]:
    """(r, q): x - k*pi/2, subtracted in float64, and q = k modulo 4 in its low bits."""
    t = x * np.float32(0.63661975) + np.float32(12582912.0)
    k = np.float64(t - np.float32(12582912.0))
    r = (np.float64(x) - k * 1.5707963267923333) - k * 2.563344151594519e-12
    return np.float32(r), np.float32(t).view(np.int32)


def sin_poly_f32(r: np.float32, z: np.float32) -> np.float32:
    """sin(r) for |r| <= 0.79, z = r*r; relative error 2**-27.8."""
    p = np.float32(-0.00019506874) * z + np.float32(0.008332101)
    p = p * z - np.float32(0.16666654)
    return r + r * (z * p + np.float32(0.0))  # + 0: sin(-0) is -0


def cos_poly_f32(z: np.float32) -> np.float32:
    """cos(r) for |r| <= 0.79, z = r*r; error 2**-33."""
    p = np.float32(2.4430421e-05) * z - np.float32(0.00138873)
    p = p * z + np.float32(0.041666646)
    p = p * z - np.float32(0.5)
    return np.float32(1.0) + z * p


def trig_turn_f32(r: np.float32, q: np.int32) -> np.float32:
    """sin(r + q*pi/2)."""
    z = r * r
    s, c = sin_poly_f32(r, z), cos_poly_f32(z)
    y = c if q & 1 else s
    return np.int32(np.float32(y).view(np.int32) ^ ((q & 2) << 30)).view(np.float32)


def near_sin_f32(x: np.float32) -> np.float32:
    """Sine, for |x| <= 1e5."""
    r, q = trig_reduce_f32(x)
    return trig_turn_f32(r, q)


def near_cos_f32(x: np.float32) -> np.float32:
    """Cosine, for |x| <= 1e5."""
    r, q = trig_reduce_f32(x)
    return trig_turn_f32(r, np.int32(q + 1))


def near_tan_f32(x: np.float32) -> np.float32:
    """Tangent, for |x| <= 1e5: sin/cos, or -cos/sin in odd quadrants."""
    r, q = trig_reduce_f32(x)
    z = r * r
    s, c = sin_poly_f32(r, z), cos_poly_f32(z)
    odd = q & 1
    return (-c if odd else s) / (s if odd else c)


def sin_f32(x: np.float32) -> np.float32:
    """Sine."""
    return near_sin_f32(x) if near_f32(x) else np.float32(np.sin(np.float64(x)))


def cos_f32(x: np.float32) -> np.float32:
    """Cosine."""
    return near_cos_f32(x) if near_f32(x) else np.float32(np.cos(np.float64(x)))


def tan_f32(x: np.float32) -> np.float32:
    """Tangent."""
    return near_tan_f32(x) if near_f32(x) else np.float32(np.tan(np.float64(x)))
