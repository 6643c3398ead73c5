"""`save` and `load`: what comes back, what is refused, and files that are damaged or hostile."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections import OrderedDict, defaultdict
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from microgrest import nn

safetensors = pytest.importorskip("safetensors.numpy")


def again(obj: Any, **options: Any) -> Any:
    """What comes back."""
    file = io.BytesIO()
    mg.save(obj, file)
    file.seek(0)
    return mg.load(file, **options)


def same(found: Any, wanted: Any) -> None:
    """The same numbers in the same containers, to the last type."""
    assert type(found) is type(wanted)
    if isinstance(wanted, mg.Tensor):
        assert found.dtype is wanted.dtype and found.shape == wanted.shape
        assert found.requires_grad == wanted.requires_grad
        np.testing.assert_array_equal(found.detach().numpy(), wanted.detach().numpy())
    elif isinstance(wanted, dict):
        assert list(found) == list(wanted)
        for key, value in wanted.items():
            same(found[key], value)
    elif isinstance(wanted, (list, tuple)):
        assert len(found) == len(wanted)
        for x, y in zip(found, wanted, strict=True):
            same(x, y)
    elif isinstance(wanted, np.ndarray):
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)
    else:
        assert found == wanted or found != found


OBJECTS: list[Any] = [
    None,
    3,
    1 << 80,
    -0.1,
    float("nan"),
    float("-inf"),
    "täxt",
    b"\0bytes",
    [],
    {},
    (),
    [1, (2.5, None), [True, "a"]],
    {"a": 1, 2: "b", (1, 2): [3], None: 4},
    OrderedDict(b=1, a=2),
    {1, 2},
    frozenset({"a"}),
    mg.float16,
    mg.device("cpu"),
    mg.ones(2, 3).shape,
    np.arange(6, dtype=np.int16).reshape(2, 3),
    np.float32(2.5),
    mg.tensor(3.5),
    mg.empty(0, 3),
    mg.arange(6.0).reshape(2, 3).T,
    mg.ones(1).expand(4),
    mg.ones(2, requires_grad=True),
    nn.Parameter(mg.ones(2)),
    nn.Parameter(mg.ones(2), requires_grad=False),
    {"tensor": mg.ones(1), "list": [mg.zeros(2)], "same": {"x": mg.ones(3)}},
    {"a.b": mg.ones(1), "a": {"b": mg.zeros(1)}},
    *(mg.ones(3).to(d) for d in (mg.float64, mg.int64, mg.int32, mg.int16, mg.int8, mg.uint8)),
    mg.tensor([True, False]),
    mg.tensor([1.5, float("nan"), float("inf")], dtype=mg.float16),
]


@pytest.mark.parametrize("obj", OBJECTS, ids=str)
def test_what_comes_back(obj: Any, tmp_path: Path) -> None:
    same(again(obj), obj)
    mg.save(obj, tmp_path / "file")
    same(mg.load(str(tmp_path / "file")), obj)
    same(mg.load(tmp_path / "file", mmap=True), obj)


def test_a_dict_that_makes_values_is_a_dict() -> None:
    assert again(defaultdict(list, {"a": [1]})) == {"a": [1]}


def test_a_training_goes_on(tmp_path: Path) -> None:
    def begun() -> tuple[Any, Any]:
        net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
        return net, mg.optim.Adam(net.parameters(), lr=0.1)

    def step(net: Any, optimizer: Any) -> float:
        loss = (net(mg.ones(4, 2)) - mg.randn(4, 1)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss)

    net, optimizer = begun()
    step(net, optimizer)
    state = {"net": net.state_dict(), "optimizer": optimizer.state_dict()}
    generator = mg.default_generator if hasattr(mg, "default_generator") else None
    mg.manual_seed(3)
    mg.save({**state, "random": mg.get_rng_state()}, tmp_path / "state")
    wanted = [step(net, optimizer) for _ in range(3)]
    net, optimizer = begun()
    saved = mg.load(tmp_path / "state")
    net.load_state_dict(saved["net"])
    optimizer.load_state_dict(saved["optimizer"])
    mg.set_rng_state(saved["random"])
    assert [step(net, optimizer) for _ in range(3)] == wanted
    assert generator is None or generator.initial_seed() == 3


def test_a_generator_goes_on() -> None:
    generator = mg.Generator().manual_seed(5)
    mg.rand(3, generator=generator)
    found = again(generator)
    assert mg.rand(4, generator=found).tolist() == mg.rand(4, generator=generator).tolist()


def test_one_tensor_in_two_places_is_one_again() -> None:
    x = nn.Parameter(mg.ones(2))
    found = again({"a": x, "b": [x, x.detach()]})
    assert found["a"] is found["b"][0] and found["b"][1] is not found["a"]
    assert isinstance(found["a"], nn.Parameter)


def test_other_tools_read_the_file(tmp_path: Path) -> None:
    net = nn.Linear(2, 3)
    net.tied = net.weight  # type: ignore[assignment]
    mg.save(net.state_dict(), tmp_path / "net")
    found = safetensors.load_file(tmp_path / "net")
    assert set(found) == {"weight", "bias", "tied"}
    np.testing.assert_array_equal(found["tied"], net.weight.detach().numpy())


def test_files_of_other_tools(tmp_path: Path) -> None:
    arrays = {"a": np.arange(4.0), "b": np.ones((2, 0), np.int8)}
    safetensors.save_file(arrays, tmp_path / "file", {"made by": "another"})
    found = mg.load(tmp_path / "file")
    assert set(found) == {"a", "b"} and found["a"].tolist() == [0, 1, 2, 3]
    safetensors.save_file({"c": np.ones(2, np.uint16)}, tmp_path / "file")
    with pytest.raises(RuntimeError, match="'c' of dtype U16, which microgrest does not have"):
        mg.load(tmp_path / "file")


def test_loaded_memory_may_be_written_and_the_file_stays(tmp_path: Path) -> None:
    for mmap in (False, True):
        mg.save({"x": mg.zeros(3)}, tmp_path / "file")
        before = (tmp_path / "file").read_bytes()
        x = mg.load(tmp_path / "file", mmap=mmap)["x"]
        x += 1
        assert x.tolist() == [1, 1, 1] and (tmp_path / "file").read_bytes() == before


def test_where_tensors_go() -> None:
    obj = {"x": mg.ones(2)}
    for where in (
        "cpu",
        mg.device("cpu"),
        {"cpu": "cpu"},
        lambda t, place: t + 1,
        lambda t, p: None,
    ):
        found = again(obj, map_location=where)["x"]
        assert found.device.type == "cpu"
    assert again(obj, map_location=lambda t, place: t + 1)["x"].tolist() == [2, 2]
    if not mg.cuda.is_available():
        with pytest.raises(RuntimeError, match="map_location='cpu'"):
            again(obj, map_location="cuda:0")


class Other:
    """An object of a class of somebody's."""


