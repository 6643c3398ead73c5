"""Calls at the edges of their domains: PyTorch's numbers, dtypes and shapes, or its type of error.

Here are those that random programs found; a difference that they find next belongs here, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgrest as mg

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:dropout2d. Received:UserWarning"),
]

CALLS = """
t([1e-30, 2e-30, 4e-30]).std()
t([1e20, 2e20, 4e20]).std()
t([[1e-30], [2e-30], [4e-30]]).std(0, keepdim=True)
torch.std_mean(t([1e-30, 2e-30, 4e-30]))
torch.arange(24.0).reshape(2, 3, 4).mul(1e-30).std((0, 2))
torch.arange(24.0).reshape(2, 3, 4).mul(1e-30).std((0, 2), keepdim=True)
torch.arange(24.0).reshape(2, 3, 4).var((0, 2), keepdim=True)
slope(lambda x: x.std(), t([1e-30, 2e-30, 4e-30]))
slope(lambda x: x.std((0, 2)), torch.arange(24.0, dtype=torch.float64).reshape(2, 3, 4))
slope(lambda x: x.std(), torch.ones(3))
t([[1e30], [-1e-30], [nan]]).norm(dim=1)
t([[1e200]], dtype=torch.float64).norm(3, 1)
slope(lambda x: x.norm(dim=1), t([[1e30], [-1e-30], [0.0]]))
F.cosine_similarity(t([[-1e30]]), t([[1e30]]))
torch.linalg.slogdet(torch.full((2, 2), nan))
torch.linalg.slogdet(torch.full((2, 2), inf))
torch.linalg.slogdet(t([[1.0, 0.0], [inf, 1.0]]))
torch.linalg.slogdet(t([[inf, 0.0], [0.0, -1.0]]))
torch.linalg.slogdet(torch.zeros(2, 2))
torch.linalg.vander(t(3.0), N=2)
torch.matrix_exp(t([[[-inf]], [[inf]], [[0.5]]]))
torch.gcd(t([4, 0]), t([-(2**63), -(2**63)]))
torch.gcd(t([12], dtype=torch.int8), t([-128], dtype=torch.int8))
t([100, 2, 3], dtype=torch.uint8).cumprod_(0)
t([1, 2, 3], dtype=torch.int8).cumsum_(0)
t([1, 2, 3], dtype=torch.int8).cumsum(0)
t([True, True]).cumsum_(0)
slope(lambda x: (x * 2).mvlgamma_(2), t([1.5, 2.5]))
t([3]).mvlgamma_(1)
t([True]).mvlgamma(1)
torch.scalar_tensor(t([1.0]))
t(-1.0, dtype=torch.float16).clip(t(-2.0), 0.0)
t([-3.0], dtype=torch.float16).clip(-2, t(0.5, dtype=torch.float64))
t([-3, 3]).clip(t(-2.5), 1)
t(3.0, dtype=torch.float16).clip(t(-2.0), t(0.0))
t([-3.0, 1.0], dtype=torch.float16).clamp_(t(-2.0), 0.0)
torch.isclose(t([1.0]), t([1.0]), atol=nan)
torch.from_dlpack(3)
torch.cov(t([[1.0, 2.0], [2.0, 3.0]]), fweights=t([0, 0]))
F.pairwise_distance(t([[1, 2]]), t([[3, 5]]), eps=1)
F.hinge_embedding_loss(t([0.5, 0.2]), t([1, -1]), True)
F.lp_pool1d(t([[0.9, -0.6, 0.1, -0.2]]), inf, 2)
F.lp_pool2d(t([[[0.9, -0.6], [2.0, -3.0]]]), -inf, 2)
F.avg_pool1d(t([[1, 2, 4, -9]]), 3, padding=1)
F.avg_pool1d(t([[1, 2, 4, -9]]), 3, 2, 1, True, False)
F.avg_pool2d(t([[[1, 2, 8], [4, -9, 5], [7, 7, 7]]]), 2, 1, divisor_override=3)
F.avg_pool2d(t([[[2**53 + 1, 2**62], [2**62, -9]]]), (1, 2))
F.avg_pool2d(t([[[1, 2], [4, -9]]], dtype=torch.int32), 2)
F.local_response_norm(t([[[1, 2, 3], [3, 4, 5]]]), 2, alpha=1, beta=1)
F.binary_cross_entropy_with_logits(t([0.5, 2.0]).half(), t([0.5, 0.25]).half(), t([0.5, 0.25]))
F.binary_cross_entropy_with_logits(t([0.5, 2.0]), t([0.5, 0.2]), t([[0.5, 0.2]]))
F.binary_cross_entropy(t([0.5, 0.2]), t([0.5, 0.2]), t([0.5, 0.2]).double())
torch.ones(2, 3).sum(0, keepdim=None)
torch.ones(2, 3).mean(0, None)
torch.ones(2, 3).std(0, keepdim="x")
torch.median(torch.ones(2, 3), 0, keepdim=None)
torch.linalg.cholesky(torch.eye(2), upper=None)
torch.svd(torch.eye(2), some=1.5)
torch.unique(t([1, 2]), return_counts=None)
torch.sort(t([1, 2]), descending=None)
torch.topk(t([1, 2]), 1, largest=None)
torch.isin(t([1, 2]), t([1]), invert=None)
F.max_pool1d(torch.ones(1, 4), 2, ceil_mode=None)
F.dropout(torch.ones(4), training=None)
F.pairwise_distance(torch.ones(1, 4), torch.ones(1, 4), keepdim=None)
torch.linalg.vector_norm(torch.ones(4), keepdim=None)
F.dropout(t([True]), 1.0, True)
F.dropout2d(t([[[3]]]), 1.0, True)
F.dropout3d(t([[[[True]]]]), 0.5, True)
F.alpha_dropout(t([3]), 1.0, True)
F.feature_alpha_dropout(t([[3]]), 0.5, True)
""".strip().splitlines()


def outcome(library: Any, call: str) -> Any:
    """The results of `call` as arrays, or its error."""

    def slope(function: Any, x: Any) -> Any:
        x.requires_grad_()
        return library.autograd.grad(function(x).sum(), x)

    names = {"torch": library, "F": library.nn.functional, "t": library.tensor, "slope": slope}
    try:
        found = eval(call, names | {"nan": np.nan, "inf": np.inf})
    except Exception as error:
        return error
    several = (found,) if isinstance(found, library.Tensor) else tuple(found)
    return [x.detach().numpy() for x in several]


@pytest.mark.parametrize("call", CALLS)
def test_as_pytorch(call: str) -> None:
    got, want = outcome(mg, call), outcome(torch, call)
    if isinstance(want, Exception):
        assert isinstance(got, type(want)), got
        return
    assert not isinstance(got, Exception), got
    for a, b in zip(got, want, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_allclose(a, b, 1e-3 if a.dtype == np.float16 else 1e-6, 0)
