"""`doctor`, `cache`, and the command line as its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import ROOT, Run, command, process
from microgrest.kernels import cache
from microgrest.kernels.libraries import blas

import microgrest


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty kernel cache, for this test alone."""
    monkeypatch.setenv("MICROGREST_CACHE_DIR", str(tmp_path / "kernels"))
    return tmp_path / "kernels"


def test_doctor(run: Run) -> None:
    text = run("doctor").stdout
    for part in ("microgrest", microgrest.__version__, "numba", "simd", "layer", "path", "remedy"):
        assert part in text


def test_doctor_json(run: Run, own_cache: Path) -> None:
    facts = json.loads(run("doctor", "--json").stdout)
    assert set(facts) == {"versions", "cpu", "threads", "products", "cache", "gpu"}
    assert facts["cache"] == {"path": str(own_cache), "kernels": 0, "bytes": 0}
    assert facts["products"]["by"] == blas.described()
    reason = microgrest.cuda.problem()
    assert facts["gpu"]["usable"] == (reason is None)
    assert facts["gpu"]["remedy"] == (reason or "none needed")


def test_cache_list_and_clear(run: Run, own_cache: Path) -> None:
    cache.store_bytes("one", ".bin", b"abc")
    listed = run("cache", "list").stdout
    assert "mgk_one" in listed and f"1 kernels, 35 bytes in {own_cache}" in listed
    assert run("cache", "clear").stdout == "deleted 1 files, 35 bytes\n"
    assert "0 kernels, 0 bytes" in run("cache", "list").stdout


def test_cache_warm_then_fit_compiles_nothing(tmp_path: Path) -> None:
    directory = str(tmp_path / "kernels")
    warmed = process("cache", "warm", MICROGREST_CACHE_DIR=directory)
    assert warmed.returncode == 0, warmed.stderr
    before = sorted(Path(directory).rglob("*"))
    assert before
    for options in (["--optimizer", "adam", "--dtype", "float64"], ["--no-compare"]):
        assert process("fit", *options, MICROGREST_CACHE_DIR=directory).returncode == 0
    assert sorted(Path(directory).rglob("*")) == before


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@pytest.mark.parametrize("arguments", [["doctor"], ["cache", "list"], ["cache", "clear"]])
def test_nothing_can_be_written(arguments: list[str]) -> None:
    """As on a full disk, or where every directory is read-only, the temporary one too."""
    done = written_nowhere(*arguments)
    assert done.returncode == 0 and "Traceback" not in done.stderr
    if "clear" not in arguments:
        assert "memory only: no directory can be written, and each process compiles" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_fit_where_nothing_can_be_written() -> None:
    assert written_nowhere("fit", "--quiet", "--no-compare").stdout.startswith("y = ")
    warm = written_nowhere("cache", "warm")
    assert warm.returncode == 2 and "kernels are kept in memory only" in warm.stderr


