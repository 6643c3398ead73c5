"""exp, exp2, expm1, sinh, cosh, tanh.

x is k*ln2 + r with an integer k and |r| <= ln2/2 (Cody and Waite, 1980); e**r - 1 is a polynomial,
and multiplying by 2**k finishes. Adding 1.5 * 2**52 (in float32, 1.5 * 2**23) rounds a number to an
integer and leaves that integer in the low bits of the sum: k becomes an exponent by a shift.

tanh is 1 - 2 / (e**2x + 1) where that cancels no more than one bit, and an odd polynomial below.
The absolute error of e**2x counts there, not the relative one, and its polynomial is fitted so.
"""

from __future__ import annotations

import numpy as np


def exp_poly_f64(r: np.float64) -> np.float64:
    """e**r for |r| <= 0.3467; relative error of the polynomial 2**-56.3."""
    p = 2.4999965953370417e-08 * r + 2.763030635488147e-07
    p = p * r + 2.7557586977540287e-06
    p = p * r + 2.4801492949639555e-05
    p = p * r + 0.00019841269505573798
    p = p * r + 0.00138888889437596
    p = p * r + 0.00833333333349507
    p = p * r + 0.04166666666652973
    p = p * r + 0.1666666666666641
    p = p * r + 0.5000000000000011
    p = p * r + 1.0
    return p * r + 1.0


def exp_tail_f64(r: np.float64) -> np.float64:
    """e**r - 1 - r for |r| <= 0.3477; relative error of the polynomial 2**-61.5."""
    p = 2.0894284838489654e-09 * r + 2.5108662767116995e-08
    p = p * r + 2.755732773647459e-07
    p = p * r + 2.755724530604338e-06
    p = p * r + 2.4801587282293656e-05
    p = p * r + 0.00019841269885126185
    p = p * r + 0.0013888888888891106
    p = p * r + 0.00833333333332188
    p = p * r + 0.04166666666666669
    p = p * r + 0.16666666666666677
    p = p * r + 0.5
    return r * r * p


def scale_f64(p: np.float64, t: np.float64) -> np.float64:
    """p * 2**k for t = k + 2046 + 1.5 * 2**52: in two factors, so that a subnormal rounds once.

    2046 is twice the bias of exponents; the shifts drop what else is in the bits of t.
    """
    k = np.float64(t).view(np.int64)
    half = k >> 1
    return p * np.int64(half << 52).view(np.float64) * np.int64((k - half) << 52).view(np.float64)


def exp_f64(x: np.float64) -> np.float64:
    """e**x."""
    x = np.float64(710.0) if x > 710.0 else x
    x = np.float64(-746.0) if x < -746.0 else x
    t = x * 1.4426950408889634 + 6755399441057790.0
    k = t - 6755399441057790.0
    r = (x - k * 0.6931471803691238) - k * 1.9082149292705877e-10
    return scale_f64(exp_poly_f64(r), t)


def expsub_f64(a: np.float64, b: np.float64) -> np.float64:
    """e**(a - b), with what a - b loses by rounding (D. Knuth, 1969) added to r."""
    x = a - b
    c = x - a
    low = (a - (x - c)) - (b + c)
    low = low if abs(x) < 746.0 else np.float64(0.0)
    x = np.float64(710.0) if x > 710.0 else x
    x = np.float64(-746.0) if x < -746.0 else x
    t = x * 1.4426950408889634 + 6755399441057790.0
    k = t - 6755399441057790.0
    r = (x - k * 0.6931471803691238) - (k * 1.9082149292705877e-10 - low)
    return scale_f64(exp_poly_f64(r), t)


def exp2_f64(x: np.float64) -> np.float64:
    """2**x."""
    x = np.float64(1025.0) if x > 1025.0 else x
    x = np.float64(-1077.0) if x < -1077.0 else x
    t = x + 6755399441057790.0
    r = (x - (t - 6755399441057790.0)) * 0.6931471805599453
    return scale_f64(exp_poly_f64(r), t)


def exp_parts_f64(x: np.float64) -> tuple[np.float64, np.float64, np.float64]:
    """(s, r, p) with e**x = 4 * (s + s * (r + p)), s = 2**k / 4, for -700 <= x <= 710.6."""
    t = x * 1.4426950408889634 + 6755399441055744.0
    k = t - 6755399441055744.0
    r = (x - k * 0.6931471803691238) - k * 1.9082149292705877e-10
    s = np.int64((np.float64(t).view(np.int64) + 1021) << 52).view(np.float64)  # 2**k / 4
    return s, r, exp_tail_f64(r)


