"""Compiling in another process, which gives its memory back.

LLVM and Numba keep about a megabyte for every function that they have compiled, even when nobody
has it any more, and a kernel is several. What comes from the disk takes a tenth. So once a process
has compiled `OWN` functions itself, a child (`child`) compiles for it into the cache on disk, and
the process loads the result. Where that does not work, it goes on by itself.

A child ends after `JOBS` jobs, after `IDLE` seconds without one, and with its parent.
"""

from __future__ import annotations

import atexit
import os
import pickle
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

OWN = 100
JOBS = 100
IDLE = 20.0
_COMMAND = "from microgrest.kernels.cache.child import serve; serve()"


class Job(NamedTuple):
    """A function of the module in a file of the cache, and the types to compile it for."""

    path: str
    function: str
    types: tuple[Any, ...]


class _Child:
    """A process that compiles, for the one that began it."""

    def __init__(self) -> None:
        self.left = JOBS
        package = sys.modules[__name__.partition(".")[0]].__path__[0]
        roots = [os.path.dirname(package), *sys.path]
        self.process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND],
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

    def compile(self, job: Job) -> bool:
        """Whether it did the job."""
        assert self.process.stdin and self.process.stdout
        self.left -= 1
        pickle.dump(job, self.process.stdin)
        self.process.stdin.flush()
        return self.process.stdout.readline() == b"done\n"

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


_child: _Child | None = None
_lock = threading.Lock()
_own = 0  # functions that this process has compiled


def compiled_here() -> None:
    """Count a function that this process has compiled itself."""
    global _own
    _own += 1


def compile(job: Job) -> bool:
    """Have a child do the job, if it is time for that; whether the cache has the result now."""
    global _child
    if _own < OWN or not Path(sys.executable or "").name.startswith("python"):
        return False
    with _lock:
        try:
            if _child is None or not _child.usable:
                _end()
                _child = _Child()
            return _child.compile(job)
        except OSError:  # no process to be had, or it is gone: idle for too long, or killed
            _end()
            return False
        except BaseException:  # Ctrl-C leaves an answer in the pipe
            _end()
            raise


@atexit.register
def _end() -> None:
    global _child
    if _child is not None:
        _child.end()
        _child = None


def _after_fork() -> None:
    global _child, _lock
    _lock = threading.Lock()  # its holder may not exist in the child
    if _child is not None:  # it is the parent's
        _child.let_go()
        _child = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
