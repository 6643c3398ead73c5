"""Linear algebra: what it means, its derivatives, what steps do of it, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgrest as mg
from tests.linalg_cases import CASES, Case

pytestmark = pytest.mark.devices
STEP = 1e-5


def several(found: Any) -> list[Any]:
    """One result or several."""
    return list(found) if isinstance(found, tuple) else [found]


def values(x: Any) -> Any:
    """The numbers of a tensor."""
    return x.detach().cpu().numpy()


def total(case: Case, tensors: Any) -> Any:
    """A sum that weighs all results differently."""
    found = several(case.apply(mg, *tensors))
    return sum((y**3).sum() / (i + 1) + (y * y).sum() for i, y in enumerate(found))


def gradients(case: Case, arrays: Any) -> tuple[list[Any], list[Any]]:
    """The operands, and recorded gradients of `total`, None where there are none."""
    leaves = [mg.tensor(a).requires_grad_() for a in arrays]
    y = total(case, leaves)
    if not y.requires_grad:
        return leaves, [None] * len(leaves)
    return leaves, list(mg.autograd.grad(y, leaves, create_graph=True, allow_unused=True))


def slopes(f: Any, arrays: Any) -> list[Any]:
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


def compare(found: Any, wanted: Any) -> None:
    for g, want in zip(found, wanted, strict=True):
        got = 0.0 if g is None else values(g)
        scale = max(1.0, np.abs(want).max(initial=0))
        np.testing.assert_allclose(got, want, 1e-4, 1e-5 * scale)


# From one triangle of a symmetric matrix the gradient is that of both, as in PyTorch.
FREE = [c for c in CASES if "symmetric" not in c.made and "positive" not in c.made]


@pytest.mark.large
@pytest.mark.parametrize("case", FREE, ids=str)
def test_derivatives(case: Case) -> None:
    arrays = case.operands(2)
    leaves, first = gradients(case, arrays)
    compare(first, slopes(lambda at: total(case, [mg.tensor(a) for a in at]).item(), arrays))
    known = [g for g in first if g is not None and g.requires_grad]
    if known and sum(a.size for a in arrays) < 16:
        weights = [np.cos(np.arange(g.numel())).reshape(tuple(g.shape)) for g in first]

        def mixed(at: Any) -> float:
            return sum(
                float((w * values(g)).sum())
                for w, g in zip(weights, gradients(case, at)[1], strict=True)
            )

        y = sum((g * mg.tensor(w)).sum() for w, g in zip(weights, first, strict=True))
        compare(mg.autograd.grad(y, leaves, allow_unused=True), slopes(mixed, arrays))


def of(*shape: int, seed: int = 0) -> Any:
    """Random numbers, float64."""
    return mg.tensor(np.random.default_rng(seed).normal(size=shape))


def close(a: Any, b: Any, tolerance: float = 1e-12) -> None:
    np.testing.assert_allclose(values(a), values(b), tolerance, tolerance)


@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3), (4, 2), (2, 4), (1, 1)], ids=str)
def test_decompositions_give_the_matrix(shape: tuple[int, ...]) -> None:
    A = of(*shape)
    p, low, up = mg.linalg.lu(A)
    close(p @ low @ up, A)
    q, r = mg.linalg.qr(A)
    close(q @ r, A)
    close(q.mT @ q, mg.eye(q.shape[-1], dtype=mg.float64).expand(*q.shape[:-2], -1, -1))
    for whole in (False, True):
        u, s, vh = mg.linalg.svd(A, full_matrices=whole)
        k = s.shape[-1]
        close((u[..., :k] * s.unsqueeze(-2)) @ vh[..., :k, :], A)
    close(A @ mg.linalg.pinv(A) @ A, A)
    S = A @ A.mT + mg.eye(shape[-2], dtype=mg.float64)
    w, v = mg.linalg.eigh(S)
    close(v @ (w.unsqueeze(-1) * v.mT), S)
    L = mg.linalg.cholesky(S)
    close(L @ L.mT, S)
    close(L.cholesky_inverse() @ S, mg.linalg.inv(S) @ S, 1e-10)


def test_strides_are_followed() -> None:
    wide = of(6, 8)
    A = wide.t()[::2, ::2]
    for name in ("inv", "det", "matrix_exp", "svdvals"):
        close(getattr(mg.linalg, name)(A[:3]), getattr(mg.linalg, name)(A[:3].contiguous()))
    assert not A.is_contiguous()
    same = of(3, 3).expand(2, 3, 3)
    close(mg.linalg.solve(same, same), mg.eye(3, dtype=mg.float64).expand(2, 3, 3))


def test_matrices_that_fail_are_named() -> None:
    good, bad = [[1.0, 0.0], [0.0, 1.0]], [[1.0, 2.0], [2.0, 4.0]]
    batch = mg.tensor([good, bad])
    assert issubclass(mg.linalg.LinAlgError, RuntimeError)
    with pytest.raises(mg.linalg.LinAlgError, match=r"\(Batch element 1\): The diagonal element 2"):
        mg.linalg.inv(batch)
    with pytest.raises(mg.linalg.LinAlgError, match=r"linalg.cholesky: The fac.*of order 2 is not"):
        mg.linalg.cholesky(-mg.tensor(good) + 2 * mg.tensor([[1.0, 1.0], [1.0, 0.0]]))
    with pytest.raises(RuntimeError, match=r"\(Batch element 1\): U\[2,2\] is zero"):
        mg.linalg.lu_factor(batch)
    for found in (mg.linalg.inv_ex(batch), mg.linalg.solve_ex(batch, batch)):
        assert found.info.tolist() == [0, 2]
        assert found[0][0].tolist() == good and found[0][1].isnan().all()
    assert mg.linalg.cholesky_ex(mg.tensor([good, [[1.0, 0.0], [0.0, -1.0]]])).info.tolist() == [
        0,
        2,
    ]
    for name in ("inv_ex", "cholesky_ex", "lu_factor_ex"):
        with pytest.raises(RuntimeError, match="Batch element 0"):
            getattr(mg.linalg, name)(-0.0 * batch, check_errors=True)


def test_results_that_do_not_exist_are_refused() -> None:
    for name in ("eig", "eigvals"):
        with pytest.raises(NotImplementedError, match=rf"linalg.{name}: .* no complex tensors"):
            getattr(mg.linalg, name)(mg.eye(2))
    with pytest.raises(RuntimeError, match="mode='complete' when nrows > ncols"):
        mg.linalg.qr(mg.ones(3, 2, requires_grad=True), "complete")
    with pytest.raises(NotImplementedError, match="geqrf"):
        mg.ones(3, 2, requires_grad=True).geqrf()
    with pytest.raises(RuntimeError, match=r"Low precision dtypes not supported"):
        mg.linalg.inv(mg.ones(2, 2, dtype=mg.float16))


@pytest.mark.parametrize("n", [0, 1, 2])
def test_derivatives_of_determinants_of_singular_matrices(n: int) -> None:
    """They are minors."""
    A = np.diag([2.0, 3.0, 5.0])
    A[range(n), range(n)] = 0
    x = mg.tensor(A, requires_grad=True)
    mg.linalg.det(x).backward()
    minors = [15.0, 10.0, 6.0]
    wanted = [minors, [15.0, 0.0, 0.0], [0.0, 0.0, 0.0]][n]
    close(x.grad, mg.diag(mg.tensor(wanted, dtype=mg.float64)))


def test_equal_values_have_derivatives() -> None:
    """Where vectors have none: for the sum of all values it is the identity."""
    x = mg.eye(3, dtype=mg.float64).requires_grad_()
    for name in ("eigvalsh", "svdvals"):
        (g,) = mg.autograd.grad(getattr(mg.linalg, name)(x).sum(), x)
        close(g, x)
    with np.errstate(invalid="ignore"):
        (g,) = mg.autograd.grad(mg.linalg.eigh(x)[1][0].sum(), x)
    assert not g.isfinite().all()


def test_least_squares_of_dependent_columns() -> None:
    """The shortest of all solutions."""
    A = of(5, 2)
    A = mg.cat([A, A[:, :1]], 1)
    found = mg.linalg.lstsq(A, of(5, 1, seed=1), driver="gelsd")
    assert found.rank.item() == 2
    close(found.solution[0], found.solution[2])


def test_exponentials_of_large_and_small_matrices() -> None:
    turn = mg.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=mg.float64)
    for t in (1e-8, 0.1, 1.0, 20.0, 100.0):
        wanted = [[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]]
        np.testing.assert_allclose(values(mg.linalg.matrix_exp(turn * t)), wanted, 1e-11, 1e-12)
    assert mg.linalg.matrix_exp(turn * np.nan).isnan().all()


def test_out() -> None:
    A = of(3, 3)
    wanted = mg.linalg.inv(A)
    out = mg.empty(0, dtype=mg.float64)
    assert mg.linalg.inv(A, out=out) is out
    close(out, wanted)
    pair = mg.empty(0, dtype=mg.float64), mg.empty(0, dtype=mg.float64)
    found = mg.linalg.qr(A, out=pair)
    assert found.Q is pair[0] and found.R is pair[1]
    close(pair[0] @ pair[1], A)
    with pytest.raises(RuntimeError):
        mg.linalg.inv(A, out=mg.empty(0))


def test_steps_solve_triangular_systems() -> None:
    """And decompose by lines, for which no library is called."""
    A, B = of(2, 4, 4), of(2, 4, 3)
    low = (A.tril() + 3 * mg.eye(4, dtype=mg.float64)).requires_grad_()

    def fn() -> Any:
        x = mg.linalg.solve_triangular(low, B, upper=False)
        y = mg.linalg.solve_triangular(low.mT, x, upper=True, unitriangular=True)
        found = mg.linalg.lu_factor_ex(low + 0.5)
        return (y * y).sum(), found.LU, mg.autograd.grad((y * y).sum() + found.LU.sum(), low)[0]

    step, wanted = mg.compile(fn), fn()
    for _ in range(3):
        for a, b in zip(step(), wanted, strict=True):
            close(a, b)
    assert len(step.recordings) == 1


@pytest.mark.parametrize("name", ["inv", "det", "svd", "eigh", "qr", "cholesky", "lu_factor"])
def test_steps_refuse_what_calls_lapack(name: str) -> None:
    A = mg.eye(3)
    step = mg.compile(lambda: getattr(mg.linalg, name)(A))
    with pytest.raises(RuntimeError, match=r"calls LAPACK|takes the values of a tensor"):
        for _ in range(3):
            step()
