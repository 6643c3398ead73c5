"""The process that compiles for another one (`elsewhere`), into the cache on disk."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from importlib import import_module
from typing import Any

from . import elsewhere
from .store import compile_again


def serve() -> None:
    """Compile jobs from stdin until there are no more."""
    answers, sys.stdout = sys.stdout, sys.stderr
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    elsewhere.OWN = sys.maxsize
    _start_numba()
    _say(answers, "ready")
    while True:
        watch = threading.Timer(elsewhere.IDLE, os._exit, (0,))
        watch.daemon = True
        watch.start()
        try:
            job = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        watch.cancel()
        try:
            compile_again(*job)
            done = True
        except Exception:  # the parent meets the same error, and can tell it
            done = False
        _say(answers, "done" if done else "failed")


def _start_numba() -> None:
    """All that Numba does before its first function.

    It looks for SciPy's BLAS, whose import is half of that, and which no kernel calls by Numba.
    """
    sys.modules.setdefault("scipy", None)  # type: ignore[arg-type]
    target = import_module("numba.core.registry").cpu_target
    target.typing_context.refresh()
    target.target_context.refresh()


def _say(answers: Any, word: str) -> None:
    answers.write(f"{word}\n")
    answers.flush()
