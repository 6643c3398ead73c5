"""The kernel cache: naming, disk, healing, several processes, several threads, refused roots."""

from __future__ import annotations

import linecache
import math
import os
import sys
import threading
from pathlib import Path

import numpy as np
import processes
import pytest
from microgrest.kernels import cache
from microgrest.kernels.cache import elsewhere, files, roots, store

POSIX = pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs POSIX owners and modes")

SOURCE = '''"""Adds {c} to each element."""

from numba import njit


@njit(error_model="numpy")
def add(x):
    return x + {c}


@njit(error_model="numpy")
def kernel(a, out):
    for i in range(a.size):
        out[i] = add(a[i])
'''

# Loads the kernels that argument c names, runs each, prints the results and (hits, misses).
PROGRAM = f"""
import sys
import numpy as np
from microgrest.kernels import cache

SOURCE = {SOURCE!r}
hits = misses = 0
results = []
for c in range(3):
    kernel = cache.load(SOURCE.format(c=c)).kernel
    out = np.empty(4)
    kernel(np.ones(4), out)
    results.append(out.tolist() == [1.0 + c] * 4)
    hits += sum(kernel.stats.cache_hits.values())
    misses += sum(kernel.stats.cache_misses.values())
print(all(results), hits, misses)
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for this test, with no module loaded; all compiles in this process."""
    monkeypatch.setenv("MICROGREST_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(elsewhere, "OWN", sys.maxsize)
    monkeypatch.setattr(store, "_modules", {})
    return tmp_path


def apply(kernel, n: int = 4) -> list[float]:
    out = np.empty(n)
    kernel(np.ones(n), out)
    return out.tolist()


def reload(source: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store, "_modules", {})
    return cache.load(source).kernel


def test_a_text_is_one_module(root):
    first = cache.load(SOURCE.format(c=1))
    assert cache.load(SOURCE.format(c=1)) is first
    assert cache.load(SOURCE.format(c=2)) is not first
    assert cache.load(SOURCE.format(c=1), "other").__name__ != first.__name__
    assert first.__doc__ == "Adds 1 to each element."
    assert apply(first.kernel) == [2.0] * 4


def test_label_becomes_part_of_a_legal_name(root):
    module = cache.load(SOURCE.format(c=1), "a<b>/c")
    assert module.__name__.startswith("mgk_a_b__c_")
    assert Path(module.__file__).is_relative_to(root)


def test_second_load_hits_the_disk(root, monkeypatch):
    cold = cache.load(SOURCE.format(c=3)).kernel
    assert apply(cold) == [4.0] * 4
    assert sum(cold.stats.cache_misses.values()) == 1
    warm = reload(SOURCE.format(c=3), monkeypatch)
    assert apply(warm) == [4.0] * 4
    assert (sum(warm.stats.cache_hits.values()), sum(warm.stats.cache_misses.values())) == (1, 0)
    other = np.empty(4, np.float32)
    warm(np.ones(4, np.float32), other)  # a signature of its own
    assert other.tolist() == [4.0] * 4
    assert sum(warm.stats.cache_misses.values()) == 1


def test_recompile_forgets_what_was_kept(root, monkeypatch):
    kernel = cache.load(SOURCE.format(c=3)).kernel
    apply(kernel)
    kernel.recompile()
    assert sum(kernel.stats.cache_misses.values()) == 2
    assert apply(reload(SOURCE.format(c=3), monkeypatch)) == [4.0] * 4


@pytest.mark.parametrize("suffix", [".nbc", ".py"])
@pytest.mark.parametrize("damage", ["empty", "half", "flipped"])
def test_damaged_files_heal(root, monkeypatch, suffix, damage):
    source = SOURCE.format(c=5)
    apply(cache.load(source).kernel)
    whole = {path: path.read_bytes() for path in root.rglob(f"mgk_*{suffix}")}
    assert whole
    for path, data in whole.items():
        middle = len(data) // 2
        flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        path.write_bytes({"empty": b"", "half": data[:middle], "flipped": flipped}[damage])
    assert apply(reload(source, monkeypatch)) == [6.0] * 4
    if suffix == ".py":
        assert {path: path.read_bytes() for path in whole} == whole
    healed = reload(source, monkeypatch)
    assert apply(healed) == [6.0] * 4
    assert sum(healed.stats.cache_misses.values()) == 0


def test_unreadable_result_is_compiled_again(root, monkeypatch):
    source = SOURCE.format(c=6)
    apply(cache.load(source).kernel)
    (path,) = root.rglob("mgk_*.kernel-*.nbc")
    files.write_sealed(path, b"not a pickle")
    with pytest.warns(UserWarning, match="compiling .* again"):
        assert apply(reload(source, monkeypatch)) == [7.0] * 4


def test_processes_share_one_cache(tmp_path):
    cold = [processes.start(PROGRAM, MICROGREST_CACHE_DIR=tmp_path) for _ in range(3)]
    for process in cold:
        right, hits, misses = processes.output(process).split()
        assert right == "True" and int(hits) + int(misses) == 3
    other = tmp_path / "numba"
    warm = processes.run(PROGRAM, MICROGREST_CACHE_DIR=tmp_path, NUMBA_CACHE_DIR=other)
    assert warm == "True 3 0"
    assert not other.exists()
    assert not list(tmp_path.rglob("*.tmp"))


def test_threads_compile_once(root):
    gate, kernels = threading.Barrier(8), []

    def work() -> None:
        gate.wait()
        kernel = cache.load(SOURCE.format(c=7)).kernel
        assert apply(kernel) == [8.0] * 4
        kernels.append(kernel)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kernels) == 8 and len({id(kernel) for kernel in kernels}) == 1
    assert sum(kernels[0].stats.cache_misses.values()) == 1


