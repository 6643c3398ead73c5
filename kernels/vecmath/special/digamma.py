"""digamma, the derivative of lgamma.

For x >= 8 it is an asymptotic series; below, polynomials, of which that around the zero 1.46 has it
as a factor. digamma(x) = digamma(1 - x) - pi / tan(pi x) leads to x < 0, where there is a zero
between any two poles: there both terms have two parts, and next to the first three zeros Taylor's
series takes over. float32 computes in float64.
"""

from __future__ import annotations

import numpy as np

from ..elementary.logarithm import log_f64
from ..elementary.trigonometric import tan_f64
from .gamma import two_add_f64, two_div_f64, two_mul_f64, two_sum_f64


def digamma_half_f64(t: np.float64) -> np.float64:
    """digamma(3/4 + t) for |t| <= 1/4; relative error 2**-56.7."""
    p = -1456.7605639532203 * t + 1092.5704258589735
    p = p * t - 295.90449678830896
    p = p * t + 221.9283804149771
    p = p * t - 248.24681895252516
    p = p * t + 186.18513834249526
    p = p * t - 132.35353718219682
    p = p * t + 99.26522680535616
    p = p * t - 74.85645446416001
    p = p * t + 56.14256753689873
    p = p * t - 42.0924695829211
    p = p * t + 31.57004882210942
    p = p * t - 23.679114795164185
    p = p * t + 17.761488324155163
    p = p * t - 13.324910059512007
    p = p * t + 10.000425825328552
    p = p * t - 7.512397921436615
    p = p * t + 5.656277857641277
    p = p * t - 4.28335857564126
    p = p * t + 3.2938854224742484
    p = p * t - 2.6513166081688206
    p = p * t + 2.5418796476716072
    p = p * t - 1.0858608797864722
    return p


def digamma_zero_f64(x: np.float64) -> np.float64:
    """digamma(x) for 1 <= x <= 2, by its zero; relative error 2**-55.8."""
    t = x - 1.5
    p = -0.00017312261802727394 * t + 0.00025968482126430747
    p = p * t - 0.00015148586836773365
    p = p * t + 0.0002272331660987376
    p = p * t - 0.0004821990530566789
    p = p * t + 0.0007233266279287554
    p = p * t - 0.0010376374098418604
    p = p * t + 0.0015566317474486838
    p = p * t - 0.002345267632540769
    p = p * t + 0.003519006401502276
    p = p * t - 0.005279964873257405
    p = p * t + 0.007926944646403797
    p = p * t - 0.011908218001568644
    p = p * t + 0.0179072524394512
    p = p * t - 0.02697579675613825
    p = p * t + 0.04076083381242074
    p = p * t - 0.061922133273064534
    p = p * t + 0.09498872445494122
    p = p * t - 0.14840492305390884
    p = p * t + 0.2405424842407742
    p = p * t - 0.4236274212814605
    p = p * t + 0.951055876031833
    return ((x - 1.4616321449683622) - 9.549995429965697e-17) * p


def digamma_three_f64(t: np.float64) -> np.float64:
    """digamma(3 + t) for |t| <= 1; relative error 2**-57.2."""
    p = -2.0722454724131336e-11 * t + 6.218811526831498e-11
    p = p * t - 6.749345689248068e-11
    p = p * t + 2.0269507176299237e-10
    p = p * t - 9.068336793645203e-10
    p = p * t + 2.7242742307479803e-09
    p = p * t - 7.763545025251715e-09
    p = p * t + 2.3351638439175582e-08
    p = p * t - 7.06817711097889e-08
    p = p * t + 2.1304958946184967e-07
    p = p * t - 6.430259226267795e-07
    p = p * t + 1.9459008352596906e-06
    p = p * t - 5.9073563913857425e-06
    p = p * t + 1.8012634635133646e-05
    p = p * t - 5.526782573889967e-05
    p = p * t + 0.00017110619691420163
    p = p * t - 0.0005367773819515793
    p = p * t + 0.0017180619845354134
    p = p * t - 0.005677755143368817
    p = p * t + 0.019823233711134862
    p = p * t - 0.07705690315959429
    p = p * t + 0.39493406684822646
    p = p * t + 0.9227843350984671
    return p


