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
and `<root>/artifacts/mgk_<key><suffix>` for binaries that others make (`store_bytes`). The files
hold pickles, so a root that belongs to another user, or that everyone may write to, is refused
and the next candidate taken.
"""

from __future__ import annotations

import hashlib
import importlib
import itertools
import linecache
import os
import pickle
import re
import stat
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from . import elsewhere

_PREFIX = "mgk_"
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
    text = f"{source.rstrip()}\n\n# {_fingerprint()}\n"
    name = f"{_PREFIX}{re.sub(_UNSAFE, '_', label)}_{digest(text)}"
    return _modules.get(name) or _loaded(name, text)


def digest(*parts: str | bytes) -> str:
    """24 hexadecimal digits of SHA-256 over the parts, their order and their boundaries."""
    hasher = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        hasher.update(b"%d:" % len(data) + data)
    return hasher.hexdigest()[:24]


def store_bytes(key: str, suffix: str, data: bytes) -> None:
    """Keep `data` under `key` and `suffix` (letters, digits, `_.-`), where a root is writable."""
    path = _artifact(key, suffix)
    if path is not None:
        _write(path, _seal(data))


def fetch_bytes(key: str, suffix: str) -> bytes | None:
    """What `store_bytes` kept under `key` and `suffix`; None if nothing, or if it is damaged."""
    path = _artifact(key, suffix)
    return None if path is None else _read_sealed(path)


def root() -> Path | None:
    """The directory of this cache; None where nothing is writable and kernels live in memory.

    The first that can be used of: MICROGREST_CACHE_DIR; the user's cache directory
    (XDG_CACHE_HOME or ~/.cache, ~/Library/Caches, %LOCALAPPDATA%); a private directory under the
    temporary one.
    """
    return _first_usable(os.environ.get("MICROGREST_CACHE_DIR"), *_default_roots())


def entries() -> list[Entry]:
    """All cached kernels and artifacts, of every CPU and version, oldest first."""
    groups: dict[Path, list[Path]] = {}
    for path in _files():
        groups.setdefault(path.parent / path.name.split(".")[0], []).append(path)
    found = (_entry(stem, paths) for stem, paths in groups.items())
    return sorted(found, key=lambda entry: (entry.mtime, entry.name))


def size() -> int:
    """Bytes that the cache takes on disk."""
    return sum(entry.bytes for entry in entries())


def clear() -> tuple[int, int]:
    """Delete every file of the cache: (files, bytes). Modules that are loaded stay usable."""
    files = freed = 0
    for path in _files():
        with suppress(OSError):
            length = path.stat().st_size
            path.unlink()
            files, freed = files + 1, freed + length
    return files, freed


def compile_again(path: str, function: str, types: tuple[Any, ...]) -> None:
    """Compile a function of the module that another process has put at `path` for `types`."""
    file = Path(path)
    os.environ["MICROGREST_CACHE_DIR"] = str(file.parent.parent)  # whatever this process has
    module = _loaded(file.stem, file.read_text(encoding="utf-8"))
    getattr(module, function).compile(types)


# Modules


def _loaded(name: str, text: str) -> ModuleType:
    """Module `name`, whose whole text this is."""
    with _lock:
        module = _modules.get(name) or _execute(name, text)
        _modules[name] = module
    return module


def _execute(name: str, text: str) -> ModuleType:
    """Run `text` as module `name`, registered first: Numba unpickles by the module's name."""
    _spread_symbols()
    directory = _kernel_directory()
    path = None if directory is None else directory / f"{name}.py"
    if path is not None and not _same_text(path, text) and not _write(path, text.encode()):
        path = None
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
    """Back every njit function of `module` with the disk.

    Of the entries that Numba compiles for each, only the one for Python is ever used, and that
    only of functions which the others do not call: the rest would be a quarter of the time.
    """
    kind = _numba("registry").CPUDispatcher
    members = [f for f in vars(module).values() if isinstance(f, kind)]
    called = {name for f in members for name in f.py_func.__code__.co_names}
    for function in members:
        name = function.py_func.__name__
        if function.py_func.__module__ == module.__name__:
            function._cache = _Overloads(path, name)
            function.targetoptions |= {
                "no_cfunc_wrapper": True,
                "no_cpython_wrapper": name in called,
            }


def _numba(module: str) -> Any:
    """One of Numba's core modules; what this file uses of them is internal and untyped."""
    return importlib.import_module(f"numba.core.{module}")


