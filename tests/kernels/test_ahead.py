"""Compiling ahead in a child: what may go wrong at any moment, and the right answer each time."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import processes
import pytest
from microgrest.kernels import cache
from microgrest.kernels.cache import elsewhere, roots, store

POSIX = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX limits, signals and forks")
TYPES = "(float64[::1], float64[::1])"
SOURCE = '''"""{name}: a test."""

from numba import njit


@njit
def kernel(a, out):
    for i in range(a.size):
        out[i] = a[i] + {number}
'''

# The test's own functions in another process, where two cores are said to be.
PROGRAM = f"""
import os, sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_ahead as own
from microgrest.kernels.cache import elsewhere

elsewhere._cores = lambda: 2
kernels = [own.kernel(k, "shared") for k in range(4)]
"""
RIGHT = "print([own.added(k) for k in kernels])"
ANSWER = "[0.0, 1.0, 2.0, 3.0]"


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty cache, two cores, and no child left behind."""
    monkeypatch.setenv("MICROGREST_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(elsewhere, "_cores", lambda: 2)
    monkeypatch.setattr(elsewhere, "OWN", sys.maxsize)  # however much other tests have compiled
    monkeypatch.setattr(store, "_modules", {})
    roots._found.cache_clear()
    yield
    elsewhere._end()
    roots._found.cache_clear()


def kernel(number: int, name: str = "") -> Any:
    """A kernel that adds `number`, compiled ahead."""
    text = SOURCE.format(name=name or f"{number} of {os.getpid()}", number=number)
    cache.ahead(text, "ahead", TYPES, long=True)
    return cache.load(text, "ahead").kernel


def added(function: Any) -> float:
    """What it adds."""
    out = np.zeros(3)
    function(np.ones(3), out)
    return float(out[0] - 1)


def wait_for(condition: Callable[[], object], seconds: float = 100) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited for too long"
        time.sleep(0.01)


def running(pid: int) -> bool:
    """Whether a process is there, and no corpse."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def kept(root: Path) -> list[Path]:
    """Compiled functions on disk."""
    return list(root.rglob("*.nbc"))


def test_a_child_compiles_while_this_process_does_something_else(tmp_path: Path) -> None:
    add = kernel(1)
    wait_for(lambda: kept(tmp_path))
    before = elsewhere._own
    assert added(add) == 1
    assert elsewhere._own == before


def test_what_the_child_is_at_is_waited_for() -> None:
    add = kernel(2)
    wait_for(lambda: elsewhere._service._running)
    before = elsewhere._own
    assert added(add) == 2
    assert elsewhere._own == before


def test_what_the_child_has_not_begun_is_compiled_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "_COMMAND", "import time; time.sleep(100)")  # never ready
    add = kernel(3)
    before = elsewhere._own
    assert added(add) == 3
    assert elsewhere._own == before + 1
    assert not elsewhere._service._waiting


def test_a_full_cache_starts_no_child(tmp_path: Path) -> None:
    code = PROGRAM + RIGHT + "\nprint(elsewhere._service._thread)"
    assert processes.run(code).startswith(ANSWER)
    assert processes.run(code) == f"{ANSWER}\nNone"


@pytest.mark.parametrize("without", ["cores", "directory", "python"])
def test_no_child_where_none_is_of_use(without: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if without == "cores":
        monkeypatch.setattr(elsewhere, "_cores", lambda: 1)
    elif without == "directory":
        monkeypatch.setattr(store, "roots", lambda: roots.Roots((), None))
    else:
        monkeypatch.setattr("sys.executable", "/usr/bin/editor")
    add = kernel(4)
    assert added(add) == 4
    assert elsewhere._service._thread is None


@pytest.mark.parametrize("after", [0.0, 0.3, 0.7, 1.1])
def test_a_child_that_is_killed_at_any_moment(after: float) -> None:
    kernels = [kernel(k) for k in range(4)]
    wait_for(lambda: elsewhere._service.child)
    time.sleep(after)
    assert elsewhere._service.child is not None
    elsewhere._service.child.process.kill()
    assert [added(k) for k in kernels] == [0, 1, 2, 3]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("end", ["leaves", "is killed"])
def test_no_child_outlives_its_parent(end: str) -> None:
    show = "while elsewhere._service.child is None: time.sleep(0.01)\n"
    show += "print(elsewhere._service.child.process.pid, flush=True)\n"
    show += "sys.stdin.read()" if end == "is killed" else ""
    parent = processes.start(PROGRAM + show)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    if end == "is killed":
        parent.kill()
    parent.communicate(timeout=60)
    wait_for(lambda: not running(child), 20)


@POSIX
def test_a_disk_that_is_full(tmp_path: Path) -> None:
    full = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
    assert len(SOURCE) < 2000  # texts fit, machine code does not
    assert processes.run(full + PROGRAM + "time.sleep(1)\n" + RIGHT) == ANSWER
    assert not kept(tmp_path)


def test_two_processes_on_an_empty_cache() -> None:
    both = [processes.start(PROGRAM + RIGHT) for _ in range(2)]
    assert [processes.output(process) for process in both] == [ANSWER, ANSWER]
    assert processes.run(PROGRAM + RIGHT) == ANSWER


@POSIX
@pytest.mark.parametrize("after", [0.0, 1.0])
def test_a_fork_in_the_middle(after: float) -> None:
    work = f"""
time.sleep({after})
def work():
    assert elsewhere._service.child is None and not elsewhere.useful()
    return sum(own.added(k) for k in kernels) != 6

print(forked(work))
"""
    assert processes.run(processes.FORK + PROGRAM + work + RIGHT) == f"0\n{ANSWER}"


@POSIX
def test_an_interrupt_reaches_this_process_and_not_the_child() -> None:
    work = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever who runs the tests ignores
while (running := elsewhere._service._running) is None: time.sleep(0.001)
child = elsewhere._service.child
try:
    print("at it", flush=True)
    running.finished.wait()
    time.sleep(100)
except KeyboardInterrupt:
    print(child.process.poll(), elsewhere._service.child is child)
"""
    process = processes.start(PROGRAM + work + RIGHT, start_new_session=True)
    assert process.stdout is not None and process.stdout.readline() == "at it\n"
    os.killpg(process.pid, signal.SIGINT)
    assert processes.output(process) == f"None True\n{ANSWER}"


def test_what_is_on_disk_without_machine_code_is_compiled_again() -> None:
    text = SOURCE.format(name="again", number=3)
    assert not cache.compiled(text, "again")
    cache.load(text, "again")  # puts the text there, and compiles nothing
    store._modules.clear()
    assert not cache.compiled(text, "again")
    assert not cache.ahead(text, "again", TYPES, long=True)()
    pending = cache.ahead(text, "again", TYPES, long=True, again=True)
    begun = time.monotonic()
    while pending() and time.monotonic() < begun + 120:
        time.sleep(0.05)
    assert cache.compiled(text, "again")
