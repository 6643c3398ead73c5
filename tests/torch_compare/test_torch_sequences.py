"""Recurrent layers, attention and transformers beside PyTorch's, from the same weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

import microgrest as mg

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

RNG = np.random.default_rng(11)
Array = np.ndarray[Any, Any]
Call = Callable[[Any, Any, Sequence[Any]], Any]


def real(*shape: int) -> Array:
    return RNG.normal(size=shape)


def plain(lib: Any, module: Any, inputs: Sequence[Any]) -> Any:
    return module(*inputs)


def with_states(lib: Any, module: Any, inputs: Sequence[Any]) -> Any:
    x, *states = inputs
    return module(x, tuple(states) if len(states) > 1 else states[0])


def packed(lengths: Sequence[int], states: int = 0, **options: Any) -> Call:
    """The module called with what is packed of its input, and unpacked again."""

    def call(lib: Any, module: Any, inputs: Sequence[Any]) -> Any:
        rnn = lib.nn.utils.rnn
        x = rnn.pack_padded_sequence(inputs[0], lengths, **options)
        given = inputs[1] if states == 1 else tuple(inputs[1:])
        y, last = module(x, given) if states else module(x)
        back = {"batch_first": options.get("batch_first", False)}
        return rnn.pad_packed_sequence(y, **back)[0], y.data, last

    return call


X = real(5, 3, 2)
MASK = np.triu(np.ones((3, 3), bool), 1)
PADDED = np.array([[False, False, False], [False, False, True]])
SUM = np.where(MASK, -np.inf, 0.5)


def attending(**options: Any) -> Call:
    def call(lib: Any, module: Any, inputs: Sequence[Any]) -> Any:
        made = {k: lib.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        q, k, v = inputs if len(inputs) == 3 else inputs * 3
        return [t for t in module(q, k, v, **made) if t is not None]

    return call


def masked(*names: str, **options: Any) -> Call:
    def call(lib: Any, module: Any, inputs: Sequence[Any]) -> Any:
        made = {k: lib.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        return module(*inputs, **made)

    return call


def layer(lib: Any, kind: str = "Encoder", **options: Any) -> Any:
    make = getattr(lib.nn, f"Transformer{kind}Layer")
    return make(4, 2, 6, dropout=0.0, **options)


def stack(lib: Any, kind: str, norm: bool = True) -> Any:
    make = getattr(lib.nn, f"Transformer{kind}")
    return make(layer(lib, kind), 2, lib.nn.LayerNorm(4) if norm else None)


CASES: dict[str, tuple[Callable[[Any], Any], Sequence[Array], Call]] = {
    "rnn": (lambda lib: lib.nn.RNN(2, 4), [X], plain),
    "rnn relu": (lambda lib: lib.nn.RNN(2, 4, 2, "relu"), [X, real(2, 3, 4)], with_states),
    "rnn both": (lambda lib: lib.nn.RNN(2, 4, 2, bidirectional=True), [X], plain),
    "rnn one": (lambda lib: lib.nn.RNN(2, 1), [real(1, 1, 2)], plain),
    "rnn no batch": (lambda lib: lib.nn.RNN(2, 4, bias=False), [real(5, 2)], plain),
    "rnn alone": (lambda lib: lib.nn.RNN(2, 4), [real(5, 2), real(1, 4)], with_states),
    "rnn alone first": (lambda lib: lib.nn.RNN(2, 4, batch_first=True), [real(5, 2)], plain),
    "lstm": (lambda lib: lib.nn.LSTM(2, 4), [X], plain),
    "lstm no bias": (lambda lib: lib.nn.LSTM(2, 4, 2, bias=False), [X], plain),
    "lstm first": (
        lambda lib: lib.nn.LSTM(2, 4, batch_first=True, bidirectional=True),
        [X, real(2, 5, 4), real(2, 5, 4)],
        with_states,
    ),
    "lstm alone": (
        lambda lib: lib.nn.LSTM(2, 4),
        [real(5, 2), real(1, 4), real(1, 4)],
        with_states,
    ),
    "lstm projected": (
        lambda lib: lib.nn.LSTM(2, 4, 2, proj_size=3, bidirectional=True),
        [X, real(4, 3, 3), real(4, 3, 4)],
        with_states,
    ),
    "lstm projected plain": (lambda lib: lib.nn.LSTM(2, 4, bias=False, proj_size=1), [X], plain),
    "lstm transposed": (
        lambda lib: lib.nn.LSTM(2, 4),
        [X],
        lambda lib, module, inputs: module(inputs[0].transpose(0, 1)),
    ),
    "gru": (lambda lib: lib.nn.GRU(2, 4), [X], plain),
    "gru no bias": (lambda lib: lib.nn.GRU(2, 4, bias=False), [X], plain),
    "gru deep": (
        lambda lib: lib.nn.GRU(2, 4, 3, batch_first=True, bidirectional=True),
        [X, real(6, 5, 4)],
        with_states,
    ),
    "rnn cell": (lambda lib: lib.nn.RNNCell(2, 4), [real(3, 2)], plain),
    "rnn cell relu": (
        lambda lib: lib.nn.RNNCell(2, 4, bias=False, nonlinearity="relu"),
        [real(2), real(4)],
        with_states,
    ),
    "lstm cell": (lambda lib: lib.nn.LSTMCell(2, 4), [real(3, 2)], plain),
    "lstm cell states": (
        lambda lib: lib.nn.LSTMCell(2, 4, bias=False),
        [real(2), real(4), real(4)],
        with_states,
    ),
    "gru cell": (lambda lib: lib.nn.GRUCell(2, 4), [real(3, 2), real(3, 4)], with_states),
    "gru cell alone": (lambda lib: lib.nn.GRUCell(2, 4), [real(2)], plain),
    "packed rnn": (lambda lib: lib.nn.RNN(2, 4), [X], packed([5, 5, 2])),
    "packed lstm": (
        lambda lib: lib.nn.LSTM(2, 4, 2, bidirectional=True, proj_size=2),
        [X],
        packed([4, 2, 1]),
    ),
    "packed states": (
        lambda lib: lib.nn.LSTM(2, 4, bidirectional=True),
        [X, real(2, 3, 4), real(2, 3, 4)],
        packed([2, 5, 3], states=2, enforce_sorted=False),
    ),
    "packed gru": (
        lambda lib: lib.nn.GRU(2, 4, 2, bidirectional=True),
        [X, real(4, 5, 4)],
        packed([1, 3, 3, 2, 1], states=1, batch_first=True, enforce_sorted=False),
    ),
    "attention": (lambda lib: lib.nn.MultiheadAttention(4, 2), [real(3, 2, 4)], attending()),
    "attention of three": (
        lambda lib: lib.nn.MultiheadAttention(4, 2, bias=False),
        [real(2, 2, 4), real(3, 2, 4), real(3, 2, 4)],
        attending(average_attn_weights=False),
    ),
    "attention alone": (
        lambda lib: lib.nn.MultiheadAttention(4, 1, batch_first=True),
        [real(3, 4)],
        attending(attn_mask=MASK),
    ),
    "attention quick": (
        lambda lib: lib.nn.MultiheadAttention(4, 2, batch_first=True),
        [real(2, 3, 4)],
        attending(need_weights=False, attn_mask=SUM, is_causal=False),
    ),
    "attention causal": (
        lambda lib: lib.nn.MultiheadAttention(4, 2),
        [real(3, 2, 4)],
        attending(need_weights=False, attn_mask=MASK, is_causal=True),
    ),
    "attention padded": (
        lambda lib: lib.nn.MultiheadAttention(4, 2),
        [real(3, 2, 4)],
        attending(key_padding_mask=PADDED, attn_mask=MASK),
    ),
    "attention of heads": (
        lambda lib: lib.nn.MultiheadAttention(4, 2),
        [real(3, 2, 4)],
        attending(key_padding_mask=PADDED * 0.5, attn_mask=real(4, 3, 3)),
    ),
    "attention with more": (
        lambda lib: lib.nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True),
        [real(3, 2, 4)],
        attending(key_padding_mask=PADDED, attn_mask=MASK, need_weights=False),
    ),
    "attention of sizes": (
        lambda lib: lib.nn.MultiheadAttention(4, 2, kdim=3, vdim=5, add_bias_kv=True),
        [real(2, 2, 4), real(3, 2, 3), real(3, 2, 5)],
        attending(),
    ),
    "attention to one": (
        lambda lib: lib.nn.MultiheadAttention(4, 4),
        [real(1, 1, 4)],
        attending(),
    ),
    "encoder layer": (layer, [real(3, 2, 4)], plain),
    "encoder layer first": (
        lambda lib: layer(lib, norm_first=True, batch_first=True, activation="gelu"),
        [real(2, 3, 4)],
        masked(src_mask=MASK, src_key_padding_mask=PADDED),
    ),
    "encoder layer plain": (
        lambda lib: layer(lib, bias=False, activation=lib.tanh, layer_norm_eps=0.1),
        [real(3, 4)],
        masked(src_mask=SUM, is_causal=True),
    ),
    "decoder layer": (lambda lib: layer(lib, "Decoder"), [real(2, 2, 4), real(3, 2, 4)], plain),
    "decoder layer first": (
        lambda lib: layer(lib, "Decoder", norm_first=True, bias=False),
        [real(3, 2, 4), real(3, 2, 4)],
        masked(tgt_mask=MASK, tgt_is_causal=True, memory_key_padding_mask=PADDED),
    ),
    "encoder": (
        lambda lib: stack(lib, "Encoder"),
        [real(3, 2, 4)],
        masked(mask=MASK, src_key_padding_mask=PADDED),
    ),
    "decoder": (
        lambda lib: stack(lib, "Decoder", norm=False),
        [real(3, 2, 4), real(3, 2, 4)],
        masked(tgt_mask=SUM, memory_mask=MASK, tgt_key_padding_mask=PADDED * 1.0),
    ),
    "transformer": (
        lambda lib: lib.nn.Transformer(4, 2, 1, 2, 6, 0.0, "gelu", batch_first=True),
        [real(2, 3, 4), real(2, 3, 4)],
        masked(tgt_mask=MASK, tgt_is_causal=True, src_key_padding_mask=PADDED),
    ),
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """PyTorch warns of its nested tensors, which are none of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def flat(found: Any) -> list[Any]:
    """The tensors in what a module gave."""
    if isinstance(found, (list, tuple)):
        return [t for part in found for t in flat(part)]
    return [found]