class _Overloads:
    """Compiled signatures of one function on disk: what Numba's dispatcher asks of its `_cache`."""

    def __init__(self, path: Path, function: str) -> None:
        self.cache_path = str(path.parent)
        self._source, self._function = str(path), function
        self._stem = path.with_name(f"{path.stem}.{function}")

    def load_overload(self, signature: Any, target: Any) -> Any:
        """The compile result kept for `signature`, or None."""
        # All the set-up that machine code needs. Numba's own cache refreshes the whole compiler
        # here: 0.08 s that a process without a single miss never has to pay.
        _numba("runtime").rtsys.initialize(target)
        path = self._path(signature, target.codegen())
        data = _read_sealed(path)
        if data is None and elsewhere.compile(self._job(signature)):
            data = _read_sealed(path)
        if data is None:
            return None
        try:
            return _numba("compiler").CompileResult._rebuild(target, *pickle.loads(data))
        except Exception as error:  # whatever it holds, compiling again heals it
            _delete(path)
            warnings.warn(f"kernel cache: compiling {path.name} again: {error!r}", stacklevel=2)
            return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep `result`, unless it holds addresses of this process."""
        elsewhere.compiled_here()
        if not result.library.has_dynamic_globals and not result.lifted:
            data = _numba("serialize").dumps(result._reduce())
            _write(self._path(signature, result.codegen), _seal(data))

    def flush(self) -> None:
        """Forget every signature of this function."""
        for path in self._stem.parent.glob(f"{self._stem.name}-*.nbc"):
            _delete(path)

    def _job(self, signature: Any) -> elsewhere.Job:
        types, _ = _numba("sigutils").normalize_signature(signature)
        return elsewhere.Job(self._source, self._function, types)

    def _path(self, signature: Any, codegen: Any) -> Path:
        arguments, _ = _numba("sigutils").normalize_signature(signature)
        key = digest(repr(arguments), repr(codegen.magic_tuple()))[:12]
        return self._stem.with_name(f"{self._stem.name}-{key}.nbc")


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


def _default_roots() -> Iterator[str]:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if base and os.path.isabs(base):
        yield os.path.join(base, "microgrest")
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    yield os.path.join(tempfile.gettempdir(), f"microgrest-{user}")


@lru_cache(maxsize=8)
def _first_usable(wanted: str | None, *others: str) -> Path | None:
    if wanted:
        path = Path(wanted).expanduser().absolute()
        if _private(path):
            return path
        warnings.warn(
            f"MICROGREST_CACHE_DIR={wanted} cannot be used (not writable, owned by another user, "
            "or writable by everyone); using another directory",
            RuntimeWarning,
            stacklevel=3,
        )
    return next((Path(other) for other in others if _private(Path(other))), None)


def _private(path: Path) -> bool:
    """Whether `path` is, or could be made, a directory that is ours alone to write."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = path.stat()
        tempfile.TemporaryFile(dir=path).close()
    except OSError:
        return False
    if not hasattr(os, "getuid"):
        return True
    return state.st_uid == os.geteuid() and not state.st_mode & stat.S_IWOTH


def _kernel_directory() -> Path | None:
    base = root()
    return None if base is None else base / _machine()


def _artifact(key: str, suffix: str) -> Path | None:
    if not _TOKEN.fullmatch(key + suffix):
        raise ValueError(
            f"key and suffix hold letters, digits and _.- only, got {key!r}, {suffix!r}"
        )
    base = root()
    return None if base is None else base / "artifacts" / f"{_PREFIX}{key}{suffix}"


# Files


def _seal(data: bytes) -> bytes:
    return hashlib.sha256(data).digest() + data


def _read_sealed(path: Path) -> bytes | None:
    """The contents of `path` when its digest holds; otherwise None, and a damaged file is gone."""
    try:
        sealed = path.read_bytes()
    except OSError:
        return None
    data = sealed[32:]
    if hashlib.sha256(data).digest() == sealed[:32]:
        return data
    _delete(path)
    return None


def _write(path: Path, data: bytes) -> bool:
    """Put `data` at `path` in one step, for this user only; False where the disk refuses."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=_PREFIX, suffix=".tmp")
    except OSError:
        return False
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError:  # a full disk, or Windows while another process reads the same bytes
        _delete(Path(temporary))
        return path.exists()
    return True


def _delete(path: Path) -> None:
    with suppress(OSError):  # gone already, or open in another process on Windows
        path.unlink()


def _same_text(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False


def _files() -> list[Path]:
    """The cache's own files; never anything else that lies in the same directory."""
    base = root()
    return [] if base is None else sorted(base.glob(f"*/{_PREFIX}*"))


def _entry(stem: Path, paths: list[Path]) -> Entry:
    states = [path.stat() for path in paths if path.exists()]
    summary = ""
    with suppress(OSError), open(f"{stem}.py", encoding="utf-8") as file:
        summary = file.readline().strip('"# \n')
    newest = max((state.st_mtime for state in states), default=0.0)
    return Entry(stem.name, sum(state.st_size for state in states), newest, summary)