def expm1_f64(x: np.float64) -> np.float64:
    """e**x - 1."""
    a = np.float64(710.0) if x > 710.0 else x
    s, r, p = exp_parts_f64(np.float64(-40.0) if a < -40.0 else a)
    y = 4.0 * ((s * r + (s - 0.25)) + s * p)
    return x if abs(x) < 1e-17 else y


def sinh_f64(x: np.float64) -> np.float64:
    """(e**x - e**-x) / 2; an odd polynomial (relative error 2**-61.8) for |x| <= 1."""
    a = np.float64(710.6) if abs(x) > 710.6 else abs(x)
    z = a * a
    p = 7.776594669370905e-13 * z + 1.6056659301603685e-10
    p = p * z + 2.5052130997597252e-08
    p = p * z + 2.755731910676025e-06
    p = p * z + 0.00019841269841593408
    p = p * z + 0.008333333333332912
    p = p * z + 0.16666666666666669
    s, r, t = exp_parts_f64(a)
    m = s * (r + t)
    y = 2.0 * (s + (m - 0.0625 / (s + m)))
    return np.float64(np.copysign(y if a > 1.0 else a + a * (z * p), x))


def cosh_f64(x: np.float64) -> np.float64:
    """(e**x + e**-x) / 2."""
    a = np.float64(710.6) if abs(x) > 710.6 else abs(x)
    s, r, p = exp_parts_f64(a)
    m = s * (r + p)
    return 2.0 * (s + (m + 0.0625 / (s + m)))


def tanh_f64(x: np.float64) -> np.float64:
    """1 - 2 / (e**2x + 1); an odd polynomial (error 2**-55.4) for |x| <= 0.55."""
    a = abs(x)
    z = a * a
    p = 5.1022829059297315e-05 * z - 0.00021030452845638303
    p = p * z + 0.0005791384492733359
    p = p * z - 0.0014532172947285976
    p = p * z + 0.003591719820602013
    p = p * z - 0.008863194521733914
    p = p * z + 0.021869485976367054
    p = p * z - 0.0539682538761607
    p = p * z + 0.13333333333168929
    p = p * z - 0.33333333333332316
    # e**2b = 2**k * e**2r; the last error of the polynomial in 1 - 2 / (e**2b + 1) is 2**-54.
    b = np.float64(20.0) if a > 20.0 else a
    t = b * 2.8853900817779268 + 6755399441055744.0
    r = b - (t - 6755399441055744.0) * 0.34657359027997264
    e = 5.087736222547638e-05 * r + 0.0002829067246832954
    e = e * r + 0.0014109758750879694
    e = e * r + 0.00634918408021012
    e = e * r + 0.025396824116478905
    e = e * r + 0.08888888919674026
    e = e * r + 0.26666666668347266
    e = e * r + 0.6666666666648523
    e = e * r + 1.3333333333332464
    e = e * r + 2.0000000000000036
    e = e * r + 2.0
    e = e * r + 1.0
    k = np.float64(t).view(np.int64) << 52
    e = np.int64(np.float64(e).view(np.int64) + k).view(np.float64)
    y = 1.0 - 2.0 / (e + 1.0)
    return np.float64(np.copysign(y if a > 0.55 else a + a * (z * p), x))


def exp_poly_f32(r: np.float32) -> np.float32:
    """e**r for |r| <= 0.347; relative error of the polynomial 2**-28.2."""
    p = np.float32(0.001382008) * r + np.float32(0.008368684)
    p = p * r + np.float32(0.041668274)
    p = p * r + np.float32(0.16666521)
    p = p * r + np.float32(0.49999994)
    p = p * r + np.float32(1.0)
    return p * r + np.float32(1.0)


def exp_tail_f32(r: np.float32) -> np.float32:
    """e**r - 1 - r for |r| <= 0.3477; relative error of the polynomial 2**-31."""
    p = np.float32(0.00019763653) * r + np.float32(0.0013932388)
    p = p * r + np.float32(0.008333544)
    p = p * r + np.float32(0.041666493)
    p = p * r + np.float32(0.16666666)
    p = p * r + np.float32(0.5)
    return r * r * p


def scale_f32(p: np.float32, t: np.float32) -> np.float32:
    """p * 2**k for t = k + 254 + 1.5 * 2**23, as scale_f64."""
    k = np.float32(t).view(np.int32)
    half = k >> 1
    return p * np.int32(half << 23).view(np.float32) * np.int32((k - half) << 23).view(np.float32)