def made(name: str) -> tuple[Any, Any]:
    """Both modules, of the same weights, which are none of the start."""
    ours, theirs = (CASES[name][0](lib).double() for lib in (mg, torch))
    rng = np.random.default_rng(3)
    state = {key: rng.normal(size=tuple(t.shape)) for key, t in theirs.state_dict().items()}
    for lib, module in ((mg, ours), (torch, theirs)):
        module.load_state_dict({key: lib.tensor(value) for key, value in state.items()})
    return ours, theirs


def run(lib: Any, name: str, module: Any) -> list[Any]:
    """The results, and the gradients of inputs and parameters of a weighted sum of them."""
    inputs = [lib.tensor(a, requires_grad=True) for a in CASES[name][1]]
    found = flat(CASES[name][2](lib, module, inputs))
    total = sum((y * lib.arange(1, y.numel() + 1).reshape(y.shape)).sum() for y in found)
    total.backward()
    return [*[y.detach() for y in found], *[x.grad for x in [*inputs, *module.parameters()]]]


def check(found: Sequence[Any], wanted: Sequence[Any], rtol: float, atol: float = 1e-10) -> None:
    for x, y in zip(found, wanted, strict=True):
        assert tuple(x.shape) == tuple(y.shape)
        np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name: str) -> None:
    ours, theirs = made(name)
    check(run(mg, name, ours), run(torch, name, theirs), 1e-9)


