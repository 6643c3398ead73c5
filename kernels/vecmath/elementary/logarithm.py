"""log, log2, log10, log1p, asinh, acosh, atanh.

A positive x is 2**k * (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)). In float64, with s = f / (2 + f),
log(1 + f) = 2 atanh(s) = f - f*f/2 + s * (f*f/2 + R(s*s)), which keeps the leading term exact (as
in fdlibm); in float32 a polynomial in f is short enough. k*ln2 is added in two parts.
"""

from __future__ import annotations

import numpy as np


def log_split_f64(x: np.float64) -> tuple[np.float64, np.float64]:
    """(k, f) with x = 2**k * (1 + f) and sqrt(1/2) <= 1 + f < sqrt(2), for finite x > 0."""
    small = x < 2.2250738585072014e-308
    y = x * (np.float64(18014398509481984.0) if small else np.float64(1.0))
    b = np.float64(y).view(np.int64) + (0x3FF0000000000000 - 0x3FE6A09E667F3BCD)
    # The exponent field as a float: below 2**52 an integer is its own low mantissa bits.
    k = np.int64(((b >> 52) & 0x7FF) | 0x4330000000000000).view(np.float64)
    m = np.int64((b & 0xFFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD).view(np.float64)
    k = k - (np.float64(4503599627371573.0) if small else np.float64(4503599627371519.0))
    return k, m - 1.0


def log_poly_f64(f: np.float64) -> np.float64:
    """log(1 + f) - f for sqrt(1/2) <= 1 + f <= sqrt(2); relative error of R 2**-58.7."""
    s = f / (2.0 + f)
    z = s * s
    p = 0.14803930617773509 * z + 0.15313879693143517
    p = p * z + 0.18183542799443186
    p = p * z + 0.22222199618037022
    p = p * z + 0.28571428725037873
    p = p * z + 0.3999999999952941
    p = p * z + 0.6666666666666712
    h = 0.5 * f * f
    return s * (h + z * p) - h


def log_domain_f64(x: np.float64, y: np.float64) -> np.float64:
    """y where x is positive and finite; else what a logarithm is at x."""
    y = y if x < np.inf else x
    edge = np.float64(-np.inf) if x == 0.0 else np.float64(np.nan)
    return y if x > 0.0 else edge


def log_f64(x: np.float64) -> np.float64:
    """Natural logarithm."""
    k, f = log_split_f64(x)
    low = log_poly_f64(f) + k * 1.9082149292705877e-10
    return log_domain_f64(x, k * 0.6931471803691238 + (f + low))


def log2_f64(x: np.float64) -> np.float64:
    """Logarithm to base 2; exact at powers of two."""
    k, f = log_split_f64(x)
    p = log_poly_f64(f)
    s = f + p
    y = s * 1.4426950408889634 + ((f - s) + p) * 1.4426950408889634
    return log_domain_f64(x, k + y)


def log10_f64(x: np.float64) -> np.float64:
    """Logarithm to base 10."""
    k, f = log_split_f64(x)
    p = log_poly_f64(f)
    s = f + p
    low = ((f - s) + p) * 0.4342944819032518 + k * -8.532344317057107e-14
    return log_domain_f64(x, k * 0.3010299956640665 + (s * 0.4342944819032518 + low))


def log1p_sum_f64(x: np.float64, d: np.float64) -> np.float64:
    """log(1 + x + d) for finite 1 + x > 0 and d far below x: d carries what x lost to rounding."""
    u = 1.0 + x
    k, f = log_split_f64(u)
    lost = x - (u - 1.0) if u < 2.0 else 1.0 - (u - x)
    b = np.float64(1.0 + f).view(np.int64) - np.float64(u).view(np.int64)
    scale = np.int64(b + 0x3FF0000000000000).view(np.float64)  # 2**-k
    c = (lost + d) * scale if u < 1e18 else np.float64(0.0)
    # log(1 + f + c) - log(1 + f) is about c / (1 + f).
    low = log_poly_f64(f) + (c * (1.0 - f * (1.0 - f)) + k * 1.9082149292705877e-10)
    return k * 0.6931471803691238 + (f + low)


def log1p_f64(x: np.float64) -> np.float64:
    """log(1 + x)."""
    y = log_domain_f64(1.0 + x, log1p_sum_f64(x, np.float64(0.0)))
    return x if abs(x) < 1e-17 else y


def asinh_f64(x: np.float64) -> np.float64:
    """log(a + sqrt(a*a + 1)) with a = |x|, as log1p(a + a*a / (1 + sqrt(a*a + 1)))."""
    a = abs(x)
    big = a > 1e18
    b = np.float64(1e18) if big else a
    z = b * b
    v = z / (1.0 + np.sqrt(z + 1.0))
    w = b + v
    y = log1p_sum_f64(a if big else w, v - (w - b))
    y = y + (np.float64(0.6931471805599453) if big else np.float64(0.0))
    y = y if a < np.inf else a
    return np.float64(np.copysign(y if a > 1e-9 else a, x))


def acosh_f64(x: np.float64) -> np.float64:
    """log(x + sqrt(x*x - 1)) as log1p(t + sqrt(2t + t*t)) with t = x - 1."""
    big = x > 1e18
    t = (np.float64(1e18) if big else x) - 1.0
    v = np.sqrt(t + t + t * t)
    w = v + t
    y = log1p_sum_f64(x if big else w, t - (w - v))
    y = y + (np.float64(0.6931471805599453) if big else np.float64(0.0))
    y = y if x < np.inf else x
    return y if x >= 1.0 else np.float64(np.nan)


def atanh_f64(x: np.float64) -> np.float64:
    """log((1 + a) / (1 - a)) / 2 with a = |x|, as log1p(2a + 2a*a / (1 - a)) / 2."""
    a = abs(x)
    v = (a + a) * a / (1.0 - a)
    w = (a + a) + v
    y = 0.5 * log1p_sum_f64(w, v - (w - (a + a)))
    edge = np.float64(np.inf) if a == 1.0 else np.float64(np.nan)
    y = y if a < 1.0 else edge
    return np.float64(np.copysign(y if a > 1e-9 else a, x))


def log_split_f32(x: np.float32) -> tuple[np.float32, np.float32]:
    """(k, f) with x = 2**k * (1 + f) and sqrt(1/2) <= 1 + f < sqrt(2), for finite x > 0."""
    small = x < np.float32(1.1754944e-38)
    y = x * (np.float32(16777216.0) if small else np.float32(1.0))
    b = np.float32(y).view(np.int32) + (0x3F800000 - 0x3F3504F3)
    # The exponent field as a float: below 2**23 an integer is its own low mantissa bits.
    k = np.int32(((b >> 23) & 0xFF) | 0x4B000000).view(np.float32)
    m = np.int32((b & 0x7FFFFF) + 0x3F3504F3).view(np.float32)
    k = k - (np.float32(8388759.0) if small else np.float32(8388735.0))
    return k, m - np.float32(1.0)


def log_poly_f32(f: np.float32) -> np.float32:
    """log(1 + f) - f for sqrt(1/2) <= 1 + f <= sqrt(2); error 2**-27.3 of log(1 + f)."""
    p = np.float32(-0.076373056) * f + np.float32(0.12764154)
    p = p * f - np.float32(0.13160305)
    p = p * f + np.float32(0.14201377)
    p = p * f - np.float32(0.1662331)
    p = p * f + np.float32(0.20001246)
    p = p * f - np.float32(0.25000823)
    p = p * f + np.float32(0.3333333)
    return f * f * (f * p - np.float32(0.5))


def log_domain_f32(x: np.float32, y: np.float32) -> np.float32:
    """y where x is positive and finite; else what a logarithm is at x."""
    y = y if x < np.float32(np.inf) else x
    edge = np.float32(-np.inf) if x == np.float32(0.0) else np.float32(np.nan)
    return y if x > np.float32(0.0) else edge


def log_f32(x: np.float32) -> np.float32:
    """Natural logarithm."""
    k, f = log_split_f32(x)
    low = log_poly_f32(f) + k * np.float32(-0.00021219444)
    return log_domain_f32(x, k * np.float32(0.693359375) + (f + low))


def log2_f32(x: np.float32) -> np.float32:
    """Logarithm to base 2; exact at powers of two."""
    k, f = log_split_f32(x)
    p = log_poly_f32(f)
    s = f + p
    y = s * np.float32(1.442695) + ((f - s) + p) * np.float32(1.442695)
    return log_domain_f32(x, k + y)


def log10_f32(x: np.float32) -> np.float32:
    """Logarithm to base 10."""
    k, f = log_split_f32(x)
    p = log_poly_f32(f)
    s = f + p
    low = ((f - s) + p) * np.float32(0.4342945) + k * np.float32(4.605039e-06)
    y = k * np.float32(0.301025390625) + (s * np.float32(0.4342945) + low)
    return log_domain_f32(x, y)


def log1p_sum_f32(x: np.float32, d: np.float32) -> np.float32:
    """log(1 + x + d) for finite 1 + x > 0 and d far below x: d carries what x lost to rounding."""
    u = np.float32(1.0) + x
    k, f = log_split_f32(u)
    lost = x - (u - np.float32(1.0)) if u < np.float32(2.0) else np.float32(1.0) - (u - x)
    b = np.float32(np.float32(1.0) + f).view(np.int32) - np.float32(u).view(np.int32)
    scale = np.int32(b + 0x3F800000).view(np.float32)  # 2**-k
    c = (lost + d) * scale if u < np.float32(1e9) else np.float32(0.0)
    # log(1 + f + c) - log(1 + f) is about c / (1 + f).
    c = c * (np.float32(1.0) - f * (np.float32(1.0) - f))
    low = log_poly_f32(f) + (c + k * np.float32(-0.00021219444))
    return k * np.float32(0.693359375) + (f + low)


def log1p_f32(x: np.float32) -> np.float32:
    """log(1 + x)."""
    y = log_domain_f32(np.float32(1.0) + x, log1p_sum_f32(x, np.float32(0.0)))
    return x if abs(x) < np.float32(1e-8) else y


def asinh_f32(x: np.float32) -> np.float32:
    """log(a + sqrt(a*a + 1)) with a = |x|, as log1p(a + a*a / (1 + sqrt(a*a + 1)))."""
    a = abs(x)
    big = a > np.float32(1e9)
    b = np.float32(1e9) if big else a
    z = b * b
    v = z / (np.float32(1.0) + np.sqrt(z + np.float32(1.0)))
    w = b + v
    y = log1p_sum_f32(a if big else w, v - (w - b))
    y = y + (np.float32(0.6931472) if big else np.float32(0.0))
    y = y if a < np.float32(np.inf) else a
    return np.float32(np.copysign(y if a > np.float32(1e-4) else a, x))


def acosh_f32(x: np.float32) -> np.float32:
    """log(x + sqrt(x*x - 1)) as log1p(t + sqrt(2t + t*t)) with t = x - 1."""
    big = x > np.float32(1e9)
    t = (np.float32(1e9) if big else x) - np.float32(1.0)
    v = np.sqrt(t + t + t * t)
    w = v + t
    y = log1p_sum_f32(x if big else w, t - (w - v))
    y = y + (np.float32(0.6931472) if big else np.float32(0.0))
    y = y if x < np.float32(np.inf) else x
    return y if x >= np.float32(1.0) else np.float32(np.nan)


def atanh_f32(x: np.float32) -> np.float32:
    """log((1 + a) / (1 - a)) / 2 with a = |x|, as log1p(2a + 2a*a / (1 - a)) / 2."""
    a = abs(x)
    v = (a + a) * a / (np.float32(1.0) - a)
    w = (a + a) + v
    y = np.float32(0.5) * log1p_sum_f32(w, v - (w - (a + a)))
    edge = np.float32(np.inf) if a == np.float32(1.0) else np.float32(np.nan)
    y = y if a < np.float32(1.0) else edge
    return np.float32(np.copysign(y if a > np.float32(1e-4) else a, x))
