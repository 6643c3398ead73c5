"""Hostile checkpoints: zip files like PyTorch's, whose pickles ask for more than tensors."""

from __future__ import annotations

import io
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import microgrest as mg

TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n"
STORAGE = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04tQ"


def archive(content: bytes, data: bytes = bytes(16), packed: int = zipfile.ZIP_STORED) -> bytes:
    """A checkpoint with this pickle, and a storage of four float32."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packed) as made:
        made.writestr("archive/data.pkl", content)
        made.writestr("archive/data/0", data)
        made.writestr("archive/version", "3\n")
    return file.getvalue()


def load(content: bytes) -> Any:
    return mg.load(io.BytesIO(content))


def tensor(offset: int, shape: bytes, strides: bytes, rest: bytes = b"") -> bytes:
    """The pickle of a tensor."""
    number = b"M" + struct.pack("<H", offset)
    ends = b"\x89ccollections\nOrderedDict\n)RtR"
    return b"\x80\x02" + TENSOR + b"(" + STORAGE + number + shape + strides + ends + rest + b"."


def test_a_tensor_by_hand() -> None:
    assert load(archive(tensor(1, b"K\x03\x85", b"K\x01\x85"))).tolist() == [0, 0, 0]
    assert load(archive(tensor(3, b"M\x10\x27\x85", b"K\x00\x85"))).shape == (10_000,)


@pytest.mark.parametrize(
    "content",
    [
        tensor(1, b"K\x04\x85", b"K\x01\x85"),
        tensor(0, b"K\x02\x85", b"K\x04\x85"),
        tensor(9, b"K\x00K\x01\x86", b"K\x01\x85"),
        tensor(0, b"J\xff\xff\xff\xff\x85", b"K\x01\x85"),
        tensor(0, b"K\x02\x85", b"J\xff\xff\xff\xff\x85"),
        tensor(1, b"K\x03\x85", b"K\x01\x85", b"}X\x07\0\0\0_offsetM\xff\xffsb"),
        tensor(1, b"K\x03\x85", b"K\x01\x85", b"N}X\x07\0\0\0_offsetM\xff\xffs\x86b"),
    ],
)
def test_tensors_outside_of_their_memory(content: bytes) -> None:
    with pytest.raises(RuntimeError, match="damaged"):
        load(archive(content))


class Runs:
    """What pickles as a call."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = function, args

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_is_run(protocol: int, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    attacks = [
        Runs(eval, f"open({str(mark)!r}, 'w')"),
        Runs(open, str(mark), "w"),
        Runs(getattr, "text", "upper"),
        Runs(mg.load, str(mark)),
        Runs(subprocess.call, ["touch", str(mark)]),
    ]
    for attack in attacks:
        for obj in (attack, {"a": [attack]}):
            with pytest.raises(RuntimeError, match="no tensor and no container"):
                load(archive(pickle.dumps(obj, protocol)))
    assert not mark.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"cos\nsystem\n(X\x04\0\0\0truetR.",
        b"(X\x04\0\0\0trueios\nsystem\n.",
        b"(cos\nsystem\nX\x04\0\0\0trueo.",
        b"\x82\x01.",
        b"ctorch\nFloatStorage\n)R.",
        b"ccollections\nOrderedDict\n)\x81.",
        b"X\x04\0\0\0lostQ.",
        b"Plost\n.",
        b"}(X\x01\0\0\0a]",
        b"h\x05.",
        b"0.",
        b"\x8e" + struct.pack("<Q", 1 << 40) + b"x.",
        b"\x96" + struct.pack("<Q", 1 << 60) + b"x.",
        b"]" * 3 + b"\x94" + b"." * 2,
        b"",
        b"(" * 100_000,
    ],
)
def test_instructions_that_make_no_sense(content: bytes) -> None:
    try:
        found = load(archive(content))
    except RuntimeError as error:
        assert "load(): " in str(error)
    else:
        assert found in ([], {})


def test_nesting_without_end() -> None:
    content = b"]" * 200_000 + b"a" * 199_999 + b"."
    try:
        load(archive(content))
    except RuntimeError as error:
        assert "load(): " in str(error)


def test_archives_that_are_none() -> None:
    sound, whole = pickle.dumps([1], 2), tensor(0, b"K\x04\x85", b"K\x01\x85")
    elsewhere = archive(whole).replace(b"archive/data/0", b"archive/data/1")
    for content, text in (
        (archive(sound, bytes(100_000), zipfile.ZIP_DEFLATED), "compressed"),
        (archive(sound)[:-30], "zip"),
        (archive(sound).replace(b"data.pkl", b"data.txt"), "no data.pkl"),
        (archive(whole, bytes(8)), "8 bytes in data/0 for 4"),
        (archive(whole.replace(b"FloatS", b"BFloat16S")), "BFloat16"),
        (elsewhere, "lacks"),
    ):
        with pytest.raises(RuntimeError, match=text):
            load(content)
    flipped = bytearray(archive(whole, b"0123456789abcdef"))
    flipped[flipped.index(b"0123456789abcdef")] ^= 1
    with pytest.raises(RuntimeError, match="CRC"):
        load(bytes(flipped))


COPIES = """
import io, sys, resource
import microgrest as mg
sys.path.insert(0, sys.argv[1])
from test_checkpoints import archive
mg.load, mg.ones(1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
long = b"(" + b"K\\x01" * 100_000 + b"tq\\x000"
content = archive(long + b"(" + b"ctorch\\nSize\\n(h\\x00tR" * 20_000 + b"t.")
try:
    mg.load(io.BytesIO(content))
except RuntimeError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_no_more_memory_than_the_file_is_long(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COPIES, str(Path(__file__).parent)]
    told, peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )[:2]
    assert "it makes more than it holds" in told
    assert int(peak) < 100_000  # KiB; the copies would take 16 GB
