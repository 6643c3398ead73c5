"""Random draws: published answers, where each element comes from, bounds, distributions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from microgrest.kernels.cpu import kinds
from microgrest.kernels.source.draws import philox

from tests.kernel_calls import Draws

random = Draws(kinds)

SEED = 20240229
N = 200_000
BIG = 2**64 - 1

# Random123's kat_vectors for philox4x32-10: counter, key, answer.
KNOWN = [
    (
        (0, 0, 0, 0),
        (0, 0),
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ),
    (
        (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]

# name: (draw into out from a counter on, dtype, values per counter)
DRAWS = {
    "raw": (lambda out, o: random.raw(out, SEED, o), np.uint32, 4),
    "uniform f4": (lambda out, o: random.uniform(out, SEED, o), np.float32, 4),
    "uniform f8": (lambda out, o: random.uniform(out, SEED, o, -1.0, 2.0), np.float64, 2),
    "normal f4": (lambda out, o: random.normal(out, SEED, o), np.float32, 4),
    "normal f8": (lambda out, o: random.normal(out, SEED, o, 1.0, 2.0), np.float64, 2),
    "integers": (lambda out, o: random.integers(out, SEED, o, -7, 9), np.int64, 1),
    "bernoulli": (lambda out, o: random.bernoulli(out, SEED, o, 0.3), np.float32, 4),
}


def words(counters: int, seed: int = SEED, offset: int = 0) -> list[int]:
    """The stream's words, by the scalar function in plain Python."""
    key = np.uint64(seed)
    blocks = [philox.philox(key, np.uint64(offset + i)) for i in range(counters)]
    return [int(word) for block in blocks for word in block]


def uniform(dtype: type, n: int = N, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    out = np.empty(n, dtype)
    random.uniform(out, SEED, 0, low, high)
    return out


def normal(dtype: type, *moments: float) -> np.ndarray:
    out = np.empty(N, dtype)
    random.normal(out, SEED, 0, *moments)
    return out


def integers(low: int, high: int, n: int = N) -> np.ndarray:
    out = np.empty(n, np.int64)
    random.integers(out, SEED, 0, low, high)
    return out


def discrepancy(sorted_cdf: np.ndarray) -> float:
    """Kolmogorov and Smirnov's distance from the uniform distribution, times sqrt(n)."""
    n = len(sorted_cdf)
    steps = np.arange(n + 1) / n
    gaps = max(np.max(steps[1:] - sorted_cdf), np.max(sorted_cdf - steps[:-1]))
    return float(gaps * math.sqrt(n))


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_published_answers(counter, key, answer):
    arguments = [np.uint64(word) for word in (*counter, *key)]
    assert tuple(int(word) for word in philox.rounds(*arguments)) == answer


@pytest.mark.parametrize(("seed", "offset"), [(0, 0), (BIG, 2**33 + 5), (SEED, 2**64 - 3)])
def test_raw_words_are_the_scalar_functions(seed, offset):
    out = np.empty(10, np.uint32)
    assert random.raw(out, seed, offset) == 3
    assert out.tolist() == words(3, seed, offset)[:10]


@pytest.mark.parametrize(("draw", "dtype", "lanes"), DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 1021, 1024, 1025, 4099])
def test_an_element_depends_on_its_counter_alone(draw, dtype, lanes, n):
    whole = np.empty(5000, dtype)
    assert draw(whole, 100) == 5000 // lanes
    part = np.empty(n, dtype)
    assert draw(part, 103) == -(-n // lanes)
    np.testing.assert_array_equal(part, whole[3 * lanes : 3 * lanes + n])


@pytest.mark.parametrize(("draw", "dtype", "lanes"), DRAWS.values(), ids=DRAWS)
def test_what_was_drawn_before_does_not_come_again(draw, dtype, lanes):
    out = np.empty(1000, dtype)
    after = np.empty(1000, dtype)
    draw(after, draw(out, 0))
    same = np.mean(out == after)
    assert same < (0.7 if np.unique(out).size < 20 else 0.01)


def test_uniform_is_the_upper_bits():
    stream = words(250)
    assert uniform(np.float32, 1000).tolist() == [(w >> 8) / 2**24 for w in stream]
    pairs = zip(stream[::2], stream[1::2], strict=True)
    assert uniform(np.float64, 500).tolist() == [((a << 32 | b) >> 11) / 2**53 for a, b in pairs]


@pytest.mark.parametrize(("dtype", "bits"), [(np.float32, 24), (np.float64, 53)])
@pytest.mark.parametrize(("low", "high"), [(-1.7, 3.3), (5.0, 5.0), (0.1, 0.7), (-1e30, 1e-3)])
def test_uniform_between_bounds(dtype, bits, low, high):
    """low + u * (high - low), as exact arithmetic gives it, to the rounding of three additions."""
    low, high = float(dtype(low)), float(dtype(high))
    unit = uniform(dtype, 500)
    drawn = uniform(dtype, 500, low, high)
    width = float(dtype(high - low))
    tolerance = 2.0**-bits * (2 * abs(low) + 3 * width)
    for u, x in zip(unit.tolist(), drawn.tolist(), strict=True):
        exact = Fraction(low) + Fraction(u) * Fraction(width)
        assert abs(Fraction(x) - exact) <= tolerance
        assert low <= x < high or x == low


def test_uniform_never_reaches_its_upper_bound():
    high = float(np.nextafter(np.float32(1), np.float32(2)))
    assert set(uniform(np.float32, N, 1.0, high).tolist()) == {1.0}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_uniform_distribution(dtype):
    drawn = uniform(dtype).astype(np.float64)
    assert discrepancy(np.sort(drawn)) < 1.63  # 1 % level
    for lag in (1, 2, 4, 1024):
        assert abs(np.corrcoef(drawn[:-lag], drawn[lag:])[0, 1]) < 4 / math.sqrt(N)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normal_distribution(dtype):
    drawn = normal(dtype).astype(np.float64)
    cdf = np.array([0.5 * math.erfc(-x / math.sqrt(2)) for x in np.sort(drawn)])
    assert np.isfinite(drawn).all() and 4 < np.abs(drawn).max() < 8.6
    assert discrepancy(cdf) < 1.63
    assert abs(np.mean(drawn**4) - 3) < 4 * math.sqrt(96 / N)
    for lag in (1, 2, 4):
        assert abs(np.corrcoef(drawn[:-lag], drawn[lag:])[0, 1]) < 4 / math.sqrt(N)
        assert abs(np.corrcoef(drawn[:-lag] ** 2, drawn[lag:] ** 2)[0, 1]) < 4 / math.sqrt(N)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normal_moments_and_formula(dtype):
    standard = normal(dtype)
    np.testing.assert_allclose(normal(dtype, 3.0, 0.5), 3.0 + 0.5 * standard, rtol=1e-5)
    assert set(normal(dtype, 3.0, 0.0).tolist()) == {3.0}
    x, y = np.array(words(1)[:2], np.float64)
    if dtype is np.float32:
        radius = math.sqrt(-2 * math.log((x + 0.5) / 2**32))
        angle = 2 * math.pi * (y // 256) / 2**24
        expected = [radius * math.cos(angle), radius * math.sin(angle)]
        np.testing.assert_allclose(standard[:2], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 1), (-3, 7), (0, 2**32), (0, 2**32 + 1), (-(2**63), 2**63 - 1), (2**62, 2**62 + 3)],
)
def test_integers_are_the_rounded_fraction(low, high):
    stream = words(300)
    expected = [
        low + ((stream[i] | stream[i + 1] << 32 | stream[i + 2] << 64) * (high - low) >> 96)
        for i in range(0, 1200, 4)
    ]
    assert integers(low, high, 300).tolist() == expected