def test_entries_size_clear(root, tmp_path):
    (root / "mine.txt").write_text("not the cache's")
    apply(cache.load(SOURCE.format(c=8), "add").kernel)
    cache.store_bytes("abc", ".cubin", b"x" * 100)
    kernel, artifact = sorted(cache.entries(), key=lambda entry: "abc" in entry.name)
    assert kernel.name.startswith("mgk_add_") and kernel.summary == "Adds 8 to each element."
    assert artifact.name == "mgk_abc" and artifact.bytes == 132 and artifact.mtime > 0
    on_disk = [path for path in root.rglob("mgk_*") if path.is_file()]
    assert cache.size() == sum(path.stat().st_size for path in on_disk)
    assert cache.clear() == (len(on_disk), kernel.bytes + artifact.bytes)
    assert cache.entries() == [] and cache.clear() == (0, 0)
    assert [path.name for path in root.rglob("*") if path.is_file()] == ["mine.txt"]
    assert apply(cache.load(SOURCE.format(c=8), "add").kernel) == [9.0] * 4


def test_artifacts(root):
    assert cache.fetch_bytes("k1", ".cubin") is None
    cache.store_bytes("k1", ".cubin", b"\0binary")
    assert cache.fetch_bytes("k1", ".cubin") == b"\0binary"
    assert cache.fetch_bytes("k1", ".ptx") is None
    (path,) = root.rglob("*.cubin")
    path.write_bytes(path.read_bytes()[:-1])
    assert cache.fetch_bytes("k1", ".cubin") is None and not path.exists()
    with pytest.raises(ValueError, match="key and suffix"):
        cache.store_bytes("../up", ".cubin", b"")


def test_digest_keeps_boundaries():
    assert cache.digest("ab", "c") != cache.digest("a", "bc")
    assert cache.digest("ab") == cache.digest(b"ab") and len(cache.digest("ab")) == 24


def test_without_a_directory_kernels_live_in_memory(monkeypatch):
    monkeypatch.setattr(store, "_modules", {})
    monkeypatch.setattr(store, "roots", lambda: roots.Roots((), None))
    module = cache.load(SOURCE.format(c=9))
    assert apply(module.kernel) == [10.0] * 4
    assert linecache.getline(module.__file__, 7) == "def add(x):\n"
    cache.store_bytes("k", ".bin", b"data")
    assert cache.fetch_bytes("k", ".bin") is None
    assert cache.entries() == [] and cache.clear() == (0, 0) and cache.size() == 0


def test_a_text_that_fails_leaves_nothing_behind(root):
    with pytest.raises(ZeroDivisionError):
        cache.load("1 / 0", "broken")
    assert not [name for name in sys.modules if name.startswith("mgk_broken")]


@POSIX
def test_root_that_others_may_write_is_refused(tmp_path, monkeypatch):
    tmp_path.chmod(0o777)
    monkeypatch.setenv("MICROGREST_CACHE_DIR", str(tmp_path))
    with pytest.warns(RuntimeWarning, match="cannot be used: everyone may write to it; "):
        found = roots.roots()
    assert tmp_path not in found.read


