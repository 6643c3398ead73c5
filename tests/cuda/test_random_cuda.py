"""Random draws on a GPU: the CPU's elements, and kernels as lean as they are meant to be."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from checks import by_capability, examine
from microgrest.kernels.cpu import kinds
from microgrest.kernels.cuda.source import fills
from microgrest.kernels.kinds.draws import draw as draws
from microgrest.kernels.kinds.draws.sample import SAMPLE
from microgrest.kernels.source.draws import philox, samples
from microgrest.kernels.source.draws.philox import Draw
from microgrest.kernels.source.kind import Room

from tests.kernel_calls import Draws

cpu = Draws(kinds)

SEED = 2**64 - 5
# Sizes with every remainder by four, and more than two blocks of eight threads take at once.
SIZES = [0, 1, 2, 3, 5, 67]
OFFSETS = [0, 2**33 + 5, 2**64 - 2]
EXACT: list[tuple[str, str, tuple[float, ...]]] = [
    ("raw", "uint32", ()),
    ("uniform", "float32", ()),
    ("uniform", "float32", (-1.7, 3.3)),
    ("uniform", "float64", (-1.7, 3.3)),
    ("integers", "int64", (-7, 9)),
    ("integers", "int64", (-(2**63), 2**63 - 1)),
    ("bernoulli", "bool", (0.3,)),
    ("bernoulli", "int64", (0.3,)),
    ("bernoulli", "float32", (0.3,)),
    ("permutation", "int64", ()),
]
KERNELS = [
    (philox.BITS, "uint32"),
    (philox.UNIFORM_F32, "float32"),
    (philox.UNIFORM_F64, "float64"),
    (philox.NORMAL_F32, "float32"),
    (philox.NORMAL_F64, "float64"),
    (philox.INTEGER, "int64"),
    (philox.BERNOULLI, "bool"),
    (philox.BERNOULLI, "float32"),
]


@pytest.fixture
def gpu(request: pytest.FixtureRequest) -> Any:
    """The draws of a GPU, where there is one or its simulator."""
    if request.config.getoption("--device") == "cpu":
        pytest.skip("needs a GPU: try pytest --device simulator")
    from microgrest.kernels.cuda import kinds

    return Draws(kinds)


def both(gpu: Any, name: str, dtype: str, n: int, offset: int, *parameters: float) -> Any:
    """The same draw of n elements on the CPU and on the GPU."""
    from microgrest.kernels.cuda import memory

    expected, out = np.empty(n, dtype), memory.allocator(np.dtype(dtype))(n)
    counters = getattr(cpu, name)(expected, SEED, offset, *parameters)
    assert getattr(gpu, name)(out, SEED, offset, *parameters) == counters
    return expected, memory.to_host(out)


@pytest.mark.devices
@pytest.mark.parametrize(("name", "dtype", "parameters"), EXACT)
def test_the_same_bits_as_on_the_cpu(
    gpu: Any, name: str, dtype: str, parameters: tuple[float, ...]
) -> None:
    for n in SIZES:
        for offset in OFFSETS:
            np.testing.assert_array_equal(*both(gpu, name, dtype, n, offset, *parameters))


@pytest.mark.devices
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("moments", [(), (1.5, 2.0), (-3.0, 0.0)])
def test_nearly_the_same_normals(gpu: Any, dtype: str, moments: tuple[float, ...]) -> None:
    for n in SIZES:
        expected, got = both(gpu, "normal", dtype, n, 7, *moments)
        size = np.maximum(np.abs(expected), np.abs(moments[0] if moments else 0.0))
        assert (np.abs(got - expected) <= 8 * np.spacing(size.astype(dtype))).all()


@pytest.mark.devices
@pytest.mark.large
def test_many(gpu: Any) -> None:
    for name, dtype, parameters in EXACT:
        np.testing.assert_array_equal(*both(gpu, name, dtype, 1_000_003, 5, *parameters))
    for dtype in ("float32", "float64"):
        expected, got = both(gpu, "normal", dtype, 1_000_003, 5)
        assert (np.abs(got - expected) <= 8 * np.spacing(np.abs(expected))).all()


@pytest.mark.devices
def test_wrong_arguments(gpu: Any) -> None:
    with pytest.raises(TypeError, match="float32 or float64, got int64"):
        both(gpu, "uniform", "int64", 3, 0)
    with pytest.raises(ValueError, match="low < high"):
        gpu.integers(None, 0, 0, 3, 3)


@pytest.mark.parametrize("width", [1e-30, 0.7, 3.0, 1e30])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_has_nothing_to_round_in_its_products(
    dtype: str, width: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a target that fuses a multiply and an add, as CUDA does, draws the same numbers."""
    _, (draw, _), (_, _, *parts) = draws.uniform(np.dtype(dtype), 0.0, width)
    factors: list[Any] = []
    monkeypatch.setattr(philox, "affine", lambda u1, u0, *_: factors.extend((u1, u0)))
    drawn = np.random.default_rng(1).integers(0, 2**32, (50, draw.words))
    for words in [*drawn, [2**32 - 1] * draw.words]:
        draw.function(*np.array(words, np.uint64), 0.0, 0.0, *parts)
    assert len(factors) == 102
    for u in factors:
        for part in parts:
            assert Fraction(float(u)) * Fraction(float(part)) == Fraction(float(u * part))


def test_integers_have_to_be_int64() -> None:
    out = np.empty(3, np.int64)
    for low, high in ((0, 2**63), (-(2**63) - 1, 0)):
        with pytest.raises(ValueError, match="int64 low < high"):
            cpu.integers(out, 0, 0, low, high)


@by_capability
@pytest.mark.parametrize(
    ("draw", "dtype"), KERNELS, ids=[f"{d.function.__name__}-{t}" for d, t in KERNELS]
)
def test_machine_code(draw: Draw, dtype: str, capability: tuple[int, int]) -> None:
    pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
    from microgrest.kernels.cuda import names

    source = fills.source(draw, dtype, names)
    kernel = examine(source, capability, draw.function.__name__)
    assert (kernel.doubles > 0) == (dtype == "float64")


SAMPLERS = [samples.GAMMA, samples.GAMMA_SLOPE, samples.POISSON, samples.BINOMIAL]


@by_capability
@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: s.name)
def test_samplers_compile(sampler: samples.Sampler, capability: tuple[int, int]) -> None:
    pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
    assert SAMPLE.grid is not None
    metas = (5,) * (len(sampler.operands) + 1)
    (stage,) = SAMPLE.grid(sampler, metas, (), Room(64, 4)).stages
    # The logarithm of the gamma function takes many.
    assert examine(stage.source, capability, sampler.name, registers=128).cubin.startswith(
        b"\x7fELF"
    )
