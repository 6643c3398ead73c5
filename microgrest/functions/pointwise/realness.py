"""What programs for complex tensors call, too, of real ones, which are all that there are here."""

from __future__ import annotations

from typing import Any

from ...creation import check_tensor
from ...dispatch.writes.memory import filled
from ...tensor import Tensor
from ...tensor.methods import method
from ...tensor.storage import kind_of
from ...types.dtypes import bool_
from ..views import shapes


@method
def conj(input: Tensor) -> Tensor:
    """The tensor itself, which is real."""
    check_tensor("conj", input)
    return input


real = resolve_conj = resolve_neg = conj_physical = conj


def _itself(self: Tensor) -> Tensor:
    """The tensor, which is real."""
    return self


method(name="real")(property(_itself))
method(name="resolve_conj")(conj)
method(name="resolve_neg")(conj)
method(name="conj_physical")(conj)


@method
def isreal(input: Tensor) -> Tensor:
    """True at every place."""
    return filled(input._shape, kind_of(bool_, input.device), True)


def _refused(name: str) -> Any:
    def refuse(input: Tensor) -> Tensor:
        check_tensor(name, input)
        raise RuntimeError(
            f"{name} is not implemented for tensors with non-complex dtypes, as {input.dtype!r}, "
            "and there are no others here"
        )

    return refuse


imag, view_as_real = _refused("imag"), _refused("view_as_real")
method(name="imag")(property(imag))


def _transposed(self: Tensor) -> Tensor:
    """The transpose of a matrix, which is its adjoint; RuntimeError for more dimensions."""
    if self.ndim not in (0, 2):
        raise RuntimeError(
            f"tensor.H is only supported on matrices (2-D tensors). Got {self.ndim}-D tensor; "
            "mH is for batches of matrices"
        )
    return shapes.adjoint(self) if self._shape else self


method(name="H")(property(_transposed))
method(name="mH")(property(shapes.adjoint))
