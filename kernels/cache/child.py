"""The process that compiles for another one (`elsewhere`), into the cache on disk."""

from __future__ import annotations

import os
import pickle
import sys
import threading

from .elsewhere import IDLE
from .store import compile_again


def serve() -> None:
    """Compile jobs from stdin until there are no more."""
    answers, sys.stdout = sys.stdout, sys.stderr
    while True:
        watch = threading.Timer(IDLE, os._exit, (0,))
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
        answers.write("done\n" if done else "failed\n")
        answers.flush()
