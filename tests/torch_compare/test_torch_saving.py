"""Files that PyTorch writes and reads."""

from __future__ import annotations

import io
from collections import OrderedDict, defaultdict
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import microgrest as mg

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")
pytestmark = pytest.mark.torch


def plain(x: Any) -> Any:
    """Tensors as arrays' texts, containers with their types."""
    if isinstance(x, (mg.Tensor, torch.Tensor)):
        a = x.detach().numpy()
        return str(a.dtype), a.shape, a.tolist(), x.requires_grad
    if isinstance(x, dict):
        return {key: plain(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x).__name__, [plain(value) for value in x]
    return str(x).rpartition(".")[2] if isinstance(x, (mg.dtype, torch.dtype)) else x


def net(library: Any) -> Any:
    nn = library.nn
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def trained() -> Any:
    model = net(torch)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.ones(2, 3)).sum().backward()
        optimizer.step()
    return model, optimizer


y = torch.arange(12.0).reshape(3, 4)
FLOATS, OTHERS = ("float64", "float16"), ("int64", "int32", "int16", "int8", "uint8", "bool")
OBJECTS = {
    "state": trained()[0].state_dict(),
    "optimizer": trained()[1].state_dict(),
    "views": [y[:, 1:], y.T, y[::2], torch.ones(1).expand(5), torch.tensor(2.5), torch.empty(0, 2)],
    "types": [
        torch.ones(3).to(getattr(torch, d)) for d in ["float64", "float16", "int64", "int32"]
    ],
    "others": [torch.ones(3).to(getattr(torch, d)) for d in ["int16", "int8", "uint8", "bool"]],
    "gradients": [torch.ones(2, requires_grad=True), torch.nn.Parameter(torch.ones(2))],
    "containers": {"a": (1, 2.5, None), 3: {"b": [True, "ä", b"\0x"]}, "c": OrderedDict(z=1)},
    "sets": [{1, 2}, frozenset({3}), defaultdict(list, {"a": [1]})],
    "small": [torch.float32, y.shape, torch.device("cpu"), 1 << 70, float("inf")],
}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", OBJECTS)
def test_checkpoints_of_pytorch(name: str, protocol: int, tmp_path: Path) -> None:
    obj = OBJECTS[name]
    torch.save(obj, tmp_path / "file", pickle_protocol=protocol)
    found = mg.load(tmp_path / "file")
    if name == "small":
        assert found[0] is mg.float32 and found[1] == (3, 4) and found[2] == mg.device("cpu")
        assert found[3:] == obj[3:]
        return
    assert plain(found) == plain(obj)
    if name == "views":
        found[0][0, 0] = 77
        assert found[1][1, 0].item() == 77


def test_a_training_goes_on_here(tmp_path: Path) -> None:
    model, optimizer = trained()
    torch.save({"net": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "file")
    saved = mg.load(tmp_path / "file")
    ours = net(mg)
    ours.load_state_dict(saved["net"])
    other = mg.optim.Adam(ours.parameters())
    other.load_state_dict(saved["optimizer"])
    for library, m, o in ((mg, ours, other), (torch, model, optimizer)):
        for _ in range(3):
            o.zero_grad()
            m(library.ones(2, 3)).sum().backward()
            o.step()
    for p, q in zip(ours.parameters(), model.parameters(), strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-5)


def test_pytorch_reads_what_is_saved_here(tmp_path: Path) -> None:
    ours, theirs = net(mg), net(torch)
    mg.save(ours.state_dict(), tmp_path / "file")
    theirs.load_state_dict(safetensors.load_file(tmp_path / "file"))
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert p.tolist() == q.tolist()


def test_modules_are_refused(tmp_path: Path) -> None:
    torch.save(net(torch), tmp_path / "file")
    with pytest.raises(RuntimeError, match=r"Sequential, which is no tensor and no container"):
        mg.load(tmp_path / "file")
    torch.save(torch.ones(2, dtype=torch.bfloat16), tmp_path / "file")
    with pytest.raises(RuntimeError, match="BFloat16Storage"):
        mg.load(tmp_path / "file")
    torch.save([1], tmp_path / "file", _use_new_zipfile_serialization=False)
    with pytest.raises(RuntimeError, match="no whole safetensors file"):
        mg.load(tmp_path / "file")


@pytest.mark.parametrize("seed", range(10))
def test_damaged_checkpoints(seed: int) -> None:
    """Fifty each: an error, or an object, and nothing worse."""
    random, file = Random(seed), io.BytesIO()
    torch.save(OBJECTS, file)
    content = file.getvalue()
    for _ in range(50):
        made = bytearray(content)
        for _ in range(random.choice([1, 1, 5])):
            i = random.randrange(len(made) - 1)
            if random.random() < 0.7:
                made[i] = random.randrange(256)
            elif random.random() < 0.5:
                del made[i : i + random.choice([1, 8])]
            else:
                del made[i:]
            if len(made) < 2:
                break
        try:
            mg.load(io.BytesIO(bytes(made)))
        except RuntimeError as error:
            assert "load(): " in str(error)