@pytest.mark.parametrize("count", [2, 10, 97])
def test_integer_distribution(count):
    found = np.bincount(integers(0, count), minlength=count)
    chi_square = np.sum((found - N / count) ** 2) / (N / count)
    assert len(found) == count
    assert abs(chi_square - (count - 1)) < 4 * math.sqrt(2 * (count - 1))


@pytest.mark.parametrize("n", [0, 1, 2, 1000])
def test_permutation_holds_every_index_once(n):
    out = np.empty(n, np.int64)
    assert random.permutation(out, SEED, 5) == n
    assert sorted(out.tolist()) == list(range(n))


def test_permutations_are_equally_likely():
    found: dict[tuple[int, ...], int] = {}
    out = np.empty(4, np.int64)
    for turn in range(24_000):
        random.permutation(out, SEED, 4 * turn)
        key = tuple(out.tolist())
        found[key] = found.get(key, 0) + 1
    chi_square = sum((count - 1000) ** 2 / 1000 for count in found.values())
    assert len(found) == 24 and chi_square < 23 + 4 * math.sqrt(46)


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64, np.float32, np.float64])
def test_bernoulli(dtype):
    out = np.empty(N, dtype)
    for p in (0.0, 0.25, 0.9, 1.0):
        random.bernoulli(out, SEED, 0, p)
        assert set(out.tolist()) <= {0, 1}
        assert abs(out.mean(dtype=np.float64) - p) <= 4 * math.sqrt(p * (1 - p) / N)


def test_bad_arguments():
    floats, ints = np.empty(3, np.float32), np.empty(3, np.int64)
    with pytest.raises(TypeError, match="float32 or float64, got int64"):
        random.uniform(ints, 0, 0)
    for low, high in ((1.0, 0.0), (-3e38, 3e38), (0.0, math.nan)):
        with pytest.raises(ValueError, match="low <= high"):
            random.uniform(floats, 0, 0, low, high)
    for std in (-1.0, math.nan):
        with pytest.raises(ValueError, match="std >= 0"):
            random.normal(floats, 0, 0, 0.0, std)
    with pytest.raises(ValueError, match="low < high, got 3 and 3"):
        random.integers(ints, 0, 0, 3, 3)
    for p in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="0 <= p <= 1"):
            random.bernoulli(floats, 0, 0, p)
