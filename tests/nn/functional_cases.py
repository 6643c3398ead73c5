"""Calls of nn.functional that are no rows' own: for the comparison with PyTorch, and for steps.

A case is a call on a library and differentiable operands; what else it takes it makes by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]


class Case(NamedTuple):
    """call(library, *operands), of operands of these shapes with elements between `ends`."""

    name: str
    call: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...] = ((3, 5),)
    ends: tuple[float, float] = (-2.0, 2.0)
    second: bool = True

    def arrays(self, dtype: str = "float64", seed: int = 0) -> list[Array]:
        """The operands."""
        rng = np.random.default_rng(seed)
        return [np.asarray(rng.uniform(*self.ends, shape), dtype) for shape in self.shapes]


def fixed(lib: Any, values: Any, like: Any = None) -> Any:
    """A tensor of values; floating ones get the type of `like`."""
    made = lib.tensor(values)
    return made.to(like.dtype) if made.is_floating_point() else made


def signs(lib: Any, x: Any) -> Any:
    """1 and -1 in turn, in the shape of x."""
    return fixed(lib, np.where(np.arange(x.numel()) % 3 == 0, -1.0, 1.0).reshape(tuple(x.shape)), x)


def shares(lib: Any, x: Any) -> Any:
    """Numbers in [0, 1], some of them at the ends, in the shape of x."""
    values = np.array([0.0, 1.0, 0.25, 0.6, 0.9])
    return fixed(lib, np.resize(values, tuple(x.shape)), x)


def F(lib: Any) -> Any:
    """The library's functional."""
    return lib.nn.functional


REDUCTIONS = ("none", "mean", "sum")
CLASSES = [1, 4, 0]
IGNORED = [1, -100, 2]
PIXELS = [[[1, 0], [3, -100]], [[2, 2], [0, 1]]]
WEIGHTS = [0.5, 1.5, 2.0, 0.25, 1.0]


def losses() -> Iterator[Case]:
    """Every loss by every reduction."""
    two = ((3, 5), (3, 5))
    for r in REDUCTIONS:
        for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
            yield Case(
                f"{name} {r}", lambda t, x, y, n=name, r=r: getattr(F(t), n)(x, y, reduction=r), two
            )
        yield Case(
            f"smooth_l1 beta {r}",
            lambda t, x, y, r=r: F(t).smooth_l1_loss(x, y, reduction=r, beta=0.5),
            two,
        )
        yield Case(
            f"huber delta {r}",
            lambda t, x, y, r=r: F(t).huber_loss(x, y, r, 0.5, shares(t, x)),
            two,
        )
        yield Case(
            f"bce {r}",
            lambda t, x, r=r: F(t).binary_cross_entropy(x, shares(t, x), reduction=r),
            ends=(0.05, 0.95),
        )
        yield Case(
            f"bce both {r}",
            lambda t, x, y, r=r: F(t).binary_cross_entropy(x, y, shares(t, x), reduction=r),
            two,
            (0.05, 0.95),
        )
        yield Case(
            f"bce logits {r}",
            lambda t, x, r=r: F(t).binary_cross_entropy_with_logits(x, shares(t, x), reduction=r),
        )
        yield Case(
            f"bce logits weights {r}",
            lambda t, x, y, r=r: F(t).binary_cross_entropy_with_logits(
                x, y, shares(t, x), reduction=r, pos_weight=fixed(t, WEIGHTS, x)
            ),
            two,
        )
        for log in (False, True):
            yield Case(
                f"kl_div {log} {r}",
                lambda t, x, y, log=log, r=r: F(t).kl_div(
                    x, y, reduction="batchmean" if r == "mean" else r, log_target=log
                ),
                two,
                (0.1, 2),
            )
        for log in (False, True):
            yield Case(
                f"poisson {log} {r}",
                lambda t, x, y, log=log, r=r: F(t).poisson_nll_loss(x, y, log, True, reduction=r),
                two,
                (0.1, 3),
            )
        yield Case(
            f"gaussian {r}",
            lambda t, x, y, v, r=r: F(t).gaussian_nll_loss(x, y, v, True, reduction=r),
            ((3, 5), (3, 5), (3, 1)),
            (0.1, 3),
        )
        yield Case(
            f"hinge {r}",
            lambda t, x, r=r: F(t).hinge_embedding_loss(x, signs(t, x), 0.7, reduction=r),
        )
        yield Case(
            f"soft_margin {r}",
            lambda t, x, r=r: F(t).soft_margin_loss(x, signs(t, x), reduction=r),
        )
        yield Case(
            f"cosine_embedding {r}",
            lambda t, x, y, r=r: F(t).cosine_embedding_loss(
                x, y, fixed(t, [1, -1, 1]), 0.1, reduction=r
            ),
            two,
        )
        yield Case(
            f"margin_ranking {r}",
            lambda t, x, y, r=r: F(t).margin_ranking_loss(x, y, signs(t, x), 0.3, reduction=r),
            two,
        )
        for p, swap in ((2.0, False), (1.0, True)):
            yield Case(
                f"triplet {p} {swap} {r}",
                lambda t, a, b, c, p=p, s=swap, r=r: F(t).triplet_margin_loss(
                    a, b, c, 1.5, p, swap=s, reduction=r
                ),
                (*two, (3, 5)),
            )
        yield Case(
            f"triplet distance {r}",
            lambda t, a, b, c, r=r: F(t).triplet_margin_with_distance_loss(
                a, b, c, distance_function=lambda u, v: (u - v).abs().sum(-1), reduction=r
            ),
            (*two, (3, 5)),
        )
        yield Case(
            f"multilabel_soft {r}",
            lambda t, x, r=r: F(t).multilabel_soft_margin_loss(
                x, shares(t, x), fixed(t, WEIGHTS, x), reduction=r
            ),
        )
        yield Case(
            f"multilabel_margin {r}",
            lambda t, x, r=r: F(t).multilabel_margin_loss(
                x,
                fixed(t, [[1, 0, -1, 2, 3], [4, -1, -1, -1, -1], [-1, 0, 0, 0, 0]]),
                reduction=r,
            ),
            second=False,
        )
        for p in (1, 2):
            yield Case(
                f"multi_margin {p} {r}",
                lambda t, x, p=p, r=r: F(t).multi_margin_loss(
                    x, fixed(t, CLASSES), p, 0.5, fixed(t, WEIGHTS, x), reduction=r
                ),
                second=False,
            )