def exp_f32(x: np.float32) -> np.float32:
    """e**x."""
    x = np.float32(89.0) if x > np.float32(89.0) else x
    x = np.float32(-105.0) if x < np.float32(-105.0) else x
    t = x * np.float32(1.442695) + np.float32(12583166.0)
    k = t - np.float32(12583166.0)
    r = (x - k * np.float32(0.693359375)) - k * np.float32(-0.00021219444)
    return scale_f32(exp_poly_f32(r), t)


def expsub_f32(a: np.float32, b: np.float32) -> np.float32:
    """e**(a - b), as expsub_f64."""
    x = a - b
    c = x - a
    low = (a - (x - c)) - (b + c)
    low = low if abs(x) < np.float32(105.0) else np.float32(0.0)
    x = np.float32(89.0) if x > np.float32(89.0) else x
    x = np.float32(-105.0) if x < np.float32(-105.0) else x
    t = x * np.float32(1.442695) + np.float32(12583166.0)
    k = t - np.float32(12583166.0)
    r = (x - k * np.float32(0.693359375)) - (k * np.float32(-0.00021219444) - low)
    return scale_f32(exp_poly_f32(r), t)


def exp2_f32(x: np.float32) -> np.float32:
    """2**x."""
    x = np.float32(129.0) if x > np.float32(129.0) else x
    x = np.float32(-152.0) if x < np.float32(-152.0) else x
    t = x + np.float32(12583166.0)
    r = (x - (t - np.float32(12583166.0))) * np.float32(0.6931472)
    return scale_f32(exp_poly_f32(r), t)


def exp_parts_f32(x: np.float32) -> tuple[np.float32, np.float32, np.float32]:
    """(s, r, p) with e**x = 4 * (s + s * (r + p)), s = 2**k / 4, for -80 <= x <= 89.5."""
    t = x * np.float32(1.442695) + np.float32(12582912.0)
    k = t - np.float32(12582912.0)
    r = (x - k * np.float32(0.693359375)) - k * np.float32(-0.00021219444)
    s = np.int32((np.float32(t).view(np.int32) + 125) << 23).view(np.float32)  # 2**k / 4
    return s, r, exp_tail_f32(r)


def expm1_f32(x: np.float32) -> np.float32:
    """e**x - 1."""
    a = np.float32(89.0) if x > np.float32(89.0) else x
    s, r, p = exp_parts_f32(np.float32(-20.0) if a < np.float32(-20.0) else a)
    y = np.float32(4.0) * ((s * r + (s - np.float32(0.25))) + s * p)
    return x if abs(x) < np.float32(1e-8) else y


def sinh_f32(x: np.float32) -> np.float32:
    """(e**x - e**-x) / 2; an odd polynomial (relative error 2**-31.6) for |x| <= 1."""
    a = np.float32(89.5) if abs(x) > np.float32(89.5) else abs(x)
    z = a * a
    p = np.float32(2.7822286e-06) * z + np.float32(0.00019842894)
    p = p * z + np.float32(0.0083333105)
    p = p * z + np.float32(0.16666667)
    s, r, t = exp_parts_f32(a)
    m = s * (r + t)
    y = np.float32(2.0) * (s + (m - np.float32(0.0625) / (s + m)))
    return np.float32(np.copysign(y if a > np.float32(1.0) else a + a * (z * p), x))


def cosh_f32(x: np.float32) -> np.float32:
    """(e**x + e**-x) / 2."""
    a = np.float32(89.5) if abs(x) > np.float32(89.5) else abs(x)
    s, r, p = exp_parts_f32(a)
    m = s * (r + p)
    return np.float32(2.0) * (s + (m + np.float32(0.0625) / (s + m)))


def tanh_f32(x: np.float32) -> np.float32:
    """1 - 2 / (e**2x + 1); an odd polynomial (error 2**-24.7) for |x| <= 0.55."""
    a = abs(x)
    z = a * a
    p = np.float32(0.016437879) * z - np.float32(0.05267201)
    p = p * z + np.float32(0.13320729)
    p = p * z - np.float32(0.33332947)
    b = np.float32(10.0) if a > np.float32(10.0) else a
    t = b * np.float32(2.88539) + np.float32(12582912.0)
    r = b - (t - np.float32(12582912.0)) * np.float32(0.3465736)
    e = np.float32(0.26114973) * r + np.float32(0.6700529)
    e = e * r + np.float32(1.3335668)
    e = e * r + np.float32(1.999973)
    e = e * r + np.float32(1.9999983)
    e = e * r + np.float32(1.0)
    k = np.float32(t).view(np.int32) << 23
    e = np.int32(np.float32(e).view(np.int32) + k).view(np.float32)
    y = np.float32(1.0) - np.float32(2.0) / (e + np.float32(1.0))
    return np.float32(np.copysign(y if a > np.float32(0.55) else a + a * (z * p), x))
