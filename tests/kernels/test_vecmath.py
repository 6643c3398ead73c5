"""The elementary functions: accuracy against mpmath, special values, SIMD.

Every function is compiled as generated kernels compile it, under both sets of loop flags. They run
under the plain interpreter too, which never fuses a multiply and an add: the same bounds hold.
"""

from __future__ import annotations

import math
import re
from typing import Any

import mpmath
import numpy as np
import pytest
from compiled_loops import DTYPES, FOLD, MAP, bits, compute, holds, kernel, plain, same
from microgrest.kernels.cpu import names

INF, NAN = math.inf, math.nan

# Intervals in which to look closely; beside them every function sees random bit patterns.
DOMAINS: dict[str, list[tuple[float, float]]] = {
    "exp": [(-1, 1), (-104, 89), (-746, 710)],
    "exp2": [(-1, 1), (-150, 128), (-1075, 1024)],
    "expm1": [(-1, 1), (-20, 89), (-50, 710)],
    "sinh": [(-1.1, 1.1), (-89.5, 89.5), (-711, 711)],
    "cosh": [(-1, 1), (-89.5, 89.5), (-711, 711)],
    "tanh": [(-0.6, 0.6), (-4, 4), (-25, 25)],
    "log": [(0.5, 2), (0.999, 1.001)],
    "log2": [(0.5, 2), (0.999, 1.001)],
    "log10": [(0.5, 2), (0.999, 1.001)],
    "log1p": [(-1, 1), (-1e-3, 1e-3), (0, 100)],
    "asinh": [(-1, 1), (-100, 100)],
    "acosh": [(1, 1.1), (1, 100)],
    "atanh": [(-1, 1), (-0.25, 0.25)],
    "sin": [(-4, 4), (-1e5, 1e5)],
    "cos": [(-4, 4), (-1e5, 1e5)],
    "tan": [(-4, 4), (-1e5, 1e5)],
    "asin": [(-1, 1), (0.45, 0.55)],
    "acos": [(-1, 1), (0.45, 0.55)],
    "atan": [(-1, 1), (-5, 5)],
    "erf": [(-1.1, 1.1), (-6, 6)],
    "erfc": [(-1, 1), (0.4, 1), (-6, 10.1), (1, 27)],
    "erfinv": [(-1, 1), (0.99, 1)],
    "lgamma": [(-3.5, 3.5), (-40, 0), (0, 40)],
    "digamma": [(-3.5, 3.5), (-40, 0), (0, 40)],
}
BOUND = dict.fromkeys(DOMAINS, 2.0) | {"tan": 4.0, "lgamma": 4.0, "digamma": 4.0}
# Where the gamma function has poles, and mpmath takes long.
LIMITED = {
    "lgamma": -1e5,
    "digamma": -1e5,
    "log": 0.0,
    "log2": 0.0,
    "log10": 0.0,
    "acosh": 1.0,
    "log1p": -1.0,
}
UNIT = ("asin", "acos", "atanh", "erfinv")


def samples(name: str, dtype: str, n: int) -> Any:
    """Arguments inside the function's domain: intervals, tiny numbers, its edges, random bits."""
    rng = np.random.default_rng(1)
    info = np.finfo(dtype)
    tiny = rng.choice([-1, 1], n) * 2.0 ** rng.uniform(-info.nmant - 5, 0, n)
    ends = [a + tiny * (1 if a == 0 else abs(a)) for ab in DOMAINS[name][:2] for a in ab]
    parts = [rng.uniform(a, b, n) for a, b in DOMAINS[name]] + [tiny, *ends, bits(dtype, n)]
    if name in UNIT:
        parts[-1] = np.nextafter(np.ones(1, dtype), np.zeros(1, dtype))
    x = np.concatenate([np.asarray(p, dtype) for p in parts])
    if name in ("lgamma", "digamma"):
        x = x[(x > 0) | (x != np.floor(x))]
    return x[(x > LIMITED.get(name, -INF)) & (abs(x) < (1 if name in UNIT else INF))]


