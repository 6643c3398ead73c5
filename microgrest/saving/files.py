"""`save` and `load`: safetensors files, which other tools read, with the rest in their metadata.

A file is written aside and moved into place, so that whoever reads it finds the old one or the new
one, whole. `load` also reads the zip files that PyTorch's `torch.save` writes (`checkpoint`).
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..cuda import is_available
from ..tensor import Tensor
from ..tensor.arrays import from_numpy
from ..types.device import device
from . import checkpoint
from .plain import Reader, Writer

FORMAT = "microgrest 1"
_DTYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
File = str | os.PathLike[str] | IO[bytes]
Map = Callable[[Tensor, str], Tensor | None] | dict[str, Any] | str | device | None


def save(obj: Any, f: File, pickle_module: Any = None, pickle_protocol: Any = None) -> None:
    """Write `obj` to a path or a binary file: tensors, numbers, texts, and containers of them.

    The file is a safetensors file. Its tensors are named by where they are in `obj`, those of a
    state_dict as in it. A tensor in two places is one tensor again when it is loaded; views of one
    memory are saved apart. TypeError for what cannot be saved: pickle is not used, and the last two
    arguments, which are PyTorch's, have no meaning.
    """
    written = Writer()
    structure = json.dumps(written.plain(obj))
    arrays = {
        name: np.asarray(t.detach().cpu().numpy(), order="C") for name, t in written.tensors.items()
    }
    content = _library().numpy.save(arrays, {"format": FORMAT, "object": structure})
    if hasattr(f, "write"):
        f.write(content)
        return
    with _aside(Path(f)) as file:
        file.write(content)


def load(
    f: File,
    map_location: Map = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
) -> Any:
    """What `save` wrote to a path or a binary file; from a safetensors file of others, its tensors.

    Zip files of PyTorch's `torch.save` are read as `weights_only=True` reads them there: tensors
    and containers are built, and no code runs. `map_location` is a device, a dict of devices, or a
    function of a tensor on the CPU and its device; else tensors go where they were. With `mmap` the
    memory of tensors is that of the file, copied as it is written to; the file must stay whole.

    RuntimeError for a file that is damaged or something else; nothing of it is run.
    """
    if weights_only is False:
        raise ValueError(
            "load(): weights_only=False would run what a file says; it is not supported"
        )
    place = _placing(map_location)
    data = _read(f, bool(mmap))
    try:
        if bytes(data[:4]) == b"PK\x03\x04":
            return checkpoint.read(data, place)
        return _tensors(f, data, place)
    except (checkpoint.NoDevice, ImportError):
        raise
    except checkpoint.Damaged as error:
        raise RuntimeError(f"load(): {_name(f)} {error}") from error
    except Exception as error:  # whatever may come of a description that makes no sense
        told = f"{type(error).__name__}: {error}"
        raise RuntimeError(f"load(): {_name(f)} is damaged, or no such file: {told}") from error


def _tensors(f: File, data: Any, place: Callable[[Tensor, str], Tensor]) -> Any:
    """The object of a safetensors file, whose header the library has found sound."""
    header = _header(f, data)
    metadata = header.pop("__metadata__", {})
    start = 8 + int.from_bytes(bytes(data[:8]), "little")

    def tensor(name: str) -> Tensor:
        found = header[name]
        if found["dtype"] not in _DTYPES:
            told = f"holds {name!r} of dtype {found['dtype']}, which microgrest does not have"
            raise checkpoint.Damaged(told)
        begin, end = found["data_offsets"]
        span, kind = data[start + begin : start + end], np.dtype(_DTYPES[found["dtype"]])
        whole = span if (start + begin) % kind.itemsize == 0 else span.copy()
        return from_numpy(whole.view(kind).reshape(found["shape"]))

    if metadata.get("format") == FORMAT:
        return Reader(tensor, place).object(json.loads(metadata["object"]))
    return {name: place(tensor(name), "cpu") for name in header}


def _header(f: File, data: Any) -> dict[str, Any]:
    """The header of a safetensors file, after the library has looked at all of it."""
    library = _library()
    try:
        if hasattr(f, "read"):
            library.deserialize(bytes(data))
        else:
            with library.safe_open(f, framework="numpy"):
                pass
    except library.SafetensorError as error:
        raise checkpoint.Damaged(
            f"is no whole safetensors file, nor one of PyTorch's: {error}"
        ) from error
    length = int.from_bytes(bytes(data[:8]), "little")
    found: dict[str, Any] = json.loads(bytes(data[8 : 8 + length]))
    return found


def _read(f: File, mmap: bool) -> Any:
    """The bytes of a file, an array."""
    if hasattr(f, "read"):
        return np.frombuffer(bytearray(f.read()), np.uint8)
    if mmap and os.path.getsize(f):
        # As an array of the usual class; it keeps the mapping.
        return np.asarray(np.memmap(f, np.uint8, "c"))
    with open(f, "rb") as file:
        return np.frombuffer(bytearray(file.read()), np.uint8)


@contextmanager
def _aside(path: Path) -> Iterator[IO[bytes]]:
    """A new file beside `path`, whose place it takes when it is whole."""
    target = path.resolve()
    aside = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with open(aside, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            os.chmod(aside, target.stat().st_mode)
        os.replace(aside, target)
    except BaseException:
        with suppress(OSError):
            aside.unlink()
        raise


def _placing(where: Map) -> Callable[[Tensor, str], Tensor]:
    """What brings a tensor from the CPU to where `map_location` has it go."""

    def place(t: Tensor, saved: str) -> Tensor:
        target: Any = saved
        if callable(where):
            found = where(t, saved)
            if found is not None:
                return found
        elif isinstance(where, dict):
            target = where.get(saved, saved)
        elif where is not None:
            target = where
        if str(target).startswith("cuda") and not is_available():
            raise checkpoint.NoDevice(
                f"load(): a tensor was saved on {target}, and there is no GPU here; to have it on "
                "the CPU, load with map_location='cpu'"
            )
        return t.to(target)

    return place


def _library() -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            "save() and load() need the package safetensors: pip install 'microgrest[save]'"
        ) from error
    return safetensors


def _name(f: File) -> str:
    return repr(getattr(f, "name", f)) if hasattr(f, "read") else repr(os.fspath(f))
