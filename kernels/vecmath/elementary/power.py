"""pow and hypot, with the special values of C (Annex F); powers of integers.

pow(x, y) = 2**(y * log2(x)). An error in the logarithm is magnified by up to 1024, so float64 keeps
log2(x) and its product with y as sums of two numbers (as in fdlibm): the head of each factor has 26
bits, and products of heads are exact. float32 computes in float64.
"""

from __future__ import annotations

import numpy as np

from .exponential import exp2_f64, exp_tail_f64, scale_f64
from .logarithm import log2_f64, log_split_f64


def head_f64(x: np.float64) -> np.float64:
    """x cut to 26 significant bits: a product of two heads is exact."""
    return np.int64(np.float64(x).view(np.int64) & -0x8000000).view(np.float64)


def log2_parts_f64(x: np.float64) -> tuple[np.float64, np.float64]:
    """(head, tail) with head + tail = log2(x) to about 2**-66 of it, for finite x > 0."""
    k, f = log_split_f64(x)
    # s = f / (2 + f) as two parts, then log(1 + f) = 2/3 * s * (3 + s*s + r).
    d = f + 2.0
    v = 1.0 / d
    s = f * v
    sh = head_f64(s)
    dh = head_f64(d)
    sl = v * ((f - sh * dh) - sh * (f - (dh - 2.0)))
    z = sh * sh
    w = s * s
    p = 0.19796637219990007 * w + 0.19885002719130765
    p = p * w + 0.23080145282984088
    p = p * w + 0.27272676356835374
    p = p * w + 0.3333333378200312
    p = p * w + 0.4285714285513809
    p = p * w + 0.6000000000000341
    r = w * w * p + sl * (sh + s)
    ch = head_f64(3.0 + z + r)
    cl = r - ((ch - 3.0) - z)
    u = sh * ch
    e = sl * ch + cl * s
    g = head_f64(u + e)
    # 2 / (3 ln 2) in two parts as well.
    low = g * -7.028461650952758e-09 + (e - (g - u)) * 0.9617966939259756
    top = g * 0.9617967009544373
    h = head_f64((top + low) + k)
    return h, low - ((h - k) - top)


def pow_domain_f64(x: np.float64, y: np.float64, p: np.float64) -> np.float64:
    """x**y where p = |x|**y: the sign, and the cases that are NaN or 1 by rule."""
    odd = (np.floor(y) == y) & (2.0 * np.floor(0.5 * y) != y)
    p = -p if odd & (np.copysign(np.float64(1.0), x) < 0.0) else p
    p = np.float64(np.nan) if (np.floor(y) != y) & (x < 0.0) & (x > -np.inf) else p
    p = x + y if (x != x) | (y != y) else p
    one = (x == 1.0) | (y == 0.0) | ((x == -1.0) & (abs(y) == np.inf))
    return np.float64(1.0) if one else p


def pow_f64(x: np.float64, y: np.float64) -> np.float64:
    """x**y."""
    a = abs(x)
    h, tail = log2_parts_f64(a)
    # Beyond 2**65 the result is 0, 1 or infinity already, and products would overflow.
    b = np.float64(3.7e19) if y > 3.7e19 else y
    b = np.float64(-3.7e19) if y < -3.7e19 else b
    bh = head_f64(b)
    top = bh * h
    low = (b - bh) * h + b * tail
    t = (top + low) + 6755399441057790.0
    r = ((top - (t - 6755399441057790.0)) + low) * 0.6931471805599453
    p = scale_f64(1.0 + (r + exp_tail_f64(r)), t)
    p = np.float64(np.inf) if (top - 1024.0) + low >= 0.0 else p
    p = np.float64(0.0) if top + low < -1076.0 else p
    edge = np.float64(np.inf) if (a > 1.0) == (y > 0.0) else np.float64(0.0)
    return pow_domain_f64(x, y, edge if (a == 0.0) | (a == np.inf) else p)


def pow_f32(x: np.float32, y: np.float32) -> np.float32:
    """x**y."""
    a, b = np.float64(x), np.float64(y)
    return np.float32(pow_domain_f64(a, b, exp2_f64(b * log2_f64(abs(a)))))


def ipow(x: np.int64, n: np.int64) -> np.int64:
    """x**n modulo 2**64, by squaring; 1 for n < 0."""
    power, square, rest = np.int64(1), np.int64(x), np.int64(n)
    while rest > 0:
        power = power * square if rest & 1 else power
        square = square * square
        rest = rest >> 1
    return power


def hypot_f64(x: np.float64, y: np.float64) -> np.float64:
    """sqrt(x*x + y*y); the squares neither overflow nor underflow."""
    a, b = abs(x), abs(y)
    m = a if a > b else b
    s = np.float64(2.0**-600) if m > 2.0**500 else np.float64(1.0)
    s = np.float64(2.0**600) if m < 2.0**-500 else s
    u, v = a * s, b * s
    far = (a == np.inf) | (b == np.inf)
    return np.float64(np.inf) if far else np.sqrt(u * u + v * v) / s


def hypot_f32(x: np.float32, y: np.float32) -> np.float32:
    """sqrt(x*x + y*y)."""
    a, b = np.float64(x), np.float64(y)
    far = (abs(a) == np.inf) | (abs(b) == np.inf)
    return np.float32(np.inf if far else np.sqrt(a * a + b * b))