def exact(name: str, *x: Any) -> Any:
    """The true value, to some 50 digits."""
    args = [mpmath.mpf(float(v)) for v in x]
    if name == "erfc" and args[0] > 100:
        return mpmath.mpf(0)  # where mpmath itself overflows
    if name in ("exp2", "log2"):
        return mpmath.power(2, args[0]) if name == "exp2" else mpmath.log(args[0], 2)
    if name == "lgamma":
        return mpmath.loggamma(args[0]).real
    return getattr(mpmath, {"pow": "power"}.get(name, name))(*args)


def ulps(got: Any, true: Any, dtype: str) -> float:
    """The distance of `got` from the true value in units of the last place there."""
    info = np.finfo(dtype)
    overflow = mpmath.mpf(float(info.max)) * (1 + mpmath.mpf(float(info.eps)) / 4)
    if abs(true) >= overflow or not np.isfinite(got):
        return 0.0 if abs(true) >= overflow and got == math.copysign(INF, true) else INF
    exponent = mpmath.frexp(true)[1] - 1 if true else info.minexp
    unit = mpmath.mpf(2) ** (max(exponent, info.minexp) - info.nmant)
    return float(abs(mpmath.mpf(float(got)) - true) / unit)


def worst(name: str, dtype: str, got: Any, *x: Any) -> tuple[float, Any]:
    """The largest error in `got` and the arguments where it is."""
    with mpmath.workprec(200):
        errors = (ulps(g, exact(name, *v), dtype) for g, *v in zip(got, *x, strict=True))
        return max(zip(errors, zip(*x, strict=True), strict=True), key=lambda e: e[0])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", DOMAINS)
def test_accuracy(name: str, dtype: str) -> None:
    function = names.scalar(name, dtype)
    x = samples(name, dtype, 60)
    got = compute(function, x)
    error, where = worst(name, dtype, got, x)
    assert error <= BOUND[name], where
    # The flags of a reducing loop around a helper must not reach into it.
    np.testing.assert_array_equal(got, compute(function, x, flags=FOLD))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", DOMAINS)
def test_accuracy_without_fused_operations(name: str, dtype: str) -> None:
    x = samples(name, dtype, 4)
    function = plain(names.scalar(name, dtype))
    with np.errstate(all="ignore"):
        got = [function(v) for v in x]
    assert {type(g) for g in got} == {np.dtype(dtype).type}
    error, where = worst(name, dtype, got, x)
    assert error <= BOUND[name], where


# The functions that NumPy has as well, in float64: cheap enough to see many patterns in float32.
NUMPY = {name: name for name in DOMAINS if hasattr(np, name)} | {
    name: f"arc{name[1:]}" for name in DOMAINS if name.startswith("a")
}


@pytest.mark.parametrize("name", NUMPY)
def test_float32_on_random_bits(name: str) -> None:
    x = bits("float32", 200_000, seed=2)
    x = np.concatenate([x, np.linspace(-3, 3, 100_001, dtype="float32")])
    with np.errstate(all="ignore"):
        want = getattr(np, NUMPY[name])(x.astype("float64"))
        rounded = want.astype("float32")
        got = compute(names.scalar(name, "float32"), x)
        unit = np.maximum(2.0 ** (np.frexp(want)[1] - 24), 2.0**-149)
        error = abs(got - want) / unit
    finite = np.isfinite(rounded) & np.isfinite(got)
    assert error[finite].max() <= BOUND[name]
    # The last number before overflow may go either way; every other infinity and NaN is exact.
    edge = abs(want) > float(np.finfo("float32").max) * (1 - 2.0**-22)
    other = ~finite & ~(edge & np.isfinite(want))
    np.testing.assert_array_equal(got[other], rounded[other])


