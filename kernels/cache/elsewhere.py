"""Compiling in another process, a child: ahead of need, and where memory is to be given back.

**Ahead.** What will be needed is often known before it is: the backward kernel of an op that is
recorded, the generator's at `manual_seed`. With an empty cache a child compiles such kernels into
the cache on disk (`ahead`), on a second core, while this process goes on. When it comes to need
one that the child is at, it waits; one that the child has not begun it compiles itself.

**Memory.** LLVM and Numba keep about a megabyte for every function that they have compiled, even
when nobody has it any more, and a kernel is several. What comes from the disk takes a tenth. So
once a process has compiled `OWN` functions itself, the child compiles all others for it.

Where a child does not work, the process goes on by itself. A child ends after `JOBS` jobs, after
`IDLE` seconds without one, and with its parent.
"""

from __future__ import annotations

import atexit
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

OWN = 100
JOBS = 100
IDLE = 20.0
SOME = 4
# Whether something is still to be waited for.
Pending = Callable[[], bool]
_COMMAND = "from microgrest.kernels.cache.child import serve; serve()"


class Job(NamedTuple):
    """A function of the module in a file of the cache, and the types to compile it for.

    Those are Numba's, or their text, "(float32[::1], int64)".
    """

    path: str
    function: str
    types: Any


class _Child:
    """A process that compiles, for the one that began it."""

    def __init__(self) -> None:
        self.left = JOBS
        package = sys.modules[__name__.partition(".")[0]].__path__[0]
        roots = [os.path.dirname(package), *sys.path]
        self.process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND],
            bufsize=0,  # a buffer has a lock, which a fork may find locked
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, roots))},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # of Windows alone
        )

    @property
    def usable(self) -> bool:
        """Whether it can take another job."""
        return self.left > 0 and self.process.poll() is None

    def says(self, word: bytes) -> bool:
        """Whether `word` is what it says next; waits for it."""
        assert self.process.stdout
        return self.process.stdout.readline() == word + b"\n"

    def compile(self, job: Job) -> bool:
        """Whether it did the job."""
        assert self.process.stdin
        self.left -= 1
        self.process.stdin.write(pickle.dumps(job))
        return self.says(b"done")

    def end(self) -> None:
        """Stop it, whatever it does."""
        with suppress(OSError):
            self.process.kill()
        self.process.wait()
        self.let_go()

    def let_go(self) -> None:
        """Forget it."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self.process.returncode = self.process.returncode or 0  # or it warns that it still runs


class _Task:
    """A job, and what became of it."""

    def __init__(self, job: Job) -> None:
        self.job, self.done, self.finished = job, False, threading.Event()


class Service:
    """Jobs in a row, and a thread that has one child do them, one by one."""

    def __init__(self) -> None:
        self.child: _Child | None = None
        self._waiting: dict[tuple[str, str], _Task] = {}
        self._running: _Task | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, job: Job, long: bool) -> Pending:
        """Put `job` behind all others; what tells whether it is still to be waited for."""
        with self._changed:
            task = self._waiting.setdefault((job.path, job.function), _Task(job))
            if long or self._thread or len(self._waiting) >= SOME:
                self._begin()
        return lambda: not _forked and not task.finished.is_set()

    def take(self, job: Job, here: bool) -> _Task | None:
        """The task of `job`, which is needed now; None if it is to be done `here`."""
        with self._changed:
            running, key = self._running, (job.path, job.function)
            if running is not None and (running.job.path, running.job.function) == key:
                return running
            waiting = self._waiting.pop(key, None)
            if waiting is not None:
                waiting.finished.set()
            if here:
                return None
            task = _Task(job)
            self._waiting = {key: task, **self._waiting}
            self._begin()
            return task

    def close(self) -> None:
        """End the child and do no more."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify()
        if self.child is not None:
            self.child.end()

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="compiling", daemon=True)
            self._thread.start()
        self._changed.notify()

    def _work(self) -> None:
        while self._has_work() and self._has_child():
            with self._changed:
                if not self._waiting:
                    continue
                task = self._running = self._waiting.pop(next(iter(self._waiting)))
            task.done = self._compiled(task.job)
            with self._changed:
                self._running = None
            task.finished.set()
        self._give_up()

    def _has_work(self) -> bool:
        """Wait until there is a job; False at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            return not self._closed

    def _has_child(self) -> bool:
        """See to a child that is ready; jobs wait until then, and may be taken back."""
        if self.child is not None and self.child.usable:
            return True
        try:
            if self.child is not None:
                self.child.end()
            with self._changed:
                if self._closed:
                    return False
                self.child = _Child()
            return self.child.says(b"ready")
        except (OSError, ValueError):  # no process to be had, or its pipes are closed
            return False

    def _compiled(self, job: Job) -> bool:
        assert self.child is not None
        try:
            return self.child.compile(job)
        except Exception:  # it is gone: idle for too long, or killed; who waits must not wait on
            return False

    def _give_up(self) -> None:
        """Without a child every job is done by those who need it; the next one tries again."""
        with self._changed:
            tasks, self._waiting, self._thread = list(self._waiting.values()), {}, None
        for task in tasks:
            task.finished.set()


_service = Service()
_own = 0  # functions that this process has compiled
_forked = False


def compiled_here() -> None:
    """Count a function that this process has compiled itself."""
    global _own
    _own += 1


def ahead(job: Job, long: bool = False) -> Pending:
    """Have the child do the job some time, if there is a core for it.

    A child takes as long to start as ten kernels to compile: a `long` job is worth one, or `SOME`.
    """
    return _service.add(job, long) if useful() else nothing


def nothing() -> bool:
    """What pends where there is nothing to wait for."""
    return False


def useful() -> bool:
    """Whether a child would compile beside this process: not on one core, nor for a forked one."""
    return not _forked and _cores() > 1 and _python()


def compile(job: Job) -> bool:
    """Whether the child has done the job, which is needed now; if not, it is to be done here."""
    here = _own < OWN or not _python()
    task = _service.take(job, here)
    if task is None:
        return False
    task.finished.wait()
    return task.done


def _python() -> bool:
    """Whether there is a Python to start, and anything to compile."""
    compiles = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
    return compiles and Path(sys.executable or "").name.startswith("python")


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@atexit.register
def _end() -> None:
    global _service
    _service.close()
    _service = Service()


def _after_fork() -> None:
    global _service, _forked
    if _service.child is not None:  # it is the parent's, and so is the thread
        _service.child.let_go()
    _service, _forked = Service(), True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
