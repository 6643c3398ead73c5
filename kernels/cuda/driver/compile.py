"""CUDA kernels to machine code: Numba makes PTX of the source, nvJitLink a cubin of the PTX.

Neither needs a driver or a GPU. Cubins are kept in the kernel cache, and a kernel that is there
loads without Numba. A cubin rather than PTX goes to the driver, because a driver older than the
compiler cannot read the compiler's PTX (CUDA's minor-version compatibility).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib import import_module, metadata
from types import SimpleNamespace
from typing import Any, NamedTuple

from ... import cache
from ..source.maps import Source

# The packages, under CUDA 12's names and 13's, whose versions decide the machine code.
_COMPILERS = (
    "numba",
    "numba-cuda",
    "nvidia-cuda-nvcc-cu12",
    "nvidia-nvvm",
    "nvidia-nvjitlink-cu12",
    "nvidia-nvjitlink",
)
_lock = threading.Lock()


class Compiled(NamedTuple):
    """The machine code of one kernel, and what the assembler said of it.

    `entry` is its symbol in `cubin`. A thread takes `registers` registers of 32 bits and stores
    `spills` bytes that found no register. `doubles` counts the mentions of float64 in the PTX.
    """

    cubin: bytes
    entry: str
    registers: int
    spills: int
    doubles: int


def compiled(source: Source, capability: tuple[int, int], label: str = "kernel") -> Compiled:
    """The kernel of `source` for GPUs of a compute capability, such as (9, 0).

    It comes from the kernel cache where it is kept there. Otherwise numba-cuda has to be installed
    with its compiler libraries. `label` makes the name of the source's file readable.
    """
    key = cache.digest(*source, f"{capability}", *_versions())
    kept = cache.fetch_bytes(key, ".cubin")
    if kept is not None:
        return _unpack(kept)
    made = _link(_ptx(source, capability, label), capability)
    cache.store_bytes(key, ".cubin", _pack(made))
    return made


def _pack(kernel: Compiled) -> bytes:
    """One line of facts, then the cubin."""
    return json.dumps(kernel[1:]).encode() + b"\n" + kernel.cubin


def _unpack(data: bytes) -> Compiled:
    facts, _, cubin = data.partition(b"\n")
    return Compiled(cubin, *json.loads(facts))


@lru_cache(maxsize=1)
def _versions() -> tuple[str, ...]:
    found = []
    for name in _COMPILERS:
        with suppress(metadata.PackageNotFoundError):
            found.append(f"{name} {metadata.version(name)}")
    return tuple(found)


def _ptx(source: Source, capability: tuple[int, int], label: str) -> str:
    module = cache.load(source.text, label)
    options = {"cc": capability, "debug": False, "opt": True}  # whatever NUMBA_* variables say
    # The most threads of a block, to which registers are fitted, where the source says it.
    options["launch_bounds"] = getattr(module, "LAUNCH_BOUNDS", None)
    with _compiling_for(capability):
        compile_ptx = import_module("numba.cuda").compile_ptx
        return str(compile_ptx(module.kernel.py_func, source.signature, **options)[0])


@contextmanager
def _compiling_for(capability: tuple[int, int]) -> Iterator[None]:
    """Make `capability` that of the current device, for the time of a compilation.

    The only reach into numba-cuda. `compile_ptx` is told the capability, but the device functions
    that it meets compile for the current device, and asking for that fails where there is none.
    """
    dispatcher: Any = import_module("numba.cuda.dispatcher")
    with _lock:
        current = dispatcher.get_current_device
        dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=capability)
        try:
            yield
        finally:
            dispatcher.get_current_device = current


def _link(ptx: str, capability: tuple[int, int]) -> Compiled:
    from cuda.bindings import nvjitlink

    data = ptx.encode()
    options = ["-arch=sm_{}{}".format(*capability), "-O3", "-verbose"]
    handle = nvjitlink.create(len(options), options)
    try:
        nvjitlink.add_data(handle, nvjitlink.InputType.PTX, data, len(data), "kernel.ptx")
        nvjitlink.complete(handle)
        cubin, log = _result(handle, "linked_cubin"), _result(handle, "info_log")
    except nvjitlink.nvJitLinkError as error:
        raise RuntimeError(f"nvJitLink: {_text(_result(handle, 'error_log'))}") from error
    finally:
        nvjitlink.destroy(handle)
    return _described(cubin, ptx, _text(log))


def _result(handle: int, what: str) -> bytes:
    """What a link made: "linked_cubin", "info_log" or "error_log"."""
    nvjitlink = import_module("cuda.bindings.nvjitlink")
    data = bytearray(getattr(nvjitlink, f"get_{what}_size")(handle))
    getattr(nvjitlink, f"get_{what}")(handle, data)
    return bytes(data)


def _text(log: bytes) -> str:
    return log.decode(errors="replace").strip("\0 \n")


def _described(cubin: bytes, ptx: str, log: str) -> Compiled:
    """`cubin` with the facts that its PTX and the assembler's `log` tell."""
    entry = re.search(r"\.entry (\S+?)\(", ptx)
    assert entry is not None
    registers = max(int(n) for n in re.findall(r"Used (\d+) registers", log))
    spills = sum(int(n) for n in re.findall(r"(\d+) bytes spill stores", log))
    return Compiled(cubin, entry[1], registers, spills, ptx.count(".f64"))
