"""asin, acos, atan, atan2.

atan is an odd polynomial on [0, 1]; beyond, atan(a) = pi/2 - atan(1/a). asin is one on [0, 1/2];
beyond, asin(a) = pi/2 - 2 asin(sqrt((1 - a) / 2)). pi/2 and pi are subtracted from in two parts.
"""

from __future__ import annotations

import numpy as np


def atan_unit_f64(t: np.float64) -> np.float64:
    """atan(t) for 0 <= t <= 1; relative error 2**-56."""
    z = t * t
    p = 1.3193909554149134e-05 * z - 0.00015184120100352814
    p = p * z + 0.0008298157619572924
    p = p * z - 0.002880597386557531
    p = p * z + 0.007188065495984196
    p = p * z - 0.013888688696404777
    p = p * z + 0.021972426655255357
    p = p * z - 0.02989400568645226
    p = p * z + 0.036635943979723924
    p = p * z - 0.042189027122116786
    p = p * z + 0.047222250645632145
    p = p * z - 0.052534929689001704
    p = p * z + 0.05880522898677208
    p = p * z - 0.06666403399343664
    p = p * z + 0.07692279783387655
    p = p * z - 0.09090907000740803
    p = p * z + 0.11111111007072542
    p = p * z - 0.14285714282583842
    p = p * z + 0.19999999999951756
    p = p * z - 0.3333333333333307
    return t + t * (z * p)


def atan_f64(x: np.float64) -> np.float64:
    """Arc tangent."""
    a = abs(x)
    far = a > 1.0
    p = atan_unit_f64((np.float64(1.0) if far else a) / (a if far else np.float64(1.0)))
    return np.float64(
        np.copysign(1.5707963267948966 - (p - 6.123233995736766e-17) if far else p, x)
    )


def atan2_f64(y: np.float64, x: np.float64) -> np.float64:
    """The angle of the point (x, y), in (-pi, pi]; signed zeros and infinities as in C."""
    a, b = abs(x), abs(y)
    steep = b > a
    low, high = a if steep else b, b if steep else a
    t = low / (high if high != 0.0 else np.float64(1.0))
    p = atan_unit_f64(np.float64(1.0) if (a == np.inf) & (b == np.inf) else t)
    left = np.copysign(np.float64(1.0), x) < 0.0
    p = -p if left else p
    flat = 3.141592653589793 + (p + 1.2246467991473532e-16) if left else p
    return np.float64(
        np.copysign(1.5707963267948966 - (p - 6.123233995736766e-17) if steep else flat, y)
    )


def asin_tail_f64(s: np.float64, z: np.float64) -> np.float64:
    """asin(s) - s for 0 <= s <= 1/2, z = s*s; error 2**-59 of asin(s)."""
    p = 0.03237078121133543 * z - 0.020537509154291245
    p = p * z + 0.021342207995329144
    p = p * z + 0.003874758527075229
    p = p * z + 0.010730135636266134
    p = p * z + 0.011409007378625732
    p = p * z + 0.013979419605718994
    p = p * z + 0.017351745752083963
    p = p * z + 0.02237220637393208
    p = p * z + 0.030381943067041825
    p = p * z + 0.044642857165603
    p = p * z + 0.07499999999982616
    p = p * z + 0.16666666666666702
    return s * (z * p)


def asin_f64(x: np.float64) -> np.float64:
    """Arc sine; NaN beyond [-1, 1]."""
    a = abs(x)
    far = a > 0.5
    z = 0.5 * (1.0 - a) if far else a * a
    s = np.sqrt(z) if far else a
    p = asin_tail_f64(s, z)
    y = 1.5707963267948966 - (s + s)
    y = y - ((p + p - 6.123233995736766e-17) - ((1.5707963267948966 - y) - (s + s)))
    return np.float64(np.copysign(y if far else s + p, x))