def of_classes() -> Iterator[Case]:
    """nll_loss and cross_entropy."""
    for r in REDUCTIONS:
        for target in (CLASSES, IGNORED):
            for weighted in (False, True):

                def options(t: Any, x: Any, w: bool = weighted, r: str = r) -> dict[str, Any]:
                    return {"reduction": r, "weight": fixed(t, WEIGHTS, x) if w else None}

                about = f"{target} {weighted} {r}"
                yield Case(
                    f"nll {about}",
                    lambda t, x, y=target, o=options: F(t).nll_loss(x, fixed(t, y), **o(t, x)),
                )
                for smooth in (0.0, 0.3):
                    yield Case(
                        f"cross_entropy {about} {smooth}",
                        lambda t, x, y=target, o=options, s=smooth: F(t).cross_entropy(
                            x, fixed(t, y), label_smoothing=s, **o(t, x)
                        ),
                    )
        pixels = ((2, 5, 2, 2),)
        yield Case(
            f"nll 4d {r}",
            lambda t, x, r=r: F(t).nll_loss(x, fixed(t, PIXELS), fixed(t, WEIGHTS, x), reduction=r),
            pixels,
        )
        for smooth in (0.0, 0.2):
            yield Case(
                f"cross_entropy 4d {smooth} {r}",
                lambda t, x, r=r, s=smooth: F(t).cross_entropy(
                    x, fixed(t, PIXELS), reduction=r, label_smoothing=s
                ),
                pixels,
            )
            yield Case(
                f"cross_entropy shares 4d {smooth} {r}",
                lambda t, x, y, r=r, s=smooth: F(t).cross_entropy(
                    x, y, fixed(t, WEIGHTS, x), reduction=r, label_smoothing=s
                ),
                (*pixels, *pixels),
                (0.0, 1.0),
            )
        yield Case(
            f"cross_entropy shares {r}",
            lambda t, x, y, r=r: F(t).cross_entropy(x, y, reduction=r),
            ((3, 5), (3, 5)),
            (0.0, 1.0),
        )
        yield Case(
            f"cross_entropy of one {r}",
            lambda t, x, r=r: F(t).cross_entropy(x, fixed(t, 3), reduction=r),
            ((5,),),
        )
        yield Case(
            f"cross_entropy ignoring {r}",
            lambda t, x, r=r: F(t).cross_entropy(x, fixed(t, CLASSES), reduction=r, ignore_index=4),
        )


