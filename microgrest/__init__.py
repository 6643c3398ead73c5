"""microgrest: a PyTorch-compatible micro-autograd on Numba-compiled kernels.

`import microgrest as torch` runs small PyTorch programs unchanged.
"""

from __future__ import annotations

from importlib import import_module
from math import e as e, inf as inf, nan as nan, pi as pi
from typing import TYPE_CHECKING, Any

from . import (
    _checkout,  # noqa: F401 - first of all: it finds microgrest.kernels
    accelerator as accelerator,
    autograd as autograd,
    backends as backends,
    cpu as cpu,
    cuda as cuda,
    interop,  # noqa: F401 - it attaches NumPy's protocol to Tensor
    linalg as linalg,
    mps as mps,
    nn as nn,
    optim as optim,
    return_types as return_types,
    special as special,
    xpu as xpu,
)
from .accelerator import get_device_module as get_device_module
from .autograd.anomaly_mode import (
    is_anomaly_check_nan_enabled as is_anomaly_check_nan_enabled,
    is_anomaly_enabled as is_anomaly_enabled,
)
from .backends import (
    are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled,
    get_float32_matmul_precision as get_float32_matmul_precision,
    get_num_threads as get_num_threads,
    set_default_tensor_type as set_default_tensor_type,
    set_float32_matmul_precision as set_float32_matmul_precision,
    set_flush_denormal as set_flush_denormal,
    set_num_threads as set_num_threads,
    use_deterministic_algorithms as use_deterministic_algorithms,
)
from .creation import (
    CUDA_TYPES,
    TYPES,
    as_tensor as as_tensor,
    asarray as asarray,
    empty_like as empty_like,
    empty_strided as empty_strided,
    from_dlpack as from_dlpack,
    frombuffer as frombuffer,
    full_like as full_like,
    ones_like as ones_like,
    scalar_tensor as scalar_tensor,
    tensor as tensor,
    tril_indices as tril_indices,
    triu_indices as triu_indices,
    zeros_like as zeros_like,
)
from .cuda import OutOfMemoryError as OutOfMemoryError
from .functions.analysis.covariance import corrcoef as corrcoef, cov as cov
from .functions.analysis.differences import (
    cumulative_trapezoid as cumulative_trapezoid,
    gradient as gradient,
    trapezoid as trapezoid,
    trapz as trapz,
)
from .functions.analysis.distances import cdist as cdist
from .functions.checked import OF_TENSORS, of_tensors
from .functions.choosing import combinations as combinations
from .functions.indexing.items import index_put as index_put, index_put_ as index_put_
from .functions.indexing.picking import argwhere as argwhere
from .functions.indexing.placing import masked_scatter as masked_scatter, put as put
from .functions.indexing.slices import index_fill as index_fill
from .functions.indexing.written import (
    as_strided_scatter as as_strided_scatter,
    diagonal_scatter as diagonal_scatter,
    narrow_copy as narrow_copy,
    select_scatter as select_scatter,
    slice_scatter as slice_scatter,
)
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
    block_diag as block_diag,
    diag_embed as diag_embed,
    diagflat as diagflat,
    trace as trace,
)
from .functions.matrices.einsum import einsum as einsum
from .functions.outputs import (
    addbmm as addbmm,
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
    diff as diff,
    dot as dot,
    dstack as dstack,
    empty as empty,
    eye as eye,
    full as full,
    gather as gather,
    ger as ger,
    histc as histc,
    histogram as histogram,
    hstack as hstack,
    index_add as index_add,
    index_copy as index_copy,
    index_reduce as index_reduce,
    index_select as index_select,
    inner as inner,
    kron as kron,
    kthvalue as kthvalue,
    linspace as linspace,
    log_softmax as log_softmax,
    logcumsumexp as logcumsumexp,
    logspace as logspace,
    logsumexp as logsumexp,
    masked_select as masked_select,
    matmul as matmul,
    max as max,
    mean as mean,
    median as median,
    min as min,
    mm as mm,
    mode as mode,
    msort as msort,
    multinomial as multinomial,
    mv as mv,
    nanmean as nanmean,
    nanmedian as nanmedian,
    nanquantile as nanquantile,
    nansum as nansum,
    nonzero as nonzero,
    normal as normal,
    ones as ones,
    outer as outer,
    prod as prod,
    quantile as quantile,
    rand as rand,
    randint as randint,
    randn as randn,
    randperm as randperm,
    row_stack as row_stack,
    scatter as scatter,
    scatter_add as scatter_add,
    scatter_reduce as scatter_reduce,
    softmax as softmax,
    stack as stack,
    std as std,
    sum as sum,
    take as take,
    take_along_dim as take_along_dim,
    tensordot as tensordot,
    topk as topk,
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
    clamp_ as clamp_,
    clip as clip,
    clip_ as clip_,
    clone as clone,
    div as div,
    divide as divide,
    logit as logit,
    logit_ as logit_,
    masked_fill as masked_fill,
    nan_to_num as nan_to_num,
    nan_to_num_ as nan_to_num_,
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
from .functions.pointwise.filling import (
    detach as detach,
    detach_ as detach_,
    fill as fill,
    fill_ as fill_,
    zero_ as zero_,
)
from .functions.pointwise.realness import (
    conj as conj,
    conj_physical as conj_physical,
    imag as imag,
    isreal as isreal,
    real as real,
    resolve_conj as resolve_conj,
    resolve_neg as resolve_neg,
    view_as_real as view_as_real,
)
from .functions.pointwise.rows import *  # noqa: F403 - one function per row
from .functions.pointwise.special import (
    float_power as float_power,
    frexp as frexp,
    ldexp as ldexp,
    ldexp_ as ldexp_,
    mvlgamma as mvlgamma,
    nextafter as nextafter,
    polygamma as polygamma,
)
from .functions.queries import (
    can_cast as can_cast,
    get_device as get_device,
    is_complex as is_complex,
    is_conj as is_conj,
    is_floating_point as is_floating_point,
    is_inference as is_inference,
    is_neg as is_neg,
    is_nonzero as is_nonzero,
    is_same_size as is_same_size,
    is_signed as is_signed,
    is_storage as is_storage,
    is_tensor as is_tensor,
    numel as numel,
    result_type as result_type,
    typename as typename,
)
from .functions.ranking.counting import bincount as bincount
from .functions.ranking.distinct import (
    isin as isin,
    unique as unique,
    unique_consecutive as unique_consecutive,
)
from .functions.reductions.comparing import allclose as allclose, equal as equal, isclose as isclose
from .functions.reductions.folds import count_nonzero as count_nonzero
from .functions.reductions.statistics import (
    dist as dist,
    std_mean as std_mean,
    var_mean as var_mean,
)
from .functions.updates import addmv_ as addmv_
from .functions.views.inplace import as_strided_ as as_strided_, resize_as_ as resize_as_
from .functions.views.shapes import (
    adjoint as adjoint,
    as_strided as as_strided,
    broadcast_shapes as broadcast_shapes,
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
from .functions.windows.convolutions import (
    conv1d as conv1d,
    conv2d as conv2d,
    conv3d as conv3d,
    conv_transpose1d as conv_transpose1d,
    conv_transpose2d as conv_transpose2d,
    conv_transpose3d as conv_transpose3d,
)
from .functions.windows.pixels import (
    channel_shuffle as channel_shuffle,
    pixel_shuffle as pixel_shuffle,
    pixel_unshuffle as pixel_unshuffle,
)
from .functions.windows.pools import (
    adaptive_avg_pool1d as adaptive_avg_pool1d,
    adaptive_max_pool1d as adaptive_max_pool1d,
    avg_pool1d as avg_pool1d,
    max_pool1d as max_pool1d,
    max_pool1d_with_indices as max_pool1d_with_indices,
    max_pool2d as max_pool2d,
    max_pool3d as max_pool3d,
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
from .linalg.elder import (
    chain_matmul as chain_matmul,
    cholesky as cholesky,
    cholesky_inverse as cholesky_inverse,
    cholesky_solve as cholesky_solve,
    det as det,
    frobenius_norm as frobenius_norm,
    geqrf as geqrf,
    inverse as inverse,
    logdet as logdet,
    lu as lu,
    lu_solve as lu_solve,
    lu_unpack as lu_unpack,
    matrix_exp as matrix_exp,
    matrix_power as matrix_power,
    norm as norm,
    nuclear_norm as nuclear_norm,
    orgqr as orgqr,
    pinverse as pinverse,
    qr as qr,
    slogdet as slogdet,
    svd as svd,
    triangular_solve as triangular_solve,
    vander as vander,
)
from .linalg.norms import renorm as renorm
from .nn.operations.dropout import (
    alpha_dropout as alpha_dropout,
    feature_alpha_dropout as feature_alpha_dropout,
)
from .nn.operations.embedding import bilinear as bilinear
from .nn.operations.losses.distances import (
    cosine_similarity as cosine_similarity,
    pairwise_distance as pairwise_distance,
    pdist as pdist,
)
from .nn.operations.normalization import (
    layer_norm as layer_norm,
    rms_norm as rms_norm,
)
from .nn.operations.softmax import prelu as prelu
from .random import (
    Generator as Generator,
    binomial as binomial,
    default_generator as default_generator,
    get_rng_state as get_rng_state,
    initial_seed as initial_seed,
    manual_seed as manual_seed,
    poisson as poisson,
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
from .types.layouts import (
    contiguous_format as contiguous_format,
    layout as layout,
    memory_format as memory_format,
    preserve_format as preserve_format,
    strided as strided,
)
from .version import __version__ as __version__

newaxis = None
bool = bool_
short, int, long = int16, int32, int64
half, float, double = float16, float32, float64
cuda.manual_seed = cuda.manual_seed_all = manual_seed
globals().update(TYPES)  # FloatTensor, LongTensor, ...
for _name in OF_TENSORS:
    globals()[_name] = of_tensors(globals()[_name])
vars(cuda).update(CUDA_TYPES)

if TYPE_CHECKING:
    from . import distributions as distributions, fit as fit, func as func, utils as utils
    from .compiler import compile as compile
    from .func import vmap as vmap
    from .own.elementwise import elementwise as elementwise
    from .own.kernel import kernel as kernel
    from .saving import load as load, save as save

# Where to find what loads when it is first asked for, because most programs never do.
_LATER = {
    "compile": ".compiler",
    "distributions": ".distributions",
    "elementwise": ".own.elementwise",
    "fit": ".fit",
    "func": ".func",
    "kernel": ".own.kernel",
    "load": ".saving",
    "save": ".saving",
    "utils": ".utils",
    "vmap": ".func",
}


def __getattr__(name: str) -> Any:
    """What is in a module that loads late, or is one; AttributeError for all else."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(_LATER[name], __name__)
    found = module if _LATER[name] == f".{name}" else getattr(module, name)
    globals()[name] = found
    return found
