"""Convolutions, pooling, other sizes beside PyTorch: values, derivatives of two orders, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from tests.windows_cases import CASES, ERRORS, Case

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

by_name = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def found(library: Any, case: Case, dtype: str) -> list[Any]:
    """Values, the gradients of the weighted sum of cubes, and those of their squares' sum."""
    leaves = [library.from_numpy(a).requires_grad_() for a in case.arrays(dtype)]
    y = case.op(library.nn.functional, *leaves)
    weights = np.cos(np.arange(y.numel())).reshape(tuple(y.shape)).astype(dtype)
    loss = (library.from_numpy(weights) * y**3).sum()
    first = library.autograd.grad(loss, leaves, create_graph=True)
    if not case.seconds:
        return [y, *first]
    squares = sum((g * g).sum() for g in first)
    return [y, *first, *library.autograd.grad(squares, leaves)]


@by_name
@pytest.mark.parametrize(("dtype", "close"), [("float64", 1e-9), ("float32", 2e-4)])
def test_values_and_derivatives(case: Case, dtype: str, close: float) -> None:
    """Beside the largest of each result: sums that cancel have errors as large as their terms."""
    for a, b in zip(found(mg, case, dtype), found(torch, case, dtype), strict=True):
        got, want = a.detach().numpy(), b.detach().numpy()
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        np.testing.assert_allclose(got, want, close, close * np.abs(want).max(initial=0))


@pytest.mark.parametrize(("text", "error", "wrong"), ERRORS)
def test_errors(text: str, error: type[Exception], wrong: Callable[..., Any]) -> None:
    """The types of errors are PyTorch's."""
    for library in (mg, torch):
        with pytest.raises(error):
            given = library.ones(2, 3, 5, 5), library.ones(4, 3, 3, 3)
            wrong(library.nn.functional, *given, library)


def test_numbers_that_are_none() -> None:
    x = np.round(np.random.default_rng(1).standard_normal((2, 2, 6, 6)))
    x[0, 0, 1:3, 2] = np.nan
    x[0, 1, 3, 3], x[1, 1] = np.inf, -np.inf
    for name, size in (("max_pool2d", 2), ("max_pool2d", (3, 2)), ("adaptive_max_pool2d", 4)):
        ours, theirs = (
            getattr(t.nn.functional, name)(t.from_numpy(x), size, return_indices=True)
            for t in (mg, torch)
        )
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("dtype", ["float16", "int64", "int32", "uint8"])
def test_other_types(dtype: str) -> None:
    rng = np.random.default_rng(2)
    x, w = (rng.integers(0, 5, s).astype(dtype) for s in ((2, 3, 5, 5), (4, 3, 3, 3)))
    runs = [lambda t, x, w: t.conv2d(x, w), lambda t, x, w: t.max_pool2d(x, 2)]
    if dtype in ("float16", "int64"):  # PyTorch has no other
        runs.append(lambda t, x, w: t.conv_transpose2d(x, w.transpose(0, 1)))
    for run in runs:
        ours, theirs = (run(t, t.from_numpy(x), t.from_numpy(w)) for t in (mg, torch))
        assert ours.numpy().dtype == theirs.numpy().dtype
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