def layers() -> Iterator[Case]:
    """Softmax, normalization, and what else is no loss."""
    for d in (0, 1, -1):
        for name in ("softmax", "log_softmax", "softmin"):
            yield Case(
                f"{name} {d}", lambda t, x, n=name, d=d: getattr(F(t), n)(x, d), ((3, 5, 2),)
            )
    yield Case("softmax of rows", lambda t, x: t.softmax(x, -1), ((2, 700),))
    yield Case("log_softmax of rows", lambda t, x: x.log_softmax(-1), ((2, 700),))
    yield Case("softmax of a number", lambda t, x: x.softmax(0), ((),))
    yield Case("softmax of columns", lambda t, x: t.softmax(x, 0), ((3, 300),))
    for dim in (0, 1, -1, (0, 2), (0, 1, 2)):
        yield Case(f"logsumexp {dim}", lambda t, x, d=dim: t.logsumexp(x, d), ((3, 4, 2),))
    yield Case("logsumexp keepdim", lambda t, x: x.logsumexp((0, 1), True), ((3, 4, 2),))
    yield Case("logsumexp of a number", lambda t, x: x.logsumexp(0), ((),))
    yield Case("glu", lambda t, x: F(t).glu(x), ((3, 6),))
    yield Case("glu 0", lambda t, x: F(t).glu(x, 0), ((4, 3),))
    yield Case("prelu", lambda t, x, w: F(t).prelu(x, w), ((3, 5), (1,)))
    yield Case("prelu channels", lambda t, x, w: F(t).prelu(x, w), ((3, 5, 2), (5,)))
    yield Case("rrelu", lambda t, x: F(t).rrelu(x, 0.1, 0.3))
    yield Case("logit", lambda t, x: t.logit(x), ends=(0.05, 0.95))
    yield Case("logit eps", lambda t, x: t.logit(x, 0.2), ends=(0.05, 0.95))
    three = ((4, 3, 5),)
    yield Case("layer_norm", lambda t, x: F(t).layer_norm(x, (5,)), three)
    yield Case(
        "layer_norm affine",
        lambda t, x, w, b: F(t).layer_norm(x, (5,), w, b, 1e-3),
        (*three, (5,), (5,)),
    )
    yield Case("layer_norm weight", lambda t, x, w: F(t).layer_norm(x, (5,), w), (*three, (5,)))
    yield Case(  # of which PyTorch has no second derivative
        "layer_norm bias",
        lambda t, x, b: F(t).layer_norm(x, (5,), bias=b),
        (*three, (5,)),
        second=False,
    )
    yield Case(
        "layer_norm of two",
        lambda t, x, w, b: F(t).layer_norm(x, (3, 5), w, b),
        (*three, (3, 5), (3, 5)),
    )
    yield Case("layer_norm long", lambda t, x, w: F(t).layer_norm(x, (600,), w), ((2, 600), (600,)))
    yield Case("rms_norm", lambda t, x, w: F(t).rms_norm(x, (5,), w), (*three, (5,)))
    yield Case("rms_norm eps", lambda t, x: F(t).rms_norm(x, (3, 5), eps=0.1), three)
    yield Case(
        "group_norm",
        lambda t, x, w, b: F(t).group_norm(x, 2, w, b),
        ((2, 4, 3), (4,), (4,)),
    )
    yield Case("group_norm plain", lambda t, x: F(t).group_norm(x, 3), ((2, 6),))

    def batch_norm(t: Any, x: Any, w: Any, b: Any, training: bool = True) -> Any:
        n = x.shape[1]
        mean, var = fixed(t, np.arange(n) / 5.0, x), fixed(t, np.arange(n) / 3.0 + 1, x)
        y = F(t).batch_norm(x, mean, var, w, b, training, 0.2)
        return y + mean.reshape(-1, *[1] * (x.ndim - 2)) * var.sum()

    for shape in ((5, 3), (4, 3, 2), (2, 3, 2, 2)):
        yield Case(f"batch_norm {shape}", batch_norm, (shape, (3,), (3,)))
    yield Case(
        "batch_norm evaluation",
        lambda t, x, w, b: batch_norm(t, x, w, b, False),
        ((4, 3, 2), (3,), (3,)),
    )
    yield Case(
        "batch_norm plain", lambda t, x: F(t).batch_norm(x, None, None, training=True), ((4, 3),)
    )

    def instance_norm(t: Any, x: Any, w: Any, b: Any) -> Any:
        mean, var = fixed(t, [0.1, 0.2, 0.3], x), fixed(t, [1.0, 2.0, 3.0], x)
        y = F(t).instance_norm(x, mean, var, w, b)
        return y + mean.reshape(-1, 1) * var.sum()

    yield Case("instance_norm", instance_norm, ((2, 3, 6), (3,), (3,)))
    yield Case("instance_norm plain", lambda t, x: F(t).instance_norm(x), ((2, 3, 6),))
    yield Case(
        "local_response_norm",
        lambda t, x: F(t).local_response_norm(x, 3, 0.1, 0.7, 2),
        ((2, 5, 3),),
    )
    yield Case("local_response_norm 2", lambda t, x: F(t).local_response_norm(x, 2), ((2, 5, 3),))
    for p in (1, 2, 3.0, math.inf):
        yield Case(f"normalize {p}", lambda t, x, p=p: F(t).normalize(x, p, 1))
    yield Case("normalize all", lambda t, x: F(t).normalize(x, dim=(0, 1)))
    yield Case("cosine", lambda t, x, y: t.cosine_similarity(x, y, -1), ((3, 5), (3, 5)))
    yield Case("cosine broadcast", lambda t, x, y: F(t).cosine_similarity(x, y), ((3, 5), (5,)))
    for p in (1, 2, 3.0):
        yield Case(
            f"pairwise {p}", lambda t, x, y, p=p: F(t).pairwise_distance(x, y, p), ((3, 5), (3, 5))
        )
        # PyTorch's pdist has no second derivative.
        yield Case(f"pdist {p}", lambda t, x, p=p: F(t).pdist(x, p), ((4, 3),), second=False)
    yield Case(
        "pairwise keepdim",
        lambda t, x, y: t.pairwise_distance(x, y, keepdim=True),
        ((3, 5), (5,)),
    )
    yield from tables()
    yield from paddings()
    yield from attentions()


