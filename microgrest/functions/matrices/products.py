"""Matrix products as users call them."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from ...dispatch.common import broadcast_shapes
from ...dispatch.families.contraction import product
from ...dispatch.families.kernels import SHORT
from ...ops.products import contraction as rows
from ...tensor import Tensor
from ...tensor.methods import method
from ...types.dtypes import bool_, int64
from ..checked import check_tensors
from ..joining.stacking import broadcast_tensors
from ..naming import ends_as, rename
from ..pointwise.arithmetic import add, check_number
from ..remembered import remembered

two_remembered = partial(remembered, operands=2)


@method
@two_remembered
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of matrices (n, k) and (k, m)."""
    return product(rows.mm, input, mat2)


@method
@two_remembered
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of matrices (b, n, k) and (b, k, m)."""
    return product(rows.bmm, input, mat2)


@method
@two_remembered
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """The product of a matrix (n, k) and a vector (k,)."""
    return product(rows.mv, input, vec)


@method
@two_remembered
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The inner product of two vectors."""
    return product(rows.dot, input, tensor)


@method
@two_remembered
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product of vectors, matrices, or stacks of matrices, which broadcast."""
    if not isinstance(other, Tensor) or not isinstance(input, Tensor):
        bad = input if not isinstance(input, Tensor) else other
        raise TypeError(f"matmul(): argument must be Tensor, not {type(bad).__name__}")
    a, b = input.ndim, other.ndim
    if not a or not b:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {a}D and {b}D"
        )
    if (a, b) in _BY_RANK and (a < 3 or input._shape[0] == other._shape[0]):
        return product(_BY_RANK[a, b], input, other, "UnsafeViewBackward0" if a == 3 else "")
    if a == 1:
        return matmul(input.unsqueeze(0), other).squeeze(-2)
    if b == 1:
        return matmul(input, other.unsqueeze(-1)).squeeze(-1)
    if b == 2:
        rows_ = input.reshape(math.prod(input._shape[:-1]), input._shape[-1])
        y = mm(rows_, other).reshape(*input._shape[:-1], other._shape[-1])
        return rename(y, "UnsafeViewBackward0")
    return _batched(input, other)


_BY_RANK = {(1, 1): rows.dot, (2, 1): rows.mv, (2, 2): rows.mm, (3, 3): rows.bmm}


def _batched(a: Tensor, b: Tensor) -> Tensor:
    """matmul of stacks whose leading dimensions broadcast."""
    batch = broadcast_shapes("matmul", [tuple(a._shape[:-2]), tuple(b._shape[:-2])])
    n = math.prod(batch)
    left = a.expand(*batch, *a._shape[-2:]).reshape(n, *a._shape[-2:])
    right = b.expand(*batch, *b._shape[-2:]).reshape(n, *b._shape[-2:])
    y = bmm(left, right).reshape(*batch, a._shape[-2], b._shape[-1])
    return rename(y, "UnsafeViewBackward0")


@method(name="__matmul__")
def _matmul(self: Tensor, other: Tensor) -> Tensor:
    return matmul(self, other) if isinstance(other, Tensor) else NotImplemented


@method(name="__rmatmul__")
def _reflected_matmul(self: Tensor, other: Tensor) -> Tensor:
    return matmul(other, self) if isinstance(other, Tensor) else NotImplemented


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias, for input (..., in), weight (out, in), bias (out,)."""
    if bias is not None and _at_once(input, weight, bias):
        y = SHORT["linear"](bias, input, weight)[0]
        return y if len(input._shape) == 2 else rename(y, "ViewBackward0")
    if not (isinstance(input, Tensor) and isinstance(weight, Tensor)):
        check_tensors(linear, (input, weight), {})
    result = matmul(input, weight.t())
    if bias is None:
        return result
    if not isinstance(bias, Tensor):
        given = type(bias).__name__
        raise TypeError(f"linear(): argument 'bias' (position 3) must be Tensor, not {given}")
    total = result + bias
    if total._shape != result._shape or (weight.ndim != 2 and (bias._shape or input.ndim == 2)):
        raise RuntimeError(
            f"linear(): a bias of shape {list(bias._shape)} does not fit a weight of shape "
            f"{list(weight._shape)} and an input of shape {list(input._shape)}"
        )
    return rename(total, "AddmmBackward0" if input.ndim == 2 else "ViewBackward0")


def _at_once(x: Any, weight: Any, bias: Any) -> bool:
    """Whether one kernel of the CPU takes a linear layer: whole operands that fit, of one type."""
    try:
        kind, shape = x._kind, weight._shape
        whole = x._flat.size and weight._flat.size and bias._flat.size
    except AttributeError:
        return False
    return bool(
        whole
        and kind.array_type in ("float32", "float64")
        and kind.device.type == "cpu"
        and weight._kind is kind
        and bias._kind is kind
        and len(shape) == 2
        and bias._shape == shape[:1]
        and x._shape[-1:] == shape[1:]
    )


def _plus(input: Tensor, product: Tensor, beta: Any, alpha: Any) -> Tensor:
    """beta input + alpha product; with beta 0 the input is not even read, NaN or not."""
    check_number("beta", beta)
    check_number("alpha", alpha)
    if not product.is_floating_point() and any(isinstance(n, float) for n in (beta, alpha)):
        raise RuntimeError(
            "For integral input tensors, argument beta and alpha must not be a floating point "
            f"number, got {beta} and {alpha}."
        )
    if broadcast_shapes("addition", [input._shape, product._shape]) != product._shape:
        raise RuntimeError(
            f"an input of shape {list(input._shape)} does not expand to the product's shape "
            f"{list(product._shape)}"
        )
    if beta == 0:
        return product if alpha == 1 else product * alpha
    return add(input if beta == 1 else input * beta, product, alpha=alpha)