@pytest.mark.parametrize("name", CASES)
def test_text_state_and_beginnings(name: str) -> None:
    ours, theirs = (CASES[name][0](lib) for lib in (mg, torch))
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for (a, x), (b, y) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert a == b and tuple(x.shape) == tuple(y.shape)
        drawn = bool((y != y.reshape(-1)[0]).any())
        assert drawn or x.numel() == 1 or x.tolist() == y.tolist()


@pytest.mark.parametrize("name", CASES)
def test_in_a_step(name: str) -> None:
    """The same numbers from a compiled step, gradients too, as from eager calls."""
    ours, _ = made(name)
    call, arrays = CASES[name][2], [mg.tensor(a) for a in CASES[name][1]]

    def loss(module: Any) -> Any:
        return sum((y * y).sum() for y in flat(call(mg, module, arrays)))

    def train(module: Any) -> Any:
        module.zero_grad()
        total = loss(module)
        total.backward()
        return total

    wanted = train(ours).detach(), *[p.grad.clone() for p in ours.parameters()]
    step = mg.compile(train)
    for _ in range(2):
        found = step(ours).detach(), *[p.grad for p in ours.parameters()]
        check(found, wanted, 1e-10)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_bounds_of_the_start(name: str) -> None:
    ours = getattr(mg.nn, name)(20, 16, 2)
    drawn = mg.cat([p.detach().flatten() for p in ours.parameters()])
    assert -0.25 <= float(drawn.min()) < -0.24 and 0.24 < float(drawn.max()) <= 0.25


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_dropout_between_layers(name: str) -> None:
    """With all dropped out the second layer sees zeros, and no gradient passes to the first."""
    module = getattr(mg.nn, name)(2, 3, 2, dropout=1.0)
    y, _ = module(mg.randn(4, 2, 2))
    y.sum().backward()
    assert not module.weight_ih_l0.grad.any() and module.weight_hh_l1.grad.any()
    again = module.eval()(mg.zeros(4, 2, 2))[0]
    assert not mg.equal(again, y)