# (function, arguments, values)
SPECIAL = [
    ("exp", (0, -0.0, INF, -INF, 1e4, -1e4), (1, 1, INF, 0, INF, 0)),
    ("exp2", (0, 10, -3, INF, -INF, 1e4, -1e4), (1, 1024, 0.125, INF, 0, INF, 0)),
    ("expm1", (0, -0.0, INF, -INF, 1e4, -1e4), (0, -0.0, INF, -1, INF, -1)),
    ("sinh", (0, -0.0, INF, -INF, 1e4, -1e4), (0, -0.0, INF, -INF, INF, -INF)),
    ("cosh", (0, -0.0, INF, -INF, 1e4, -1e4), (1, 1, INF, INF, INF, INF)),
    ("tanh", (0, -0.0, INF, -INF, 1e4, -1e4), (0, -0.0, 1, -1, 1, -1)),
    ("log", (1, 0, -0.0, INF, -1, -INF), (0, -INF, -INF, INF, NAN, NAN)),
    ("log2", (1, 1024, 0.125, 0, -0.0, INF, -1, -INF), (0, 10, -3, -INF, -INF, INF, NAN, NAN)),
    ("log10", (1, 1000, 0, -0.0, INF, -1, -INF), (0, 3, -INF, -INF, INF, NAN, NAN)),
    ("log1p", (0, -0.0, -1, INF, -2, -INF), (0, -0.0, -INF, INF, NAN, NAN)),
    ("asinh", (0, -0.0, INF, -INF), (0, -0.0, INF, -INF)),
    ("acosh", (1, INF, 0.5, -1, -INF), (0, INF, NAN, NAN, NAN)),
    ("atanh", (0, -0.0, 1, -1, 1.5, INF, -INF), (0, -0.0, INF, -INF, NAN, NAN, NAN)),
    ("sin", (0, -0.0, INF, -INF), (0, -0.0, NAN, NAN)),
    ("cos", (0, -0.0, INF, -INF), (1, 1, NAN, NAN)),
    ("tan", (0, -0.0, INF, -INF), (0, -0.0, NAN, NAN)),
    ("asin", (0, -0.0, 1, -1, 1.5, INF), (0, -0.0, math.pi / 2, -math.pi / 2, NAN, NAN)),
    ("acos", (1, -1, 0, 1.5, -INF), (0, math.pi, math.pi / 2, NAN, NAN)),
    ("atan", (0, -0.0, INF, -INF), (0, -0.0, math.pi / 2, -math.pi / 2)),
    ("erf", (0, -0.0, INF, -INF, 10), (0, -0.0, 1, -1, 1)),
    ("erfc", (0, -0.0, INF, -INF, 30, -30), (1, 1, 0, 2, 0, 2)),
    ("erfinv", (0, -0.0, 1, -1, 1.5, -INF), (0, -0.0, INF, -INF, NAN, NAN)),
    ("lgamma", (0, -0.0, 1, 2, -1, -50, INF, -INF), (INF, INF, 0, 0, INF, INF, INF, INF)),
    ("digamma", (0, -0.0, -1, -50, INF, -INF), (-INF, INF, NAN, NAN, INF, NAN)),
    ("i0", (0, INF, -INF, 1e5), (1, INF, INF, INF)),
    ("i1", (0, -0.0, INF, -INF), (0, -0.0, INF, -INF)),
    ("i0e", (0, INF, -INF), (1, 0, 0)),
    ("i1e", (0, -0.0, INF, -INF), (0, -0.0, 0, -0.0)),
    ("erfcx", (0, INF, -INF, -1e5), (1, 0, INF, INF)),
    ("log_ndtr", (INF, -INF), (-0.0, -INF)),
    ("ndtri", (0.5, 0, 1, -0.5, 1.5), (0, -INF, INF, NAN, NAN)),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "x", "want"), SPECIAL, ids=[row[0] for row in SPECIAL])
