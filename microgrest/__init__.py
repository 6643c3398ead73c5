"""microgrest: a PyTorch-compatible micro-autograd on Numba-compiled kernels.

`import microgrest as torch` runs small PyTorch programs unchanged.
"""

from __future__ import annotations

from importlib import import_module
from math import e as e, inf as inf, nan as nan, pi as pi
from typing import TYPE_CHECKING, Any

from . import (
    _checkout,  # noqa: F401 - first of all: it finds microgrest.kernels
    autograd as autograd,
    cuda as cuda,
    interop,  # noqa: F401 - it attaches NumPy's protocol to Tensor
    nn as nn,
    optim as optim,
    return_types as return_types,
)
from .autograd import functional  # noqa: F401 - it attaches `backward`
from .creation import (
    as_tensor as as_tensor,
    empty_like as empty_like,
    from_dlpack as from_dlpack,
    full_like as full_like,
    ones_like as ones_like,
    tensor as tensor,
    tril_indices as tril_indices,
    triu_indices as triu_indices,
    zeros_like as zeros_like,
)
from .cuda import OutOfMemoryError as OutOfMemoryError
from .functions.indexing.picking import argwhere as argwhere
from .functions.joining.rearranging import (
    flip as flip,
    fliplr as fliplr,
    flipud as flipud,
    repeat_interleave as repeat_interleave,
    roll as roll,
    rot90 as rot90,
    tile as tile,
)
from .functions.joining.stacking import (
    atleast_1d as atleast_1d,
    atleast_2d as atleast_2d,
    atleast_3d as atleast_3d,
    broadcast_tensors as broadcast_tensors,
    cartesian_prod as cartesian_prod,
    meshgrid as meshgrid,
)
from .functions.joining.triangles import (
    diag_embed as diag_embed,
    diagflat as diagflat,
    trace as trace,
)
from .functions.outputs import (
    addmm as addmm,
    addmv as addmv,
    addr as addr,
    all as all,
    amax as amax,
    amin as amin,
    aminmax as aminmax,
    any as any,
    arange as arange,
    argmax as argmax,
    argmin as argmin,
    argsort as argsort,
    baddbmm as baddbmm,
    bernoulli as bernoulli,
    bmm as bmm,
    bucketize as bucketize,
    cat as cat,
    column_stack as column_stack,
    concat as concat,
    concatenate as concatenate,
    cross as cross,
    cummax as cummax,
    cummin as cummin,
    cumprod as cumprod,
    cumsum as cumsum,
    diag as diag,
    dot as dot,
    dstack as dstack,
    empty as empty,
    eye as eye,
    full as full,
    gather as gather,
    ger as ger,
    hstack as hstack,
    index_select as index_select,
    inner as inner,
    kron as kron,
    linspace as linspace,
    logcumsumexp as logcumsumexp,
    logspace as logspace,
    masked_select as masked_select,
    matmul as matmul,
    max as max,
    mean as mean,
    min as min,
    mm as mm,
    msort as msort,
    mv as mv,
    nanmean as nanmean,
    nansum as nansum,
    nonzero as nonzero,
    norm as norm,
    normal as normal,
    ones as ones,
    outer as outer,
    prod as prod,
    rand as rand,
    randint as randint,
    randn as randn,
    randperm as randperm,
    row_stack as row_stack,
    stack as stack,
    std as std,
    sum as sum,
    take as take,
    take_along_dim as take_along_dim,
    tensordot as tensordot,
    tril as tril,
    triu as triu,
    var as var,
    vdot as vdot,
    vstack as vstack,
    zeros as zeros,
)
from .functions.pointwise.arithmetic import (
    add as add,
    clamp as clamp,
    clip as clip,
    div as div,
    divide as divide,
    masked_fill as masked_fill,
    nan_to_num as nan_to_num,
    positive as positive,
    pow as pow,
    round as round,
    rsub as rsub,
    sub as sub,
    subtract as subtract,
    threshold as threshold,
    where as where,
)
from .functions.pointwise.dropout import dropout as dropout
from .functions.pointwise.rows import *  # noqa: F403 - one function per row
from .functions.queries import (
    is_floating_point as is_floating_point,
    is_tensor as is_tensor,
    numel as numel,
)
from .functions.reductions.comparing import allclose as allclose, equal as equal, isclose as isclose
from .functions.reductions.folds import count_nonzero as count_nonzero
from .functions.reductions.statistics import (
    dist as dist,
    std_mean as std_mean,
    var_mean as var_mean,
)
from .functions.views.shapes import (
    adjoint as adjoint,
    as_strided as as_strided,
    broadcast_to as broadcast_to,
    diagonal as diagonal,
    flatten as flatten,
    moveaxis as moveaxis,
    movedim as movedim,
    narrow as narrow,
    permute as permute,
    ravel as ravel,
    reshape as reshape,
    select as select,
    squeeze as squeeze,
    swapaxes as swapaxes,
    swapdims as swapdims,
    t as t,
    transpose as transpose,
    unflatten as unflatten,
    unsqueeze as unsqueeze,
)
from .functions.views.splitting import (
    chunk as chunk,
    dsplit as dsplit,
    hsplit as hsplit,
    split as split,
    split_with_sizes as split_with_sizes,
    tensor_split as tensor_split,
    unbind as unbind,
    vsplit as vsplit,
)
from .graph.modes import (
    enable_grad as enable_grad,
    inference_mode as inference_mode,
    is_grad_enabled as is_grad_enabled,
    is_inference_mode_enabled as is_inference_mode_enabled,
    no_grad as no_grad,
    set_grad_enabled as set_grad_enabled,
)
from .interop.printing import set_printoptions as set_printoptions
from .random import (
    Generator as Generator,
    default_generator as default_generator,
    get_rng_state as get_rng_state,
    initial_seed as initial_seed,
    manual_seed as manual_seed,
    rand_like as rand_like,
    randint_like as randint_like,
    randn_like as randn_like,
    seed as seed,
    set_rng_state as set_rng_state,
)
from .tensor import (
    Size as Size,
    Tensor as Tensor,
    values,  # noqa: F401 - it attaches what Python and NumPy ask of a tensor
)
from .tensor.arrays import from_numpy as from_numpy
from .types.device import (
    device as device,
    get_default_device as get_default_device,
    set_default_device as set_default_device,
)
from .types.dtypes import (
    bool_,
    dtype as dtype,
    finfo as finfo,
    float16 as float16,
    float32 as float32,
    float64 as float64,
    get_default_dtype as get_default_dtype,
    iinfo as iinfo,
    int8 as int8,
    int16 as int16,
    int32 as int32,
    int64 as int64,
    promote_types as promote_types,
    set_default_dtype as set_default_dtype,
    uint8 as uint8,
)
from .version import __version__ as __version__

newaxis = None
bool = bool_
short, int, long = int16, int32, int64
half, float, double = float16, float32, float64
cuda.manual_seed = cuda.manual_seed_all = manual_seed

if TYPE_CHECKING:
    from .compiler import compile as compile
    from .own.elementwise import elementwise as elementwise
    from .own.kernel import kernel as kernel

# Where to find what loads when it is first asked for; most programs never do.
_LATER = {
    "compile": ".compiler",
    "elementwise": ".own.elementwise",
    "kernel": ".own.kernel",
}


def __getattr__(name: str) -> Any:
    """What is in modules that load late."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_LATER[name], __name__), name)
    globals()[name] = found
    return found
