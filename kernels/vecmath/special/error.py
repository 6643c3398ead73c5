"""erf, erfc, erfinv.

erf is an odd polynomial up to 1, and 1 - e**L(a) beyond, with a polynomial L = log(erfc(a)).
erfc(a) = e**(-a*a) * H(t) / (a + 1/2) with t = (a - K) / (a + K), which maps a >= 0 to [-1, 1)
(Shepherd and Laframboise, 1981; H is nearly constant, so that the rounding of t does no harm); a*a
is taken in two parts, because e**x would magnify its rounding. erfinv(x) / x is smooth in
w = -log(1 - x*x) while w is small, and in sqrt(w) after that (Giles, 2010). The polynomials are
centered where their constant terms are nearly exact in the type.
"""

from __future__ import annotations

import numpy as np

from ..elementary.exponential import exp_f32, exp_f64, exp_tail_f64, scale_f64
from ..elementary.logarithm import log_f32, log_f64


def erf_small_f64(x: np.float64) -> np.float64:
    """erf(x) for |x| <= 1; relative error 2**-56."""
    z = x * x
    p = -7.583316974700155e-10 * z + 1.3605023721771418e-08
    p = p * z - 1.6181628625829428e-07
    p = p * z + 1.6443886030146852e-06
    p = p * z - 1.4924447732241042e-05
    p = p * z + 0.00012055279745052644
    p = p * z - 0.0008548325465734044
    p = p * z + 0.005223977596450885
    p = p * z - 0.026866170641937703
    p = p * z + 0.11283791670936891
    p = p * z - 0.37612638903183343
    p = p * z + 0.12837916709551256
    return x + x * p


def erfc_large_f64(a: np.float64) -> np.float64:
    """erfc(a) for a >= 15/32; relative error of H 2**-57.3."""
    a = np.float64(27.3) if a > 27.3 else a
    t = (a - 3.8125) / (a + 3.8125)
    p = -2.982871853283916e-09 * t + 1.0022194244386002e-08
    p = p * t + 2.9119717571619077e-08
    p = p * t - 1.0561602823977113e-07
    p = p * t - 1.603403064131572e-07
    p = p * t + 8.666683859121563e-07
    p = p * t + 3.538689655119596e-07
    p = p * t - 6.730377192445496e-06
    p = p * t + 7.187471642976338e-06
    p = p * t + 4.0321292710175734e-05
    p = p * t - 0.00015032851286729215
    p = p * t + 5.509280386165158e-05
    p = p * t + 0.0012339553114406566
    p = p * t - 0.005648236957152906
    p = p * t + 0.015315281343350763
    p = p * t - 0.030407160900917142
    p = p * t + 0.04645387215391125
    p = p * t - 0.05348562309539963
    p = p * t + 0.03931217773159544
    p = p * t + 0.0033694037254117064
    p = p * t - 0.07007757338662936
    h = p * t + 0.6181769542270572
    head = np.int64(np.float64(a).view(np.int64) & -0x8000000).view(np.float64)
    n = a * a * -1.4426950408889634 + 6755399441057790.0
    k = n - 6755399441057790.0
    r = (-k * 0.6931471803691238 - head * head) - k * 1.9082149292705877e-10
    # What the last sums lost goes into r, because h * (1 + c) = h * e**c; 1 / h is about 1.72.
    d = a + 0.5
    y = h / d
    lost = ((0.6181769542270572 - h) + p * t) - y * (a - (d - 0.5))
    r = r + (1.72 * lost - (a - head) * (a + head))
    return scale_f64(y + y * (r + exp_tail_f64(r)), n)


def erf_f64(x: np.float64) -> np.float64:
    """2 / sqrt(pi) times the integral of e**(-t*t) from 0 to x."""
    a = abs(x)
    b = np.float64(6.0) if a > 6.0 else a
    p = -4.863631357235966e-12 * b + 2.0197904236221977e-10
    p = p * b - 3.889051235513212e-09
    p = p * b + 4.592289988742224e-08
    p = p * b - 3.6948920104056136e-07
    p = p * b + 2.114387234287564e-06
    p = p * b - 8.57708732071442e-06
    p = p * b + 2.252748305386543e-05
    p = p * b - 1.9509385043210345e-05
    p = p * b - 0.00013658259491511934
    p = p * b + 0.0007730871867419758
    p = p * b - 0.0019189993323506687
    p = p * b + 0.00041358724010775197
    p = p * b + 0.018988005765259858
    p = p * b - 0.10270227077409695
    p = p * b - 0.6366440619910091
    p = p * b - 1.1283739901714465
    p = p * b - 5.13401226833905e-07
    y = 1.0 - exp_f64(p)
    return np.float64(np.copysign(y if a > 1.0 else erf_small_f64(a), x))


