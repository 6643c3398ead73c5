"""Streams that cannot be written: the fit is kept, and the status says what went wrong."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ROOT, command

if sys.platform == "win32":
    pytest.skip("needs a shell's redirections", allow_module_level=True)
needs_full = pytest.mark.skipif(
    not Path("/dev/full").is_char_device(), reason="there is no /dev/full"
)
FULL = pytest.param("> /dev/full", marks=needs_full)
FIT = ("fit", "--steps", "30", "--no-compare")


def shell(redirection: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A command with what a shell does to its streams; the status is the command's own."""
    words = shlex.join([sys.executable, *command(*arguments)])
    return subprocess.run(
        ["bash", "-c", f"{words} {redirection}; exit ${{PIPESTATUS[0]}}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def fits(path: Path) -> bool:
    """Whether a whole fit was saved at `path`."""
    return bool(json.loads(path.read_text())["steps"] == 30)


@pytest.mark.parametrize("redirection", ["2>&-", pytest.param("2>/dev/full", marks=needs_full)])
def test_messages_that_nobody_gets(redirection: str, tmp_path: Path) -> None:
    path = tmp_path / "fit.json"
    done = shell(redirection, *FIT, "--save", path)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith("y = ") and fits(path)


def test_letters_that_the_stream_has_not(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("x,\u00b5\n0,1\n1,3.1\n2,5\n", encoding="utf-8")
    given = shlex.join([sys.executable, *command("fit", "--data", data, "--model", "a*x + b")])
    for encoding, micro, sign in (
        ("iso-8859-5", b"\\xb5", b" +/- "),
        ("latin-1", b"\xb5", b" \xb1 "),
    ):
        done = subprocess.run(
            ["bash", "-c", f"PYTHONIOENCODING={encoding} {given}"],
            cwd=ROOT,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(micro + b" by x, 3 rows") and sign in done.stdout


def test_the_reader_of_messages_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "fit.json"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, *command(*FIT, "--save", path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=write,
        text=True,
        timeout=120,
        check=False,
    )
    os.close(write)
    assert done.returncode == 0 and done.stdout.startswith("y = ") and fits(path)


@needs_full
@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
@pytest.mark.parametrize(
    "arguments",
    [("fit", "--degree", 0), ("fit", "--lr", 1), ("cache", "lst"), ("fit", "--data", "no")],
)
def test_errors_that_nobody_gets_keep_their_status(
    redirection: str, arguments: tuple[object, ...]
) -> None:
    assert shell(redirection, *arguments).returncode == 2


@pytest.mark.parametrize(
    ("redirection", "problem"),
    [(">&-", "Bad file descriptor"), pytest.param(*FULL.values, "No space", marks=needs_full)],
)
def test_a_result_that_cannot_be_written(redirection: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "fit.json"
    done = shell(redirection, *FIT, "--save", path)
    assert done.returncode == 2 and fits(path)
    assert f"Error: cannot write standard output: {problem}" in done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


@needs_full
@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), ("cache", "list"), ("doctor",), ("doctor", "--json")]
)
def test_output_to_a_full_disk(arguments: tuple[str, ...]) -> None:
    done = shell("> /dev/full", *arguments)
    assert done.returncode == 2
    assert done.stderr == "Error: cannot write standard output: No space left on device\n"


@pytest.mark.parametrize("arguments", [("cache", "list"), ("--help",), FIT])
def test_a_reader_that_has_read_enough(arguments: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "fit.json"
    saving = ("--save", path) if arguments is FIT else ()
    done = shell("| exec true", *arguments, *saving)
    assert done.returncode == 141
    assert "Error" not in done.stderr and "BrokenPipe" not in done.stderr
    assert not saving or fits(path)


@needs_full
def test_a_fault_of_ours_is_not_a_difference_from_numpy() -> None:
    code = (
        "import sys; from microgrest.cli import main, doctor\n"
        "doctor.callback = lambda **options: 1 / 0\n"
        "main(['doctor'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 70 and "ZeroDivisionError" in done.stderr
