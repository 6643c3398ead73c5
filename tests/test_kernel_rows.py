"""Generated from op_info: every row whose kernel is a kind, forward, backward, and in a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from microgrest.ops.row import ROWS
from tests.op_info import KERNELS, Array, KernelInfo

pytestmark = pytest.mark.devices

SHAPES = [(9,), (3, 5), (2, 3, 4), (2, 80), (70, 2), (300,)]
EMPTY = [(), (0,), (1,), (2, 0, 3), (0, 4)]
DIFFERENTIABLE = [info for info in KERNELS if info.gradient]
STEP = 1e-5
every = pytest.mark.parametrize("info", KERNELS, ids=str)
every_differentiable = pytest.mark.parametrize("info", DIFFERENTIABLE, ids=str)


def listed(found: Any) -> list[Any]:
    """One result or several."""
    return list(found) if isinstance(found, (tuple, list)) else [found]


def run(info: KernelInfo, tensors: Sequence[Any], options: dict[str, Any]) -> list[Any]:
    """The results of the op."""
    return listed(getattr(mg, info.name)(*tensors, **options))


def compare(results: Sequence[Any], wanted: Sequence[Array]) -> None:
    """Bit for bit, signs of zeros and all."""
    assert len(results) == len(wanted)
    for y, want in zip(results, wanted, strict=True):
        got = y.detach().cpu().numpy()
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        np.testing.assert_array_equal(got, want)
        if got.dtype.kind == "f":
            assert np.array_equal(np.signbit(got) | np.isnan(got), np.signbit(want) | np.isnan(got))


def check(info: KernelInfo, arrays: Sequence[Array], options: dict[str, Any]) -> None:
    """The op agrees with the reference, and writes no operand."""
    before = [a.copy() for a in arrays]
    compare(
        run(info, [mg.tensor(a) for a in arrays], options), listed(info.ref(*arrays, **options))
    )
    for a, b in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(a, b)


@every
@pytest.mark.parametrize("shape", [*SHAPES, *EMPTY], ids=str)
def test_values(info: KernelInfo, shape: tuple[int, ...]) -> None:
    for options in info.fitting(shape):
        check(info, info.operands(shape), options)


@every
def test_types(info: KernelInfo) -> None:
    for dtype in info.dtypes:
        for shape in ((3, 5), (90,)):
            for options in info.fitting(shape):
                check(info, info.operands(shape, dtype), options)


@every
def test_strides(info: KernelInfo) -> None:
    for options in info.fitting((4, 3)):
        arrays = info.operands((4, 3))
        tensors = [mg.tensor(np.repeat(a.T, 2, 0)).transpose(0, 1)[:, ::2] for a in arrays]
        assert not any(t.is_contiguous() for t in tensors)
        compare(run(info, tensors, options), listed(info.ref(*arrays, **options)))


@every
def test_out(info: KernelInfo) -> None:
    tensors = [mg.tensor(a) for a in info.operands((3, 5))]
    wanted = run(info, tensors, {})
    out = [mg.empty_like(y) for y in wanted]
    given = tuple(out) if len(out) > 1 else out[0]
    found = run(info, tensors, {"out": given})
    assert all(a is b for a, b in zip(found, out, strict=True))
    compare(out, [y.cpu().numpy() for y in wanted])


# Derivatives, at numbers that differ


def apart(info: KernelInfo, shape: tuple[int, ...]) -> list[Array]:
    """Operands without equal elements."""
    rng = np.random.default_rng(5)
    return [np.asarray(rng.permutation(a.size).reshape(a.shape) / 4) for a in info.operands(shape)]


def gradients(
    info: KernelInfo, arrays: Sequence[Array], options: dict[str, Any], weights: Array
) -> tuple[list[Any], list[Any]]:
    """The operands, and the gradients of sum(weights * result**3), recorded."""
    leaves = [mg.tensor(a).requires_grad_() for a in arrays]
    y = run(info, leaves, options)[0]
    found = mg.autograd.grad((mg.tensor(weights) * y**3).sum(), leaves, create_graph=True)
    return leaves, list(found)


def slopes(f: Callable[[Sequence[Array]], float], arrays: Sequence[Array]) -> list[Array]:
    """Central differences of `f`, element by element."""
    found = []
    for i, a in enumerate(arrays):
        slope = np.zeros_like(a)
        for at in np.ndindex(a.shape):
            ends = []
            for h in (STEP, -STEP):
                moved = a.copy()
                moved[at] += h
                ends.append(f([*arrays[:i], moved, *arrays[i + 1 :]]))
            slope[at] = (ends[0] - ends[1]) / (2 * STEP)
        found.append(slope)
    return found


@every_differentiable
@pytest.mark.parametrize("shape", [(6,), (3, 4), (2, 3, 2), ()], ids=str)
def test_derivatives(info: KernelInfo, shape: tuple[int, ...]) -> None:
    for options in info.fitting(shape):
        arrays = apart(info, shape)
        results = listed(info.ref(*arrays, **options))
        weights = np.random.default_rng(6).uniform(0.5, 1.5, results[0].shape)

        def value(at: Sequence[Array], options: Any = options, weights: Any = weights) -> float:
            return float((weights * listed(info.ref(*at, **options))[0] ** 3).sum())

        def squares(at: Sequence[Array], options: Any = options, weights: Any = weights) -> float:
            return float(sum((g * g).sum() for g in gradients(info, at, options, weights)[1]))

        leaves, first = gradients(info, arrays, options, weights)
        second = mg.autograd.grad(sum((g * g).sum() for g in first), leaves)
        for found, wanted in ((first, slopes(value, arrays)), (second, slopes(squares, arrays))):
            for g, want in zip(found, wanted, strict=True):
                np.testing.assert_allclose(g.detach().cpu().numpy(), want, 1e-5, 1e-6)


@every
def test_steps(info: KernelInfo) -> None:
    """A compiled step does what eager execution does, with other numbers as well."""
    for shape in ((3, 5), (90,)):
        for options in info.fitting(shape):
            step = mg.compile(lambda *tensors, options=options: run(info, tensors, options))
            for seed in range(4):
                tensors = [mg.tensor(a) for a in info.operands(shape, "float32", seed)]
                wanted = run(info, tensors, options)
                compare(step(*tensors), [y.cpu().numpy() for y in wanted])
            assert len(step.recordings) == 1


@every_differentiable
def test_steps_with_gradients(info: KernelInfo) -> None:
    leaves = [mg.tensor(a, dtype=mg.float32).requires_grad_() for a in apart(info, (3, 5))]

    def fn() -> Any:
        y = run(info, leaves, {})[0]
        return mg.autograd.grad((y * y).sum(), leaves)

    step, wanted = mg.compile(fn), fn()
    for _ in range(3):
        compare(step(), [g.cpu().numpy() for g in wanted])


@every
def test_wrong_types_are_refused(info: KernelInfo) -> None:
    with pytest.raises(TypeError, match=rf"{info.name}\(\): argument .* must be Tensor"):
        getattr(mg, info.name)([1.0, 2.0], mg.ones(2))
    with pytest.raises(TypeError, match=rf"{info.name}\(\): missing"):
        getattr(mg, info.name)()


def test_every_row_has_a_test_row() -> None:
    kernels = [row for row in ROWS.values() if row.kind == "kernel"]
    rows = {row.name for row in kernels if not row.extra["internal"]}  # see test_lines for others
    assert rows == {info.name for info in KERNELS}