def digamma_six_f64(t: np.float64) -> np.float64:
    """digamma(6 + t) for |t| <= 2; relative error 2**-57.2."""
    p = 1.481095380126816e-17 * t - 8.931540054033627e-17
    p = p * t + 2.1324762344574838e-16
    p = p * t - 1.292366219994618e-15
    p = p * t + 1.094210019414429e-14
    p = p * t - 6.641232422504439e-14
    p = p * t + 3.8734319228543913e-13
    p = p * t - 2.363399890415504e-12
    p = p * t + 1.4523424937948878e-11
    p = p * t - 8.926186279184105e-11
    p = p * t + 5.51235724646611e-10
    p = p * t - 3.426244453273507e-09
    p = p * t + 2.1465697048213563e-08
    p = p * t - 1.3586541417870233e-07
    p = p * t + 8.716186040542841e-07
    p = p * t - 5.694854833691976e-06
    p = p * t + 3.8179246966779006e-05
    p = p * t - 0.00026596630592433255
    p = p * t + 0.0019713046987924632
    p = p * t - 0.01639486612255695
    p = p * t + 0.18132295573711532
    p = p * t + 1.7061176684318005
    return p


def digamma_large_f64(x: np.float64) -> np.float64:
    """digamma(x) for x >= 8."""
    r = 1.0 / x
    z = r * r
    p = 12.784513732237814 * z - 2.6729273805320966
    p = p * z + 0.4368320045429117
    p = p * z - 0.08326535468175131
    p = p * z + 0.021092342870515795
    p = p * z - 0.007575755716578853
    p = p * z + 0.0041666666622560775
    p = p * z - 0.0039682539682486286
    p = p * z + 0.008333333333333331
    p = p * z - 0.08333333333333333
    return log_f64(x) - (0.5 * r - z * p)


def digamma_positive_f64(x: np.float64) -> np.float64:
    """digamma(x) for x > 0."""
    if x < 0.5:
        return digamma_zero_f64(1.0 + x) - 1.0 / x
    if x < 1.0:
        return digamma_half_f64(x - 0.75)
    if x <= 2.0:
        return digamma_zero_f64(x)
    if x < 4.0:
        return digamma_three_f64(x - 3.0)
    return digamma_six_f64(x - 6.0) if x < 8.0 else digamma_large_f64(x)


def two_log_f64(x: np.float64, xl: np.float64) -> tuple[np.float64, np.float64]:
    """log(x + xl) in two parts, x >= 1: k log 2 + 2 atanh(s), s = (m - 1) / (m + 1)."""
    heads = (
        0.02127659574468085, 0.022222222222222223, 0.023255813953488372, 0.024390243902439025,
        0.02564102564102564, 0.02702702702702703, 0.02857142857142857, 0.030303030303030304,
        0.03225806451612903, 0.034482758620689655, 0.037037037037037035, 0.04,
        0.043478260869565216, 0.047619047619047616, 0.05263157894736842, 0.058823529411764705,
        0.06666666666666667, 0.07692307692307693, 0.09090909090909091, 0.1111111111111111,
        0.14285714285714285, 0.2, 0.3333333333333333, 1.0,
    )  # fmt: skip
    tails = (
        5.167261417803255e-19, -8.480870326997723e-19, 3.2273925134452225e-19,
        -8.46206573647223e-19, 8.896017825522087e-19, -1.50030138462859e-18,
        8.921435019309293e-19, -8.410780489584519e-19, 8.953411488912552e-19,
        4.785444071660157e-19, 2.05596856412066e-18, -8.326672684688674e-19,
        1.206764157201257e-18, 2.64338815386942e-18, 2.921639538487254e-18,
        8.163404592832033e-19, 9.251858538542971e-19, -4.270088556250602e-18,
        -2.523234146875356e-18, 6.1679056923619804e-18, 7.93016446160826e-18,
        -1.1102230246251566e-17, 1.850371707708594e-17, 0.0,
    )  # fmt: skip
    k = np.floor(log_f64(x) * 1.4426950408889634 + 0.5)
    scale = np.float64(1.0)
    for _ in range(np.int64(k)):
        scale = scale * 0.5
    m, ml = x * scale, xl * scale
    a, al = two_add_f64(m, ml, np.float64(-1.0), np.float64(0.0))
    b, bl = two_add_f64(m, ml, np.float64(1.0), np.float64(0.0))
    s, sl = two_div_f64(a, al, b, bl)
    z, zl = two_mul_f64(s, sl, s, sl)
    p, e = np.float64(0.0), np.float64(0.0)
    for i in range(24):
        p, e = two_mul_f64(p, e, z, zl)
        p, e = two_add_f64(p, e, np.float64(heads[i]), np.float64(tails[i]))
    p, e = two_mul_f64(p, e, s, sl)
    c, cl = two_mul_f64(
        k, np.float64(0.0), np.float64(0.6931471805599453), np.float64(2.3190468138462996e-17)
    )
    return two_add_f64(2.0 * p, 2.0 * e, c, cl)


