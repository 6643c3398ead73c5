"""The content-addressed kernel cache: generated source in, module out, compiled once per machine.

`load(source)` turns the text of a generated module into a module. Its name is a hash of the text
and of everything else that decides the machine code, so a file never changes and is never stale.
The text is kept on disk beside its machine code, for tracebacks and for the curious; what runs is
always the text in hand.

What Numba compiles is kept by `_Overloads`, which stands in for Numba's own on-disk cache: one
file per compiled signature, written at once and checked against its own digest. Numba keeps an
index and data files, which two processes can tear apart (numba issue 10434) and NUMBA_CACHE_DIR
can move elsewhere. So generated text carries no `cache=` of its own. A file that is damaged, or
that this Numba cannot read, is deleted and compiled again.

Layout: `<root>/cpu-<platform>-<cpu>/mgk_<label>_<hash>.py`, `.<function>-<hash>.nbc` beside it,
and `<root>/artifacts/mgk_<key><suffix>` for binaries that others make (`store_bytes`). `roots` has
the roots, `files` the digests.
"""

from __future__ import annotations

import hashlib
import importlib
import itertools
import linecache
import os
import pickle
import re
import sys
import threading
import warnings
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from . import elsewhere, files
from .elsewhere import Pending
from .files import PREFIX
from .lean import paused, without_scipy
from .roots import roots

_UNSAFE = re.compile(r"[^A-Za-z0-9_]")
_TOKEN = re.compile(r"[A-Za-z0-9_.-]+")
# Numba's switches that change machine code but are in none of its own cache keys.
_SWITCHES = ("OPT", "BOUNDSCHECK", "DEBUGINFO", "LOOP_VECTORIZE", "SLP_VECTORIZE", "ENABLE_AVX")

_modules: dict[str, ModuleType] = {}
_lock = threading.RLock()


class Entry(NamedTuple):
    """One cached kernel or artifact.

    Its name, bytes on disk, time of its last write (seconds since the epoch), and first line.
    """

    name: str
    bytes: int
    mtime: float
    summary: str


def load(source: str, label: str = "kernel") -> ModuleType:
    """The module that `source` defines, with its njit functions backed by the disk cache.

    `source` is the whole text of a module: imports, helpers, and functions under `@njit(...)`,
    with no `cache=` and no explicit signatures. Nothing compiles here: a function compiles, or
    loads from disk, at its first call or at `function.compile(signature)`. `label` makes the
    file's name readable. The same text gives the same module object, in any thread; the lock is
    held only while the text runs.
    """
    name, text = _named(source, label)
    return _modules.get(name) or _loaded(name, text)


def ahead(
    source: str, label: str, types: str, *, long: bool = False, again: bool = False
) -> Pending:
    """Have `kernel` of a module that `load` will give soon compiled for `types` by another process.

    Nothing is done where the module has been on disk before, unless `again` is said, since it may
    never have been compiled; nothing is imported here. Returns what tells whether it is still to be
    waited for. Who says that it takes `long` has the other process begin at once.
    """
    name, text = _named(source, label)
    written = roots().written
    if name in _modules or written is None or not elsewhere.useful():
        return elsewhere.nothing
    place = f"{_machine()}/{name}.py"
    known = not again and any((root / place).exists() for root in roots().read)
    if known or not files.write(written / place, text.encode()):
        return elsewhere.nothing
    return elsewhere.ahead(elsewhere.Job(str(written / place), "kernel", types), long)


def compiled(source: str, label: str) -> bool:
    """Whether machine code of `kernel` of this module is on disk."""
    name, _ = _named(source, label)
    pattern = f"{name}.kernel-*.nbc"
    return any(next((root / _machine()).glob(pattern), None) for root in roots().read)


def digest(*parts: str | bytes) -> str:
    """24 hexadecimal digits of SHA-256 over the parts, their order and their boundaries."""
    hasher = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        hasher.update(b"%d:" % len(data) + data)
    return hasher.hexdigest()[:24]


def store_bytes(key: str, suffix: str, data: bytes) -> None:
    """Keep `data` under `key` and `suffix` (letters, digits, `_.-`), where a root is writable."""
    _keep(_artifact(key, suffix), data)


def fetch_bytes(key: str, suffix: str) -> bytes | None:
    """What `store_bytes` kept under `key` and `suffix`; None if nothing, or if it is damaged."""
    return _kept(_artifact(key, suffix))


def entries() -> list[Entry]:
    """All cached kernels and artifacts, of every CPU and version and in all roots, oldest first."""
    groups: dict[Path, list[Path]] = {}
    for path in _files():
        groups.setdefault(path.parent / path.name.split(".")[0], []).append(path)
    found = (_entry(stem, paths) for stem, paths in groups.items())
    return sorted(found, key=lambda entry: (entry.mtime, entry.name))


