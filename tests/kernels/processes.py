"""Python programs in processes of their own, for what a test process cannot show twice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Put before a program that forks.
FORK = """
import os, warnings

def forked(work):
    'The exit status of a forked child: what work() returns there, or minus a signal.'
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that other threads run is the point
        child = os.fork()
    if child == 0:
        status = 99
        try:
            status = work()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""


def start(
    code: str, *, start_new_session: bool = False, **environment: object
) -> subprocess.Popen[str]:
    """A new interpreter at the top of the repository that runs `code`, warnings as errors."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env=os.environ | {name: str(value) for name, value in environment.items()},
        start_new_session=start_new_session,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(process: subprocess.Popen[str]) -> str:
    """What `process` printed; fails with its error output unless it ends with status 0."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, f"status {process.returncode}\n{out}\n{err}"
    return out.strip()


def run(code: str, **environment: object) -> str:
    """What `code` prints in a process of its own."""
    return output(start(code, **environment))
