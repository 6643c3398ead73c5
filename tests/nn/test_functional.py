"""nn.functional in compiled steps, and what of it has no gradient, or draws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from tests.nn.functional_cases import CASES, Case

F = mg.nn.functional
# Every case is compiled by the slow tests, and one in eight by all.
some = [
    pytest.param(case, marks=() if k % 8 == 0 else pytest.mark.slow, id=case.name)
    for k, case in enumerate(CASES)
]


@pytest.mark.parametrize("case", some)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_steps(case: Case) -> None:
    """A compiled step has eager execution's values and gradients, from other numbers as well."""

    def fn(*operands: Any) -> Any:
        leaves = [x.detach().requires_grad_() for x in operands]
        y = case.call(mg, *leaves)
        return y.detach(), *mg.autograd.grad(y.sum(), leaves, materialize_grads=True)

    if case.name.startswith("bag offsets"):
        pytest.skip("bags of any length depend on values")
    step = mg.compile(fn)
    for seed in range(3):
        operands = [mg.tensor(a) for a in case.arrays("float32", seed)]
        for got, want in zip(step(*operands), fn(*operands), strict=True):
            np.testing.assert_allclose(got.numpy(), want.numpy(), 2e-5, 2e-5)


def test_one_hot() -> None:
    x = mg.tensor([[0, 2], [1, 1]])
    assert F.one_hot(x).tolist() == [[[1, 0, 0], [0, 0, 1]], [[0, 1, 0], [0, 1, 0]]]
    found = F.one_hot(x, 4)
    assert (found.dtype, tuple(found.shape)) == (mg.int64, (2, 2, 4))
    assert tuple(F.one_hot(mg.zeros(0, dtype=mg.int64), 3).shape) == (0, 3)
    assert F.one_hot(mg.tensor(1), 3).tolist() == [0, 1, 0]


def test_embedding_keeps_padding_and_norms() -> None:
    weight = mg.tensor([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]], requires_grad=True)
    F.embedding(mg.tensor([0, 1, 0]), weight, padding_idx=0).sum().backward()
    assert weight.grad.tolist() == [[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]
    rows = F.embedding(mg.tensor([0, 1, 0]), weight, max_norm=1.0)
    np.testing.assert_allclose(rows.detach().numpy(), [[0.6, 0.8], [0.3, 0.4], [0.6, 0.8]], 1e-6)
    np.testing.assert_allclose(weight[2].detach().numpy(), [6, 8])  # which was not looked up
    with pytest.raises(NotImplementedError, match="sparse"):
        F.embedding(mg.tensor([0]), weight, sparse=True)


def test_dropout_of_channels() -> None:
    mg.manual_seed(0)
    cases = (
        (F.dropout1d, (4, 50, 6), 2),
        (F.dropout1d, (200, 6), 1),
        (F.dropout2d, (4, 50, 3, 2), 2),
        (F.dropout3d, (4, 50, 2, 2, 2), 2),
        (F.dropout3d, (200, 2, 2, 2), 1),
    )
    for drop, shape, leading in cases:
        found = drop(mg.ones(shape), 0.25).numpy()
        channels = found.reshape(math.prod(shape[:leading]), -1)
        assert (channels == channels[:, :1]).all()
        assert set(np.unique(channels).tolist()) == {0.0, np.float32(4 / 3)}
        assert 0.6 < (channels[:, 0] != 0).mean() < 0.9
        assert (drop(mg.ones(shape), 0.25, training=False) == 1).all()
        assert (drop(mg.ones(shape), 1.0) == 0).all()
    x = mg.ones(3, 4, 5)
    assert F.dropout1d(x, 0.5, True, True) is x


def test_alpha_dropout_keeps_moments() -> None:
    mg.manual_seed(0)
    x = mg.randn(200, 500)
    found = F.alpha_dropout(x, 0.3, training=True)
    assert abs(found.mean().item()) < 0.02 and abs(found.std().item() - 1) < 0.02
    whole = F.feature_alpha_dropout(mg.ones(20, 30, 4), 0.5, training=True).numpy()
    assert (whole == whole[:, :, :1]).all() and np.unique(whole).size == 2
    assert F.alpha_dropout(x, 0.3) is x
    assert (F.alpha_dropout(x, 1.0, True) == 0).all()


def test_gumbel_softmax() -> None:
    mg.manual_seed(0)
    logits = mg.tensor([0.0, math.log(3.0), -math.inf], requires_grad=True)
    hard = F.gumbel_softmax(logits.expand(4000, 3), hard=True)
    shares = hard.detach().mean(0).tolist()
    assert shares[0] == pytest.approx(0.25, abs=0.03) and shares[2] == 0
    assert (hard.detach().sum(1) - 1).abs().max().item() < 1e-6
    soft = F.gumbel_softmax(mg.zeros(5, 4), tau=0.5)
    assert (soft.sum(-1) - 1).abs().max().item() < 1e-6
    x = mg.zeros(5, 4, requires_grad=True)
    (F.gumbel_softmax(x, hard=True) * mg.arange(4)).sum().backward()
    assert x.grad.abs().sum().item() > 0


def test_rrelu_draws_slopes() -> None:
    mg.manual_seed(0)
    found = F.rrelu(mg.full((1000,), -1.0), 0.2, 0.4, training=True)
    assert -0.4 <= found.min().item() < -0.35 and -0.25 < found.max().item() <= -0.2
    x = mg.tensor([-1.0, 2.0])
    assert F.rrelu(x, 0.2, 0.4, inplace=True) is x
    assert x.tolist() == pytest.approx([-0.3, 2.0])


def test_attention_that_sees_nothing_is_zero() -> None:
    q, v = mg.ones(2, 3, requires_grad=True), mg.ones(4, 3)
    mask = mg.tensor([[True] * 4, [False] * 4])
    found = F.scaled_dot_product_attention(q, v, v, mask)
    assert found.tolist() == [[1.0] * 3, [0.0] * 3]
    found.sum().backward()
    assert not q.grad.isnan().any()


def test_warnings() -> None:
    with pytest.warns(UserWarning, match="Implicit dimension choice for softmax"):
        assert F.softmax(mg.zeros(2, 3)).tolist()[0] == pytest.approx([1 / 3] * 3)
    with pytest.warns(UserWarning, match="batchmean"):
        F.kl_div(mg.zeros(2), mg.ones(2))
    with pytest.warns(UserWarning, match="target size"):
        F.l1_loss(mg.zeros(2, 1), mg.zeros(2))


def test_running_statistics() -> None:
    x = mg.tensor([[1.0, 10.0], [3.0, 30.0]])
    mean, var = mg.zeros(2), mg.ones(2)
    F.batch_norm(x, mean, var, training=True, momentum=0.5)
    assert mean.tolist() == [1.0, 10.0] and var.tolist() == [1.5, 100.5]
    F.batch_norm(x, mean, var)
    assert mean.tolist() == [1.0, 10.0]


def test_edges_that_operators_samples_showed() -> None:
    whole = mg.ones((2, 3), dtype=mg.int32), mg.ones((2, 4), dtype=mg.int32)
    assert F.bilinear(*whole, mg.ones((5, 3, 4), dtype=mg.int32)).dtype is mg.int32
    assert F.batch_norm(mg.zeros(0), None, None, training=True).shape == (0,)
    for loss in (F.multi_margin_loss, F.multilabel_margin_loss):
        assert loss(mg.tensor(0.5), mg.tensor(0)).tolist() == 0
