"""Modules against PyTorch's: names, printed forms, values and gradients, messages."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest

import microgrest
import microgrest.nn

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

MODELS = {
    "linear": lambda nn: nn.Linear(3, 2),
    "no bias": lambda nn: nn.Linear(3, 2, bias=False),
    "cubic": lambda nn: nn.Sequential(nn.Linear(3, 1), nn.Flatten(0, 1)),
    "named": lambda nn: nn.Sequential(OrderedDict(a=nn.Linear(3, 4), b=nn.Tanh())),
    "nested": lambda nn: nn.Sequential(
        nn.Sequential(nn.Linear(3, 5), nn.Sigmoid()), nn.Identity(), nn.Linear(5, 2, bias=False)
    ),
    "empty": lambda nn: nn.Sequential(),
    "activations": lambda nn: nn.Sequential(
        nn.Linear(3, 4),
        nn.Softsign(),
        nn.LogSigmoid(),
        nn.Tanhshrink(),
        nn.ReLU(inplace=True),
        nn.ReLU6(),
        nn.SELU(),
        nn.SiLU(),
        nn.Mish(),
        nn.Hardsigmoid(),
        nn.Hardswish(),
        nn.ELU(0.5),
        nn.CELU(alpha=2.0),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Hardtanh(-2.0, 3.0),
        nn.Threshold(-0.5, 0.25),
        nn.GELU(),
        nn.GELU(approximate="tanh"),
        nn.Softplus(beta=2.0, threshold=5.0),
        nn.Softshrink(0.01),
        nn.Hardshrink(0.01),
    ),
}


def pair(make):
    """The model in both libraries, with the same float64 parameters."""
    ours, theirs = make(microgrest.nn).double(), make(torch.nn).double()
    rng = np.random.default_rng(0)
    values = {k: rng.standard_normal(v.shape) for k, v in theirs.state_dict().items()}
    ours.load_state_dict({k: microgrest.tensor(v) for k, v in values.items()})
    theirs.load_state_dict({k: torch.tensor(v) for k, v in values.items()})
    return ours, theirs


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_names_shapes_and_repr(make):
    ours, theirs = make(microgrest.nn), make(torch.nn)
    assert repr(ours) == repr(theirs)
    assert [n for n, _ in ours.named_modules()] == [n for n, _ in theirs.named_modules()]
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    assert {k: tuple(v.shape) for k, v in ours.state_dict().items()} == {
        k: tuple(v.shape) for k, v in theirs.state_dict().items()
    }


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_values_and_gradients(make):
    ours, theirs = pair(make)
    x = np.random.default_rng(1).standard_normal((6, 3))
    mine = microgrest.tensor(x, requires_grad=True)
    reference = torch.tensor(x, requires_grad=True)
    y, expected = ours(mine), theirs(reference)
    np.testing.assert_allclose(y.detach().numpy(), expected.detach().numpy(), rtol=1e-12)
    (y * y).sum().backward()
    (expected * expected).sum().backward()
    grads = [mine.grad, *(p.grad for p in ours.parameters())]
    theirs_grads = [reference.grad, *(p.grad for p in theirs.parameters())]
    for g, e in zip(grads, theirs_grads, strict=True):
        np.testing.assert_allclose(g.numpy(), e.numpy(), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
def test_mse_loss(reduction, weighted):
    results = []
    x, y, w = np.random.default_rng(2).uniform(0.5, 2, (3, 4, 5))
    for lib in (microgrest, torch):
        input = lib.tensor(x, requires_grad=True)
        weight = lib.tensor(w) if weighted else None
        loss = lib.nn.functional.mse_loss(input, lib.tensor(y), reduction=reduction, weight=weight)
        loss.sum().backward()
        results.append((loss.detach().numpy(), input.grad.numpy()))
    for mine, expected in zip(*results, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-13)


LOSSES = {
    "L1Loss": ({"reduction": "sum"}, ()),
    "MSELoss": ({}, ()),
    "SmoothL1Loss": ({"beta": 0.5}, ()),
    "HuberLoss": ({"delta": 0.5, "reduction": "none"}, ()),
    "KLDivLoss": ({"reduction": "batchmean", "log_target": True}, ()),
    "BCELoss": ({}, ()),
    "BCEWithLogitsLoss": ({}, ()),
    "PoissonNLLLoss": ({"log_input": False}, ()),
    "GaussianNLLLoss": ({"full": True}, (1.5,)),
    "HingeEmbeddingLoss": ({"margin": 0.5}, ()),
    "SoftMarginLoss": ({}, ()),
    "MultiLabelSoftMarginLoss": ({}, ()),
    "NLLLoss": ({"ignore_index": 2}, "classes"),
    "CrossEntropyLoss": ({"label_smoothing": 0.1}, "classes"),
    "MultiMarginLoss": ({"p": 2, "margin": 0.5}, "classes"),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name):
    """Values, printed forms, and buffers of weights."""
    options, more = LOSSES[name]
    results = []
    x, y = np.random.default_rng(2).uniform(0.1, 0.9, (2, 3, 4))
    for lib in (microgrest, torch):
        loss = getattr(lib.nn, name)(**options)
        target = lib.tensor([0, 3, 2]) if more == "classes" else lib.tensor(y)
        given = () if more == "classes" else more
        results.append((loss(lib.tensor(x), target, *given).numpy(), repr(loss)))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-12)
    assert results[0][1] == results[1][1]


def test_weights_of_losses_are_buffers():
    for lib in (microgrest, torch):
        loss = lib.nn.CrossEntropyLoss(lib.tensor([1.0, 2.0])).double()
        assert list(loss.state_dict()) == ["weight"] and loss.weight.dtype is lib.float64
        with pytest.raises(TypeError):
            lib.nn.GaussianNLLLoss(True)


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax", "Softmin", "GLU"])
def test_modules_along_a_dimension(name):
    x = np.random.default_rng(2).normal(size=(3, 4))
    ours, theirs = (getattr(lib.nn, name)(dim=1) for lib in (microgrest, torch))
    assert repr(ours) == repr(theirs)
    np.testing.assert_allclose(
        ours(microgrest.tensor(x)).numpy(), theirs(torch.tensor(x)).numpy(), rtol=1e-12
    )


def load(lib, state, **options):
    values = {k: lib.ones(*shape) for k, shape in state.items()}
    return lib.nn.Linear(2, 3).load_state_dict(values, **options)


@pytest.mark.parametrize(
    "state",
    [
        {"weight": (3, 2)},
        {"weight": (3, 2), "bias": (3,), "extra": (1,), "more": (1,)},
        {"weight": (3, 3), "bias": (2,)},
        {"bias": (2,), "other": (1,)},
    ],
)
def test_load_state_dict_errors(state):
    caught = []
    for lib in (microgrest, torch):
        with pytest.raises(RuntimeError) as error:
            load(lib, state)
        caught.append(str(error.value).replace("microgrest.Size", "torch.Size"))
    assert caught[0] == caught[1]


@pytest.mark.parametrize("state", [{"weight": (3, 2)}, {"weight": (3, 2), "bias": (3,), "x": (1,)}])
def test_load_state_dict_reports(state):
    mine, reference = load(microgrest, state, strict=False), load(torch, state, strict=False)
    assert repr(mine) == repr(reference) and tuple(mine) == tuple(reference)


WRONG = {
    "parameter": lambda lib, m: setattr(m, "weight", "text"),
    "module": lambda lib, m: setattr(m, "child", "text"),
    "attribute": lambda lib, m: m.nothing,
    "forward": lambda lib, m: lib.nn.Module()(1),
    "taken": lambda lib, m: m.register_parameter("forward", None),
    "no module": lambda lib, m: m.add_module("x", 3),
    "submodule": lambda lib, m: m.get_submodule("nothing"),
    "not a module": lambda lib, m: m.get_submodule("weight"),
    "no parameter": lambda lib, m: m.get_parameter("nothing"),
    "train": lambda lib, m: m.train(3),
    "dtype": lambda lib, m: m.to(lib.int64),
    "state": lambda lib, m: m.load_state_dict([]),
    "index": lambda lib, m: lib.nn.Sequential(m)[1],
    "reduction": lambda lib, m: lib.nn.MSELoss(reduction="x")(lib.ones(1), lib.ones(1)),
    "fan": lambda lib, m: lib.nn.init.xavier_uniform_(lib.ones(1)),
    "mode": lambda lib, m: lib.nn.init.kaiming_normal_(m.weight, mode="x"),
    "gain": lambda lib, m: lib.nn.init.calculate_gain("x"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_error(wrong):
    caught = []
    for lib in (microgrest, torch):
        layer = lib.nn.Linear(2, 3)
        layer.child = lib.nn.Tanh()
        with pytest.raises(Exception) as error:
            wrong(lib, layer)
        caught.append((error.type, str(error.value).replace("microgrest.", "torch.")))
    assert caught[0] == caught[1]


@pytest.mark.parametrize(
    "name", ["linear", "conv2d", "sigmoid", "tanh", "relu", "selu", "leaky_relu"]
)
def test_gains(name):
    expected = torch.nn.init.calculate_gain(name)
    assert microgrest.nn.init.calculate_gain(name) == pytest.approx(expected, rel=1e-15)