def acos_f64(x: np.float64) -> np.float64:
    """Arc cosine; NaN beyond [-1, 1]."""
    a = abs(x)
    far = a > 0.5
    z = 0.5 * (1.0 - a) if far else a * a
    s = np.sqrt(z) if far else a
    p = s + asin_tail_f64(s, z)
    near = 1.5707963267948966 - (np.copysign(p, x) - 6.123233995736766e-17)
    back = 3.141592653589793 - (p + p - 1.2246467991473532e-16)
    ends = p + p if x > 0.0 else back
    return np.float64(ends if far else near)


def atan_unit_f32(t: np.float32) -> np.float32:
    """atan(t) for 0 <= t <= 1; relative error 2**-28.5."""
    z = t * t
    p = np.float32(-0.0017818061) * z + np.float32(0.010864937)
    p = p * z - np.float32(0.031091409)
    p = p * z + np.float32(0.05787713)
    p = p * z - np.float32(0.08399131)
    p = p * z + np.float32(0.10950844)
    p = p * z - np.float32(0.14264013)
    p = p * z + np.float32(0.1999853)
    p = p * z - np.float32(0.333333)
    return t + t * (z * p)


def atan_f32(x: np.float32) -> np.float32:
    """Arc tangent."""
    a = abs(x)
    far = a > np.float32(1.0)
    p = atan_unit_f32((np.float32(1.0) if far else a) / (a if far else np.float32(1.0)))
    return np.float32(
        np.copysign(np.float32(1.5707964) - (p + np.float32(4.371139e-08)) if far else p, x)
    )


def atan2_f32(y: np.float32, x: np.float32) -> np.float32:
    """The angle of the point (x, y), in (-pi, pi]; signed zeros and infinities as in C."""
    a, b = abs(x), abs(y)
    steep = b > a
    low, high = a if steep else b, b if steep else a
    t = low / (high if high != np.float32(0.0) else np.float32(1.0))
    p = atan_unit_f32(
        np.float32(1.0) if (a == np.float32(np.inf)) & (b == np.float32(np.inf)) else t
    )
    left = np.copysign(np.float32(1.0), x) < np.float32(0.0)
    p = -p if left else p
    flat = np.float32(3.1415927) + (p - np.float32(8.742278e-08)) if left else p
    return np.float32(
        np.copysign(np.float32(1.5707964) - (p + np.float32(4.371139e-08)) if steep else flat, y)
    )


def asin_tail_f32(s: np.float32, z: np.float32) -> np.float32:
    """asin(s) - s for 0 <= s <= 1/2, z = s*s; error 2**-27.6 of asin(s)."""
    p = np.float32(0.04221106) * z + np.float32(0.024152594)
    p = p * z + np.float32(0.045475934)
    p = p * z + np.float32(0.07495253)
    p = p * z + np.float32(0.16666754)
    return s * (z * p)


def asin_f32(x: np.float32) -> np.float32:
    """Arc sine; NaN beyond [-1, 1]."""
    a = abs(x)
    far = a > np.float32(0.5)
    z = np.float32(0.5) * (np.float32(1.0) - a) if far else a * a
    s = np.sqrt(z) if far else a
    p = asin_tail_f32(s, z)
    y = np.float32(1.5707964) - (s + s)
    y = y - ((p + p + np.float32(4.371139e-08)) - ((np.float32(1.5707964) - y) - (s + s)))
    return np.float32(np.copysign(y if far else s + p, x))


def acos_f32(x: np.float32) -> np.float32:
    """Arc cosine; NaN beyond [-1, 1]."""
    a = abs(x)
    far = a > np.float32(0.5)
    z = np.float32(0.5) * (np.float32(1.0) - a) if far else a * a
    s = np.sqrt(z) if far else a
    p = s + asin_tail_f32(s, z)
    near = np.float32(1.5707964) - (np.copysign(p, x) + np.float32(4.371139e-08))
    back = np.float32(3.1415927) - (p + p + np.float32(8.742278e-08))
    ends = p + p if x > np.float32(0.0) else back
    return ends if far else near