def tables() -> Iterator[Case]:
    """Embeddings and bilinear forms."""
    index = [[1, 0, 2], [2, 2, 3]]
    yield Case("embedding", lambda t, w: F(t).embedding(fixed(t, index), w), ((4, 3),))
    yield Case("embedding of none", lambda t, w: F(t).embedding(t.zeros(0, 2).long(), w), ((4, 3),))
    yield Case(
        "embedding padding",
        lambda t, w: F(t).embedding(fixed(t, index), w, padding_idx=-2),
        ((4, 3),),
    )
    yield Case(
        "embedding by frequency",
        lambda t, w: F(t).embedding(fixed(t, index), w, scale_grad_by_freq=True),
        ((4, 3),),
        second=False,
    )
    for mode in ("sum", "mean", "max"):
        yield Case(
            f"bag {mode}",
            lambda t, w, m=mode: F(t).embedding_bag(fixed(t, index), w, mode=m),
            ((4, 3),),
            second=False,
        )
        yield Case(
            f"bag offsets {mode}",
            lambda t, w, m=mode: F(t).embedding_bag(
                fixed(t, [1, 0, 2, 2, 3]), w, fixed(t, [0, 2, 2]), mode=m, padding_idx=0
            ),
            ((4, 3),),
            second=False,
        )
    yield Case(
        "bag weights",
        lambda t, w, s: F(t).embedding_bag(fixed(t, index), w, mode="sum", per_sample_weights=s),
        ((4, 3), (2, 3)),
        second=False,
    )
    yield Case(
        "bilinear",
        lambda t, a, b, w, c: F(t).bilinear(a, b, w, c),
        ((2, 5, 3), (2, 5, 4), (6, 3, 4), (6,)),
    )
    yield Case(
        "bilinear plain", lambda t, a, b, w: F(t).bilinear(a, b, w), ((5, 3), (5, 4), (6, 3, 4))
    )


