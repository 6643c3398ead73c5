"""Ctrl-C at every stage of a command: status 130, no traceback, and what was found is kept."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import ROOT, Run, command

from microgrest.cli.settings import MODES
from microgrest.cli.terminal.interrupts import Held
from microgrest.cli.terminal.progress import Progress
from microgrest.cli.train import compare

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, even where these tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted(
    mark: str, *arguments: object, options: tuple[str, ...] = (), **environment: str
) -> tuple[str, str]:
    """What a command writes to both streams, interrupted once it has written `mark` to stderr."""
    child = subprocess.Popen(
        [sys.executable, *options, *command(*arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert child.stderr is not None
    seen = ""
    while mark not in seen:
        line = child.stderr.readline()
        assert line, seen
        seen += line
    child.send_signal(signal.SIGINT)
    out, rest = child.communicate(timeout=60)
    assert child.returncode == 130, (out, seen + rest)
    assert "Traceback" not in seen + rest
    return out, seen + rest


@POSIX
@pytest.mark.parametrize("module", ["click.core", "numpy", "numba.core.types"])
def test_while_importing(module: str) -> None:
    """`-X importtime` writes a line as each module has been imported."""
    out, err = interrupted(f" {module}\n", "fit", options=("-X", "importtime"))
    assert out == "" and "step" not in err.split("preparing")[-1]


@POSIX
def test_while_compiling(tmp_path: Path) -> None:
    out, err = interrupted("preparing", "fit", MICROGREST_CACHE_DIR=str(tmp_path))
    assert out == "" and err.endswith("interrupted\n")


@POSIX
@pytest.mark.parametrize("mode", MODES)
def test_between_steps(mode: str, tmp_path: Path) -> None:
    path, steps = tmp_path / "fit.json", {"compiled": 10**8, "eager": 20_000}[mode]
    out, err = interrupted(
        "step ", "fit", "--steps", steps, "--mode", mode, "--json", "--save", path
    )
    found = json.loads(out)
    assert found["interrupted"] and found["compare"] is None
    assert 0 < found["steps"] < steps and json.loads(path.read_text()) == found
    assert f"interrupted after step {found['steps']} of" in err


@POSIX
def test_in_the_comparison_with_numpy(tmp_path: Path) -> None:
    """A fit of a second, whose comparison takes ten times as long."""
    path = tmp_path / "fit.json"
    steps = 3000
    out, err = interrupted(
        f"step {steps} of {steps}",
        "fit",
        "--points",
        100_000,
        "--steps",
        steps,
        "--degree",
        5,
        "--save",
        path,
    )
    found = json.loads(path.read_text())
    assert found["steps"] == steps and found["interrupted"] and found["compare"] is None
    assert out.startswith("y = ") and "(all), before the comparison was done" in err


@POSIX
def test_in_a_sweep(tmp_path: Path) -> None:
    path = tmp_path / "sweep.json"
    out, err = interrupted(
        "100000 points", "fit", "--sweep", "100,1e5,1e6", "--device", "cpu", "--save", path
    )
    found = json.loads(path.read_text())
    assert [row["points"] for row in found["sweep"]] == [100] and found["interrupted"]
    assert "microseconds a step" in out and "interrupted after 1 of 3 sizes" in err
    assert interrupted("10 points", "fit", "--sweep", "10,1e6")[0] == ""


@POSIX
def test_while_the_cache_is_filled(tmp_path: Path) -> None:
    numba = "numba.core.types\n"
    interrupted(
        numba, "cache", "warm", options=("-X", "importtime"), MICROGREST_CACHE_DIR=str(tmp_path)
    )


@pytest.mark.parametrize("mode", MODES)
def test_the_fit_ends_after_a_whole_step(
    run: Run, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(progress: Progress, done: int, loss: float) -> None:
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(Progress, "show", interrupt)
        result = run("fit", "--json", "--mode", mode, "--steps", 10**9)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert result.exit_code == 130
    found = json.loads(result.stdout)
    assert f"interrupted after step {found['steps']} of 1000000000" in result.stderr
    whole = run("fit", "--json", "--no-compare", "--mode", mode, "--steps", found["steps"])
    assert not json.loads(whole.stdout)["interrupted"]
    assert json.loads(whole.stdout)["coefficients"] == found["coefficients"]


@pytest.mark.parametrize("when", ["baseline.after", "_times", "timing.in_modes"])
def test_wherever_it_comes_in_the_comparison(
    run: Run, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(f"microgrest.cli.train.compare.{when}", interrupt)
    result = run("fit", "--json", "--steps", 30)
    found = json.loads(result.stdout)
    assert result.exit_code == 130
    assert (found["steps"], found["interrupted"], found["compare"]) == (30, True, None)


def test_after_the_last_step(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes while the loop is about to end: nothing is thrown away, nothing compared."""

    def interrupt(progress: Progress, done: int, loss: float) -> None:
        if done == 30:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Progress, "show", interrupt)
    result = run("fit", "--json", "--steps", 30)
    assert result.exit_code == 130 and json.loads(result.stdout)["compare"] is None


def test_while_a_divergence_is_located(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("microgrest.cli.run.divergence", interrupt)
    result = run("fit", "--lr", 1)
    assert result.exit_code == 130 and result.stdout == ""
    assert re.search(r"the fit diverged within \d+ steps", result.stderr)


def test_while_saving(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        "microgrest.cli.show.plot.draw", lambda *arguments: signal.raise_signal(signal.SIGINT)
    )
    monkeypatch.setattr("microgrest.cli.show.plot.check", lambda path: None)
    path = tmp_path / "fit.json"
    given = ("fit", "--no-compare", "--steps", 3, "--save", path, "--plot", tmp_path / "fit.png")
    assert run(*given).exit_code == 0 and path.exists()


def test_a_second_one_is_not_held_back() -> None:
    with pytest.raises(KeyboardInterrupt), Held() as stopped:
        assert not stopped()
        signal.raise_signal(signal.SIGINT)
        assert stopped()
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_lifted_one_is_held_back_no_more() -> None:
    with Held() as stopped:
        with pytest.raises(KeyboardInterrupt), stopped.lifted():
            signal.raise_signal(signal.SIGINT)
        assert stopped()


def test_where_it_is_ignored_it_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Held() as stopped, stopped.lifted():
        signal.raise_signal(signal.SIGINT)
        assert not stopped()


def test_the_comparison_has_a_bound(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the steps that NumPy has no time for, none are taken; ours are done anew up to there."""
    monkeypatch.setattr(compare.baseline, "step_seconds", lambda name, *posed: 0.5)
    result = run("fit", "--json", "--steps", 10_000, "--quiet")
    found = json.loads(result.stdout)["compare"]
    assert found["after_steps"] == 10 and found["equal"]
    monkeypatch.undo()
    monkeypatch.setattr(compare.baseline, "PATIENCE", 1e-9)
    found = json.loads(run("fit", "--json", "--steps", 10_000, "--quiet").stdout)["compare"]
    assert found["after_steps"] == 1 and found["equal"]