def test_special_values(name: str, x: Any, want: Any, dtype: str) -> None:
    x, want = np.array([*x, NAN], dtype), np.array([*want, NAN], dtype)
    for got, w, v in zip(compute(names.scalar(name, dtype), x), want, x, strict=True):
        assert same(got, w), f"{name}({v}) = {got}, not {w}"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "name",
    sorted(set(DOMAINS) - {"exp", "exp2", "cosh", "cos", "acos", "erfc", "lgamma", "digamma"}),
)
def test_subnormal_arguments(name: str, dtype: str) -> None:
    smallest = np.finfo(dtype).smallest_subnormal
    x = np.array([1, 3, 12345], dtype) * smallest
    if name != "acosh":
        got = compute(names.scalar(name, dtype), x)
        assert worst(name, dtype, got, x)[0] <= BOUND[name]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["exp", "exp2", "erfc", "pow"])
def test_subnormal_results(name: str, dtype: str) -> None:
    least = math.log2(np.finfo(dtype).smallest_subnormal)
    y = np.linspace(least - 2, least + 25, 101).astype(dtype)
    x = {"exp": y * math.log(2), "erfc": np.sqrt(-y * math.log(2)) - 0.05}.get(name, y)
    args = (x.astype(dtype),) if name != "pow" else (np.full_like(y, 2), y)
    got = compute(names.scalar(name, dtype), *args)
    assert worst(name, dtype, got, *args)[0] <= 2


def between(name: str, low: Any, high: Any) -> Any:
    """A zero of a function that has other signs at the ends, to some 50 digits."""

    def positive(x: Any) -> bool:
        value = mpmath.loggamma(x).real if name == "lgamma" else mpmath.digamma(x)
        return bool(value > 0)

    rises = positive(high)
    for _ in range(180):
        middle = (low + high) / 2
        low, high = (low, middle) if positive(middle) == rises else (middle, high)
    return low


def zeros(name: str) -> list[Any]:
    """The zeros of lgamma and digamma above -20."""
    edge = mpmath.mpf(10) ** -30
    found = [between("digamma", -n - 1 + edge, -n - edge) for n in range(20)]
    if name == "digamma":
        return [*found, between("digamma", mpmath.mpf(1), mpmath.mpf(2))]
    pairs = [(n, found[n]) for n in range(2, 18)]
    ends = [(-n - 1 + edge, turn) for n, turn in pairs] + [(turn, -n - edge) for n, turn in pairs]
    return [mpmath.mpf(1), mpmath.mpf(2), *(between(name, *sorted(e)) for e in ends)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["lgamma", "digamma"])
def test_next_to_zeros_and_poles(name: str, dtype: str) -> None:
    """The nearest numbers, whose values are as small as rounding lets them be, and around them."""
    ends = {side: np.array(side, dtype) for side in (INF, -INF)}
    with mpmath.workprec(200):
        centers = [np.array(float(z), dtype) for z in zeros(name)]
    x = []
    for center in [*centers, *(np.array(-n, dtype) for n in range(12))]:
        up = down = center
        x.append(center)
        for _ in range(3):
            up, down = np.nextafter(up, ends[INF]), np.nextafter(down, ends[-INF])
            x += [up, down]
        for away in (1e-12, 1e-6, 9e-4, 1.1e-3):
            x += [np.asarray(center + away, dtype), np.asarray(center - away, dtype)]
    arguments = np.array(x, dtype)
    arguments = arguments[(arguments != np.floor(arguments)) | (arguments > 0)]
    with np.errstate(all="ignore"):
        got = compute(names.scalar(name, dtype), arguments)
    error, where = worst(name, dtype, got, arguments)
    assert error <= BOUND[name], where


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_arguments_beyond_the_reduction(name: str, dtype: str) -> None:
    """Every finite argument is right, through the form that takes any; the other says where not."""
    x = np.concatenate([np.array([1e5, 1e6, 1e22, np.finfo(dtype).max], dtype), bits(dtype, 200)])
    got = compute(names.scalar(name, dtype), x)
    with mpmath.workprec(1300):
        errors = [ulps(g, exact(name, v), dtype) for g, v in zip(got, x, strict=True)]
    assert max(errors) <= BOUND[name]
    function, predicate = names.vector(name, dtype) or ("", "")
    near = holds(predicate, x)
    assert near.any() and not near.all()
    np.testing.assert_array_equal(compute(function, x[near]), got[near])
    edges = np.array(
        [1e5, np.nextafter(np.array(1e5, dtype), np.array(INF, dtype)), INF, NAN], dtype
    )
    assert holds(predicate, edges).tolist() == [True, False, False, True]