def paddings() -> Iterator[Case]:
    """Every mode of pad."""
    for ends in ((1, 2), (0, 1, 2, 0), (-1, 2), (1, -1, -1, 1), (-2, -1)):
        yield Case(f"pad {ends}", lambda t, x, e=ends: F(t).pad(x, e), ((3, 4),))
    yield Case("pad value", lambda t, x: F(t).pad(x, (1, 1, 0, 0, 1, 0), value=2.5), ((2, 3, 4),))
    for mode in ("reflect", "replicate", "circular"):
        for shape, ends in (
            ((3, 5), (2, 1)),
            ((2, 3, 5), (1, 2)),
            ((2, 3, 5), (1, 2, 2, 1)),
            ((2, 2, 3, 4), (1, 2, 2, 1)),
            ((2, 2, 3, 3, 3), (1, 2, 2, 1, 0, 2)),
            ((2, 3, 5), (-1, 2)),
        ):
            yield Case(
                f"{mode} {shape} {ends}", lambda t, x, e=ends, m=mode: F(t).pad(x, e, m), (shape,)
            )


def attentions() -> Iterator[Case]:
    """Scaled dot products."""
    qkv = ((2, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 6))
    mask = [[True, False, True, True, False], [True] * 5, [False, True, False, False, True]]

    def of(t: Any, *given: Any, **options: Any) -> Any:
        return F(t).scaled_dot_product_attention(*given, **options)

    yield Case("attention", of, qkv)
    yield Case("attention scale", lambda t, *x: of(t, *x, scale=0.3), qkv)
    yield Case("attention causal", lambda t, *x: of(t, *x, is_causal=True), qkv)
    yield Case("attention mask", lambda t, *x: of(t, *x, attn_mask=fixed(t, mask)), qkv)
    yield Case("attention added", lambda t, *x: of(t, *x[:3], attn_mask=x[3]), (*qkv, (3, 5)))
    yield Case(
        "attention groups",
        lambda t, *x: of(t, *x, enable_gqa=True),
        ((2, 4, 3, 4), (2, 2, 5, 4), (2, 2, 5, 6)),
    )


CASES = [*losses(), *of_classes(), *layers()]


# Wrong calls: what the message says, and its type


def z(t: Any, *shape: int) -> Any:
    """Zeros."""
    return t.zeros(shape)


def c(t: Any, *values: Any) -> Any:
    """Indices of classes."""
    return t.tensor(list(values), dtype=t.int64)


