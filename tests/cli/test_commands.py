"""`doctor`, `cache`, and the command line as its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ROOT, Run, process
from microgrest.kernels import cache

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
    assert set(facts) == {"versions", "cpu", "threads", "cache", "gpu"}
    assert facts["cache"] == {"path": str(own_cache), "kernels": 0, "bytes": 0}
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


def test_help_imports_no_numba() -> None:
    code = (
        "import sys, runpy; sys.argv = ['cli.py', '--help']\n"
        "try: runpy.run_path('cli.py', run_name='__main__')\n"
        "except SystemExit: print([m for m in ('numba', 'llvmlite') if m in sys.modules])"
    )
    assert process(code=code).stdout.splitlines()[-1] == "[]"


def fastest(*arguments: object, rounds: int = 5, **environment: str) -> float:
    """Processor seconds of the fastest of several runs, which a busy machine stretches least."""
    seconds = []
    for _ in range(rounds):
        before = os.times()
        result = process(*arguments, **environment)
        after = os.times()
        seconds.append(
            after.children_user
            - before.children_user
            + after.children_system
            - before.children_system
        )
        assert result.returncode == 0, result.stderr
    return min(seconds)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not count a child's time")
def test_start_up_times(tmp_path: Path) -> None:
    directory = str(tmp_path / "kernels")
    quiet = ("fit", "--no-compare", "--quiet")
    assert fastest("--help") < 0.2
    assert fastest(*quiet, rounds=1, MICROGREST_CACHE_DIR=directory) < 3.5
    assert fastest(*quiet, rounds=3, MICROGREST_CACHE_DIR=directory) < 1.2


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
    assert found.returncode == 1
    assert "No space left" in found.stderr
    assert "Traceback" not in found.stderr