def near_multiples(dtype: str) -> Any:
    """Numbers next to multiples of pi/2, where most of the argument cancels."""
    k = np.random.default_rng(3).integers(-63000, 63000, 300)
    x = np.array([float(mpmath.mpf(int(i)) * mpmath.pi / 2) for i in k]).astype(dtype)
    return np.concatenate([x, np.nextafter(x, np.zeros_like(x))])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_next_to_multiples_of_a_quarter_turn(name: str, dtype: str) -> None:
    x = near_multiples(dtype)
    got = compute((names.vector(name, dtype) or ("", ""))[0], x)
    error, where = worst(name, dtype, got, x)
    assert error <= BOUND[name], where


# x**y by the rules of C's Annex F: (x, y, value).
POWERS = [
    *((x, y, 1) for x in (0, -0.0, 1, -1, 2.5, -3, INF, -INF, NAN) for y in (0, -0.0)),
    *((1, y, 1) for y in (3, -2.5, INF, -INF, NAN)),
    *((-1, y, 1) for y in (INF, -INF, 2, -4)),
    *((x, y, v) for x, v in ((0, INF), (-0.0, -INF)) for y in (-1, -3)),
    *((x, y, INF) for x in (0, -0.0) for y in (-2, -0.5, -INF)),
    *((x, y, x) for x in (0, -0.0) for y in (1, 5)),
    *((x, y, 0) for x in (0, -0.0) for y in (2, 0.5, INF)),
    *((x, y, NAN) for x in (-1, -2.5) for y in (0.5, -1.5)),
    *((x, -INF, INF) for x in (0.5, -0.5)),
    *((x, INF, 0) for x in (0.5, -0.5)),
    *((x, -INF, 0) for x in (2, -2)),
    *((x, INF, INF) for x in (2, -2)),
    *((-INF, y, v) for y, v in ((-3, -0.0), (-2, 0), (-0.5, 0), (3, -INF), (2, INF), (0.5, INF))),
    *((INF, y, v) for y, v in ((-1, 0), (-0.5, 0), (0.5, INF), (2, INF))),
    *((NAN, y, NAN) for y in (1, -2.5, INF)),
    *((x, NAN, NAN) for x in (0, -1, 2, INF)),
    (-2, 3, -8),
    (-2, -3, -0.125),
    (-2, 4, 16),
    (10, 3, 1000),
]


@pytest.mark.parametrize("dtype", DTYPES)
def test_pow_special_values(dtype: str) -> None:
    x, y, want = (np.array(column, dtype) for column in zip(*POWERS, strict=True))
    for got, w, a, b in zip(compute(names.scalar("pow", dtype), x, y), want, x, y, strict=True):
        assert same(got, w), f"{a}**{b} = {got}, not {w}"