def two_digamma_f64(x: np.float64, xl: np.float64) -> tuple[np.float64, np.float64]:
    """digamma(x + xl) in two parts, x >= 1, from that of 32 and more."""
    heads = (
        -3607.5105463980462, 281.46014492753625, -26.456212121212122, 3.0539543302701198,
        -0.4432598039215686, 0.08333333333333333, -0.021092796092796094, 0.007575757575757576,
        -0.004166666666666667, 0.003968253968253968, -0.008333333333333333, 0.08333333333333333,
    )  # fmt: skip
    tails = (
        -1.5347029033579816e-13, -1.647635329298783e-14, 7.449932926454383e-16,
        -1.0882720820608607e-17, -2.0462934179365632e-17, 4.625929269271485e-18,
        1.3911677399530732e-18, -2.1026951223961299e-19, -5.782411586589357e-20,
        2.20282346155785e-19, -1.1564823173178714e-19, 4.625929269271485e-18,
    )  # fmt: skip
    one, none = np.float64(1.0), np.float64(0.0)
    s, sl = none, none
    while x < 32.0:
        q, ql = two_div_f64(one, none, x, xl)
        s, sl = two_add_f64(s, sl, q, ql)
        x, xl = two_add_f64(x, xl, one, none)
    r, rl = two_div_f64(one, none, x, xl)
    z, zl = two_mul_f64(r, rl, r, rl)
    p, e = none, none
    for i in range(12):
        p, e = two_add_f64(p, e, np.float64(heads[i]), np.float64(tails[i]))
        p, e = two_mul_f64(p, e, z, zl)
    p, e = two_add_f64(p, e, 0.5 * r, 0.5 * rl)
    p, e = two_add_f64(p, e, s, sl)
    a, al = two_log_f64(x, xl)
    return two_add_f64(a, al, -p, -e)