def size() -> int:
    """Bytes that the cache takes on disk."""
    return sum(entry.bytes for entry in entries())


def clear() -> tuple[int, int]:
    """Delete every file that can be: (files, bytes). Modules that are loaded stay usable."""
    gone = freed = 0
    for path in _files():
        with suppress(OSError):
            length = path.stat().st_size
            path.unlink()
            gone, freed = gone + 1, freed + length
    return gone, freed


def compile_again(path: str, function: str, types: Any) -> None:
    """Compile a function of the module that another process has put at `path` for `types`."""
    file = Path(path)
    os.environ["MICROGREST_CACHE_DIR"] = str(file.parent.parent)  # whatever this process has
    module = _loaded(file.stem, file.read_text(encoding="utf-8"))
    getattr(module, function).compile(types)


# Modules


def _named(source: str, label: str) -> tuple[str, str]:
    """The name and the whole text of a module."""
    text = f"{source.rstrip()}\n\n# {_fingerprint()}\n"
    return f"{PREFIX}{re.sub(_UNSAFE, '_', label)}_{digest(text)}", text


def _loaded(name: str, text: str) -> ModuleType:
    """Module `name`, whose whole text this is."""
    with _lock:
        module = _modules.get(name) or _execute(name, text)
        _modules[name] = module
    return module