def erfc_f64(x: np.float64) -> np.float64:
    """1 - erf(x), without cancellation."""
    a = abs(x)
    y = erfc_large_f64(a)
    y = 2.0 - y if x < 0.0 else y
    return y if a > 0.46875 else 1.0 - erf_small_f64(x)


def erfinv_tail_f64(w: np.float64) -> np.float64:
    """erfinv(x) / x - 1 for 6.25 <= w = -log(1 - x*x) <= 36.1; relative error 2**-55.5."""
    s = np.float64(np.sqrt(w)) - 4.328125
    p = -1.6711935767595817e-15 * s - 8.337330593380791e-15
    p = p * s + 5.666468974318699e-14
    p = p * s + 8.178927667489023e-14
    p = p * s - 6.209448269972008e-13
    p = p * s + 4.591721067426363e-13
    p = p * s - 2.442524303698217e-13
    p = p * s + 6.976416665501631e-13
    p = p * s + 2.91215228343923e-11
    p = p * s - 1.4293797163074869e-10
    p = p * s + 2.3428297676212203e-10
    p = p * s + 3.0606926472951617e-10
    p = p * s - 2.9801196926029015e-09
    p = p * s + 9.568465007190718e-09
    p = p * s - 1.6643718406007293e-08
    p = p * s + 4.636567612005968e-10
    p = p * s + 1.0525901492531332e-07
    p = p * s - 4.202181786120706e-07
    p = p * s + 1.0874372863686045e-06
    p = p * s - 2.2095805166534898e-06
    p = p * s + 3.919989248784807e-06
    p = p * s - 7.194537708089821e-06
    p = p * s + 1.727809891974905e-05
    p = p * s - 5.5282600685075936e-05
    p = p * s + 0.00018886893139341595
    p = p * s - 0.0005453234633404967
    p = p * s + 0.0005777494700700441
    p = p * s + 1.0100789065366291
    return p * s + 3.1711320447070235


def erfinv_poly_f64(w: np.float64) -> np.float64:
    """erfinv(x) / x - 1 from w = -log(1 - x*x); relative error 2**-58 below w = 6.25."""
    tail = erfinv_tail_f64(w)
    v = w - 3.1875
    p = -2.809011712938381e-23 * v - 4.1131252223821676e-22
    p = p * v + 4.301561625109058e-21
    p = p * v + 2.710985293968631e-20
    p = p * v - 3.592580371900667e-19
    p = p * v + 9.953654454347416e-20
    p = p * v + 1.662237620065439e-17
    p = p * v - 1.0238987914761157e-16
    p = p * v - 1.7228189148831063e-16
    p = p * v + 6.4011555583749135e-15
    p = p * v - 3.350563480964896e-14
    p = p * v - 1.1513982768909857e-13
    p = p * v + 2.5442143452005505e-12
    p = p * v - 1.0874672212683016e-11
    p = p * v - 6.308318580110772e-11
    p = p * v + 1.010836830370713e-09
    p = p * v - 3.4679474825718143e-09
    p = p * v - 3.120125421990415e-08
    p = p * v + 4.083957945556453e-07
    p = p * v - 1.1834577643607364e-06
    p = p * v - 1.4360240941382343e-05
    p = p * v + 0.0001823194985609499
    p = p * v - 0.0006945677109601768
    p = p * v - 0.006168210210558722
    p = p * v + 0.23939547474967293
    p = p * v + 0.6686407020582995
    return tail if w > 6.25 else p


def erfinv_f64(x: np.float64) -> np.float64:
    """The inverse of erf; NaN beyond [-1, 1]."""
    a = abs(x)
    b = 1.0 - a
    w = -log_f64(1.0 - a * a if a < 0.7 else b + b - b * b)
    y = a + a * erfinv_poly_f64(w)
    y = np.float64(np.inf) if a == 1.0 else y
    return np.float64(np.copysign(y, x))