@pytest.mark.parametrize("name", ["lstm projected", "gru", "attention padded"])
def test_second_derivatives(name: str) -> None:
    found = []
    for lib, module in zip((mg, torch), made(name), strict=True):
        inputs = [lib.tensor(a, requires_grad=True) for a in CASES[name][1]]
        y = flat(CASES[name][2](lib, module, inputs))[0]
        (first,) = lib.autograd.grad((y * y).sum(), inputs[:1], create_graph=True)
        (first * first).sum().backward()
        found.append([x.grad for x in [*inputs, *module.parameters()] if x.grad is not None])
    check(found[0], found[1], 1e-8, 1e-7)


def sequences(lib: Any) -> list[Any]:
    return [lib.arange(n, dtype=lib.float64).reshape(n, 1) + 1 for n in (2, 4, 1)]


PACKING: list[Callable[[Any], Any]] = [
    lambda lib: lib.nn.utils.rnn.pack_sequence(sequences(lib), enforce_sorted=False),
    lambda lib: lib.nn.utils.rnn.pack_sequence(sequences(lib)[1:]),
    lambda lib: lib.nn.utils.rnn.pad_sequence(sequences(lib), padding_value=7.0),
    lambda lib: lib.nn.utils.rnn.pad_sequence(sequences(lib), True, padding_side="left"),
    lambda lib: lib.nn.utils.rnn.unpack_sequence(
        lib.nn.utils.rnn.pack_sequence(sequences(lib), enforce_sorted=False)
    ),
    lambda lib: lib.nn.utils.rnn.unpad_sequence(lib.ones(3, 2), lib.tensor([3, 1])),
    lambda lib: lib.nn.utils.rnn.pad_packed_sequence(
        lib.nn.utils.rnn.pack_sequence(sequences(lib), False), True, -1.0, 6
    ),
    lambda lib: lib.nn.utils.rnn.pack_padded_sequence(lib.ones(3, 2, 0 + 1), lib.tensor([2, 2])),
    lambda lib: lib.nn.utils.rnn.PackedSequence(lib.ones(3), lib.tensor([2, 1])),
    lambda lib: lib.nn.utils.rnn.PackedSequence((lib.ones(3), lib.tensor([2, 1]))).double(),
    lambda lib: lib.nn.utils.rnn.invert_permutation(lib.tensor([2, 0, 1])),
    lambda lib: lib.nn.Transformer.generate_square_subsequent_mask(3),
]


@pytest.mark.parametrize("case", range(len(PACKING)))
def test_packing(case: int) -> None:
    ours, theirs = PACKING[case](mg), PACKING[case](torch)
    assert isinstance(ours, tuple) == isinstance(theirs, tuple)
    assert getattr(ours, "_fields", None) == getattr(theirs, "_fields", None)
    for x, y in zip(flat(ours), flat(theirs), strict=True):
        assert (x is None) == (y is None)
        if x is not None:
            assert str(x.dtype).split(".")[1] == str(y.dtype).split(".")[1]
            assert x.tolist() == y.tolist()


