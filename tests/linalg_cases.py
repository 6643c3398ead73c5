"""Functions of matrices, with inputs that they take: for tests of derivatives, and beside PyTorch.

What a function returns is decided up to signs of vectors in decompositions, so that cases look at
what does not depend on these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]


class Case(NamedTuple):
    """`apply(library, *tensors)` gives a tensor, or several; `shapes` are those of its operands.

    `made` of "any", "positive" (definite), "symmetric", "lower", "upper", "tau".
    """

    name: str
    apply: Callable[..., Any]
    shapes: Sequence[tuple[int, ...]]
    made: Sequence[str] = ()

    def __str__(self) -> str:
        return f"{self.name}-{'-'.join('x'.join(map(str, s)) for s in self.shapes)}"

    def operands(self, seed: int = 0) -> list[Array]:
        """An array for each operand."""
        rng = np.random.default_rng(seed)
        kinds = [*self.made, *["any"] * (len(self.shapes) - len(self.made))]
        return [_made(kind, shape, rng) for kind, shape in zip(kinds, self.shapes, strict=True)]


def _made(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    x = np.asarray(rng.normal(size=shape))
    if kind == "any":
        return x
    if kind == "positive":
        return np.asarray(x @ np.swapaxes(x, -1, -2) + 0.5 * np.eye(shape[-1]))
    if kind == "symmetric":
        return np.asarray(x + np.swapaxes(x, -1, -2))
    if kind == "tau":
        return np.asarray(rng.uniform(0.2, 1.5, shape))
    half = np.tril if kind == "lower" else np.triu
    return np.asarray(half(x, -1 if kind == "lower" else 1) + np.eye(shape[-1]) * (1 + x * x))


def _by_vectors(library: Any, A: Any) -> Any:
    """An exponential of a symmetric matrix, and its spectrum."""
    w, v = library.linalg.eigh((A + A.mT) / 2)
    return w, v @ ((w / 3).exp().unsqueeze(-1) * v.mT)


def _by_svd(library: Any, A: Any) -> Any:
    u, s, vh = library.linalg.svd(A, full_matrices=False)
    return s, (u * s.sqrt().unsqueeze(-2)) @ vh, u * u


def _by_whole_svd(library: Any, A: Any) -> Any:
    u, s, vh = library.linalg.svd(A)
    k = s.shape[-1]
    return s, u[..., :k] ** 2, vh[..., :k, :] ** 2


def _by_qr(library: Any, A: Any) -> Any:
    q, r = library.linalg.qr(A)
    return q * q, r * r


def _by_lu(library: Any, A: Any) -> Any:
    p, low, up = library.linalg.lu(A)
    return p, low, up


SQUARE: Sequence[tuple[int, ...]] = ((3, 3), (2, 3, 3), (1, 1), (2, 1, 2, 2))
OBLONG: Sequence[tuple[int, ...]] = ((4, 3), (3, 4), (2, 3, 3), (2, 4, 2), (1, 3), (3, 1))


def _all(
    name: str, apply: Callable[..., Any], shapes: Sequence[tuple[int, ...]], made: str = "any"
) -> list[Case]:
    return [Case(name, apply, (shape,), (made,)) for shape in shapes]


def _named(name: str, *, shapes: Any = SQUARE, made: str = "any", **options: Any) -> list[Case]:
    """A function of `linalg` with options."""
    label = "-".join([name, *(f"{k}={v}" for k, v in options.items())])
    return _all(label, lambda t, A: getattr(t.linalg, name)(A, **options), shapes, made)


def _two(
    name: str, apply: Callable[..., Any], *shapes: tuple[tuple[int, ...], tuple[int, ...]]
) -> list[Case]:
    return [Case(name, apply, pair) for pair in shapes]


SYSTEMS = (
    ((3, 3), (3, 2)),
    ((3, 3), (3,)),
    ((2, 3, 3), (2, 3)),
    ((2, 1, 3, 3), (4, 3, 1)),
    ((1, 1), (1, 1)),
)
CASES = [
    *_named("cholesky", made="positive"),
    *_named("cholesky", made="positive", upper=True),
    *_named("inv"),
    *_named("det"),
    *_named("slogdet"),
    *_all("logdet", lambda t, A: t.logdet(A), SQUARE, "positive"),
    *_all("eigh", _by_vectors, SQUARE),
    *_named("eigvalsh", made="symmetric"),
    *_named("eigvalsh", made="symmetric", UPLO="U"),
    *_all("svd", _by_svd, OBLONG),
    *_all("whole svd", _by_whole_svd, OBLONG),
    *_named("svdvals", shapes=OBLONG),
    *_all("qr", _by_qr, OBLONG),
    *_all("lu", _by_lu, OBLONG),
    *_named("lu_factor", shapes=OBLONG),
    *_named("pinv", shapes=OBLONG),
    *_named("pinv", made="symmetric", hermitian=True),
    *_named("matrix_exp"),
    *(case for n in (0, 1, 3, -2) for case in _named("matrix_power", n=n)),
    *(
        case
        for ord in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)
        for case in _named("matrix_norm", shapes=OBLONG, ord=ord)
    ),
    *_named("matrix_norm", shapes=((2, 3, 4),), ord="nuc", dim=(0, 2), keepdim=True),
    *_named("matrix_norm", shapes=((2, 3, 4),), ord=1, dim=(2, 0), keepdim=True),
    *(
        case
        for ord in (0, 1, 2, 3.5, np.inf, -np.inf, -1)
        for case in _named("vector_norm", shapes=((4,), (2, 3), ()), ord=ord)
    ),
    *_named("vector_norm", shapes=((2, 3),), ord=3, dim=1, keepdim=True),
    *_named("norm", shapes=((4,), (3, 2), (2, 3, 4))),
    *_named("norm", shapes=((4,), (3, 2)), ord=1),
    *_named("norm", shapes=((2, 3, 4),), ord=2, dim=(0, 1)),
    *(case for p in (None, 2, -2, "fro", 1, np.inf, "nuc") for case in _named("cond", p=p)),
    *_named("cond", shapes=OBLONG),
    *_named("vander", shapes=((3,), (2, 3))),
    *_named("vander", shapes=((3,), (2, 3)), N=4),
    *_named("diagonal", shapes=((3, 4), (2, 3, 3)), offset=1),
    *_named("tensorinv", shapes=((4, 2, 2),), ind=1),
    *_two("solve", lambda t, A, B: t.linalg.solve(A, B), *SYSTEMS),
    *_two(
        "solve from the right",
        lambda t, A, B: t.linalg.solve(A, B, left=False),
        ((3, 3), (2, 3)),
        ((2, 3, 3), (2, 4, 3)),
    ),
    *(
        Case(
            f"solve_triangular {upper} {left} {unit}",
            lambda t, A, B, u=upper, left=left, unit=unit: t.linalg.solve_triangular(
                A, B, upper=u, left=left, unitriangular=unit
            ),
            shapes,
            ("upper" if upper else "lower",),
        )
        for upper in (True, False)
        for left in (True, False)
        for unit in (True, False)
        for shapes in (((3, 3), (3, 3)), ((2, 2, 2), (2, 2)), ((2, 2), (3, 2, 2)))
    ),
    *_two(
        "lstsq",
        lambda t, A, B: t.linalg.lstsq(A, B)[0],
        ((4, 2), (4, 3)),
        ((2, 4), (2, 1)),
        ((2, 4, 3), (2, 4, 1)),
        ((3, 2), (3,)),
    ),
    *_two(
        "lu_solve",
        lambda t, A, B: t.linalg.lu_solve(*t.linalg.lu_factor(A), B),
        ((3, 3), (3, 2)),
        ((2, 3, 3), (2, 3, 1)),
    ),
    *_two(
        "lu_solve adjoint from the right",
        lambda t, A, B: t.linalg.lu_solve(*t.linalg.lu_factor(A), B, left=False, adjoint=True),
        ((3, 3), (2, 3)),
    ),
    Case(
        "cholesky_solve",
        lambda t, B, L: t.cholesky_solve(B, L.tril()),
        ((3, 2), (3, 3)),
        ("any", "lower"),
    ),
    Case(
        "cholesky_solve upper",
        lambda t, B, L: t.cholesky_solve(B, L.triu(), upper=True),
        ((2, 3, 1), (2, 3, 3)),
        ("any", "upper"),
    ),
    Case("cholesky_inverse", lambda t, L: t.cholesky_inverse(L.tril()), ((3, 3),), ("lower",)),
    Case(
        "householder_product",
        lambda t, A, tau: t.linalg.householder_product(A, tau),
        ((4, 3), (2,)),
        ("any", "tau"),
    ),
    Case("multi_dot", lambda t, *m: t.linalg.multi_dot(m), ((2, 3), (3, 4), (4, 1), (1, 2))),
    Case("multi_dot vectors", lambda t, *m: t.linalg.multi_dot(m), ((3,), (3, 4), (4,))),
    Case("vecdot", lambda t, x, y: t.linalg.vecdot(x, y), ((2, 3), (3,))),
    Case("vecdot dim", lambda t, x, y: t.linalg.vecdot(x, y, dim=0), ((2, 3), (2, 3))),
    Case("cross", lambda t, x, y: t.linalg.cross(x, y), ((2, 3), (1, 3))),
    Case("tensorsolve", lambda t, A, B: t.linalg.tensorsolve(A, B), ((2, 3, 6), (2, 3))),
    *_all("inverse", lambda t, A: A.inverse(), SQUARE[:1]),
    *_all("pinverse", lambda t, A: A.pinverse(), OBLONG[:2]),
    *_all("old vander", lambda t, x: t.vander(x, 4), ((3,),)),
    *_all("old vander up", lambda t, x: t.vander(x, increasing=True), ((3,),)),
    *_all("nuclear_norm", lambda t, A: t.norm(A, p="nuc"), OBLONG[:2]),
]