MODULES = {
    "conv": lambda nn: nn.Conv2d(4, 6, 3, padding=1, groups=2),
    "conv named": lambda nn: nn.Conv1d(4, 2, 3, padding="same", bias=False),
    "conv around": lambda nn: nn.Conv2d(4, 2, (3, 2), padding=(2, 1), padding_mode="circular"),
    "conv mirrored": lambda nn: nn.Conv1d(4, 2, 3, padding=2, padding_mode="reflect"),
    "conv same mirrored": lambda nn: nn.Conv2d(4, 2, 4, padding="same", padding_mode="replicate"),
    "conv deep": lambda nn: nn.Conv3d(4, 2, 2, stride=2, dilation=(1, 2, 1)),
    "turned": lambda nn: nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=1, groups=2),
    "turned line": lambda nn: nn.ConvTranspose1d(4, 3, 2, padding=1, bias=False),
    "turned deep": lambda nn: nn.ConvTranspose3d(4, 3, 2, dilation=2),
    "max": lambda nn: nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True),
    "max line": lambda nn: nn.MaxPool1d(2, dilation=2),
    "max deep": lambda nn: nn.MaxPool3d(2),
    "mean": lambda nn: nn.AvgPool2d((2, 3), count_include_pad=False, padding=1),
    "mean line": lambda nn: nn.AvgPool1d(2),
    "mean deep": lambda nn: nn.AvgPool3d(2, divisor_override=3),
    "power": lambda nn: nn.LPPool2d(2, (2, 3), stride=1),
    "adaptive mean": lambda nn: nn.AdaptiveAvgPool2d((2, None)),
    "adaptive max": lambda nn: nn.AdaptiveMaxPool1d(3),
    "size": lambda nn: nn.Upsample(size=(3, 7), mode="bilinear", align_corners=True),
    "factor": lambda nn: nn.Upsample(scale_factor=2),
    "corners": lambda nn: nn.UpsamplingBilinear2d(scale_factor=1.5),
    "near": lambda nn: nn.UpsamplingNearest2d(size=4),
    "pixels": lambda nn: nn.PixelShuffle(2),
    "pixels back": lambda nn: nn.PixelUnshuffle(2),
    "channels": lambda nn: nn.ChannelShuffle(2),
    "columns": lambda nn: nn.Unfold((2, 3), padding=1),
    "columns back": lambda nn: nn.Fold((3, 3), 2),
}
SHAPES = {
    "line": (2, 4, 6),
    "deep": (2, 4, 4, 6, 5),
    "adaptive max": (2, 4, 6),
    "columns back": (2, 8, 4),
}
SHAPES |= {"conv named": (2, 4, 6), "conv mirrored": (2, 4, 6)}


@pytest.mark.parametrize("name", MODULES)
def test_modules(name: str) -> None:
    ours, theirs = MODULES[name](mg.nn).double(), MODULES[name](torch.nn).double()
    assert repr(ours) == repr(theirs)
    rng = np.random.default_rng(3)
    values = {k: rng.standard_normal(v.shape) for k, v in theirs.state_dict().items()}
    assert [(k, tuple(v.shape)) for k, v in ours.state_dict().items()] == [
        (k, v.shape) for k, v in values.items()
    ]
    shape = next((s for part, s in SHAPES.items() if name.endswith(part)), (2, 4, 6, 4))
    x = rng.standard_normal(shape)
    results = []
    for library, module in ((mg, ours), (torch, theirs)):
        module.load_state_dict({k: library.tensor(v) for k, v in values.items()})
        results.append(module(library.from_numpy(x)).detach().numpy())
    np.testing.assert_allclose(*results, 1e-10, 1e-12)


@pytest.mark.parametrize(
    "make",
    [
        lambda nn: nn.Conv2d(3, 4, 2, groups=2),
        lambda nn: nn.Conv2d(4, 3, 2, groups=2),
        lambda nn: nn.Conv2d(4, 4, 2, groups=0),
        lambda nn: nn.Conv2d(4, 4, 2, padding="all"),
        lambda nn: nn.Conv2d(4, 4, 2, padding="same", stride=2),
        lambda nn: nn.Conv2d(4, 4, 2, padding_mode="ones"),
        lambda nn: nn.ConvTranspose2d(4, 4, 2, padding_mode="reflect"),
    ],
)
def test_modules_that_cannot_be(make: Callable[[Any], Any]) -> None:
    for library in (mg, torch):
        with pytest.raises(ValueError):
            make(library.nn)


def test_a_wanted_size() -> None:
    """Of a transposed convolution and of what was pooled."""
    x = np.random.default_rng(4).standard_normal((1, 2, 3, 3))
    for library in (mg, torch):
        turned = library.nn.ConvTranspose2d(2, 2, 3, stride=2, padding=1)
        given = library.tensor(x, dtype=library.float32)
        assert tuple(turned(given, output_size=(1, 2, 6, 5)).shape) == (1, 2, 6, 5)
        with pytest.raises(ValueError):
            turned(given, output_size=(9, 9))
        pooled, places = library.nn.MaxPool2d(2, return_indices=True)(given)
        whole = library.nn.MaxUnpool2d(2)(pooled, places, output_size=(3, 3))
        assert float(whole.sum()) == float(pooled.sum())


def test_starting_values() -> None:
    """The bounds of the uniform distribution that both draw from."""
    for make in (lambda nn: nn.Conv2d(8, 64, 5, groups=2), lambda nn: nn.ConvTranspose1d(64, 8, 7)):
        ours, theirs = make(mg.nn), make(torch.nn)
        bound = theirs.weight.abs().max().item()
        np.testing.assert_allclose(np.abs(ours.weight.detach().numpy()).max(), bound, rtol=0.05)
        assert bound / 4 < np.abs(ours.bias.detach().numpy()).max() < 1.05 * bound