def written_nowhere(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command whose process may write no byte to a file."""
    import resource

    environment = {key: os.environ[key] for key in os.environ if key != "MICROGREST_CACHE_DIR"}
    return subprocess.run(
        [sys.executable, *command(*arguments)],
        cwd=ROOT,
        env=environment | {"HOME": "/proc/none"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs POSIX modes, for root too")
def test_a_cache_that_is_read_only(tmp_path: Path) -> None:
    """Kernels are read from it, and the command says where new ones go."""
    kept, home = tmp_path / "kernels", tmp_path / "home"
    environment = {"MICROGREST_CACHE_DIR": str(kept), "XDG_CACHE_HOME": str(home)}

    def bound(*arguments: str) -> subprocess.CompletedProcess[str]:
        return process(*arguments, setup=_bound_by_modes, **environment)

    fit = ("fit", "--quiet", "--no-compare")
    assert bound(*fit).stderr == ""
    before = sorted(kept.rglob("*"))
    for path in (kept, *kept.iterdir()):
        path.chmod(0o500)
    try:
        fitted = bound(*fit)
        assert fitted.returncode == 0, fitted.stderr
        told = "cannot be written: kernels are read from there, and new ones are kept in"
        assert f"MICROGREST_CACHE_DIR={kept} {told} {home}/microgrest" in fitted.stderr
        assert list((home / "microgrest").rglob("*")) == []  # all were found
        listed = bound("cache", "list").stdout
        assert f"in {kept} (read-only) and {home}/microgrest" in listed
        cleared = bound("cache", "clear")
        assert "deleted 0 files" in cleared.stdout and "cannot be deleted" in cleared.stderr
    finally:
        for path in (kept, *kept.iterdir()):
            path.chmod(0o700)
    assert sorted(kept.rglob("*")) == before


def _bound_by_modes() -> None:
    """Let modes bind a process of root's, too, once it runs another program."""
    import ctypes

    drop_from_bounding_set, override_modes = 24, 1
    ctypes.CDLL(None).prctl(drop_from_bounding_set, override_modes)


def test_swapped_kernels_are_compiled_again(tmp_path: Path) -> None:
    fit = ("fit", "--quiet", "--no-compare", "--steps", "50")
    first = process(*fit, MICROGREST_CACHE_DIR=str(tmp_path))
    files = sorted(tmp_path.rglob("*.nbc"))
    held = [path.read_bytes() for path in files]
    for path, data in zip(files, held[1:] + held[:1], strict=True):
        path.write_bytes(data)
    again = process(*fit, MICROGREST_CACHE_DIR=str(tmp_path))
    assert (again.returncode, again.stdout) == (0, first.stdout), again.stderr
    assert len(files) > 2


@pytest.mark.parametrize("module", ["microgrest", "microgrest.cli"])
def test_as_a_module(module: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", module, "--version"], cwd=ROOT, capture_output=True, text=True
    )
    assert shown.stdout.endswith(f"version {microgrest.__version__}\n")
    refused = subprocess.run(
        [sys.executable, "-m", module, "lst"], cwd=ROOT, capture_output=True, text=True
    )
    assert refused.returncode == 2 and f"Usage: python -m {module} " in refused.stderr


def test_progress_comes_soon_and_many_coefficients_compile_in_time(own_cache: Path) -> None:
    """With nothing compiled; a tensor for each of 200 coefficients took minutes.

    "Soon" is beside Numba's own start at the same time, which a busy machine stretches as well.
    """
    fit = [sys.executable, *command("fit", "--degree", 200, "--steps", 50, "--no-compare")]
    numba = "import numba, sys; print('preparing the fit', file=sys.stderr)"
    both = [(_first_line(fit), _first_line([sys.executable, "-c", numba])) for _ in range(3)]
    assert min(ours / theirs for ours, theirs in both) < 3
    began = _spent()
    assert subprocess.run(fit, cwd=ROOT, capture_output=True, check=False).returncode == 0
    assert _spent() - began < 20


def _first_line(command: list[str]) -> float:
    """Seconds until a process says something, and not that something is wrong."""
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as child:
        assert child.stderr is not None
        assert child.stderr.readline() == b"preparing the fit\n"
        seconds = time.perf_counter() - began
        child.kill()
    return seconds


def _spent() -> float:
    """Processor seconds of all processes that have ended, which a busy machine stretches least."""
    times = os.times()
    return times.children_user + times.children_system


def test_help_imports_no_numba() -> None:
    code = (
        "import sys, runpy; sys.argv = ['cli.py', '--help']\n"
        "try: runpy.run_path('cli.py', run_name='__main__')\n"
        "except SystemExit: print([m for m in ('numba', 'llvmlite') if m in sys.modules])"
    )
    assert process(code=code).stdout.splitlines()[-1] == "[]"


def fastest(*arguments: object, code: str = "", rounds: int = 5, **environment: str) -> float:
    """Processor seconds of the fastest of several runs."""
    seconds = []
    for _ in range(rounds):
        began = _spent()
        result = process(*arguments, code=code, **environment)
        seconds.append(_spent() - began)
        assert result.returncode == 0, result.stderr
    return min(seconds)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not count a child's time")
def test_start_up_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside what Numba alone takes to compile one line, as machines and their load differ."""
    monkeypatch.delenv("MICROGREST_FIRST_CALLS")  # as a user starts it
    directory = str(tmp_path / "kernels")
    quiet = ("fit", "--no-compare", "--quiet")
    line = "import numba; numba.njit('float64(float64)')(lambda x: x + 1)"
    numba = fastest(code=line, rounds=3)
    assert fastest("--help") < 0.5 * numba
    assert fastest(*quiet, rounds=1, MICROGREST_CACHE_DIR=directory) < 4 * numba
    assert fastest(*quiet, rounds=3, MICROGREST_CACHE_DIR=directory) < 2 * numba


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_progress_bar_on_a_terminal() -> None:
    import pty

    master, slave = pty.openpty()
    command = [sys.executable, "cli.py", "fit", "--no-compare", "--json", "--steps", "3000"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=slave) as child:
        os.close(slave)
        shown = b""
        while chunk := _read(master):
            shown += chunk
        output = child.stdout.read() if child.stdout else b""
    os.close(master)
    assert child.returncode == 0
    assert b"100%" in shown and b"loss " in shown
    assert json.loads(output)["steps"] == 3000


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # how Linux says that the other end is closed
        return b""


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="there is no /dev/full")
def test_output_that_cannot_be_written(own_cache: Path) -> None:
    with open("/dev/full", "w") as full:
        found = subprocess.run(
            [sys.executable, "cli.py", "cache", "list"],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    assert found.returncode == 2
    assert "No space left" in found.stderr
    assert "Traceback" not in found.stderr