@pytest.mark.parametrize("dtype", DTYPES)
def test_pow_accuracy(dtype: str) -> None:
    """Among them powers that come near overflow and underflow, where errors are magnified most."""
    rng, n, limit = np.random.default_rng(4), 1000, np.finfo(dtype).maxexp
    x = np.exp(np.concatenate([rng.uniform(-0.4, 0.4, n), rng.uniform(-80, 80, n)])).astype(dtype)
    y = (rng.uniform(-1, 1, 2 * n) * limit / np.log2(x.astype("float64"))).astype(dtype)
    y[::4] = rng.integers(-20, 20, n // 2)
    x[::8] *= -1
    got = compute(names.scalar("pow", dtype), x, y)
    assert worst("pow", dtype, got, x, y)[0] <= 4
    np.testing.assert_array_equal(got, compute(names.scalar("pow", dtype), x, y, flags=FOLD))


def pairs(dtype: str) -> tuple[Any, Any]:
    """Two arguments: of like size, of unlike size, of random bits."""
    rng, n = np.random.default_rng(5), 300
    x = np.concatenate([rng.uniform(-3, 3, n).astype(dtype), bits(dtype, 2 * n)])
    y = rng.permutation(x)
    y[::3] = (x[::3] * rng.uniform(-0.99, 0.99, x[::3].size)).astype(dtype)
    return x, y


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["atan2", "hypot"])
def test_two_arguments(name: str, dtype: str) -> None:
    x, y = pairs(dtype)
    got = compute(names.scalar(name, dtype), x, y)
    error, where = worst(name, dtype, got, x, y)
    assert error <= 2, where


@pytest.mark.parametrize("dtype", DTYPES)
def test_atan2_and_hypot_special_values(dtype: str) -> None:
    values = np.array([0, -0.0, 1, -1, INF, -INF, NAN], dtype)
    y, x = (a.ravel() for a in np.meshgrid(values, values))
    angles = compute(names.scalar("atan2", dtype), y, x)
    lengths = compute(names.scalar("hypot", dtype), y, x)
    for a, b, angle, length in zip(y, x, angles, lengths, strict=True):
        want = np.array(math.atan2(a, b), dtype)
        close = abs(angle - want) <= np.spacing(abs(want))
        assert same(angle, want) or (want != 0 and close), f"atan2({a}, {b}) = {angle}"
        assert same(length, np.array(math.hypot(a, b), dtype)), f"hypot({a}, {b}) = {length}"


def test_float16_conversions() -> None:
    half = np.arange(65536).astype("uint16")
    wide = np.empty(half.size, "float32")
    kernel("half_to_float")(half, wide)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(wide, half.view("float16").astype("float32"))
    finite = wide[np.isfinite(wide)]
    ties = (np.sort(finite)[1:] + np.sort(finite)[:-1]) / 2
    x = np.concatenate([wide, ties, np.nextafter(ties, np.float32(INF)), bits("float32", 100_000)])
    back = np.empty(x.size, "uint16")
    kernel("float_to_half")(x, back)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(back.view("float16"), x.astype("float16"))
    np.testing.assert_array_equal(np.signbit(back.view("float16")), np.signbit(x))


def wide_vectors() -> bool:
    """Whether a register of the CPU that Numba compiles for holds four float64."""
    from numba.core.registry import cpu_target

    return "+avx2" in cpu_target.target_context.codegen().magic_tuple()[2]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "name", [*sorted(set(DOMAINS) - {"lgamma", "digamma"}), "pow", "atan2", "hypot", "fmod"]
)
def test_loops_vectorize(name: str, dtype: str) -> None:
    if dtype == "float64" and not wide_vectors():
        pytest.skip("two lanes of float64 do not always pay, and LLVM counts")
    from numba import njit

    function, _ = names.vector(name, dtype) or (names.scalar(name, dtype), "")
    arity = 1 if name in DOMAINS else 2
    loop: Any = kernel(function, arity)
    # Compiled here, since what comes from the cache cannot be inspected.
    fresh = njit(error_model="numpy", fastmath=set(MAP))(loop.py_func)
    fresh(*[np.ones(4, dtype)] * (arity + 1))
    (code,) = fresh.inspect_llvm().values()
    assert re.search(r"fmul[^\n]*<\d+ x (float|double)>", code)
