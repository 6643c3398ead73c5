"""The operators of the two tiers, by PyTorch's names for its samples."""

from __future__ import annotations

from typing import Any

TIER_1 = """
add sub mul div true_divide floor_divide remainder fmod neg pow square sqrt rsqrt exp exp2 expm1
log log2 log10 log1p sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh abs sign
sgn floor ceil round trunc frac reciprocal clamp clamp_min clamp_max minimum maximum fmin fmax
where lerp addcmul addcdiv hypot logaddexp logaddexp2 erf erfc erfinv sigmoid logit xlogy sinc
deg2rad rad2deg nan_to_num isnan isinf isfinite isposinf isneginf isclose allclose equal eq ne lt
le gt ge logical_and logical_or logical_xor logical_not bitwise_and bitwise_or bitwise_xor
bitwise_not bitwise_left_shift bitwise_right_shift positive rsub float_power copysign signbit
heaviside nextafter frexp ldexp gcd lcm angle __radd__ __rand__ __rdiv__ __rmatmul__ __rmod__
__rmul__ __ror__ __rpow__ __rsub__ __rxor__ sum mean prod var std var_mean std_mean max min amax
amin aminmax argmax argmin median nanmedian mode norm logsumexp cumsum cumprod cummax cummin
logcumsumexp all any count_nonzero nansum nanmean dist quantile nanquantile reshape reshape_as
view view_as permute transpose t T mT squeeze unsqueeze expand expand_as broadcast_to
broadcast_tensors cat stack hstack vstack dstack column_stack split split_with_sizes chunk
tensor_split hsplit vsplit dsplit unbind flip fliplr flipud roll rot90 repeat repeat_interleave
tile flatten unflatten ravel index_select gather take take_along_dim masked_fill masked_select
__getitem__ select narrow diagonal diag diag_embed diagflat tril triu tril_indices triu_indices
trace movedim contiguous clone fill zero_ atleast_1d atleast_2d atleast_3d meshgrid cartesian_prod
combinations as_strided matmul mm mv dot vdot inner outer bmm baddbmm addmm addmv addr addbmm
einsum tensordot kron cross softmax log_softmax nn.functional.softmin nn.functional.relu
nn.functional.relu6 nn.functional.leaky_relu nn.functional.elu nn.functional.selu
nn.functional.celu nn.functional.gelu nn.functional.silu nn.functional.mish nn.functional.softplus
nn.functional.softsign nn.functional.hardtanh nn.functional.hardsigmoid nn.functional.hardswish
nn.functional.tanhshrink nn.functional.softshrink nn.functional.hardshrink nn.functional.threshold
nn.functional.logsigmoid nn.functional.glu nn.functional.prelu nn.functional.linear
nn.functional.bilinear nn.functional.embedding nn.functional.one_hot nn.functional.layer_norm
nn.functional.group_norm nn.functional.batch_norm nn.functional.instance_norm
nn.functional.rms_norm nn.functional.dropout nn.functional.normalize
nn.functional.cosine_similarity nn.functional.pairwise_distance nn.functional.pad
nn.functional.scaled_dot_product_attention nn.functional.mse_loss nn.functional.l1_loss
nn.functional.smooth_l1_loss nn.functional.huber_loss nn.functional.nll_loss
nn.functional.cross_entropy nn.functional.binary_cross_entropy
nn.functional.binary_cross_entropy_with_logits nn.functional.kl_div nn.functional.poisson_nll_loss
nn.functional.gaussian_nll_loss nn.functional.hinge_embedding_loss
nn.functional.margin_ranking_loss nn.functional.cosine_embedding_loss
nn.functional.triplet_margin_loss
"""
TIER_2 = """
nn.functional.conv1d nn.functional.conv2d nn.functional.conv_transpose1d
nn.functional.conv_transpose2d nn.functional.max_pool1d nn.functional.max_pool2d
nn.functional.avg_pool1d nn.functional.avg_pool2d nn.functional.adaptive_avg_pool1d
nn.functional.adaptive_avg_pool2d nn.functional.adaptive_max_pool1d
nn.functional.adaptive_max_pool2d nn.functional.interpolate nn.functional.pixel_shuffle
nn.functional.pixel_unshuffle nn.functional.unfold nn.functional.max_unpool1d
nn.functional.max_unpool2d nn.functional.upsample_bilinear nn.functional.upsample_nearest
nn.functional.grid_sample nn.functional.pdist nn.functional.multi_margin_loss
nn.functional.multilabel_margin_loss nn.functional.multilabel_soft_margin_loss
nn.functional.soft_margin_loss nn.functional.triplet_margin_with_distance_loss
nn.functional.channel_shuffle nn.functional.local_response_norm nn.functional.ctc_loss
nn.functional.embedding_bag scatter scatter_add scatter_reduce index_add index_put index_copy
index_fill index_reduce put masked_scatter sort argsort msort topk kthvalue unique
unique_consecutive bincount histc histogram searchsorted bucketize nonzero argwhere cdist isin
diff gradient trapezoid trapz cumulative_trapezoid cov corrcoef linalg.norm linalg.vector_norm
linalg.matrix_norm linalg.inv linalg.inv_ex linalg.solve linalg.solve_ex linalg.cholesky
linalg.cholesky_ex cholesky cholesky_solve cholesky_inverse linalg.solve_triangular
triangular_solve linalg.det linalg.slogdet logdet linalg.qr qr linalg.eigh linalg.eigvalsh
linalg.svd linalg.svdvals svd linalg.pinv pinverse linalg.lstsq linalg.matrix_power
linalg.multi_dot linalg.cond linalg.matrix_rank linalg.cross linalg.diagonal linalg.lu
linalg.lu_factor linalg.lu_factor_ex linalg.lu_solve lu lu_solve lu_unpack linalg.tensorinv
linalg.tensorsolve linalg.vander linalg.vecdot linalg.householder_product geqrf matrix_exp lgamma
digamma polygamma mvlgamma i0 special.i0e special.i1 special.i1e special.erfcx special.entr
special.ndtr special.ndtri special.log_ndtr special.xlog1py special.zeta special.polygamma unfold
select_scatter slice_scatter diagonal_scatter as_strided_scatter narrow_copy renorm block_diag
"""
TIERS = {1: {*TIER_1.split()}, 2: {*TIER_2.split()}}
# Whose values are drawn: their shapes alone are compared.
RANDOM = {"nn.functional.dropout", "nn.functional.scaled_dot_product_attention"}
# Which of several equal elements is found is not said: their values alone are compared.
TIES = {"mode", "kthvalue", "topk", "sort", "median", "nanmedian"}
# Samples whose arguments come in another order than users give them, or are made before.
ADAPTED: dict[str, Any] = {
    "where": lambda f: lambda x, condition, y: f(condition, x, y),
    "einsum": lambda f: lambda tensors, equation: f(equation, *tensors),
    "zero_": lambda f: lambda x: f(x.clone()),
    "nn.functional.embedding": lambda f: lambda weight, i, **options: f(i, weight, **options),
    "nn.functional.embedding_bag": lambda f: lambda weight, i, **options: f(i, weight, **options),
    "linalg.lstsq.grad_oriented": lambda f: lambda a, b, driver: f(a, b, driver=driver)[:2],
    "linalg.pinv.singular": lambda f: lambda a, b: f(a @ b.mT),
    "polygamma": lambda f: lambda x, n: f(n, x),
    "special.polygamma": lambda f: lambda x, n: f(n, x),
}
# What differs, and why.
KNOWN = {
    "einsum": "integers that PyTorch adds up before a product become int64, those in one do not",
    "ldexp": "PyTorch's power of two is a float32",
    "as_strided": "samples that are parts of larger tensors are given as they look",
    "nn.functional.hardsigmoid": "PyTorch's constant is a float32",
    "__rdiv__": "Python 2's",
    "cholesky_inverse": "derivatives by the triangle that is read",
    "cholesky_solve": "derivatives by the triangle that is read",
    "as_strided_scatter": "PyTorch's gradient is that of what was overwritten",
    "svd": "signs of vectors",
    "linalg.svd": "signs of vectors",
    "linalg.eigh": "signs of vectors",
    "argsort": "which of several equal elements comes first",
    "linalg.norm.subgradients_at_zero": "second derivatives are 0 there, PyTorch's are NaN",
    # Integers, refused by name.
    "nn.functional.upsample_bilinear": "uint8",
    "nn.functional.interpolate.bilinear": "uint8",
    "nn.functional.interpolate.bicubic": "uint8",
    # Refused by name.
    "nn.functional.grid_sample": "mode bicubic",
    "nn.functional.ctc_loss": "absent",
}