def erf_small_f32(x: np.float32) -> np.float32:
    """erf(x) for |x| <= 1; relative error 2**-29."""
    z = x * x
    p = np.float32(7.842677e-05) * z - np.float32(0.00080054405)
    p = p * z + np.float32(0.0051876656)
    p = p * z - np.float32(0.026853448)
    p = p * z + np.float32(0.11283579)
    p = p * z - np.float32(0.37612626)
    p = p * z + np.float32(0.12837917)
    return x + x * p


def erf_f32(x: np.float32) -> np.float32:
    """2 / sqrt(pi) times the integral of e**(-t*t) from 0 to x."""
    a = abs(x)
    b = np.float32(4.0) if a > np.float32(4.0) else a
    p = np.float32(0.00018553398) * b - np.float32(0.0029392599)
    p = p * b + np.float32(0.021804096)
    p = p * b - np.float32(0.10303513)
    p = p * b - np.float32(0.63822794)
    p = p * b - np.float32(1.1270388)
    p = p * b - np.float32(0.000353981)
    y = np.float32(1.0) - exp_f32(p)
    return np.float32(np.copysign(y if a > np.float32(1.0) else erf_small_f32(a), x))


def erfc_large_f32(a: np.float32) -> np.float32:
    """erfc(a) for a >= 15/32; relative error of H 2**-27.3; finished in float64."""
    a = np.float32(10.2) if a > np.float32(10.2) else a
    t = (a - np.float32(2.21875)) / (a + np.float32(2.21875))
    p = np.float32(0.00014324952) * t - np.float32(0.00053483096)
    p = p * t - np.float32(0.0010900149)
    p = p * t + np.float32(0.004241551)
    p = p * t + np.float32(0.0044024233)
    p = p * t - np.float32(0.040001724)
    p = p * t + np.float32(0.08284005)
    p = p * t - np.float32(0.067508414)
    p = p * t - np.float32(0.054198436)
    h = p * t + np.float32(0.63587224)
    b = np.float64(a)
    return np.float32(np.float64(h) / (b + 0.5) * exp_f64(-b * b))


def erfc_f32(x: np.float32) -> np.float32:
    """1 - erf(x), without cancellation."""
    a = abs(x)
    y = erfc_large_f32(a)
    y = np.float32(2.0) - y if x < np.float32(0.0) else y
    return y if a > np.float32(0.46875) else np.float32(1.0) - erf_small_f32(x)


def erfinv_poly_f32(w: np.float32) -> np.float32:
    """erfinv(x) / x - 1 from w = -log(1 - x*x); errors 2**-27 below w = 5 and 2**-29 above."""
    s = np.sqrt(w) - np.float32(2.921875)
    tail = np.float32(-2.6683869e-05) * s + np.float32(0.00018048902)
    tail = tail * s - np.float32(0.000402484)
    tail = tail * s + np.float32(9.427184e-05)
    tail = tail * s + np.float32(0.0014890685)
    tail = tail * s - np.float32(0.004267364)
    tail = tail * s + np.float32(0.0072166417)
    tail = tail * s - np.float32(0.0096518425)
    tail = tail * s + np.float32(0.011462794)
    tail = tail * s + np.float32(1.0000479)
    tail = tail * s + np.float32(1.7547824)
    v = w - np.float32(1.5)
    p = np.float32(-8.873421e-09) * v + np.float32(1.0302584e-07)
    p = p * v - np.float32(3.728095e-08)
    p = p * v - np.float32(5.3403087e-06)
    p = p * v + np.float32(2.320277e-05)
    p = p * v + np.float32(0.00017764371)
    p = p * v - np.float32(0.0020922418)
    p = p * v + np.float32(0.0008797725)
    p = p * v + np.float32(0.25036243)
    p = p * v + np.float32(0.25206384)
    return tail if w > np.float32(5.0) else p


def erfinv_f32(x: np.float32) -> np.float32:
    """The inverse of erf; NaN beyond [-1, 1]."""
    a = abs(x)
    b = np.float32(1.0) - a
    w = -log_f32(np.float32(1.0) - a * a if a < np.float32(0.7) else b + b - b * b)
    y = a + a * erfinv_poly_f32(w)
    y = np.float32(np.inf) if a == np.float32(1.0) else y
    return np.float32(np.copysign(y, x))