REFUSED: list[Callable[[Any], Any]] = [
    lambda lib: lib.nn.RNN(0, 1),
    lambda lib: lib.nn.RNN(1, 1.0),
    lambda lib: lib.nn.RNN(1, 0),
    lambda lib: lib.nn.RNN(1, 1, 0),
    lambda lib: lib.nn.RNN(1, 1, bias=1),
    lambda lib: lib.nn.RNN(1, 1, batch_first=None),
    lambda lib: lib.nn.RNN(1, 1, 2, dropout=1.5),
    lambda lib: lib.nn.RNN(1, 1, 2, dropout=True),
    lambda lib: lib.nn.RNN(1, 1, nonlinearity="x"),
    lambda lib: lib.nn.RNN(1, 2, proj_size=1),
    lambda lib: lib.nn.GRU(1, 2, proj_size=1),
    lambda lib: lib.nn.GRU(1, 2, other=1),
    lambda lib: lib.nn.LSTM(1, 2, proj_size=2),
    lambda lib: lib.nn.LSTM(1, 2, proj_size=-1),
    lambda lib: lib.nn.LSTM(2, 2)(lib.ones(2)),
    lambda lib: lib.nn.LSTM(2, 2)(lib.ones(2, 1, 3)),
    lambda lib: lib.nn.LSTM(2, 2)(lib.ones(0, 1, 2)),
    lambda lib: lib.nn.LSTM(2, 2)(lib.ones(3, 1, 2).double()),
    lambda lib: lib.nn.LSTM(2, 2)(lib.ones(3, 1, 2), (lib.ones(1, 2), lib.ones(1, 2))),
    lambda lib: lib.nn.LSTM(2, 2)(lib.ones(3, 1, 2), (lib.ones(1, 1, 2), lib.ones(1, 1, 3))),
    lambda lib: lib.nn.GRU(2, 2)(lib.ones(3, 2), lib.ones(1, 1, 2)),
    lambda lib: lib.nn.GRU(2, 2)(lib.ones(3, 2, 2), lib.ones(1, 2)),
    lambda lib: lib.nn.GRU(2, 2)(lib.ones(3, 2, 2), lib.ones(1, 1, 2)),
    lambda lib: lib.nn.RNNCell(2, 2, nonlinearity="x")(lib.ones(2)),
    lambda lib: lib.nn.RNNCell(2, 2)(lib.ones(1, 1, 2)),
    lambda lib: lib.nn.GRUCell(2, 2)(lib.ones(1, 3)),
    lambda lib: lib.nn.GRUCell(2, 2)(lib.ones(1, 2), lib.ones(1, 3)),
    lambda lib: lib.nn.LSTMCell(2, 2)(lib.ones(1, 2), (lib.ones(1, 1, 2), lib.ones(1, 2))),
    lambda lib: lib.nn.MultiheadAttention(0, 1),
    lambda lib: lib.nn.MultiheadAttention(3, 2),
    lambda lib: lib.nn.MultiheadAttention(4, 2)(*[lib.ones(4)] * 3),
    lambda lib: lib.nn.MultiheadAttention(4, 2)(*[lib.ones(2, 1, 3)] * 3),
    lambda lib: lib.nn.MultiheadAttention(4, 2)(lib.ones(2, 1, 4), *[lib.ones(2, 4)] * 2),
    lambda lib: lib.nn.MultiheadAttention(4, 2)(*[lib.ones(2, 4)] * 3, is_causal=True),
    lambda lib: lib.nn.MultiheadAttention(4, 2)(*[lib.ones(2, 4)] * 3, attn_mask=lib.ones(2)),
    lambda lib: lib.nn.MultiheadAttention(4, 2)(*[lib.ones(2, 4)] * 3, attn_mask=lib.ones(2, 3)),
    lambda lib: lib.nn.MultiheadAttention(4, 2)(
        *[lib.ones(2, 4)] * 3, attn_mask=lib.ones(2, 2, dtype=lib.int64)
    ),
    lambda lib: lib.nn.MultiheadAttention(4, 2)(
        *[lib.ones(2, 1, 4)] * 3, key_padding_mask=lib.ones(1, 3)
    ),
    lambda lib: lib.nn.TransformerEncoderLayer(4, 2, activation="tanh"),
    lambda lib: lib.nn.Transformer(4, 2, 1, 1, 4)(lib.ones(2, 1, 4), lib.ones(2, 2, 4)),
    lambda lib: lib.nn.Transformer(4, 2, 1, 1, 4)(lib.ones(2, 1, 3), lib.ones(2, 1, 3)),
    lambda lib: lib.nn.utils.rnn.pack_padded_sequence(lib.ones(2, 2, 1), [1, 2]),
    lambda lib: lib.nn.utils.rnn.pack_padded_sequence(lib.ones(2, 2, 1), [2, 0]),
    lambda lib: lib.nn.utils.rnn.pack_padded_sequence(lib.ones(2, 2, 1), [2]),
    lambda lib: lib.nn.utils.rnn.pack_padded_sequence(lib.ones(2, 0, 1), []),
    lambda lib: lib.nn.utils.rnn.pack_sequence(sequences(lib)),
    lambda lib: lib.nn.utils.rnn.pad_sequence([]),
    lambda lib: lib.nn.utils.rnn.pad_sequence(sequences(lib), padding_side="top"),
    lambda lib: lib.nn.utils.rnn.pad_sequence(3),
    lambda lib: lib.nn.utils.rnn.pad_packed_sequence(
        lib.nn.utils.rnn.pack_sequence(sequences(lib), False), total_length=3
    ),
]


