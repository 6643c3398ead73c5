"""Modules beside PyTorch's, from the same weights: values, gradients, state, text, errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import microgrest as mg

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

RNG = np.random.default_rng(5)
Array = np.ndarray[Any, Any]


def real(*shape: int) -> Array:
    return RNG.normal(size=shape)


def share(*shape: int) -> Array:
    return RNG.uniform(0.05, 0.95, size=shape)


def classes(n: int, *shape: int) -> Array:
    return RNG.integers(0, n, shape)


def signs(*shape: int) -> Array:
    return np.where(RNG.random(shape) < 0.5, -1.0, 1.0)


X = real(4, 3)
IMAGE = real(2, 4, 5, 6)
WEIGHT = np.array([0.5, 1.0, 2.0])
MODULES: dict[str, tuple[Callable[[Any], Any], Sequence[Array]]] = {
    "glu": (lambda lib: lib.nn.GLU(1), [real(3, 4)]),
    "softmax": (lambda lib: lib.nn.Softmax(dim=1), [X]),
    "log_softmax": (lambda lib: lib.nn.LogSoftmax(0), [X]),
    "softmin": (lambda lib: lib.nn.Softmin(dim=-1), [X]),
    "softmax2d": (lambda lib: lib.nn.Softmax2d(), [IMAGE]),
    "cosine": (lambda lib: lib.nn.CosineSimilarity(dim=0), [X, real(4, 3)]),
    "distance": (lambda lib: lib.nn.PairwiseDistance(p=3, keepdim=True), [X, real(4, 3)]),
    "prelu": (lambda lib: lib.nn.PReLU(), [X]),
    "prelu of channels": (lambda lib: lib.nn.PReLU(4, init=0.1), [IMAGE]),
    "bilinear": (lambda lib: lib.nn.Bilinear(3, 2, 5), [X, real(4, 2)]),
    "bilinear without": (lambda lib: lib.nn.Bilinear(3, 2, 5, bias=False), [X, real(4, 2)]),
    "unflatten": (lambda lib: lib.nn.Unflatten(1, (2, 2)), [real(3, 4)]),
    "embedding": (lambda lib: lib.nn.Embedding(5, 3), [classes(5, 2, 4)]),
    "padded": (lambda lib: lib.nn.Embedding(5, 3, padding_idx=-2), [classes(5, 7)]),
    "frequent": (lambda lib: lib.nn.Embedding(5, 3, scale_grad_by_freq=True), [classes(5, 9)]),
    "bag": (lambda lib: lib.nn.EmbeddingBag(5, 3), [classes(5, 2, 4)]),
    "bag sum": (
        lambda lib: lib.nn.EmbeddingBag(5, 3, mode="sum"),
        [classes(5, 6), np.array([0, 2, 2])],
    ),
    "batch": (lambda lib: lib.nn.BatchNorm1d(3), [X]),
    "batch of rows": (lambda lib: lib.nn.BatchNorm1d(4, momentum=None), [real(2, 4, 5)]),
    "batch of images": (lambda lib: lib.nn.BatchNorm2d(4, affine=False), [IMAGE]),
    "batch only": (lambda lib: lib.nn.BatchNorm2d(4, track_running_stats=False), [IMAGE]),
    "batch of volumes": (lambda lib: lib.nn.BatchNorm3d(2, eps=0.1), [real(3, 2, 2, 3, 2)]),
    "layer": (lambda lib: lib.nn.LayerNorm(3), [X]),
    "layers": (lambda lib: lib.nn.LayerNorm([5, 6], bias=False), [IMAGE]),
    "layer plain": (lambda lib: lib.nn.LayerNorm(6, elementwise_affine=False), [IMAGE]),
    "rms": (lambda lib: lib.nn.RMSNorm(6), [IMAGE]),
    "group": (lambda lib: lib.nn.GroupNorm(2, 4), [IMAGE]),
    "group plain": (lambda lib: lib.nn.GroupNorm(4, 4, affine=False), [real(2, 4)]),
    "instance": (lambda lib: lib.nn.InstanceNorm2d(4, affine=True), [IMAGE]),
    "instance tracked": (
        lambda lib: lib.nn.InstanceNorm1d(4, track_running_stats=True),
        [real(3, 4, 5)],
    ),
    "instance alone": (lambda lib: lib.nn.InstanceNorm2d(4), [real(4, 5, 6)]),
    "response": (lambda lib: lib.nn.LocalResponseNorm(3, alpha=0.1), [IMAGE]),
    "constant": (lambda lib: lib.nn.ConstantPad2d((1, 0, 2, 1), 3.5), [IMAGE]),
    "zero": (lambda lib: lib.nn.ZeroPad1d(2), [real(2, 3, 4)]),
    "reflect": (lambda lib: lib.nn.ReflectionPad2d(2), [IMAGE]),
    "replicate": (lambda lib: lib.nn.ReplicationPad3d(1), [real(1, 2, 2, 3, 2)]),
    "circular": (lambda lib: lib.nn.CircularPad1d((2, 1)), [real(2, 3, 4)]),
    "no dropout": (lambda lib: lib.nn.Dropout2d(0.0), [IMAGE]),
    "all dropout": (lambda lib: lib.nn.AlphaDropout(0.0), [X]),
    "l1": (lambda lib: lib.nn.L1Loss(reduction="none"), [X, real(4, 3)]),
    "smooth": (lambda lib: lib.nn.SmoothL1Loss(beta=0.5), [X, real(4, 3)]),
    "huber": (lambda lib: lib.nn.HuberLoss("sum", 0.3), [X, real(4, 3)]),
    "divergence": (lambda lib: lib.nn.KLDivLoss(reduction="batchmean"), [X, share(4, 3)]),
    "bce": (lambda lib: lib.nn.BCELoss(), [share(4, 3), share(4, 3)]),
    "logits": (
        lambda lib: lib.nn.BCEWithLogitsLoss(pos_weight=lib.tensor(WEIGHT)),
        [X, share(4, 3)],
    ),
    "nll": (lambda lib: lib.nn.NLLLoss(lib.tensor(WEIGHT)), [X, classes(3, 4)]),
    "entropy": (lambda lib: lib.nn.CrossEntropyLoss(), [X, classes(3, 4)]),
    "entropy smooth": (
        lambda lib: lib.nn.CrossEntropyLoss(
            lib.tensor(WEIGHT), ignore_index=1, label_smoothing=0.2, reduction="sum"
        ),
        [X, classes(3, 4)],
    ),
    "entropy of shares": (lambda lib: lib.nn.CrossEntropyLoss(), [X, share(4, 3)]),
    "soft margin": (lambda lib: lib.nn.SoftMarginLoss(), [X, signs(4, 3)]),
    "hinge": (lambda lib: lib.nn.HingeEmbeddingLoss(0.5), [X, signs(4, 3)]),
    "ranking": (lambda lib: lib.nn.MarginRankingLoss(0.2), [real(4), real(4), signs(4)]),
    "cosine loss": (lambda lib: lib.nn.CosineEmbeddingLoss(0.1), [X, real(4, 3), signs(4)]),
    "labels": (lambda lib: lib.nn.MultiLabelSoftMarginLoss(), [X, np.round(share(4, 3))]),
    "multi margin": (lambda lib: lib.nn.MultiMarginLoss(p=2), [X, classes(3, 4)]),
    "triplet": (lambda lib: lib.nn.TripletMarginLoss(swap=True), [X, real(4, 3), real(4, 3)]),
    "triplet by distance": (
        lambda lib: lib.nn.TripletMarginWithDistanceLoss(margin=0.5),
        [X, real(4, 3), real(4, 3)],
    ),
    "poisson": (lambda lib: lib.nn.PoissonNLLLoss(full=True), [X, classes(5, 4, 3) + 0.0]),
    "gaussian": (lambda lib: lib.nn.GaussianNLLLoss(), [X, real(4, 3), share(4, 3)]),
}


# They need numbers of tensors: how many batches there were, where bags begin.
REFUSED_IN_STEPS = ("batch of rows", "bag sum")
# PyTorch has a module there, which it names.
OTHER_TEXT = ("triplet by distance",)


def made(name: str) -> tuple[Any, Any]:
    """Both modules, of the same weights."""
    ours, theirs = (MODULES[name][0](lib).double() for lib in (mg, torch))
    state = {key: value.numpy() for key, value in theirs.state_dict().items()}
    ours.load_state_dict({key: mg.from_numpy(np.array(value)) for key, value in state.items()})
    return ours, theirs


def run(lib: Any, module: Any, arrays: Sequence[Array]) -> list[Any]:
    """The result, and the gradients of inputs and parameters of a weighted sum of it."""
    inputs = [lib.tensor(a) for a in arrays]
    for x in inputs[: 1 if "Loss" in type(module).__name__ else None]:
        if x.is_floating_point():
            x.requires_grad_()
    y = module(*inputs)
    (y * lib.arange(y.numel()).reshape(y.shape)).sum().backward() if y.numel() > 1 else y.backward()
    gradients = [x.grad for x in [*inputs, *module.parameters()]]
    return [y.detach(), *gradients, *module.buffers()]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", MODULES)
def test_values_and_gradients(name: str, training: bool) -> None:
    ours, theirs = made(name)
    for _ in range(2):  # running means have moved
        found, wanted = (
            run(lib, module.train(training), MODULES[name][1])
            for lib, module in ((mg, ours), (torch, theirs))
        )
        for x, y in zip(found, wanted, strict=True):
            assert (x is None) == (y is None)
            if x is not None:
                assert tuple(x.shape) == tuple(y.shape)
                np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", MODULES)
def test_text_state_and_beginnings(name: str) -> None:
    ours, theirs = (MODULES[name][0](lib) for lib in (mg, torch))
    assert repr(ours) == repr(theirs) or name in OTHER_TEXT
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for (a, x), (b, y) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert a == b and tuple(x.shape) == tuple(y.shape)
        assert x.requires_grad == y.requires_grad
        drawn = bool((y != y.reshape(-1)[0]).any())
        assert drawn or x.tolist() == y.tolist()


@pytest.mark.parametrize("name", [n for n in MODULES if n not in REFUSED_IN_STEPS])
def test_in_a_step(name: str) -> None:
    """The same numbers from a compiled step as from eager calls."""
    ours, other = made(name)[0], made(name)[0]
    other.load_state_dict(ours.state_dict())
    arrays = [mg.tensor(a) for a in MODULES[name][1]]
    step = mg.compile(lambda module: module(*arrays))
    for _ in range(4):
        np.testing.assert_allclose(
            step(ours).detach().numpy(), other(*arrays).detach().numpy(), rtol=1e-12, atol=1e-14
        )
    for x, y in zip(ours.buffers(), other.buffers(), strict=True):
        np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-12)


def test_embeddings_of_given_rows() -> None:
    for lib in (mg, torch):
        table = lib.nn.Embedding.from_pretrained(lib.ones(3, 2))
        assert not table.weight.requires_grad and table(lib.tensor([1])).tolist() == [[1, 1]]
        assert lib.nn.Embedding(3, 2, padding_idx=1).weight[1].tolist() == [0, 0]


LISTS: list[Callable[[Any], Any]] = [
    lambda nn: nn.ModuleList(),
    lambda nn: nn.ModuleList([nn.Linear(1, 2), nn.Linear(1, 2), nn.ReLU(), nn.Linear(1, 2)]),
    lambda nn: nn.ModuleList([nn.ReLU()]) + nn.ModuleList([nn.Tanh()]),
    lambda nn: nn.ModuleList([nn.ReLU(), nn.Tanh(), nn.Sigmoid()])[1:],
    lambda nn: nn.ModuleList([nn.Sequential(nn.ReLU())] * 2),
    lambda nn: nn.ModuleDict({"a": nn.ReLU(), "b": nn.Linear(1, 1)}),
    lambda nn: nn.ModuleDict([("b", nn.Tanh())]),
]


@pytest.mark.parametrize("make", range(len(LISTS)))
def test_lists_of_modules(make: int) -> None:
    ours, theirs = LISTS[make](mg.nn), LISTS[make](torch.nn)
    assert repr(ours) == repr(theirs) and len(ours) == len(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())


def test_what_lists_do() -> None:
    for lib in (mg, torch):
        nn = lib.nn
        found = nn.ModuleList([nn.ReLU(), nn.Tanh()])
        found.insert(0, nn.Sigmoid())
        found.append(nn.ELU()).extend([nn.GELU()])
        found[1] = nn.SELU()
        del found[-1]
        assert isinstance(found.pop(0), nn.Sigmoid)
        assert [type(m).__name__ for m in found] == ["SELU", "Tanh", "ELU"]
        named = nn.ModuleDict({"a": nn.ReLU()})
        named["b"] = nn.Tanh()
        named.update({"c": nn.ELU()})
        assert list(named) == list(named.keys()) == ["a", "b", "c"] and "b" in named
        assert isinstance(named.pop("a"), nn.ReLU) and len(named) == 2
        own = nn.ParameterList([lib.ones(2)])
        own.append(lib.zeros(1))
        own[0] = lib.ones(3)
        assert [tuple(p.shape) for p in own] == [(3,), (1,)]
        assert all(isinstance(p, nn.Parameter) for p in own)
        both = nn.ParameterDict({"w": lib.ones(2)})
        both["b"] = nn.Parameter(lib.zeros(1))
        assert list(both.keys()) == ["w", "b"] and both.get("x") is None
        assert both.setdefault("w").tolist() == [1, 1] and len(list(both.parameters())) == 2


REFUSED: list[Callable[[Any], Any]] = [
    lambda lib: lib.nn.GroupNorm(2, 3),
    lambda lib: lib.nn.BatchNorm1d(3)(lib.ones(2, 3, 4, 5)),
    lambda lib: lib.nn.BatchNorm2d(3)(lib.ones(2, 3)),
    lambda lib: lib.nn.InstanceNorm1d(3)(lib.ones(3)),
    lambda lib: lib.nn.BatchNorm1d(3)(lib.ones(1, 3)),
    lambda lib: lib.nn.LayerNorm(3)(lib.ones(2)),
    lambda lib: lib.nn.Embedding(3, 2, padding_idx=3),
    lambda lib: lib.nn.Embedding(3, 2, _weight=lib.ones(2, 2)),
    lambda lib: lib.nn.Embedding(3, 2)(lib.tensor([3])),
    lambda lib: lib.nn.Embedding(3, 2)(lib.ones(1)),
    lambda lib: lib.nn.Bilinear(0, 1, 1),
    lambda lib: lib.nn.Unflatten(1, 2),
    lambda lib: lib.nn.Unflatten(1, (2, 1.0)),
    lambda lib: lib.nn.Softmax2d()(lib.ones(2)),
    lambda lib: lib.nn.Dropout2d(1.5),
    lambda lib: lib.nn.CrossEntropyLoss(reduction="x")(lib.ones(1, 2), lib.tensor([0])),
    lambda lib: lib.nn.GaussianNLLLoss(True),
    lambda lib: lib.nn.CrossEntropyLoss(bad=1),
    lambda lib: lib.nn.ModuleList([1]),
    lambda lib: lib.nn.ModuleList([lib.nn.ReLU()])[1],
    lambda lib: lib.nn.ModuleDict({"a": lib.nn.ReLU()})["b"],
    lambda lib: lib.nn.ModuleDict(3),
    lambda lib: lib.nn.ModuleList()(1),
]


@pytest.mark.parametrize("call", range(len(REFUSED)))
def test_what_is_refused(call: int) -> None:
    kinds = []
    for lib in (mg, torch):
        with pytest.raises(Exception) as raised:
            REFUSED[call](lib)
        kinds.append(raised.type)
    assert kinds[0] is kinds[1]


def test_what_is_not_supported_says_so() -> None:
    with pytest.raises(NotImplementedError, match="CTCLoss"):
        mg.nn.CTCLoss()
