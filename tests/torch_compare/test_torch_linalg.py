"""Linear algebra beside PyTorch: values, derivatives of two orders, empty and singular matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgrest as mg
from tests.linalg_cases import CASES, Case

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

every = pytest.mark.parametrize("case", CASES, ids=str)


def several(found: Any) -> list[Any]:
    """One result or several."""
    return list(found) if isinstance(found, tuple) else [found]


def close(ours: Any, theirs: Any, tolerance: float) -> None:
    """Equal types, shapes, and values."""
    a, b = ours.detach().cpu().numpy(), theirs.detach().numpy()
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    np.testing.assert_allclose(a, b, tolerance, tolerance * max(1.0, np.abs(b).max(initial=0)))


@every
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_values(case: Case, dtype: str) -> None:
    arrays = [np.asarray(a, dtype) for a in case.operands()]
    ours, theirs = (several(case.apply(t, *(t.tensor(a) for a in arrays))) for t in (mg, torch))
    for a, b in zip(ours, theirs, strict=True):
        close(a, b, 1e-10 if dtype == "float64" else 2e-3)


def derivatives(library: Any, case: Case) -> list[Any]:
    """First and second derivatives of a sum of squares and cubes of results, 0 where none."""
    leaves = [library.tensor(a).requires_grad_() for a in case.operands(1)]
    found = several(case.apply(library, *leaves))
    total = sum((y**3).sum() / (i + 1) + (y * y).sum() for i, y in enumerate(found))
    if not total.requires_grad:
        return [library.zeros_like(x) for x in (*leaves, *leaves)]
    first = library.autograd.grad(total, leaves, create_graph=True, allow_unused=True)
    first = [library.zeros_like(x) if g is None else g for x, g in zip(leaves, first, strict=True)]
    weights = [library.tensor(np.cos(np.arange(g.numel()))).reshape(g.shape) for g in first]
    mixed = sum((g * w).sum() for g, w in zip(first, weights, strict=True))
    second: Any = [None] * len(leaves)
    if mixed.requires_grad:
        second = library.autograd.grad(mixed, leaves, allow_unused=True)
    pairs = zip(leaves, second, strict=True)
    return [*first, *(library.zeros_like(x) if g is None else g for x, g in pairs)]


# PyTorch overwrites what it has saved.
ITS_FAULT = ("cond-p=fro", "cond-p=1", "cond-p=inf", "cond-p=nuc", "old vander", "old vander up")


@pytest.mark.parametrize("case", [c for c in CASES if c.name not in ITS_FAULT], ids=str)
def test_derivatives(case: Case) -> None:
    ours, theirs = (derivatives(t, case) for t in (mg, torch))
    for a, b in zip(ours, theirs, strict=True):
        close(a, b, 1e-7)


# Empty matrices, and those that are singular or no matrices


def said(library: Any, call: Any) -> Any:
    """The results of a call, or the type and the beginning of its error."""
    try:
        return [y.detach().numpy() for y in several(call(library))]
    except RuntimeError as error:
        return type(error).__name__.strip("_"), str(error)[:60]


EMPTY = [
    *(
        (name, shape)
        for name in ("cholesky", "inv", "det", "slogdet", "eigh", "eigvalsh", "lu", "matrix_exp")
        for shape in ((0, 0), (0, 2, 2), (2, 0, 0))
    ),
    *(
        (name, shape)
        for name in ("svd", "svdvals", "qr", "pinv", "matrix_rank", "matrix_norm", "lu_factor")
        for shape in ((0, 0), (0, 3), (2, 0), (0, 2, 3), (2, 3, 0))
    ),
]


@pytest.mark.parametrize(("name", "shape"), EMPTY, ids=str)
def test_empty(name: str, shape: tuple[int, ...]) -> None:
    ours, theirs = (said(t, lambda t: getattr(t.linalg, name)(t.zeros(shape))) for t in (mg, torch))
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


SINGULAR = [[1.0, 2.0], [2.0, 4.0]]
BATCH = [[[1.0, 0.0], [0.0, 1.0]], SINGULAR]
WRONG = [
    *((name, x) for name in ("inv", "lu_factor") for x in (SINGULAR, BATCH)),
    *(("cholesky", x) for x in ([[1.0, 2.0], [2.0, 1.0]], [BATCH[0], [[-1.0, 0.0], [0.0, 1.0]]])),
    *(
        (name, x)
        for name in ("inv", "cholesky", "det", "slogdet", "eigh", "eigvalsh", "matrix_power_2")
        for x in ([1.0, 2.0], [[1.0, 2.0]], 1.0)
    ),
    *((name, [1.0, 2.0]) for name in ("svd", "svdvals", "qr", "pinv", "matrix_norm", "lu")),
    *(
        (name, [[1, 2], [3, 4]])
        for name in ("inv", "cholesky", "det", "eigh", "svd", "qr", "lu", "matrix_norm", "pinv")
    ),
    ("svd", [[float("nan")]]),
]


@pytest.mark.parametrize(("name", "x"), WRONG, ids=str)
def test_errors(name: str, x: Any) -> None:
    name = name.removesuffix("_2")

    def call(t: Any) -> Any:
        return getattr(t.linalg, name)(t.tensor(x), *([2] if name == "matrix_power" else []))

    ours, theirs = (said(t, call) for t in (mg, torch))
    assert isinstance(theirs, tuple)
    # Of integers its eigh and lu say NotImplementedError, a RuntimeError.
    assert ours[0] == theirs[0] or name in ("eigh", "lu")
    if name not in ("eigh", "lu", "pinv"):
        assert ours[1].replace("microgrest", "torch")[:40] == theirs[1][:40]


def test_solutions_of_singular_systems() -> None:
    for b in ([1.0, 2.0], SINGULAR):
        ours, theirs = (
            said(t, lambda t, b=b: t.linalg.solve(t.tensor(SINGULAR), t.tensor(b)))
            for t in (mg, torch)
        )
        assert ours == theirs


def test_names_of_results() -> None:
    """Fields and printed names are PyTorch's."""
    x = [[2.0, 1.0], [1.0, 3.0]]
    for name in (
        "cholesky_ex",
        "eigh",
        "inv_ex",
        "lu",
        "lu_factor",
        "lu_factor_ex",
        "qr",
        "slogdet",
        "svd",
    ):
        ours, theirs = (getattr(t.linalg, name)(t.tensor(x)) for t in (mg, torch))
        assert repr(ours).split("tensor")[0] == repr(theirs).split("tensor")[0].replace(
            "torch", "microgrest"
        )
        assert all(a.dtype.name == str(b.dtype)[6:] for a, b in zip(ours, theirs, strict=True))


