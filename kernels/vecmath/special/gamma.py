"""lgamma, the logarithm of the magnitude of the gamma function.

For x >= 8 it is Stirling's series; below, polynomials around the zeros 1 and 2, which are factors
of what they stand for, and the recurrence. On the negative axis it has two zeros between poles from
-2 on, ever closer to these. There 1 / Gamma(x) is a product of two-part numbers, 1 / Gamma(1 + d)
with d = x - rint(x), and d (d - 1) (d - 2) ...; near zeros of which no other number is closer than
rounding, where even that is too coarse, Taylor's series takes over. float32 computes in float64.
"""

from __future__ import annotations

import numpy as np

from ..elementary.logarithm import log1p_f64, log_f64
from ..elementary.power import head_f64
from ..elementary.trigonometric import sin_f64

# Numbers in two parts, (head, tail), to about 2**-104 of them


def two_sum_f64(a: np.float64, b: np.float64) -> tuple[np.float64, np.float64]:
    """a + b, exactly."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def two_add_f64(
    a: np.float64, al: np.float64, b: np.float64, bl: np.float64
) -> tuple[np.float64, np.float64]:
    """(a, al) + (b, bl)."""
    s, e = two_sum_f64(a, b)
    t, f = two_sum_f64(al, bl)
    s, e = two_sum_f64(s, e + t)
    return two_sum_f64(s, e + f)


def two_mul_f64(
    a: np.float64, al: np.float64, b: np.float64, bl: np.float64
) -> tuple[np.float64, np.float64]:
    """(a, al) (b, bl)."""
    ah, bh = head_f64(a), head_f64(b)
    p = a * b
    e = ((ah * bh - p) + ah * (b - bh) + (a - ah) * bh) + (a - ah) * (b - bh)
    return two_sum_f64(p, e + (a * bl + al * b))


def two_div_f64(
    a: np.float64, al: np.float64, b: np.float64, bl: np.float64
) -> tuple[np.float64, np.float64]:
    """(a, al) / (b, bl)."""
    q = a / b
    p, e = two_mul_f64(q, np.float64(0.0), b, bl)
    r, e = two_add_f64(a, al, -p, -e)
    return two_sum_f64(q, (r + e) / b)


# The gamma function


def lgamma_one_f64(t: np.float64) -> np.float64:
    """lgamma(1 + t) for |t| <= 1/2; relative error 2**-55.8."""
    p = 0.21762817640022097 * t - 0.22471180158915516
    p = p * t - 0.14857260899606312
    p = p * t + 0.1528715168258553
    p = p * t + 0.14011729595820724
    p = p * t - 0.14497971020532596
    p = p * t + 0.01333577663873192
    p = p * t - 0.014509338086091672
    p = p * t + 0.057003000096539545
    p = p * t - 0.059850048562680856
    p = p * t + 0.054501409023364235
    p = p * t - 0.057737256640806416
    p = p * t + 0.0626116167474043
    p = p * t - 0.06678275881746833
    p = p * t + 0.07142491150665906
    p = p * t - 0.07692423568567124
    p = p * t + 0.08335423437020126
    p = p * t - 0.09095442301348973
    p = p * t + 0.10009944506030896
    p = p * t - 0.1113342530365414
    p = p * t + 0.1255096697597847
    p = p * t - 0.14404989701106719
    p = p * t + 0.16955717699509998
    p = p * t - 0.2073855510262953
    p = p * t + 0.2705808084277935
    p = p * t - 0.4006856343865406
    p = p * t + 0.8224670334241132
    p = p * t - 0.5772156649015329
    return t * p


def lgamma_two_f64(t: np.float64) -> np.float64:
    """lgamma(2 + t) for |t| <= 1/2; relative error 2**-61."""
    p = 6.379047507619774e-08 * t - 1.3412819758517287e-07
    p = p * t + 2.0304806751615227e-07
    p = p * t - 4.303558760359961e-07
    p = p * t + 9.578663334114758e-07
    p = p * t - 2.0449201467015115e-06
    p = p * t + 4.374374916915131e-06
    p = p * t - 9.438458716242811e-06
    p = p * t + 2.050726741605779e-05
    p = p * t - 4.4926351103833334e-05
    p = p * t + 9.945750909889392e-05
    p = p * t - 0.00022315475074520367
    p = p * t + 0.0005096695248853096
    p = p * t - 0.0011927539120010226
    p = p * t + 0.002890510330738737
    p = p * t - 0.0073855510286681535
    p = p * t + 0.02058080842778457
    p = p * t - 0.06735230105319814
    p = p * t + 0.3224670334241132
    p = p * t + 0.42278433509846713
    return t * p


def lgamma_large_f64(x: np.float64) -> np.float64:
    """lgamma(x) for x >= 8."""
    z = 1.0 / (x * x)
    p = -0.7175424824564998 * z + 0.16055361078855876
    p = p * z - 0.029226211523383016
    p = p * z + 0.006406810770945876
    p = p * z - 0.0019175038853052053
    p = p * z + 0.000841750747110573
    p = p * z - 0.0005952380950133302
    p = p * z + 0.0007936507936505214
    p = p * z - 0.0027777777777777775
    p = p * z + 0.08333333333333333
    return (x - 0.5) * (log_f64(x) - 1.0) + (0.4189385332046727 + p / x)


def lgamma_positive_f64(x: np.float64) -> np.float64:
    """lgamma(x) for x >= 1/2."""
    if x >= 8.0:
        return x if x == np.inf else lgamma_large_f64(x)
    product, y = np.float64(1.0), x
    while y > 2.5:
        y = y - 1.0
        product = product * y
    value = lgamma_one_f64(y - 1.0) if y < 1.5 else lgamma_two_f64(y - 2.0)
    # Not -0.0 at the zeros.
    return value + 0.0 if product == 1.0 else log_f64(product) + value


def rgamma_one_f64(d: np.float64) -> tuple[np.float64, np.float64]:
    """1 / Gamma(1 + d) in two parts for |d| <= 1/2, by Taylor's series."""
    heads = (
        1.7144063219273374e-20, -2.29874568443537e-19, 1.4123806553180319e-18,
        1.1866922547516004e-18, -1.1812593016974588e-16, 1.2267786282382608e-15,
        -5.348122539423018e-15, -2.0583260535665066e-14, 5.100370287454476e-13,
        -3.696805618642206e-12, 7.782263439905071e-12, 1.0434267116911005e-10,
        -1.18127457048702e-09, 5.002007644469223e-09, 6.116095104481416e-09,
        -2.056338416977607e-07, 1.133027231981696e-06, -1.2504934821426706e-06,
        -2.013485478078824e-05, 0.0001280502823881162, -0.00021524167411495098,
        -0.0011651675918590652, 0.0072189432466631, -0.009621971527876973, -0.04219773455554433,
        0.16653861138229148, -0.04200263503409524, -0.6558780715202539, 0.5772156649015329, 1.0,
    )  # fmt: skip
    tails = (
        5.230715150426935e-38, 1.3335481917069145e-36, -7.576946701116294e-35,
        -4.2037265494226014e-35, 6.422257838149681e-33, -5.072915146023867e-32,
        -1.6208384686356568e-31, -1.4747481491954336e-30, 2.253001461085878e-29,
        2.7050034921703885e-28, 4.397255556595848e-28, -2.9298419956825035e-27,
        -1.0052356155716208e-25, -1.538123614056751e-26, -2.693458298171306e-25,
        -3.0061601618645134e-24, -4.622235212104869e-23, -2.66214092271898e-23,
        3.0488773972037385e-23, -9.359124499198967e-21, 2.3758686180729364e-21,
        5.659947853880981e-20, -3.6006537063394283e-19, -5.300031368830263e-19,
        -3.3579992682480134e-18, 1.0189144546842026e-17, 1.4920306285650505e-18,
        2.137185197068536e-17, -4.942915152430645e-18, 0.0,
    )  # fmt: skip
    p, e = np.float64(0.0), np.float64(0.0)
    for i in range(30):
        p, e = two_mul_f64(p, e, d, np.float64(0.0))
        p, e = two_add_f64(p, e, np.float64(heads[i]), np.float64(tails[i]))
    return p, e


