"""What docs/differences.md lists, as the comparison of random programs knows it."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np

from tests.torch_compare.agreement import Array, close

# Results without a definite value, of which everything but the value is compared.
UNDEFINED = re.compile(
    r"\b(rand\w*|empty\w*|new_empty|bernoulli_?|normal_?|uniform_|\w*dropout\d?d?|multinomial|poisson"
    r"|gumbel_softmax|rrelu|exponential_|geometric_|cauchy_|log_normal_"
    r"|topk|kthvalue|(nan)?median|mode)\("  # which of several equal elements is found
    r"|\bunique\(.*dim="  # the order of rows with NaN
    r"|\b(qr|svd|geqrf)\("  # the signs of vectors
)
# PyTorch computes these with constants of float32, whatever the dtype, ...
SINGLE = re.compile(r"\b(celu|hardsigmoid|hardswish|selu|erfinv)_?\b")
# ... and these cancel there: as good as the operands, not as the result.
CANCELS = re.compile(
    r"\b(cross|std_mean|var_mean|tanhshrink|logaddexp2?|sinc|logit|logsigmoid|logcumsumexp|gelu|corrcoef|cov"
    r"|\w*softm(ax|in)|logsumexp|\w*_norm|\w*_loss|binary_cross_entropy\w*|cross_entropy)_?\b"
)
# These add up several elements: as good as the largest of them.
FOLDS = re.compile(
    r"\b(sum|mean|var|std|norm|dist|prod|cumsum|cumprod|matmul|\w*m[mv]|dot|inner|conv\w*|fold"
    r"|(avg|lp)_pool\dd|adaptive_avg_pool\dd|interpolate|upsample\w*"
    r"|\w*softm(ax|in)|logsumexp|\w*_norm|normalize|bilinear|\w*_loss|\w*cross_entropy\w*|kl_div"
    r"|cosine_similarity|pairwise_distance|pdist|scaled_dot_product_attention)\b|@"
)
# Here PyTorch makes NaN of an infinity or NaN that has no part in an element, or by convention.
NOTHING = re.compile(
    r"\b(amax|amin|aminmax|std_mean|var_mean|norm|dist|gelu|nan_to_num|nanmean|nansum|cumprod|prod"
    r"|softsign|copysign|std|pow|remainder|fmod|i0|polygamma|lu|cross_entropy|matrix_exp"
    r"|cholesky_inverse|orgqr|multilabel_soft_margin_loss)_?\b|\*\*|%"
)
# PyTorch's trigamma is right to nine digits, and finite at poles.
POLES = re.compile(r"\b(digamma|polygamma|lgamma|mvlgamma)_?\b")
# Of these, PyTorch's gradient at NaN depends on the element's place, or is a number, or infinite.
PIECEWISE = re.compile(
    r"\b(elu|celu|selu|hardswish|hardshrink|softshrink|hardtanh|relu6|logit|cumprod|var|std|sgn|sign)_?\b"
    r"|\b(var_mean|std_mean)\b"
)
# These square what PyTorch squares in a wider type.
OVERFLOWS = re.compile(r"\b(std|std_mean|norm|dist)\b")
# Computed in the operands' float32, and written as float64.
WIDER = re.compile("out=")
# PyTorch's gradient over an empty list of dimensions is that of one element: infinite, unless the
# correction is another one, which is then said.
MOMENTS = re.compile(r"\b(var|std)\w*\(")
CORRECTED = re.compile(r"\b(var|std)\w*\(.*\(\).*correction=")
# PyTorch takes the logarithm of a float32 variance in float32, whatever the others are.
NARROW = re.compile(r"\bgaussian_nll_loss\b")
# PyTorch adds one to the largest integer.
WRAPS = re.compile(r"\bsoftsign\b")
# The mean of no losses; PyTorch's is whatever was in memory.
NONE = re.compile(r"\bmultilabel_margin_loss\b")
# PyTorch negates this number as an int64.
NEGATES = re.compile(r"sub.*alpha=-2\*\*63")
# PyTorch's write no node.
NO_NODE = re.compile(r"\blogical_\w+_\(")
# The product is not left out.
LEFT_OUT = re.compile(r"addm[mv].*alpha=(False|-?0\b)")
# What PyTorch returns for an input of grad() has not been through that input's hooks, where the
# gradient goes on from there to another input; and views turned in place under no_grad get none.
HOOKED = re.compile(
    r"register_hook(.*\n)*.*grad\(.*\[.*,|(no_grad\(\)|False\)):\n(    .*\n)*    .*"
    r"(\] =|_\()"
)
# A spelling that PyTorch's parser of arguments refuses, though its meaning is clear.
SPELLING = re.compile(
    r"invalid combination of arguments|takes (from \d+ to )?\d+ positional argument"
    r"|must be tuple of ints, not (int|NoneType)|missing \d+ required positional"
    r"|got multiple values|got an unexpected keyword"
)
# PyTorch takes the mean of a single weighed observation off the input itself.
OVERWRITTEN = re.compile(r"\bcov\(.*weights")
REPEATS = "more than one element of the written-to tensor"


class Excuse(NamedTuple):
    """Patterns of two errors, "^$" for none, and of the statement that may end with them."""

    ours: str
    theirs: str
    statement: str = ""

    def fits(self, ours: str, theirs: str, statement: str) -> bool:
        """Whether this allows two errors to differ."""
        pairs = zip(self, (ours, theirs, statement), strict=True)
        return all(re.search(pattern, text) for pattern, text in pairs)


ERRORS = [
    # PyTorch has no gradient of an index that is smaller than the source, or empty.
    Excuse("^$", "must match the size of tensor b", "grad|backward"),
    Excuse("^$", "some elements of the input tensor", "scatter|index_|put"),
    Excuse("Expected|Index has|must be Ten", "Dimension out|some elem", "scatter|index_|put"),
    Excuse("a bool input|one `x` value", "^$", "trap"),
    Excuse(REPEATS, "must be Tensor, not", "index_|put|scatter"),
    Excuse("^$", "a leaf Variable that requires grad|a view of a leaf", r"cov\(.*weights"),
    Excuse("is not implemented for", "^$", "cdist"),
    Excuse("^$", "too many indices for tensor of dimension 0", "index_put"),
    Excuse("is not implemented for 'bool'|to have non-zero", "^$", "median|kthvalue"),
    # Fewer operands are saved, and more derivatives are there.
    Excuse("^$", "modified by an inplace operation|backward through the graph a second time"),
    Excuse("^$", "derivative for .* is not implemented|Autograd not support dtype"),
    Excuse("^$", "is not differentiable with respect to argument", "_loss|binary_cross_entropy"),
    Excuse("^$", "not implemented for '(Half|Bool)'", "pdist|ldexp|clamp_m"),
    Excuse("Low precision", "^$", "matrix_exp"),
    Excuse("rand_like|is not implemented for 'bool'", "^$", "gumbel_softmax|bucketize"),
    Excuse("derivative for .* is not implemented", "^$", "floor_divide_|//=|heaviside_|geqrf"),
    Excuse("columns of Q beyond A's are not determined", "^$", "qr"),
    Excuse("is not implemented for 'float16'", "^$", "nextafter"),
    # Matrices without elements are checked like all others.
    Excuse(
        "Low precision|batches of square|Expected a floating", "^$", "lu|cholesky|qr|svd|inverse"
    ),
    Excuse("^$", "can't replace a None gradient|'NoneType'", "grad|backward"),
    Excuse("^$", "a bool tensor is not supported", "grad|backward"),
    Excuse("^$", "doesn't match the broadcast shape", "grad|backward"),
    Excuse("^$", "detached in-place|invalid gradient at index"),
    Excuse("backward through the graph a second time", "^$", "tri[lu]"),
    Excuse("^$", "Expected a proper Tensor but got None|ZeroTensors are immutable"),
    # Views made under no_grad: of a leaf that was made of a view, and of gradients.
    Excuse("A view was created in no_grad mode", "^$"),
    Excuse("^$", "A view was created in no_grad mode"),
    # kron of what was overwritten: PyTorch uses the new values.
    Excuse("modified by an inplace operation", "^$", "kron"),
    # Outputs of split and unbind may be written to; expanded memory may not be by masks and such.
    Excuse("^$", "is a view and is being modified inplace"),
    Excuse(REPEATS, "^$", r"\] .?=|index_put_|masked_fill_|zero_|fill_"),
    # Of several errors in one statement another may be found first.
    Excuse("..", r"argument '\w+' .*must be .*, not (Tensor|bool)"),
    Excuse("derivative for .* is not implemented", "item assignment", "//="),
    Excuse(
        "out of bounds|could not be broadcast",
        "a (view of a )?leaf Variable that requires grad",
        r"\] =|index_put_",
    ),
    Excuse("Dimension out of range", "expects `chunks` to be greater than 0|length must be"),
    Excuse("appears to not have been used", "'NoneType' object has no attribute", "grad"),
    Excuse(
        "out of bounds|out of range",
        "shape mismatch|must match the size|dtypes match|overflow|some elements",
    ),
    Excuse("index out of range in self", "INDICES element is out of DATA bounds"),
    Excuse("some elements of the input tensor", "^$", r"\] ="),
    Excuse("^$", "a leaf Variable that requires grad", r"\] .="),
    Excuse("Can't detach views", "^$"),
    Excuse("out of bounds", "^$", "take_along_dim"),
    Excuse("length must be non-negative", "start out of range", "narrow_copy"),
    Excuse("^$", "view size is not compatible|is out of bounds|no dimensions", "take_along|kron"),
    Excuse("^$", "result type .* can't be cast", "grad|backward"),
    Excuse("must be a .-D tensor", "Dimension"),
    Excuse("used as indices must be|shape of the mask|tensor of at least|not iterable", "."),
    Excuse("'tuple' object does not support", "."),
    Excuse("^$", "Index put requires", "index_put"),
    Excuse("^$", "masked_fill_ only supports boolean masks", r"\] ="),
    Excuse("^$", "setStorage|expected to contain only concrete integers"),
    # Images of too few dimensions, and those without elements.
    Excuse(
        "^(Expected|.*pool.d.*: [Ee]xpected|It is)", "ndex out of range|Dimension out", "pool|fold"
    ),
    Excuse("kernel size and stride should be greater", "Dimension (out|specified)", "pool"),
    Excuse("Expected 1 or more dimensions", "Dimension specified as", "cross_entropy"),
    Excuse("beyond the 64 bits", "a view of a leaf", "exponential_"),
    Excuse("must have at least 2 dimensions", "^$", "cholesky"),
    Excuse("`dim` is empty", "^$", "logsumexp"),
    Excuse("^$", "should be convertible without narrowing", "norm"),
    Excuse("must either be a single int", "index out of range|unpack", "pool"),
    Excuse("Expected .D or .D", "^$", "adaptive_avg_pool|adaptive_max_pool1d"),
    Excuse("expected shape of indices", "output_size", "max_unpool"),
    Excuse("a window has no element", "^$", "max_pool"),
    # dtypes without a kernel, on either side.
    Excuse("^$", '"(tril_indices|triu_indices|randperm|cross|abs_cpu)" not implemented'),
    # Tensors without elements are checked like all others.
    Excuse("Dimension out of range", "^$", "cum(max|min)"),
    Excuse("to have the same dtype", "^$", r"@|mm|mul|dot"),
    Excuse("has changed the size of value", "^$"),
    Excuse(REPEATS, "^$", "tri[lu]_"),
    # PyTorch writes the bools of these to leaves that require grad, and draws bools by these.
    Excuse("a leaf Variable that requires grad", "^$", "logical_"),
    Excuse("of a continuous distribution", "^$", "exponential_|cauchy_"),
    # out=
    Excuse("^$", "Found dtype .* but expected", "out="),
    Excuse(
        "^$", "some elements of the input tensor and the written-to tensor", r"out=|\[None|\] ="
    ),
    # A dtype without a kernel is refused where there is no element, too.
    Excuse("not implemented for", "^$", r"@|\bb?mm|mul|dot|pow|\*\*|cum|inner|space"),
    Excuse("floating-point (type|numbers|tensors)", "^$", "rand|normal|bernoulli|dropout"),
    # Numbers beyond the range of float16.
    Excuse("without overflow|^$", "without overflow|^$", r"full|fill|clamp|clip|shrink|\] ="),
    Excuse("^$", "Overflow when unpacking long long", r"\] = .*2\*\*"),
    Excuse("beyond the 64 bits|too big", "^$", r"2\*\*(6[34]|70)"),
    # What does not fit is refused with its sizes, before a dimension is looked for.
    Excuse("do not match a weight of shape", "Dimension specified as", "bilinear"),
    Excuse("expected 4D or 5D input and grid", "Dimension specified as", "grid_sample"),
    Excuse("lp_pool|stride should not be zero", "not enough values to unpack", "lp_pool"),
    Excuse("a bool tensor is not supported", "^$", "smooth_l1_loss"),
    Excuse("^$", "Can't detach views in-place", "detach_"),
    # NumPy's, where kernels run as plain Python: compiled, they wrap, as PyTorch's do.
    Excuse("Python integer .* out of bounds", "^$"),
]


def excused_errors(ours: Exception | None, theirs: Exception | None, text: str) -> bool:
    """Whether two errors, or an error and none, are a known difference of what `text` does."""
    words = ["" if e is None else str(e) for e in (ours, theirs)]
    return any(excuse.fits(*words, text) for excuse in ERRORS)


def excused_values(got: Array, want: Array, text: str) -> Array:
    """Where other floats than PyTorch's may come of what `text` does."""
    eps = float(np.finfo(want.dtype).eps)
    largest = np.max(np.abs(want[np.isfinite(want)]).astype(float), initial=0)
    nan = np.isnan(got)
    # A tensor of one element is rounded to float16 before it is used.
    half = (want.dtype == np.float16) & nan & (want == 0)
    allowed: list[tuple[re.Pattern[str], Any]] = [
        (CANCELS, close(got, want, 16 * eps * np.maximum(np.abs(want), 1))),
        (POLES, np.isinf(got) | close(got, want, 1e-6 * np.maximum(np.abs(want), 1))),
        (SINGLE, close(got, want, 1e-6 * np.maximum(np.abs(want), 1))),
        (FOLDS, close(got, want, 16 * eps * largest)),
        (PIECEWISE, nan | (want == 0)),
        (NOTHING, np.isnan(want)),
        (OVERFLOWS, np.isinf(got) & np.isfinite(want)),
        (MOMENTS, np.isinf(want)),
        (CORRECTED, True),
        (WRAPS, (np.abs(want) == 1) | close(-got, want, eps)),
        (NARROW, close(got, want, 1e-6 * np.maximum(largest, 1))),
        (WIDER, close(got, want, 2e-6 * np.abs(want))),
        (LEFT_OUT, nan),
        (NO_NODE, True),
        (NEGATES, close(-got, want, 0.0)),
        (HOOKED, True),
        (NONE, nan),
        (OVERWRITTEN, True),
    ]
    found = np.asarray(half)
    for pattern, where in allowed:
        if pattern.search(text):
            found = found | where
    return found