def test_all_names_are_there() -> None:
    missing = {n for n in dir(torch.linalg) if n[0] != "_"} - set(dir(mg.linalg))
    assert missing == {"common_notes", "ldl_factor", "ldl_factor_ex", "ldl_solve"}


def test_least_squares() -> None:
    rng = np.random.default_rng(0)
    for shape in ((5, 3), (2, 5, 3), (3, 5)):
        A, B = rng.normal(size=shape), rng.normal(size=(*shape[:-1], 2))
        for driver in (None, "gels", "gelsd", "gelsy", "gelss"):
            ours, theirs = (
                t.linalg.lstsq(t.tensor(A), t.tensor(B), driver=driver) for t in (mg, torch)
            )
            for a, b in zip(ours, theirs, strict=True):
                close(a, b, 1e-10)


@pytest.mark.parametrize("hermitian", [False, True])
def test_ranks(hermitian: bool) -> None:
    A = np.diag([3.0, 2.0, 1e-3, 1e-9, 0.0])
    for options in ({}, {"atol": 1e-2}, {"rtol": 0.5}, {"atol": 0.1, "rtol": 0.9}, {"tol": 2.5}):
        ours, theirs = (
            t.linalg.matrix_rank(t.tensor(A), hermitian=hermitian, **options) for t in (mg, torch)
        )
        assert ours.item() == theirs.item()
    for options in ({}, {"atol": 1e-2}, {"rtol": 0.5}, {"rcond": 1e-4}):
        ours, theirs = (
            t.linalg.pinv(t.tensor(A), hermitian=hermitian, **options) for t in (mg, torch)
        )
        close(ours, theirs, 1e-12)


def test_factors_without_values() -> None:
    x = np.random.default_rng(0).normal(size=(2, 4, 3))
    for mode in ("r", "complete", "reduced"):
        q, r = mg.linalg.qr(mg.tensor(x), mode)
        _, wanted = torch.linalg.qr(torch.tensor(x), mode)
        close(r, wanted, 1e-12)
        if mode != "r":
            close(q @ r, torch.tensor(x), 1e-12)
    for a, b in zip(mg.geqrf(mg.tensor(x)), torch.geqrf(torch.tensor(x)), strict=True):
        close(a, b, 1e-12)
    close(mg.orgqr(*mg.geqrf(mg.tensor(x))), torch.orgqr(*torch.geqrf(torch.tensor(x))), 1e-12)
