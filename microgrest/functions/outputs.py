"""The functions beside the rows' own that take PyTorch's `out=`: a tensor that gets the result."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, ParamSpec, Protocol, TypeVar, overload

from .. import creation, random
from ..dispatch.writes import target
from ..tensor import Tensor
from ..types.layouts import without_layout
from .aliases import check_flags, flags_of
from .analysis import differences
from .checked import check_tensors
from .indexing import picking, scattering, slices
from .joining import stacking, triangles
from .matrices import products
from .ranking import counting, drawing, quantiles, selecting, sorting
from .reductions import folds as reductions, scans, softmax as shares, statistics
from .remembered import INSIDE, around

P = ParamSpec("P")
T_co = TypeVar("T_co", covariant=True)


class Into(Protocol[P, T_co]):
    """A function of parameters `P`, and `out`."""

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T_co: ...
    @overload
    def __call__(self, *args: Any, out: Any, **kwargs: Any) -> T_co: ...


def into(
    function: Callable[P, T_co], *, same: bool = False, typed: bool = False, made: bool = False
) -> Into[P, T_co]:
    """`function` with `out`, which is resized where it has another shape.

    It must be of a dtype that holds the result: of the `same` one, or of one that it can be cast to
    within bool, integer, floating-point. Where `typed`, the function computes in that of `out`.
    What is `made` of nothing takes a `layout`, too, of which there is one.
    """
    typed, flags = typed or made, flags_of(function)
    if function in INSIDE:
        return around(partial(into, same=same, typed=typed, made=made), function)

    @wraps(function)
    def called(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        if made and ("layout" in kwargs or "memory_format" in kwargs):
            kwargs = without_layout(kwargs)
        if kwargs and not flags.isdisjoint(kwargs):
            check_flags(function.__name__, flags, kwargs)
        if out is None:
            try:
                return function(*args, **kwargs)
            except AttributeError:
                if not made:
                    check_tensors(function, args, kwargs)
                raise
        if typed and isinstance(out, Tensor):
            kwargs.setdefault("dtype", out.dtype)
        return target.store(function.__name__, out, function(*args, **kwargs), same=same)

    return called


sum = into(reductions.sum, typed=True)
prod = into(reductions.prod, typed=True)
cumsum = into(scans.cumsum, typed=True)
cumprod = into(scans.cumprod, typed=True)
mean = into(reductions.mean)
nansum = into(statistics.nansum)
nanmean = into(statistics.nanmean)
std = into(statistics.std)
var = into(statistics.var)
softmax = into(shares.softmax, same=True)
log_softmax = into(shares.log_softmax, same=True)
logsumexp = into(shares.logsumexp, same=True)
amax = into(reductions.amax, same=True)
amin = into(reductions.amin, same=True)
all = into(reductions.all, same=True)
any = into(reductions.any, same=True)
argmax = into(reductions.argmax, same=True)
argmin = into(reductions.argmin, same=True)
max = into(reductions.max, same=True)
min = into(reductions.min, same=True)
aminmax = into(reductions.aminmax, same=True)
cummax = into(scans.cummax, same=True)
cummin = into(scans.cummin, same=True)
logcumsumexp = into(scans.logcumsumexp, same=True)
argsort = into(sorting.argsort, same=True)
msort = into(sorting.msort, same=True)
bucketize = into(sorting.bucketize, same=True)
topk = into(selecting.topk, same=True)
kthvalue = into(selecting.kthvalue, same=True)
median = into(selecting.median, same=True)
nanmedian = into(selecting.nanmedian, same=True)
mode = into(selecting.mode, same=True)
quantile = into(quantiles.quantile, same=True)
nanquantile = into(quantiles.nanquantile, same=True)
histc = into(counting.histc, same=True)
histogram = into(counting.histogram, same=True)
multinomial = into(drawing.multinomial, same=True)
diff = into(differences.diff, same=True)

mm = into(products.mm, same=True)
bmm = into(products.bmm, same=True)
mv = into(products.mv, same=True)
dot = into(products.dot, same=True)
vdot = into(products.vdot, same=True)
matmul = into(products.matmul, same=True)
inner = into(products.inner, same=True)
tensordot = into(products.tensordot, same=True)
addmm = into(products.addmm, same=True)
addmv = into(products.addmv, same=True)
baddbmm = into(products.baddbmm, same=True)
cross = into(products.cross, same=True)
addbmm = into(products.addbmm, same=True)
addr = into(products.addr)
outer = into(products.outer)
ger = into(products.ger)
kron = into(products.kron)

cat = into(stacking.cat)
concat = into(stacking.concat)
concatenate = into(stacking.concatenate)
stack = into(stacking.stack)
hstack = into(stacking.hstack)
vstack = into(stacking.vstack)
dstack = into(stacking.dstack)
row_stack = into(stacking.row_stack)
column_stack = into(stacking.column_stack)
gather = into(picking.gather, same=True)
index_select = into(picking.index_select, same=True)
masked_select = into(picking.masked_select, same=True)
nonzero = into(picking.nonzero, same=True)
take = into(picking.take, same=True)
take_along_dim = into(picking.take_along_dim, same=True)
scatter = into(scattering.scatter, same=True)
scatter_add = into(scattering.scatter_add, same=True)
scatter_reduce = into(scattering.scatter_reduce, same=True)
index_add = into(slices.index_add, same=True)
index_copy = into(slices.index_copy, same=True)
index_reduce = into(slices.index_reduce, same=True)
diag = into(triangles.diag, same=True)
tril = into(triangles.tril, same=True)
triu = into(triangles.triu, same=True)

arange = into(creation.arange, made=True)
empty = into(creation.empty, made=True)
eye = into(creation.eye, made=True)
full = into(creation.full, made=True)
linspace = into(creation.linspace, made=True)
logspace = into(creation.logspace, made=True)
ones = into(creation.ones, made=True)
zeros = into(creation.zeros, made=True)
rand = into(random.rand, made=True)
randint = into(random.randint, made=True)
randn = into(random.randn, made=True)
randperm = into(random.randperm, made=True)
bernoulli = into(random.bernoulli)
normal = into(random.normal)
