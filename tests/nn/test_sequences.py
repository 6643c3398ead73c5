"""Recurrent layers and attention beside their formulas in NumPy, on every device; gradients too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrest as torch
from microgrest import nn

pytestmark = pytest.mark.devices

Array = np.ndarray[Any, Any]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def rnn(x: Array, h: Array, c: Array, a: Array, b: Array) -> tuple[Array, Array]:
    return np.tanh(a + b), c


def lstm(x: Array, h: Array, c: Array, a: Array, b: Array) -> tuple[Array, Array]:
    i, f, g, o = np.split(a + b, 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru(x: Array, h: Array, c: Array, a: Array, b: Array) -> tuple[Array, Array]:
    (r, z, n), (s, y, m) = np.split(a, 3, -1), np.split(b, 3, -1)
    fresh = np.tanh(n + sigmoid(r + s) * m)
    return (1 - sigmoid(z + y)) * fresh + sigmoid(z + y) * h, c


LAYERS: dict[str, Callable[..., tuple[Array, Array]]] = {"RNN": rnn, "LSTM": lstm, "GRU": gru}


def reference(name: str, x: Array, w: list[Array]) -> Array:
    """The outputs for inputs (T, B, features), from states of zeros."""
    h = c = np.zeros((x.shape[1], w[1].shape[1]))
    found = []
    for now in x:
        h, c = LAYERS[name](now, h, c, now @ w[0].T + w[2], h @ w[1].T + w[3])
        found.append(h)
    return np.stack(found)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("shape", [(3, 2, 2), (1, 1, 1)])
def test_formulas(name: str, shape: tuple[int, ...]) -> None:
    module = getattr(nn, name)(shape[2], 3).double()
    x = torch.randn(*shape, dtype=torch.float64)
    weights = [p.detach().cpu().numpy() for p in module.parameters()]
    wanted = reference(name, x.cpu().numpy(), weights)
    found = module(x)[0].detach().cpu().numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("name", LAYERS)
def test_gradients(name: str) -> None:
    module = getattr(nn, name)(2, 2).double()
    x = torch.randn(2, 1, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: module(x)[0], (x,))
    assert torch.autograd.gradgradcheck(lambda x: module(x)[0], (x,))


@pytest.mark.parametrize("name", LAYERS)
def test_recorded_gradients_of_a_layer_that_goes_on_from_itself(name: str) -> None:
    """States and inputs of the second call depend on the weights: they count once."""
    module = getattr(nn, name)(2, 2).double()
    x, weights = torch.randn(3, 1, 2, dtype=torch.float64), list(module.parameters())

    def loss() -> Any:
        y, h = module(x)
        return module(y, h)[0].square().sum()

    plain = torch.autograd.grad(loss(), weights)
    recorded = torch.autograd.grad(loss(), weights, create_graph=True)
    for a, b in zip(plain, recorded, strict=True):
        np.testing.assert_allclose(b.detach().cpu().numpy(), a.cpu().numpy(), rtol=1e-9)


@pytest.mark.parametrize("name", LAYERS)
def test_other_dtypes_are_refused(name: str) -> None:
    module, x, h = getattr(nn, name)(2, 2), torch.zeros(1, 1, 2), torch.zeros(1, 1, 2).double()
    with pytest.raises(RuntimeError, match="one dtype, on one device"):
        module(x, (h, h) if name == "LSTM" else h)
    module.weight_hh_l0 = nn.Parameter(module.weight_hh_l0.detach().double())
    with pytest.raises(RuntimeError, match="one dtype, on one device"):
        module(x)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", LAYERS)
def test_the_way_back_is_that_of_the_steps(name: str, batch: int) -> None:
    """Under create_graph gradients come step by step: of strided inputs, and for some alone."""
    module = getattr(nn, name)(2, 3, bidirectional=True)
    module.weight_hh_l0.requires_grad = module.bias_ih_l0_reverse.requires_grad = False
    x = torch.randn(batch, 2, 6, requires_grad=True).permute(2, 0, 1)
    states = [torch.randn(2, batch, 6, requires_grad=True)[..., ::2] for _ in range(2)]
    y, ends = module(x, tuple(states) if name == "LSTM" else states[0])
    wanted = [x, *states[: 2 if name == "LSTM" else 1]]
    wanted += [p for p in module.parameters() if p.requires_grad]
    loss = (y * y).sum() + sum((e**3).sum() for e in ends)
    once = torch.autograd.grad(loss, wanted, retain_graph=True)
    for a, b in zip(once, torch.autograd.grad(loss, wanted, create_graph=True), strict=True):
        assert a.shape == b.shape and torch.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_weights_that_change_before_the_way_back(name: str) -> None:
    module = getattr(nn, name)(2, 3)
    y = module(torch.randn(4, 2, 2))[0]
    with torch.no_grad():
        module.weight_hh_l0.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_cells_are_steps_of_layers(name: str) -> None:
    layer, cell = getattr(nn, name)(2, 3), getattr(nn, f"{name}Cell")(2, 3)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
    x, states, found = torch.randn(4, 2, 2), None, []
    for now in x.unbind(0):
        states = cell(now, states)
        found.append(states[0] if name == "LSTM" else states)
    assert torch.allclose(torch.stack(found), layer(x)[0], atol=1e-6)


def test_packed_sequences_are_those_alone() -> None:
    module = nn.LSTM(2, 3, 2, bidirectional=True)
    given = [torch.randn(n, 2) for n in (2, 4, 1)]
    packed = nn.utils.rnn.pack_sequence(given, enforce_sorted=False)
    found, states = module(packed)
    for i, (x, y) in enumerate(zip(given, nn.utils.rnn.unpack_sequence(found), strict=True)):
        alone, ends = module(x)
        assert torch.allclose(y, alone, atol=1e-6)
        for s, end in zip(states, ends, strict=True):
            assert torch.allclose(s[:, i], end, atol=1e-6)


def test_attention_by_its_formula() -> None:
    module = nn.MultiheadAttention(4, 1, bias=False)
    x = torch.randn(3, 1, 4)
    mask = nn.Transformer.generate_square_subsequent_mask(3)
    q, k, v = (x[:, 0] @ module.in_proj_weight.t()).chunk(3, -1)
    weights = torch.softmax(q @ k.t() / 2 + mask, -1)
    found, shares = module(x, x, x, attn_mask=mask)
    assert torch.allclose(shares[0], weights, atol=1e-6)
    assert torch.allclose(found[:, 0], weights @ v @ module.out_proj.weight.t(), atol=1e-6)


def test_a_transformer_learns() -> None:
    """A layer of attention learns to give the sequence backwards."""
    torch.manual_seed(0)
    model = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    x = torch.randn(4, 3, 8)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), x.flip(1))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