@pytest.mark.parametrize("call", range(len(REFUSED)))
def test_what_is_refused(call: int) -> None:
    kinds = []
    for lib in (mg, torch):
        with pytest.raises(Exception) as raised:
            REFUSED[call](lib)
        kinds.append(raised.type)
    assert kinds[0] is kinds[1]


def test_lengths_beyond_the_padding() -> None:
    """PyTorch packs fewer rows than it says that there are."""
    with pytest.raises(RuntimeError, match="at most that of the padded sequences, 2, but got"):
        mg.nn.utils.rnn.pack_padded_sequence(mg.ones(2, 2, 1), [3, 1])


def test_the_order_of_weights_and_dropout_warns() -> None:
    for lib in (mg, torch):
        module = lib.nn.LSTM(2, 3, bidirectional=True, proj_size=1)
        assert [len(part) for part in module.all_weights] == [5, 5]
        module.flatten_parameters()
        with pytest.warns(UserWarning, match="non-zero dropout"):
            lib.nn.GRU(2, 3, dropout=0.5)


def test_packed_to_another_type_or_place() -> None:
    for lib in (mg, torch):
        found = lib.nn.utils.rnn.pack_sequence(sequences(lib), enforce_sorted=False)
        assert found.cpu() is found and not found.is_cuda
        assert found.float().data.dtype is lib.float32
        assert found.float().unsorted_indices.tolist() == [1, 0, 2]
        assert found.to(lib.float64) is found


def test_what_sees_nothing() -> None:
    """A query that sees no key: NaN with weights, zeros without them, as in PyTorch."""
    for need in (True, False):
        found = []
        for lib, module in zip((mg, torch), made("attention"), strict=True):
            x, mask = lib.tensor(CASES["attention"][1][0]), lib.ones(3, 3, dtype=lib.bool)
            found.append(module(x, x, x, attn_mask=mask, need_weights=need)[0].detach().numpy())
        np.testing.assert_allclose(found[0], found[1], rtol=1e-9)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_no_sequences_and_places_of_results(name: str) -> None:
    """Batches of none, and the strides that results have."""
    for shape in ((4, 0, 2), (1, 1, 2), (3, 2, 2)):
        for first in (False, True):
            found = []
            for lib in (mg, torch):
                module = getattr(lib.nn, name)(2, 3, 2, batch_first=first, bidirectional=True)
                x = lib.ones(*shape)
                tensors = flat(module(x.transpose(0, 1) if first else x))
                tensors[0].sum().backward()
                found.append([(tuple(t.shape), t.stride()) for t in tensors if t.numel()])
            assert found[0] == found[1]


@pytest.mark.parametrize("lengths", [[3, 1], [1, 3]])
def test_packing_in_a_step(lengths: list[int]) -> None:
    """Lengths are numbers there: packed within the step, or given to it."""
    rnn, module = mg.nn.utils.rnn, mg.nn.GRU(2, 3)

    def run(x: Any) -> Any:
        inside = rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        return rnn.pad_packed_sequence(module(inside)[0])[0]

    x = mg.randn(3, 2, 2)
    outside = rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    step, given = mg.compile(run), mg.compile(lambda packed: module(packed)[0].data)
    for _ in range(2):
        np.testing.assert_allclose(step(x).detach(), run(x).detach(), rtol=1e-6)
        np.testing.assert_allclose(given(outside).detach(), module(outside)[0].data.detach(), 1e-6)
