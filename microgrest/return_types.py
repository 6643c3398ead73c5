"""What ops of two results return, by PyTorch's names and in its printed form."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .ops.row import ROWS

if TYPE_CHECKING:
    from .tensor import Tensor

    def __getattr__(name: str) -> Any:
        """Those that are made of tables below."""


def _text(result: Any) -> str:
    fields = ",\n".join(f"{name}={value!r}" for name, value in result._asdict().items())
    return f"microgrest.return_types.{type(result).__name__}(\n{fields})"


class max(NamedTuple):
    """The largest elements along a dimension, and where they are."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text(self)


class min(NamedTuple):
    """The smallest elements along a dimension, and where they are."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text(self)


class cummax(NamedTuple):
    """The largest elements so far along a dimension, and where they are."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text(self)


class cummin(NamedTuple):
    """The smallest elements so far along a dimension, and where they are."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text(self)


class aminmax(NamedTuple):
    """The smallest and the largest elements."""

    min: Tensor
    max: Tensor

    def __repr__(self) -> str:
        return _text(self)


def _several(name: str, fields: Sequence[str], doc: str) -> Any:
    """The type `name` of what is returned as `fields`."""
    facts = {"__slots__": (), "__doc__": doc, "__module__": __name__, "__repr__": _text}
    return type(name, (namedtuple(name, fields),), facts)


# What functions that are no rows return: those of `linalg`, their elder forms, and others.
_NAMES = {
    "frexp": "mantissa exponent",
    "geqrf": "a tau",
    "linalg_cholesky_ex": "L info",
    "linalg_eigh": "eigenvalues eigenvectors",
    "linalg_inv_ex": "inverse info",
    "linalg_lstsq": "solution residuals rank singular_values",
    "linalg_lu": "P L U",
    "linalg_lu_factor": "LU pivots",
    "linalg_lu_factor_ex": "LU pivots info",
    "linalg_qr": "Q R",
    "linalg_slogdet": "sign logabsdet",
    "linalg_solve_ex": "result info",
    "linalg_svd": "U S Vh",
    "lu_unpack": "P L U",
    "qr": "Q R",
    "slogdet": "sign logabsdet",
    "svd": "U S V",
    "triangular_solve": "solution cloned_coefficient",
}
globals().update(
    (name, _several(name, names.split(), f"What {name.replace('linalg_', 'linalg.')} returns."))
    for name, names in _NAMES.items()
)
globals().update(
    (row.name, _several(row.name, row.extra["returns"], row.doc))
    for row in ROWS.values()
    if row.extra.get("returns") and not row.extra["internal"]
)


_FOUND = "values", "indices"
topk = _several("topk", _FOUND, "The largest or smallest elements, and where they are.")
kthvalue = _several("kthvalue", _FOUND, "The k-th smallest elements, and where they are.")
median = _several("median", _FOUND, "The medians along a dimension, and where they are.")
nanmedian = _several("nanmedian", _FOUND, "The medians of what is not NaN, and where they are.")
mode = _several("mode", _FOUND, "The commonest elements, and where they are last.")
histogram = _several("histogram", ("hist", "bin_edges"), "Counts, and the edges between them.")