def rgamma_negative_f64(d: np.float64, n: np.float64) -> tuple[np.float64, np.float64]:
    """1 / Gamma(d - n) in two parts, but for its sign, for |d| <= 1/2 and whole n >= 0."""
    p, e = rgamma_one_f64(d)
    p, e = two_mul_f64(p, e, d, np.float64(0.0))
    k = np.float64(1.0)
    while k <= n:
        a, al = two_sum_f64(k, -d)
        p, e = two_mul_f64(p, e, a, al)
        k = k + 1.0
    return (-p, -e) if p < 0.0 else (p, e)


def lgamma_zero_f64(x: np.float64) -> np.float64:
    """lgamma(x) next to its first four zeros below 0, by Taylor's series; else NaN."""
    heads = (
        -2.4570247382208006, -2.7476826467274127, -3.14358088834998, -3.955294284858598,
    )  # fmt: skip
    tails = (
        -3.7075610815513266e-17, 9.055340329338315e-17, -2.1818179852331714e-16,
        -1.999428391746348e-17,
    )  # fmt: skip
    terms = (
        (
            1.5156034480216574, 4.8583209516339965, 1.41129114307798, 8.721782583815346,
            5.800414566599873, 24.824942121894072, 24.038823062292956,
        ),
        (
            -1.9143501856115988, 9.575189475709667, -20.095134916842603, 62.627282713513715,
            -194.76615530344623, 646.9059997129283, -2193.112776480624,
        ),
        (
            7.781884658131351, 25.831338372387957, 112.268986297176, 588.8907422380014,
            3277.1937854953417, 19023.061984356358, 113559.66423713516,
        ),
        (
            -20.725060845803707, 251.7146825868894, -3730.6047156806126, 62588.08191876606,
            -1119991.501665522, 20877114.726503327, -400276998.18746364,
        ),
    )  # fmt: skip
    value = np.float64(np.nan)
    for i in range(4):
        t = (x - heads[i]) - tails[i]
        if abs(t) < 0.0001220703125:
            p = np.float64(0.0)
            for j in range(6, -1, -1):
                p = p * t + terms[i][j]
            value = t * p
    return value


def lgamma_negative_f64(x: np.float64) -> np.float64:
    """lgamma(x) for x < -1/2; infinity at poles."""
    n = np.floor(0.5 - x)
    d = x + n
    if d == 0.0 or x == -np.inf:
        return np.float64(np.inf)
    if n > 30.0:
        sine = abs(sin_f64(3.141592653589793 * d))
        return -(log_f64(-x * sine * 0.3183098861837907) + lgamma_positive_f64(-x))
    value = lgamma_zero_f64(x)
    if value == value:
        return value
    p, e = rgamma_negative_f64(d, n)
    if p > 0.5 and p < 1.5:
        return -log1p_f64((p - 1.0) + e)
    return -(log_f64(p) + e / p)


def lgamma_f64(x: np.float64) -> np.float64:
    """log |Gamma(x)|; infinity at 0, at whole numbers below, and at infinities."""
    if x != x:
        return x
    if abs(x) < 0.5:
        return lgamma_one_f64(x) - log_f64(abs(x))
    return lgamma_positive_f64(x) if x > 0.0 else lgamma_negative_f64(x)


def lgamma_f32(x: np.float32) -> np.float32:
    """log |Gamma(x)|."""
    return np.float32(lgamma_f64(np.float64(x)))