def test_what_cannot_be_saved_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file"
    mg.save(1, path)
    for obj, text in (
        (Other(), "the object is of type Other"),
        ({"a": [1, Other()]}, "a.1 is of type Other"),
        ({"net": nn.Linear(1, 1)}, "net is of type Linear"),
        ([1 + 2j], "0 is of type complex"),
    ):
        with pytest.raises(TypeError, match=text):
            mg.save(obj, path)
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError, match="holds itself"):
        mg.save(circle, path)
    assert mg.load(path) == 1 and os.listdir(tmp_path) == ["file"]


def test_files_that_are_not_there_and_options_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        mg.load(tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        mg.save(1, tmp_path / "none" / "file")
    with pytest.raises(ValueError, match="weights_only=False"):
        mg.load(tmp_path / "none", weights_only=False)
    for content in (b"", b"1234", b"\x08\0\0\0\0\0\0\0{}      ", b"PK\x03\x04 and nothing else"):
        (tmp_path / "file").write_bytes(content)
        if content.endswith(b"{}      "):
            assert mg.load(tmp_path / "file") == {}
            continue
        for mmap in (False, True):
            with pytest.raises(RuntimeError, match="file'"):
                mg.load(tmp_path / "file", mmap=mmap)


def test_modes_and_links_of_files_stay(tmp_path: Path) -> None:
    if os.name != "posix":
        pytest.skip("modes and links are POSIX's")
    path, link = tmp_path / "file", tmp_path / "link"
    mg.save(1, path)
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask
    path.chmod(0o600)
    link.symlink_to(path)
    mg.save(2, link)
    assert link.is_symlink() and mg.load(path) == 2 and path.stat().st_mode & 0o777 == 0o600


SAVING = """
import sys
import microgrest as mg
for k in range(1, 10 ** 9):
    mg.save({"k": k, "x": mg.full((50_000,), float(k))}, sys.argv[1])
    print(k, flush=True)
"""


@pytest.mark.slow
def test_killed_while_it_saves(tmp_path: Path) -> None:
    """Two hundred times, at any moment: the file is a whole one, no older than the last told."""
    path, random = tmp_path / "file", Random(0)
    kills = 0
    while kills < 200:
        command = [sys.executable, "-c", SAVING, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout
            child.stdout.readline()
            for _ in range(20):  # stopped at twenty moments, and killed at the last
                time.sleep(random.random() * 0.004)
                child.send_signal(signal.SIGSTOP)
                found = mg.load(path)
                assert found["x"].tolist() == [found["k"]] * 50_000
                kills += 1
                child.send_signal(signal.SIGCONT)
            child.kill()
            told = child.stdout.read().split()
        found = mg.load(path)
        assert found["k"] >= int(told[-1] if told else 1)
        assert found["x"].tolist() == [found["k"]] * 50_000


def damaged(content: bytes, random: Random) -> bytes:
    """A file with a few bytes changed, left out or doubled."""
    made = bytearray(content)
    for _ in range(random.choice([1, 1, 3, 20])):
        i = random.randrange(len(made))
        j = min(len(made), i + random.choice([1, 4, 60]))
        what = random.randrange(4)
        if what == 0:
            made[i] = random.randrange(256)
        elif what == 1:
            del made[i:j]
        elif what == 2:
            made[i:i] = made[i:j]
        else:
            del made[i:]
        if not made:
            return b""
    return bytes(made)


@pytest.mark.parametrize("seed", range(20))
def test_damaged_files(seed: int) -> None:
    """Fifty each: an error, or an object, and nothing worse."""
    random, file = Random(seed), io.BytesIO()
    mg.save({"net": nn.Linear(3, 2).state_dict(), "k": [1, 2.5, "x", (None, True)]}, file)
    head = 8 + int.from_bytes(file.getvalue()[:8], "little")
    for _ in range(50):
        content = file.getvalue()
        made = (
            damaged(content[:head], random) + content[head:]
            if random.random() < 0.7
            else damaged(content, random)
        )
        try:
            mg.load(io.BytesIO(made))
        except RuntimeError as error:
            assert "load(): " in str(error)


def header(metadata: dict[str, str], **tensors: Any) -> io.BytesIO:
    """A file with no data."""
    text = json.dumps({"__metadata__": metadata, **tensors}).encode()
    text += b" " * (-len(text) % 8)
    return io.BytesIO(len(text).to_bytes(8, "little") + text)


@pytest.mark.parametrize(
    "described",
    [
        '{"eval": "1"}',
        '{"tensor": "x"}',
        '{"dtype": "object"}',
        '{"dict": 3}',
        '{"dict": [[{"list": []}, 1]]}',
        '{"set": [{"list": []}]}',
        "[" * 100_000,
        "[1]",
        "{",
        '{"Generator": "cpu", "state": [1, 2]}',
        '{"bytes": "ä"}',
        '{"device": "moon"}',
    ],
)
def test_objects_that_are_none(described: str) -> None:
    file = header({"format": "microgrest 1", "object": described})
    with pytest.raises(RuntimeError, match="load"):
        mg.load(file)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match=r"microgrest\[save\]"):
        mg.save(1, io.BytesIO())