Wrong = tuple[str, type[Exception], Callable[[Any], Any]]
WRONG: list[Wrong] = [
    ("batch_size", ValueError, lambda t: F(t).nll_loss(z(t, 3, 5), c(t, 1, 2))),
    ("Long or Byte", RuntimeError, lambda t: F(t).nll_loss(z(t, 3, 5), z(t, 3))),
    ("Long or Byte", RuntimeError, lambda t: F(t).nll_loss(z(t, 1, 5), c(t, 1).int())),
    ("7 is out of bounds", IndexError, lambda t: F(t).nll_loss(z(t, 3, 5), c(t, 1, 2, 7))),
    ("-1 is out of bounds", IndexError, lambda t: F(t).nll_loss(z(t, 3, 5), c(t, 1, 2, -1))),
    ("1 or more dimensions", ValueError, lambda t: F(t).nll_loss(z(t), c(t, 1)[0])),
    ("must have size 1", ValueError, lambda t: F(t).nll_loss(z(t, 5), c(t, 1, 2))),
    ("size", RuntimeError, lambda t: F(t).nll_loss(z(t, 2, 5, 3), z(t, 2, 4).long())),
    ("size", RuntimeError, lambda t: F(t).nll_loss(z(t, 2, 5, 2, 3), z(t, 2, 4, 3).long())),
    ("target", RuntimeError, lambda t: F(t).nll_loss(z(t, 3, 5), z(t, 3, 5).long())),
    ("all 5 classes", RuntimeError, lambda t: F(t).nll_loss(z(t, 1, 5), c(t, 1), z(t, 4))),
    ("not implemented", NotImplementedError, lambda t: F(t).nll_loss(z(t, 1, 5).long(), c(t, 1))),
    ("not a valid", ValueError, lambda t: F(t).nll_loss(z(t, 1, 5), c(t, 1), reduction="x")),
    (
        "not differentiable",
        RuntimeError,
        lambda t: F(t).nll_loss(z(t, 1, 5), c(t, 1), t.ones(5).requires_grad_()),
    ),
    ("floating", RuntimeError, lambda t: F(t).cross_entropy(z(t, 2, 5), z(t, 2, 5).long())),
    ("floating", RuntimeError, lambda t: F(t).cross_entropy(z(t, 5), z(t, 5).long())),
    (
        "ignore_index is not",
        RuntimeError,
        lambda t: F(t).cross_entropy(z(t, 3, 5), z(t, 3, 5), ignore_index=2),
    ),
    ("target", RuntimeError, lambda t: F(t).cross_entropy(z(t, 3, 5), z(t, 3, 4))),
    (
        "label_smoothing must be",
        RuntimeError,
        lambda t: F(t).cross_entropy(z(t, 1, 5), c(t, 1), label_smoothing=2),
    ),
    ("9 is out of bounds", IndexError, lambda t: F(t).cross_entropy(z(t, 2, 5), c(t, 0, 9))),
    ("between 0 and 1", RuntimeError, lambda t: F(t).binary_cross_entropy(z(t, 3) + 2, z(t, 3))),
    ("dtype", RuntimeError, lambda t: F(t).binary_cross_entropy(z(t, 3), z(t, 3).double())),
    ("target size", ValueError, lambda t: F(t).binary_cross_entropy(z(t, 3), z(t, 4))),
    (
        "must be the same",
        ValueError,
        lambda t: F(t).binary_cross_entropy_with_logits(z(t, 3), z(t, 4)),
    ),
    (
        "result type",
        RuntimeError,
        lambda t: F(t).binary_cross_entropy_with_logits(z(t, 3), z(t, 3).long()),
    ),
    ("negative values", RuntimeError, lambda t: F(t).smooth_l1_loss(z(t, 3), z(t, 3), beta=-1)),
    ("non-positive", RuntimeError, lambda t: F(t).huber_loss(z(t, 3), z(t, 3), delta=0)),
    ("not a valid", ValueError, lambda t: F(t).l1_loss(z(t, 3), z(t, 3), reduction="x")),
    ("mean", RuntimeError, lambda t: F(t).l1_loss(z(t, 3).long(), z(t, 3).long())),
    (
        "multi-target",
        RuntimeError,
        lambda t: F(t).cosine_embedding_loss(z(t, 3, 2), z(t, 3, 2), z(t, 3, 2)),
    ),
    (
        "1D target tensor expects 2D",
        RuntimeError,
        lambda t: F(t).cosine_embedding_loss(z(t, 3), z(t, 3), z(t, 3)),
    ),
    (
        "same dimension",
        RuntimeError,
        lambda t: F(t).margin_ranking_loss(z(t, 3), z(t, 3, 1), z(t, 3)),
    ),
    (
        "greater than 0",
        ValueError,
        lambda t: F(t).triplet_margin_loss(z(t, 3, 2), z(t, 3, 2), z(t, 3, 2), margin=0),
    ),
    (
        "same number of dim",
        RuntimeError,
        lambda t: F(t).triplet_margin_loss(z(t, 3, 2), z(t, 3, 2), z(t, 2)),
    ),
    ("p == 1", ValueError, lambda t: F(t).multi_margin_loss(z(t, 1, 2), c(t, 0), p=3)),
    ("target", RuntimeError, lambda t: F(t).multi_margin_loss(z(t, 3, 2), c(t, 0, 1))),
    ("target out of range", RuntimeError, lambda t: F(t).multi_margin_loss(z(t, 1, 2), c(t, 2))),
    ("size", RuntimeError, lambda t: F(t).multilabel_margin_loss(z(t, 3, 2), c(t, 1, 1, 1))),
    ("range", RuntimeError, lambda t: F(t).multilabel_margin_loss(z(t, 2), c(t, 5, 5))),
    ("Long", RuntimeError, lambda t: F(t).multilabel_margin_loss(z(t, 2), z(t, 2))),
    ("x is not", ValueError, lambda t: F(t).poisson_nll_loss(z(t, 3), z(t, 3), reduction="x")),
    ("negative entry", ValueError, lambda t: F(t).gaussian_nll_loss(z(t, 3), z(t, 3), z(t, 3) - 1)),
    ("incorrect", ValueError, lambda t: F(t).gaussian_nll_loss(z(t, 3, 4), z(t, 3, 4), z(t, 2))),
    ("Given normalized_shape", RuntimeError, lambda t: F(t).layer_norm(z(t, 3, 4), (3,))),
    ("at least 1-dim", RuntimeError, lambda t: F(t).layer_norm(z(t, 3, 4), ())),
    ("Expected weight", RuntimeError, lambda t: F(t).layer_norm(z(t, 3, 4), (4,), z(t, 3))),
    ("not implemented", NotImplementedError, lambda t: F(t).layer_norm(z(t, 3, 4).long(), (4,))),
    ("int", TypeError, lambda t: F(t).layer_norm(z(t, 3, 4), 4)),
    ("mixed dtype", RuntimeError, lambda t: F(t).layer_norm(z(t, 3, 4), (4,), z(t, 4).double())),
    ("Given normalized_shape", RuntimeError, lambda t: F(t).rms_norm(z(t, 3, 4), (3,))),
    ("divisible by num_groups", RuntimeError, lambda t: F(t).group_norm(z(t, 3, 4), 3)),
    ("zero", ZeroDivisionError, lambda t: F(t).group_norm(z(t, 3, 4), 0)),
    ("at least 2 dim", RuntimeError, lambda t: F(t).group_norm(z(t, 3), 1)),
    ("more than 1 value", ValueError, lambda t: F(t).group_norm(z(t, 1, 4), 4)),
    ("xpected weight", RuntimeError, lambda t: F(t).group_norm(z(t, 2, 4), 2, z(t, 3))),
    (
        "more than 1 value",
        ValueError,
        lambda t: F(t).batch_norm(z(t, 1, 4), None, None, training=True),
    ),
    ("evaluation mode", RuntimeError, lambda t: F(t).batch_norm(z(t, 2, 4), None, None)),
    (
        "running_mean should contain 4",
        RuntimeError,
        lambda t: F(t).batch_norm(z(t, 2, 4), z(t, 3), z(t, 4), training=True),
    ),
    ("out of range", IndexError, lambda t: F(t).batch_norm(z(t, 4), None, None, training=True)),
    ("more than 1 spatial", ValueError, lambda t: F(t).instance_norm(z(t, 2, 4, 1))),
    (
        "to be defined",
        RuntimeError,
        lambda t: F(t).instance_norm(z(t, 2, 4, 3), use_input_stats=False),
    ),
    ("3D or higher", ValueError, lambda t: F(t).local_response_norm(z(t, 2, 4), 2)),
    (
        "floating point",
        RuntimeError,
        lambda t: F(t).cosine_similarity(z(t, 3).long(), z(t, 3).long(), 0),
    ),
    ("size|shape", RuntimeError, lambda t: F(t).cosine_similarity(z(t, 3, 2), z(t, 4, 2))),
    ("2D tensors", RuntimeError, lambda t: F(t).pdist(z(t, 3))),
    ("non-negative", RuntimeError, lambda t: F(t).pdist(z(t, 3, 2), -1)),
    ("floating-point", RuntimeError, lambda t: F(t).pdist(z(t, 3, 2).long())),
    ("Mismatch of parameter", RuntimeError, lambda t: F(t).prelu(z(t, 3, 2), z(t, 3))),
    ("zero-dim", RuntimeError, lambda t: F(t).prelu(z(t), z(t, 3))),
    ("promoting", RuntimeError, lambda t: F(t).prelu(z(t, 3, 2), z(t, 2).double())),
    ("1D tensor", RuntimeError, lambda t: F(t).prelu(z(t, 3, 2), z(t, 2, 1))),
    ("must be Tensor", TypeError, lambda t: F(t).prelu(z(t, 3, 2), 0.1)),
    ("must be even", RuntimeError, lambda t: F(t).glu(z(t, 3))),
    ("scalars", RuntimeError, lambda t: F(t).glu(z(t))),
    ("not implemented", NotImplementedError, lambda t: F(t).glu(z(t, 4).long())),
    ("Lower bound", RuntimeError, lambda t: F(t).rrelu(z(t, 3), 0.5, 0.1)),
    ("out of range", IndexError, lambda t: F(t).embedding(c(t, 5), z(t, 3, 2))),
    ("out of range", IndexError, lambda t: F(t).embedding(c(t, -1), z(t, 3, 2))),
    ("scalar types", RuntimeError, lambda t: F(t).embedding(z(t, 2), z(t, 3, 2))),
    ("must be 2-D", RuntimeError, lambda t: F(t).embedding(c(t, 1), z(t, 3))),
    ("within", AssertionError, lambda t: F(t).embedding(c(t, 1), z(t, 3, 2), padding_idx=3)),
    ("1D Tensor", ValueError, lambda t: F(t).embedding_bag(c(t, 1), z(t, 3, 2))),
    (
        "offsets has to be None",
        ValueError,
        lambda t: F(t).embedding_bag(c(t, 1)[None], z(t, 3, 2), c(t, 0)),
    ),
    ("has to be 0", RuntimeError, lambda t: F(t).embedding_bag(c(t, 1), z(t, 3, 2), c(t, 1))),
    (
        "mode has to",
        ValueError,
        lambda t: F(t).embedding_bag(c(t, 1), z(t, 3, 2), c(t, 0), mode="x"),
    ),
    ("range", RuntimeError, lambda t: F(t).embedding_bag(c(t, 7), z(t, 3, 2), c(t, 0))),
    ("non-negative", RuntimeError, lambda t: F(t).one_hot(c(t, -1, 2))),
    ("smaller than", RuntimeError, lambda t: F(t).one_hot(c(t, 1, 2), 2)),
    ("LongTensor", RuntimeError, lambda t: F(t).one_hot(z(t, 2), 2)),
    ("Can not infer", RuntimeError, lambda t: F(t).one_hot(c(t))),
    ("match", RuntimeError, lambda t: F(t).bilinear(z(t, 2, 3), z(t, 2, 4), z(t, 5, 3, 3))),
    ("must be Tensor", TypeError, lambda t: F(t).linear(z(t, 2, 3), z(t, 4, 3), bias=1.5)),
    ("must be Tensor", TypeError, lambda t: F(t).group_norm(z(t, 2, 4), 2, z(t, 4), 1.5)),
    ("match", RuntimeError, lambda t: F(t).bilinear(z(t, 2, 3), z(t, 3, 4), z(t, 5, 3, 4))),
    ("match", RuntimeError, lambda t: F(t).bilinear(z(t, 2, 3), z(t, 4), z(t, 5, 3, 4))),
    ("divisible by 2", RuntimeError, lambda t: F(t).pad(z(t, 3), (1,))),
    ("less than or equal", RuntimeError, lambda t: F(t).pad(z(t, 3), (1, 1, 1, 1))),
    ("negative", RuntimeError, lambda t: F(t).pad(z(t, 3), (-2, -2))),
    ("supported", NotImplementedError, lambda t: F(t).pad(z(t, 3), (1, 1), "reflect")),
    ("should be less", RuntimeError, lambda t: F(t).pad(z(t, 2, 3), (3, 1), "reflect")),
    ("wrapping around", RuntimeError, lambda t: F(t).pad(z(t, 2, 3), (4, 1), "circular")),
    ("Unrecognised", NotImplementedError, lambda t: F(t).pad(z(t, 2, 3), (1, 1), "x")),
    ("value argument", RuntimeError, lambda t: F(t).pad(z(t, 2, 3), (1, 1), "reflect", 1.0)),
    ("float", TypeError, lambda t: F(t).pad(z(t, 2, 3), (1.5, 1))),
    ("", RuntimeError, lambda t: F(t).pad(z(t, 2, 3), (-2, -1), "replicate")),
    ("between 0 and 1", ValueError, lambda t: F(t).dropout(z(t, 3), 2)),
    ("2D or 3D", RuntimeError, lambda t: F(t).dropout1d(z(t, 3))),
    ("between 0 and 1", ValueError, lambda t: F(t).alpha_dropout(z(t, 3), 2)),
    ("at least 2", RuntimeError, lambda t: F(t).feature_alpha_dropout(z(t, 3), 0.5, True)),
    (
        "same dtype",
        RuntimeError,
        lambda t: F(t).scaled_dot_product_attention(z(t, 2, 3), z(t, 2, 3), z(t, 2, 3).double()),
    ),
    (
        "2 dimensional",
        RuntimeError,
        lambda t: F(t).scaled_dot_product_attention(z(t, 3), z(t, 2, 3), z(t, 2, 3)),
    ),
    (
        "is_causal=True",
        RuntimeError,
        lambda t: F(t).scaled_dot_product_attention(
            *[z(t, 2, 3)] * 3, attn_mask=z(t, 2, 2), is_causal=True
        ),
    ),
    (
        "attn_mask dtype",
        RuntimeError,
        lambda t: F(t).scaled_dot_product_attention(*[z(t, 2, 3)] * 3, attn_mask=z(t, 2, 2).long()),
    ),
    ("not implemented", NotImplementedError, lambda t: t.softmax(z(t, 3).long(), 0)),
    ("out of range", IndexError, lambda t: t.log_softmax(z(t, 3), 1)),
    ("missing", TypeError, lambda t: t.softmax(z(t, 3))),
    ("multiple times", RuntimeError, lambda t: t.logsumexp(z(t, 3), (0, 0))),
]