def _scaled(input: Tensor, product: Tensor, beta: Any, alpha: Any) -> Tensor:
    """`_plus` of matrix products, which cut factors of integers off to integers, bools too."""
    whole = not product.is_floating_point()
    return _plus(input, product, _number(beta, whole), _number(alpha, whole))


def _number(factor: Any, whole: bool) -> Any:
    if isinstance(factor, Tensor):
        return factor.to(int64) if whole or factor.dtype is bool_ else factor
    cut = isinstance(factor, bool) or (whole and isinstance(factor, float))
    return int(factor) if cut else factor


@method
@ends_as("AddmmBackward0")
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta input + alpha mat1 @ mat2."""
    return _scaled(input, mm(mat1, mat2), beta, alpha)


@method
@ends_as("AddmvBackward0")
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta input + alpha mat @ vec."""
    return _scaled(input, mv(mat, vec), beta, alpha)


@method
@ends_as("AddrBackward0")
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta input + alpha times the outer product of vec1 and vec2; of bools, as bools."""
    if input.dtype is vec1.dtype is vec2.dtype is bool_:
        beta, alpha = bool(beta), bool(alpha)
    return _plus(input, outer(vec1, vec2), beta, alpha)


@method
@ends_as("BaddbmmBackward0")
def baddbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    """beta input + alpha batch1 @ batch2, of stacks of matrices."""
    return _scaled(input, bmm(batch1, batch2), beta, alpha)


@method
def addbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    """beta input + alpha times the sum of the products of two stacks of matrices."""
    total = bmm(batch1, batch2)
    return _scaled(input, total.sum(0, dtype=total.dtype), beta, alpha)


@method
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Every product of an element of one vector and one of the other."""
    if input.ndim != 1 or vec2.ndim != 1:
        raise RuntimeError(
            f"outer: Expected 1-D arguments, but got {input.ndim}-D and {vec2.ndim}-D"
        )
    return input.unsqueeze(1) * vec2


ger = method(name="ger")(outer)
vdot = method(name="vdot")(ends_as("VdotBackward0")(dot))


@method
def inner(input: Tensor, other: Tensor) -> Tensor:
    """Sums of products over the last dimensions; the product where one operand is a number."""
    if not input._shape or not other._shape:
        return input * other
    if input._shape[-1] != other._shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input._shape)} and {list(other._shape)}"
        )
    return tensordot(input, other, ([-1], [-1]))


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Sums of products over several dimensions at once.

    `dims` is how many of the last of `a` and the first of `b`, or a pair of lists of dimensions.
    """
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(
                "tensordot expects dims < ndim_a or ndim_b, but got "
                f"dims={dims} for shapes {list(a._shape)} and {list(b._shape)}"
            )
        dims = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    gone_a, gone_b = ([t._dim(d) for d in given] for t, given in zip((a, b), dims, strict=True))
    # An extent of one stands for as many equal elements as it meets.
    for d, e in zip(gone_a, gone_b, strict=False):
        if a._shape[d] == 1 != b._shape[e]:
            b = b.sum(e, True, dtype=b.dtype)
        elif b._shape[e] == 1 != a._shape[d]:
            a = a.sum(d, True, dtype=a.dtype)
    met_a, met_b = [a._shape[d] for d in gone_a], [b._shape[d] for d in gone_b]
    if met_a != met_b:
        raise RuntimeError(
            "contracted dimensions need to match, but first has sizes "
            f"{met_a} in dims {gone_a} and second has sizes {met_b} in dims {gone_b}"
        )
    kept_a = [d for d in range(a.ndim) if d not in gone_a]
    kept_b = [d for d in range(b.ndim) if d not in gone_b]
    n = math.prod(met_a)
    left = a.permute(kept_a + gone_a).reshape(math.prod(a._shape[d] for d in kept_a), n)
    right = b.permute(gone_b + kept_b).reshape(n, math.prod(b._shape[d] for d in kept_b))
    shape = [a._shape[d] for d in kept_a] + [b._shape[d] for d in kept_b]
    return mm(left, right).reshape(shape)


@method
@ends_as("UnsafeViewBackward0")
def kron(input: Tensor, other: Tensor) -> Tensor:
    """The Kronecker product: every element of `input` times the whole of `other`, in blocks."""
    n = max(input.ndim, other.ndim)
    a, b = ((1,) * (n - t.ndim) + tuple(t._shape) for t in (input, other))
    blocks = input.reshape([k for extent in a for k in (extent, 1)])
    inside = other.reshape([k for extent in b for k in (1, extent)])
    return (blocks * inside).reshape([p * q for p, q in zip(a, b, strict=True)])


@method
@ends_as("LinalgCrossBackward0")
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """The vector product along `dim`, by default the first dimension of three elements."""
    if input.ndim != other.ndim:
        raise RuntimeError(
            "linalg.cross: inputs must have the same number of dimensions, got "
            f"{input.ndim} and {other.ndim}"
        )
    if input.dtype is not other.dtype:
        raise RuntimeError(
            f"linalg.cross: expected scalar type {input.dtype!r} but found {other.dtype!r}"
        )
    a, b = broadcast_tensors(input, other)
    if dim is None:
        if 3 not in input._shape:
            raise RuntimeError(f"no dimension of size 3 in input, of shape {list(input._shape)}")
        dim = input._shape.index(3)
    if a._shape[a._dim(dim)] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. "
            f"Got {input._shape[input._dim(dim)]} and {other._shape[other._dim(dim)]}"
        )
    return a.roll(-1, dim) * b.roll(-2, dim) - a.roll(-2, dim) * b.roll(-1, dim)