def two_cot_f64(d: np.float64) -> tuple[np.float64, np.float64]:
    """pi / tan(pi d) in two parts for |d| <= 1/2.

    It is 1/d + 2d / (d*d - 1) + 2d / (d*d - 4) - 2d (c_1 + c_2 d**2 + ...),
    c_k = zeta(2k) - 1 - 2**-2k.
    """
    heads = (
        1.0154678412230818e-21, 9.139233192043922e-21, 8.225346069033828e-20,
        7.40286938238577e-19, 6.662675132429289e-18, 5.996555960166587e-17,
        5.397137809202939e-16, 4.857804189667247e-15, 4.372632654299232e-14,
        3.9363451738498467e-13, 3.5442758688546123e-12, 3.1923626170490006e-11,
        2.8771746654611316e-10, 2.5959993748398565e-09, 2.3470346151871732e-08,
        2.1297880870482925e-07, 1.9459283080482987e-06, 1.8012627818085337e-05,
        0.00017110619794433938, 0.0017180619844491397, 0.019823233711138193, 0.39493406684822646,
    )  # fmt: skip
    tails = (
        4.744405367689011e-38, 8.417528758173142e-38, -5.1976181165012896e-36,
        4.526605213263592e-35, 3.775285055337994e-34, 3.281774653078597e-33,
        2.929008112979105e-32, -7.536750147237588e-32, -2.7050655794483245e-30,
        -9.736165333843337e-30, 1.8686927599659651e-28, -2.4414286146683415e-27,
        -6.115490001256405e-27, -6.614819720388755e-26, 1.3841036502503706e-25,
        5.0176426179024464e-24, -9.222113763656246e-23, 2.3755699476552746e-22,
        -5.58789950746016e-21, -7.79614071991299e-21, -1.0871368987969503e-18,
        -2.510442772727307e-17,
    )  # fmt: skip
    none = np.float64(0.0)
    z, zl = two_mul_f64(d, none, d, none)
    p, e = none, none
    for i in range(22):
        p, e = two_mul_f64(p, e, z, zl)
        p, e = two_add_f64(p, e, np.float64(heads[i]), np.float64(tails[i]))
    for square in (1.0, 4.0):
        a, al = two_add_f64(np.float64(square), none, -z, -zl)
        a, al = two_div_f64(np.float64(1.0), none, a, al)
        p, e = two_add_f64(p, e, a, al)
    p, e = two_mul_f64(p, e, -2.0 * d, none)
    a, al = two_div_f64(np.float64(1.0), none, d, none)
    return two_add_f64(a, al, p, e)


def digamma_near_f64(x: np.float64) -> np.float64:
    """digamma(x) next to its first three zeros below 0, by Taylor's series; else NaN."""
    heads = (-0.5040830082644554, -1.5734984731623904, -2.6107208684441447)
    tails = (-8.15428206243813e-18, -1.574185691077347e-17, 9.881960746978353e-17)
    terms = (
        (
            8.939798558792134, -0.8093454625306507, 32.258572064915505, -2.761011648790828,
            128.27342343090902, -14.70672173553036, 513.2704629562862,
        ),
        (
            9.941513615924176, -7.802593974782628, 39.911910808498966, -54.82093287162743,
            194.4376179574295, -340.5781696501909, 998.8875783432551,
        ),
        (
            10.84832879920919, -12.770725694247192, 51.217352382808855, -100.2036323192089,
            306.843080795829, -706.7052450573435, 1948.0852652620983,
        ),
    )  # fmt: skip
    value = np.float64(np.nan)
    for i in range(3):
        t = (x - heads[i]) - tails[i]
        if abs(t) < 0.0009765625:
            p = np.float64(0.0)
            for j in range(6, -1, -1):
                p = p * t + terms[i][j]
            value = t * p
    return value


def digamma_negative_f64(x: np.float64) -> np.float64:
    """digamma(x) for x < 0; NaN at poles."""
    d = x + np.floor(0.5 - x)
    if d == 0.0 or x == -np.inf:
        return np.float64(np.nan)
    positive = digamma_positive_f64(1.0 - x)
    if abs(d) < 0.25:
        turned = 3.141592653589793 / tan_f64(3.141592653589793 * d)
    else:
        turned = 3.141592653589793 * tan_f64(3.141592653589793 * (0.5 - abs(d)))
        turned = np.float64(np.copysign(turned, d))
    if (positive > 0.0) != (turned > 0.0) or abs(turned) > 16.0 * abs(positive):
        return positive - turned
    value = digamma_near_f64(x)
    if value == value:
        return value
    a, al = two_sum_f64(np.float64(1.0), -x)
    a, al = two_digamma_f64(a, al)
    b, bl = two_cot_f64(d)
    a, al = two_add_f64(a, al, -b, -bl)
    return a + al


def digamma_f64(x: np.float64) -> np.float64:
    """The derivative of lgamma; -inf at 0 and inf at -0.0, NaN at whole numbers below."""
    if x != x or x == np.inf:
        return x
    if x == 0.0:
        return -np.float64(np.copysign(np.float64(np.inf), x))
    return digamma_positive_f64(x) if x > 0.0 else digamma_negative_f64(x)


def digamma_f32(x: np.float32) -> np.float32:
    """The derivative of lgamma."""
    return np.float32(digamma_f64(np.float64(x)))