def test_the_warning_names_what_is_used_instead(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("MICROGREST_CACHE_DIR", str(blocked))
    monkeypatch.setattr(roots, "_user_directory", lambda: str(tmp_path / "other"))
    with pytest.warns(RuntimeWarning, match=r"no directory; kernels are kept in .*other$"):
        assert roots.roots() == ((tmp_path / "other",), tmp_path / "other")


@POSIX
def test_root_of_another_user_is_refused(tmp_path, monkeypatch):
    owner = tmp_path.stat().st_uid
    assert roots._first_writable(iter([tmp_path])) == ((tmp_path,), tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert roots._first_writable(iter([tmp_path])) == ((), None)


def test_root_falls_to_the_next_candidate(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    usable = tmp_path / "usable"
    found = roots._first_writable(iter([blocked / "under", usable]))
    assert found == ((usable,), usable)
    assert roots._first_writable(iter([blocked])) == ((), None)


def test_a_root_that_cannot_be_written_is_read(root, tmp_path, monkeypatch):
    kept, written = root / "kept", root / "written"
    place = roots.Roots((kept,), kept)
    monkeypatch.setattr(store, "roots", lambda: place)
    apply(cache.load(SOURCE.format(c=3)).kernel)
    cache.store_bytes("k", ".bin", b"data")
    place = roots.Roots((kept, written), written)
    before = sorted(kept.rglob("*"))
    warm = reload(SOURCE.format(c=3), monkeypatch)
    assert apply(warm) == [4.0] * 4 and sum(warm.stats.cache_misses.values()) == 0
    assert cache.fetch_bytes("k", ".bin") == b"data"
    assert not written.exists()
    other = np.empty(4, np.float32)
    warm(np.ones(4, np.float32), other)  # a new signature goes where it can be kept
    again = reload(SOURCE.format(c=3), monkeypatch)
    again(np.ones(4, np.float32), other)
    assert sum(again.stats.cache_misses.values()) == 0
    assert sorted(kept.rglob("*")) == before and list(written.rglob("*.nbc"))
    assert {entry.summary for entry in cache.entries()} == {"Adds 3 to each element.", ""}


@pytest.mark.parametrize("other", ["another kernel", "another type"])
def test_swapped_files_are_compiled_again(root, monkeypatch, other):
    """A file is bound to its name: what it holds may be whole, and another kernel's."""
    texts = [SOURCE.format(c=1), SOURCE.format(c=2)]
    for text in texts:
        kernel = reload(text, monkeypatch)
        for dtype in (np.float64, np.float32):
            kernel(np.ones(4, dtype), np.empty(4, dtype))
    one, two, *_ = sorted(
        root.rglob("*.kernel-*.nbc"),
        key=lambda path: path.name[::-1] if other == "another kernel" else path.name,
    )
    assert (one.name.split(".")[0] == two.name.split(".")[0]) == (other == "another type")
    data = one.read_bytes(), two.read_bytes()
    one.write_bytes(data[1]), two.write_bytes(data[0])
    for number, text in enumerate(texts, 2):
        for dtype in (np.float64, np.float32):
            out = np.empty(4, dtype)
            reload(text, monkeypatch)(np.ones(4, dtype), out)
            assert out.tolist() == [number] * 4


def test_a_swapped_artifact_is_nothing(root):
    cache.store_bytes("one", ".cubin", b"1")
    (path,) = root.rglob("*.cubin")
    path.rename(path.with_name("mgk_two.cubin"))
    assert cache.fetch_bytes("two", ".cubin") is None


@POSIX
def test_files_are_private(root):
    apply(cache.load(SOURCE.format(c=1)).kernel)
    paths = list(root.rglob("*"))
    assert paths and all(path.stat().st_mode & 0o077 == 0 for path in paths)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_siblings_use_different_symbols(tmp_path):
    code = """
from microgrest.kernels import cache
cache.load("from numba import njit")
from numba.core.bytecode import FunctionIdentity

def show():
    print(next(FunctionIdentity._unique_ids), flush=True)
    return 0

show(), forked(show), forked(show)
"""
    identities = processes.run(processes.FORK + code, MICROGREST_CACHE_DIR=tmp_path).split()
    assert len(set(identities)) == 3


def test_kernels_run_as_plain_python(tmp_path):
    """NUMBA_DISABLE_JIT=1, for stepping through a kernel."""
    code = """
import microgrest as mg

x = mg.linspace(-1, 1, 5, requires_grad=True)
(x.sin() * x).sum().backward()
print(x.grad.tolist()[0])
"""
    found = processes.run(code, NUMBA_DISABLE_JIT=1, MICROGREST_CACHE_DIR=tmp_path)
    assert float(found) == pytest.approx(-math.sin(1) - math.cos(1), rel=1e-6)


def test_what_others_call_is_compiled_with_them_alone(root: Path) -> None:
    """An inner function is no file of its own, and runs inside the one that calls it."""
    out = np.empty(3)
    cache.load(SOURCE.format(c=2)).kernel(np.ones(3), out)
    assert out.tolist() == [3.0] * 3
    (machine_code,) = root.rglob("*.nbc")
    assert ".kernel-" in machine_code.name
