"""The driver of fake_cuda.c: built with the C compiler at hand, and processes that use it.

A test with `@on_fake_driver()` runs in a process of its own, where the library finds two GPUs that
compute nothing. Run as a program, this module is that process: FILE and NAME of one test.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache, wraps
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("fake_cuda.c")
ROOT = SOURCE.parents[2]
LIBRARY = "libcuda.so.1"
_inside = "FAKE_CUDA" in os.environ


class Unavailable(RuntimeError):
    """Raised where the driver cannot be built or used, with the reason."""


@cache
def built() -> Path:
    """The folder of the library, which lives as long as the process that first asks."""
    if _inside:
        return Path(os.environ["FAKE_CUDA"])
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not sys.platform.startswith("linux") or compiler is None:
        raise Unavailable("the fake driver needs Linux and a C compiler")
    if find_spec("numba_cuda") is None:
        raise Unavailable("numba-cuda is not installed: pip install 'microgrest[cuda13]'")
    folder = Path(tempfile.mkdtemp(prefix="fake-cuda-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    options = ["-O2", "-shared", "-fPIC", "-fvisibility=hidden", f"-Wl,-soname,{LIBRARY}"]
    output = ["-o", str(folder / LIBRARY), str(SOURCE), "-lpthread", "-ldl"]
    made = subprocess.run([compiler, *options, *output], capture_output=True, text=True)
    if made.returncode:
        raise Unavailable(f"the fake driver cannot be built here: {made.stderr}")
    return folder


def environment(**settings: int) -> dict[str, str]:
    """This process's variables, with the fake driver before others; `settings` as in its source."""
    kept = {k: v for k, v in os.environ.items() if k not in ("NUMBA_ENABLE_CUDASIM", "PYTHONPATH")}
    folders = [str(built()), *filter(None, [kept.get("LD_LIBRARY_PATH")])]
    own = {
        "LD_LIBRARY_PATH": os.pathsep.join(folders),
        "PYTHONPATH": str(ROOT),
        "FAKE_CUDA": folders[0],
    }
    return kept | own | {f"FAKE_CUDA_{name.upper()}": str(v) for name, v in settings.items()}


def on_fake_driver(**settings: int) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Let a test run in a process on the fake driver; its output on stderr is a failure too."""

    def decorate(test: Callable[[], None]) -> Callable[[], None]:
        @wraps(test)
        def outer() -> None:
            command = [sys.executable, "-W", "error", __file__]
            command += [test.__code__.co_filename, test.__name__]
            done = subprocess.run(
                command, env=environment(**settings), capture_output=True, text=True, timeout=300
            )
            assert done.returncode == 0 and not done.stderr, done.stderr or done.returncode

        return test if _inside else outer

    return decorate


def told(name: str) -> Any:
    """What the driver tells of itself, by the names at the end of fake_cuda.c."""
    function = getattr(ctypes.CDLL(LIBRARY), f"fake_{name}")
    function.restype = ctypes.c_void_p if name == "last_stream" else ctypes.c_long
    return function()


if __name__ == "__main__":
    runpy.run_path(sys.argv[1])[sys.argv[2]]()