@paused()
def _execute(name: str, text: str) -> ModuleType:
    """Run `text` as module `name`, registered first: Numba unpickles by the module's name."""
    _spread_symbols()
    path = _text_file(f"{_machine()}/{name}.py", text)
    filename = f"<{name}>" if path is None else str(path)
    if path is None:  # tracebacks and Numba's messages still find their lines
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    module = sys.modules[name] = ModuleType(name)
    module.__file__ = filename
    try:
        exec(compile(text, filename, "exec", dont_inherit=True), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    if path is not None:
        _attach(module, path)
    return module


def _attach(module: ModuleType, path: Path) -> None:
    """Back the njit functions of `module` with the disk.

    A function that others of the module call is a part of them (`parts`), and so is one that other
    modules import, which alone is kept by itself. Of the entries that Numba compiles for the rest,
    only the one for Python is ever used.
    """
    kind = _numba("registry").CPUDispatcher
    members = [f for f in vars(module).values() if isinstance(f, kind)]
    called = {name for f in members for name in f.py_func.__code__.co_names}
    for function in members:
        name = function.py_func.__name__
        if function.py_func.__module__ == module.__name__:
            shared = "forceinline" in function.targetoptions
            _attach_one(function, path, shared or name in called, shared or name not in called)


def _attach_one(function: Any, path: Path, part: bool, kept: bool) -> None:
    function.targetoptions |= {"no_cfunc_wrapper": True, "no_cpython_wrapper": part}
    function._compiler.compile = paused()(function._compiler.compile)
    if part:
        from .parts import PartCompiler

        function._compiler.pipeline_class = PartCompiler
    if kept:
        function._cache = _Overloads(path, function.py_func.__name__, part)


def _numba(module: str) -> Any:
    """One of Numba's core modules; what this file uses of them is internal and untyped."""
    return importlib.import_module(f"numba.core.{module}")


class _Overloads:
    """Compiled signatures of one function on disk: what Numba's dispatcher asks of its `_cache`."""

    def __init__(self, path: Path, function: str, part: bool) -> None:
        self._part, self._suffix = part, ".part" if part else ".nbc"
        self.cache_path = str(path.parent)
        self._source, self._function = str(path), function
        self._stem = f"{path.parent.name}/{path.stem}.{function}"

    def load_overload(self, signature: Any, target: Any) -> Any:
        """The compile result kept for `signature`, or None."""
        # All the set-up that machine code needs. Numba's own cache refreshes the whole compiler
        # here: 0.08 s that a process without a single miss never has to pay.
        _numba("runtime").rtsys.initialize(target)
        place = self._place(signature, target.codegen())
        data = _kept(place)
        if data is None and roots().written and elsewhere.compile(self._job(signature)):
            data = _kept(place)
        if data is None:
            without_scipy()
            return None
        try:
            return self._rebuilt(target, pickle.loads(data))
        except Exception as error:  # whatever it holds, compiling again heals it
            _forget(place)
            warnings.warn(f"kernel cache: compiling {place} again: {error!r}", stacklevel=2)
            return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep `result`, unless it holds addresses of this process."""
        elsewhere.compiled_here()
        if not result.library.has_dynamic_globals and not result.lifted:
            data = _numba("serialize").dumps(self._reduced(result))
            _keep(self._place(signature, result.codegen), data)

    def _reduced(self, result: Any) -> tuple[Any, ...]:
        if not self._part:
            return tuple(result._reduce())
        from . import parts

        return parts.reduce(result)

    def _rebuilt(self, target: Any, state: tuple[Any, ...]) -> Any:
        if not self._part:
            return _numba("compiler").CompileResult._rebuild(target, *state)
        from . import parts

        return parts.rebuild(target, *state)

    def flush(self) -> None:
        """Forget every signature of this function."""
        _forget(f"{self._stem}-*{self._suffix}")

    def _job(self, signature: Any) -> elsewhere.Job:
        types, _ = _numba("sigutils").normalize_signature(signature)
        return elsewhere.Job(self._source, self._function, types)

    def _place(self, signature: Any, codegen: Any) -> str:
        arguments, _ = _numba("sigutils").normalize_signature(signature)
        key = digest(repr(arguments), repr(codegen.magic_tuple()))[:12]
        return f"{self._stem}-{key}{self._suffix}"


def _spread_symbols() -> None:
    """Start Numba's counter of function identities at a random number, once per process.

    The counter is part of every symbol. Counters that start alike, in sibling processes, give
    different bodies one symbol, and a process that then loads both from disk calls the wrong one
    (numba issue 10486).
    """
    global _spread_in
    if _spread_in != os.getpid():
        identity = _numba("bytecode").FunctionIdentity
        identity._unique_ids = itertools.count(int.from_bytes(os.urandom(5), "big"))
        _spread_in = os.getpid()


_spread_in = 0


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()  # its holder may not exist in the child
    if _spread_in:
        _spread_symbols()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


# Names and places


@lru_cache(maxsize=1)
def _fingerprint() -> str:
    """Everything outside the text that decides the machine code, without importing Numba."""
    from importlib.metadata import version

    versions = [f"{name} {version(name)}" for name in ("numba", "llvmlite", "numpy")]
    abi = f"{sys.implementation.cache_tag}{getattr(sys, 'abiflags', '')}"
    switches = [
        f"{key}={os.environ[key]}" for key in map("NUMBA_{}".format, _SWITCHES) if key in os.environ
    ]
    return ", ".join(["Compiled for " + abi, *versions, *switches])


@lru_cache(maxsize=1)
def _machine() -> str:
    """This CPU's name and a hash of its features, as Numba will compile for it."""
    from llvmlite import binding

    name = os.environ.get("NUMBA_CPU_NAME") or binding.get_host_cpu_name()
    features = os.environ.get("NUMBA_CPU_FEATURES") or binding.get_host_cpu_features().flatten()
    return f"cpu-{sys.platform}-{name}-{digest(features)[:8]}"


def _artifact(key: str, suffix: str) -> str:
    if not _TOKEN.fullmatch(key + suffix):
        raise ValueError(
            f"key and suffix hold letters, digits and _.- only, got {key!r}, {suffix!r}"
        )
    return f"artifacts/{PREFIX}{key}{suffix}"


# Files, by their place under a root


def _kept(place: str) -> bytes | None:
    """What `_keep` put at `place`, in the first root that has it whole."""
    found = (files.read_sealed(root / place) for root in roots().read)
    return next((data for data in found if data is not None), None)


def _keep(place: str, data: bytes) -> None:
    """Put `data` at `place`, where a root is writable."""
    root = roots().written
    if root is not None:
        files.write_sealed(root / place, data)


def _forget(pattern: str) -> None:
    """Delete what has such a place."""
    for root in roots().read:
        for path in root.glob(pattern):
            files.delete(path)


def _text_file(place: str, text: str) -> Path | None:
    """The file that holds `text` at `place`, written if there is none yet; None if it cannot be."""
    kept, written = roots()
    for root in kept:
        if _same_text(root / place, text):
            return root / place
    if written is not None and files.write(written / place, text.encode()):
        return written / place
    return None


def _same_text(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False


def _files() -> list[Path]:
    """The cache's own files; never anything else that lies in the same directory."""
    return [path for root in roots().read for path in sorted(root.glob(f"*/{PREFIX}*"))]


def _entry(stem: Path, paths: list[Path]) -> Entry:
    states = [path.stat() for path in paths if path.exists()]
    summary = ""
    for root in roots().read:  # the text may lie in another one than its machine code
        text = root / stem.parent.name / f"{stem.name}.py"
        with suppress(OSError), text.open(encoding="utf-8") as file:
            summary = summary or file.readline().strip('"# \n')
    newest = max((state.st_mtime for state in states), default=0.0)
    return Entry(stem.name, sum(state.st_size for state in states), newest, summary)
